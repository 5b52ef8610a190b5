import { NotebookActions, NotebookPanel } from '@jupyterlab/notebook';
import type { TranslationBundle } from '@jupyterlab/translation';

import { Form } from '../../form';
import type { IAsked } from '../../kernel';
import type { IEndpoints } from '../../tokens';

import type { ITools } from './context';
import { FormDialog } from './dialog';
import { follow } from './notice';

/**
 * What is needed to open a form.
 */
export interface IOpening {
  endpoints: IEndpoints;
  trans: TranslationBundle;
  /** Which deploys are told of: `all`, `failures` or `none`. */
  told: string;
}

/**
 * Open the form for a notebook, and tell of a deploy that is still on its way when it is closed.
 *
 * @param opening - What the form needs.
 * @param panel - The notebook.
 * @param wish - What is filled in already.
 */
export async function openForm(
  opening: IOpening,
  panel: NotebookPanel,
  wish: Partial<IAsked>
): Promise<void> {
  const { endpoints, trans, told } = opening;
  const session = panel.context.sessionContext;
  const form = new Form(session, endpoints.api, wish);
  const tools: ITools = {
    form,
    endpoints,
    trans,
    kernel: () => session.kernelDisplayName,
    insert: source => insertBelow(panel, source),
    close: () => dialog.reject()
  };
  // eslint-disable-next-line jupyter/require-disposable-ownership -- it disposes of itself when it is closed
  const dialog = new FormDialog(tools, trans.__('Deploy a model'));
  const seen = endpoints.watch(() => dialog.isVisible);
  void endpoints.refresh();
  try {
    await dialog.launch();
  } finally {
    seen.dispose();
    form.dispose();
    if (form.deploy) {
      follow(form.deploy, opening.trans, told);
    }
  }
}

/** Put a code cell below the active one, and make it the active one; nothing is run. */
function insertBelow(panel: NotebookPanel, source: string): void {
  const notebook = panel.content;
  NotebookActions.insertBelow(notebook);
  notebook.activeCell?.model.sharedModel.setSource(source);
  void notebook.scrollToItem(notebook.activeCellIndex);
}
