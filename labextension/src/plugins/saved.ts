import { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { INotebookModel, INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import { isCodeCellModel } from '@jupyterlab/cells';

const VIEW = 'application/vnd.jupyter.widget-view+json';
const STATE = 'application/vnd.jupyter.widget-state+json';
const BRINGS_CODE = 'anywidget';

/** What a notebook has saved of widgets: their states by id. */
interface ISaved {
  [STATE]?: { state: Record<string, { model_module?: string }> };
}

/**
 * Keeps code that a notebook brings along in a widget's saved state from running before somebody trusts the notebook.
 *
 * JupyterLab shows widgets of trusted cells alone, but makes the models of all that are saved, and a model of anywidget's runs its code.
 */
export const saved: JupyterFrontEndPlugin<void> = {
  id: 'jupyterlab-deploy:saved',
  description: 'Keeps code in the saved widgets of an untrusted notebook from running.',
  autoStart: true,
  requires: [INotebookTracker],
  activate: (_app: JupyterFrontEnd, tracker: INotebookTracker): void => {
    tracker.forEach(guard);
    tracker.widgetAdded.connect((_, panel) => guard(panel));
  }
};

function guard({ context: { model } }: NotebookPanel): void {
  const read = model.getMetadata.bind(model) as (key?: string) => unknown;
  const guarded = (key?: string): unknown =>
    key === 'widgets' && !isTrusted(model) ? withoutCode(read(key) as ISaved | undefined) : read(key);
  model.getMetadata = guarded as typeof model.getMetadata;
}

/** Whether somebody trusts a cell that shows a widget; a cell without outputs is always called trusted. */
function isTrusted(model: INotebookModel): boolean {
  return [...model.cells].some(
    cell => isCodeCellModel(cell) && cell.trusted && cell.outputs.toJSON().some(output => showsWidget(output))
  );
}

function showsWidget(output: object): boolean {
  return 'data' in output && VIEW in (output.data as object);
}

function withoutCode(found: ISaved | undefined): ISaved | undefined {
  const models = Object.entries(found?.[STATE]?.state ?? {});
  const harmless = models.filter(([, model]) => model.model_module !== BRINGS_CODE);
  return found && { ...found, [STATE]: { ...found[STATE], state: Object.fromEntries(harmless) } };
}
