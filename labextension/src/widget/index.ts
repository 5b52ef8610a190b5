/** The live widget, as anywidget loads it: one `Watch` for each widget, one view for each place where it is shown. */

import 'uplot/dist/uPlot.min.css';
import './metrics.css';

import type { AnyModel } from '@anywidget/types';

import { show } from './view';
import { IState, Watch } from './watch';

interface IGiven {
  model: AnyModel<IState>;
}

/** Make the parts of one widget. */
export default (): object => {
  let watch: Watch | undefined;
  return {
    initialize({ model }: IGiven): () => void {
      const made = (watch = new Watch(model));
      return () => made.dispose();
    },
    render({ model, el }: IGiven & { el: HTMLElement }): () => void {
      return show((watch ??= new Watch(model)), el);
    }
  };
};
