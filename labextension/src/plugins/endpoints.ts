import { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';

// eslint-disable-next-line jupyter/prefer-lazy-imports -- the token has to be there at once
import { Endpoints } from '../model';
import { Api } from '../request';
import { IEndpoints } from '../tokens';

/** Provides the endpoints of this user. */
export const endpoints: JupyterFrontEndPlugin<IEndpoints> = {
  id: 'jupyterlab-deploy:endpoints',
  description: 'Provides the endpoints that this user has deployed.',
  autoStart: true,
  provides: IEndpoints,
  activate: (app: JupyterFrontEnd): IEndpoints => new Endpoints(new Api(app.serviceManager.serverSettings))
};
