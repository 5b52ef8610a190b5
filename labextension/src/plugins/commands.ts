import { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { ITranslator, TranslationBundle, nullTranslator } from '@jupyterlab/translation';
import type { ReadonlyJSONObject } from '@lumino/coreutils';

import { deployIcon } from '../icons';
import type { IAsked } from '../kernel';
import { IEndpoints } from '../tokens';
import type { IOpening } from '../views/form/open';

const SETTINGS = 'jupyterlab-deploy:plugin';

/** The commands that deploy. */
export namespace CommandIDs {
  /** Open the form. */
  export const deploy = 'jupyterlab-deploy:deploy';
  /** Stop a release that is on its way. */
  export const cancel = 'jupyterlab-deploy:cancel';
}

/** Adds the commands that deploy; the notebook's toolbar and the menu name them in the settings schema. */
export const commands: JupyterFrontEndPlugin<void> = {
  id: 'jupyterlab-deploy:commands',
  description: 'Adds the commands that deploy a model of the current notebook.',
  autoStart: true,
  requires: [IEndpoints, INotebookTracker],
  optional: [ITranslator, ICommandPalette, ISettingRegistry],
  activate: (
    app: JupyterFrontEnd,
    endpoints: IEndpoints,
    tracker: INotebookTracker,
    translator: ITranslator | null,
    palette: ICommandPalette | null,
    registry: ISettingRegistry | null
  ): void => {
    const trans = (translator ?? nullTranslator).load('jupyterlab_deploy');
    app.commands.addCommand(CommandIDs.deploy, {
      label: trans.__('Deploy a Model…'),
      caption: trans.__('Turn a model of this notebook into an endpoint'),
      icon: deployIcon,
      describedBy: { args: deployArguments(trans) },
      isEnabled: () => tracker.currentWidget !== null,
      execute: async args => {
        const settings = await registry?.load(SETTINGS).catch(() => null);
        const target = `${settings?.composite['defaultTarget'] ?? ''}`;
        const told = `${settings?.composite['notifications'] ?? 'all'}`;
        if (tracker.currentWidget) {
          await open({ endpoints, trans, told }, tracker.currentWidget, wishOf(args, target));
        }
      }
    });
    app.commands.addCommand(CommandIDs.cancel, {
      label: trans.__('Cancel a Deploy'),
      describedBy: { args: cancelArguments(trans) },
      execute: args => endpoints.api.send('POST', `endpoints/${args.endpoint}/releases/${args.number}/cancel`)
    });
    palette?.addItem({ command: CommandIDs.deploy, category: trans.__('Notebook Operations') });
  }
};

/** Open the form; what it is made of is loaded with the first one. */
async function open(opening: IOpening, panel: NotebookPanel, wish: Partial<IAsked>): Promise<void> {
  const { openForm } = await import('../views/form/open');
  await openForm(opening, panel, wish);
}

function wishOf(args: Record<string, unknown>, target: string): Partial<IAsked> {
  const texts = ['expression', 'name', 'example', 'more'].filter(one => typeof args[one] === 'string');
  const numbers = ['workers', 'threads', 'memory', 'gpu'].filter(one => typeof args[one] === 'number');
  const named = typeof args.target === 'string' ? args.target : target;
  const settings = Object.fromEntries(numbers.map(one => [one, args[one]]));
  return {
    ...Object.fromEntries(texts.map(one => [one, args[one]])),
    settings: { ...settings, ...(named && { target: named }) }
  };
}

function deployArguments(trans: TranslationBundle): ReadonlyJSONObject {
  const count = { type: 'integer', minimum: 0 };
  return {
    type: 'object',
    properties: {
      expression: { type: 'string', description: trans.__('What to deploy: a variable or any expression') },
      name: { type: 'string', description: trans.__('The endpoint’s name') },
      example: { type: 'string', description: trans.__('An expression with some rows of the model’s input') },
      target: { type: 'string', description: trans.__('Where to run') },
      workers: { ...count, description: trans.__('How many worker processes answer') },
      threads: { ...count, description: trans.__('Threads in each worker; 0 divides the cores') },
      memory: { ...count, description: trans.__('Bytes that each worker may have; 0 sets no limit') },
      gpu: { ...count, description: trans.__('How many GPUs, one worker on each') },
      more: { type: 'string', description: trans.__('Further options, as they stand in the magic’s line') }
    }
  };
}

function cancelArguments(trans: TranslationBundle): ReadonlyJSONObject {
  return {
    type: 'object',
    required: ['endpoint', 'number'],
    properties: {
      endpoint: { type: 'string', description: trans.__('The endpoint’s name') },
      number: { type: 'integer', description: trans.__('The release’s number') }
    }
  };
}
