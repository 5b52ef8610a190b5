import { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';

import { Output, OUTPUT } from '../views/output';

const RANK = -20; // before the widget's own, which shows nothing but an error where its kernel has gone

/** Shows what a notebook has saved of a deploy wherever its widget is not alive. */
export const outputs: JupyterFrontEndPlugin<void> = {
  id: 'jupyterlab-deploy:outputs',
  description: 'Shows what a notebook has saved of a deploy where its kernel has gone.',
  autoStart: true,
  requires: [INotebookTracker],
  activate: (_app: JupyterFrontEnd, tracker: INotebookTracker): void => {
    const equip = ({ content: { rendermime }, sessionContext }: NotebookPanel): void => {
      const createRenderer = (): Output => new Output(rendermime, sessionContext);
      rendermime.addFactory({ safe: false, mimeTypes: [OUTPUT], createRenderer }, RANK);
    };
    tracker.forEach(equip);
    tracker.widgetAdded.connect((_, panel) => equip(panel));
  }
};
