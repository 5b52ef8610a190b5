import * as React from 'react';

import { usePanel } from './context';
import { Copy } from './copy';

const LINES = '%load_ext jupyter_deploy\n%deploy model';

/**
 * What to do where nothing is deployed.
 */
export function Empty(): JSX.Element {
  const { trans } = usePanel();
  return (
    <section className="jp-deploy-pad" aria-label={trans.__('Nothing is deployed yet')}>
      <h2>{trans.__('Nothing is deployed yet')}</h2>
      <p>
        {trans.__(
          'Fit a model in a notebook, then press the Deploy button of the notebook’s toolbar, or run:'
        )}
      </p>
      <div className="jp-deploy-line">
        <pre className="jp-deploy-code">{LINES}</pre>
        <Copy text={LINES} label={trans.__('Copy these lines')} />
      </div>
      <p>
        {trans.__(
          'The model answers at a URL at once as a preview, and is verified in a clean environment seconds later. It then shows up here.'
        )}
      </p>
    </section>
  );
}
