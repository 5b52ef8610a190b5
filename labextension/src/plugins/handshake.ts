import { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Notification } from '@jupyterlab/apputils';
import { ITranslator, nullTranslator, TranslationBundle } from '@jupyterlab/translation';

import { IEndpoints, IStatus } from '../tokens';
import { VERSION } from '../version';

/** Tells once if the page and the Jupyter server have different versions of this package. */
export const handshake: JupyterFrontEndPlugin<void> = {
  id: 'jupyterlab-deploy:handshake',
  description: 'Tells if the page and the Jupyter server have different versions of jupyterlab-deploy.',
  autoStart: true,
  requires: [IEndpoints],
  optional: [ITranslator],
  activate: (app: JupyterFrontEnd, endpoints: IEndpoints, translator: ITranslator | null): void => {
    const trans = (translator ?? nullTranslator).load('jupyterlab_deploy');
    const check = once(version => tell(trans, version));
    const look = (): void => void endpoints.api.get<IStatus>('status').then(check, () => undefined); // the panel says why
    let troubled = false;
    endpoints.changed.connect(() => {
      if (troubled && !endpoints.trouble) {
        look(); // the server may have been started again, with another version
      }
      troubled = endpoints.trouble !== null;
    });
    void app.restored.then(look);
  }
};

/** Calls for each version of the server that is not this page's own, but never twice for the same. */
function once(act: (version: string) => void): (status: IStatus) => void {
  const known = new Set([VERSION]);
  return ({ version }) => {
    if (!known.has(version)) {
      known.add(version);
      act(version);
    }
  };
}

function tell(trans: TranslationBundle, server: string): void {
  const reload = {
    label: trans.__('Reload'),
    caption: trans.__('Reload the page, which gets the version that is installed now'),
    callback: (): void => window.location.reload()
  };
  const message = isOlder(VERSION, server)
    ? trans.__(
        'Deploy: this page has version %1, the server %2. Reload it; if that changes nothing: pip install --force-reinstall jupyterlab-deploy',
        VERSION,
        server
      )
    : trans.__(
        'Deploy: this page has version %1, the server %2. Restart Jupyter; if that changes nothing: pip install jupyterlab-deploy==%1',
        VERSION,
        server
      );
  Notification.warning(message, { autoClose: false, actions: isOlder(VERSION, server) ? [reload] : [] });
}

/** Whether the first version comes before the second, by their numbers. */
function isOlder(first: string, second: string): boolean {
  const [left, right] = [first, second].map(text => (text.match(/\d+/g) ?? []).map(Number));
  const at = left.findIndex((number, place) => number !== right[place]);
  return at >= 0 && left[at] < (right[at] ?? 0);
}
