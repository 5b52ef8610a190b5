import { ILayoutRestorer, JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { Widget } from '@lumino/widgets';

import { IEndpoints } from '../tokens';

/** Adds the sidebar panel. */
export const panel: JupyterFrontEndPlugin<void> = {
  id: 'jupyterlab-deploy:panel',
  description: 'Shows the endpoints of this user in the right sidebar.',
  autoStart: true,
  requires: [IEndpoints],
  optional: [ITranslator, ILayoutRestorer],
  activate: (
    app: JupyterFrontEnd,
    found: IEndpoints,
    translator: ITranslator | null,
    restorer: ILayoutRestorer | null
  ): void => {
    const trans = (translator ?? nullTranslator).load('jupyterlab_deploy');
    const view = new Widget();
    view.id = 'jupyterlab-deploy-panel';
    view.title.caption = trans.__('Endpoints');
    view.title.label = trans.__('Endpoints');
    app.shell.add(view, 'right', { rank: 700 });
    restorer?.add(view, view.id);
    found.watch(() => view.isVisible);
  }
};
