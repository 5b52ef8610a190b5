/** The output of `%deploy`: its widget where that is alive, else what the notebook has saved of it. */

import type { NotebookPanel } from '@jupyterlab/notebook';
import { Panel } from '@lumino/widgets';

/** Stands in an output beside the widget, so that this view and not the widget's own is chosen. */
export const OUTPUT = 'application/vnd.jupyterlab-deploy.view+json';
const WIDGET = 'application/vnd.jupyter.widget-view+json';
const SAVED = 'text/html';
const ALIVE = '.jd-widget';

type Registry = NotebookPanel['content']['rendermime'];
type Renderer = ReturnType<Registry['createRenderer']>;
type Model = Parameters<Renderer['renderModel']>[0];

/** Shows one output; the widget is looked for anew where the output names another one, and once the kernel's widgets are known. */
export class Output extends Panel {
  constructor(
    private readonly _registry: Registry,
    session: NotebookPanel['sessionContext']
  ) {
    super();
    session.statusChanged.connect(this._look, this);
    this._saved = _registry.createRenderer(SAVED);
    this.addWidget(this._saved);
    this._changes = new MutationObserver(() => this._choose());
    this._changes.observe(this.node, { childList: true, subtree: true });
  }

  /** Show an output. */
  async renderModel(model: Model): Promise<void> {
    const named = JSON.stringify(model.data[WIDGET]);
    this._model = model;
    if (named !== this._named) {
      this._named = named;
      this._find(model);
    }
    await this._saved.renderModel(model);
    this._choose();
  }

  override dispose(): void {
    this._changes.disconnect();
    this._saved.dispose();
    super.dispose();
  }

  /** Look for the widget again: what drew it before the kernel answered knows none, and would wait for ever. */
  private _look(): void {
    if (this._model && this._registry.getFactory(WIDGET) !== this._factory) {
      this._find(this._model);
    }
  }

  private _find(model: Model): void {
    this._widget?.dispose();
    this._factory = this._registry.getFactory(WIDGET);
    this._widget = this._factory ? this._registry.createRenderer(WIDGET) : null;
    if (this._widget) {
      this._widget.hide();
      this.addWidget(this._widget);
      void this._widget.renderModel(model);
    }
  }

  /** Let one of the two be on the page: what is there twice would be found twice. */
  private _choose(): void {
    const alive = Boolean(this._widget?.node.querySelector(ALIVE));
    this._widget?.setHidden(!alive);
    if (alive) {
      this._saved.parent = null;
    } else if (!this._saved.parent) {
      this.addWidget(this._saved);
    }
  }

  private readonly _changes: MutationObserver;
  private readonly _saved: Renderer;
  private _factory: ReturnType<Registry['getFactory']>;
  private _model: Model | null = null;
  private _widget: Renderer | null = null;
  private _named = '';
}
