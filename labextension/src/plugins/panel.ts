import { ILayoutRestorer, JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { URLExt } from '@jupyterlab/coreutils';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { deployIcon } from '../icons';
import { IEndpoints } from '../tokens';
// eslint-disable-next-line jupyter/prefer-lazy-imports -- the panel has to be there when the layout is restored
import { Panel } from '../views/panel/panel';

const SETTINGS = 'jupyterlab-deploy:plugin';
const RANK = 700; // the end of those that the right sidebar keeps for extensions lies at 899

/** Adds the sidebar panel. */
export const panel: JupyterFrontEndPlugin<void> = {
  id: 'jupyterlab-deploy:panel',
  description: 'Shows the endpoints of this user in the right sidebar.',
  autoStart: true,
  requires: [IEndpoints],
  optional: [ITranslator, ILayoutRestorer, ISettingRegistry],
  activate: (
    app: JupyterFrontEnd,
    endpoints: IEndpoints,
    translator: ITranslator | null,
    restorer: ILayoutRestorer | null,
    registry: ISettingRegistry | null
  ): void => {
    const trans = (translator ?? nullTranslator).load('jupyterlab_deploy');
    const { baseUrl } = app.serviceManager.serverSettings;
    const view = new Panel(endpoints, trans, URLExt.join(baseUrl, 'login'));
    view.id = 'jupyterlab-deploy-panel';
    view.title.caption = trans.__('Endpoints');
    view.title.icon = deployIcon;
    view.node.setAttribute('role', 'region');
    view.node.setAttribute('aria-label', trans.__('Endpoints'));
    app.shell.add(view, 'right', { rank: RANK });
    restorer?.add(view, view.id);
    endpoints.watch(() => view.isSeen);
    void registry?.load(SETTINGS).then(settings => {
      const apply = (): void => follow(app, endpoints, view, settings);
      settings.changed.connect(apply);
      apply();
    });
  }
};

/** Do what the settings say. */
function follow(
  app: JupyterFrontEnd,
  endpoints: IEndpoints,
  view: Panel,
  settings: ISettingRegistry.ISettings
): void {
  const said = (name: string): boolean => settings.composite[name] !== false;
  endpoints.interval = Number(settings.composite['interval']);
  view.options = {
    confirmStop: said('confirmStop'),
    confirmRemove: said('confirmRemove'),
    confirmRollback: said('confirmRollback')
  };
  const isHidden = settings.composite['hidePanel'] === true;
  if (isHidden) {
    view.parent = null;
  } else if (view.parent === null) {
    app.shell.add(view, 'right', { rank: RANK });
  }
}
