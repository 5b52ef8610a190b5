/** The plugins of this extension, one a concern. */

import { JupyterFrontEndPlugin } from '@jupyterlab/application';

import { commands } from './plugins/commands';
import { endpoints } from './plugins/endpoints';
import { handshake } from './plugins/handshake';
import { outputs } from './plugins/outputs';
import { panel } from './plugins/panel';
import { saved } from './plugins/saved';

export * from './tokens';

const plugins: JupyterFrontEndPlugin<unknown>[] = [commands, endpoints, handshake, outputs, panel, saved];

export default plugins;
