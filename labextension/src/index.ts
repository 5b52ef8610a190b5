/** The plugins of this extension, one a concern. */

import { JupyterFrontEndPlugin } from '@jupyterlab/application';

import { endpoints } from './plugins/endpoints';
import { panel } from './plugins/panel';

export * from './tokens';

const plugins: JupyterFrontEndPlugin<unknown>[] = [endpoints, panel];

export default plugins;
