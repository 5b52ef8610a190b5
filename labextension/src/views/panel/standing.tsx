import * as React from 'react';

import { usePanel } from './context';
import { SIGNS, Standing as Word, wordOf } from './words';

/**
 * How something stands: a sign, and the word for it.
 *
 * @param props - How it stands.
 */
export function Standing(props: { standing: Word }): JSX.Element {
  const { trans } = usePanel();
  return (
    <span className="jp-deploy-standing">
      <span aria-hidden="true" className="jp-deploy-sign" data-standing={props.standing}>
        {SIGNS[props.standing]}
      </span>{' '}
      {wordOf(trans, props.standing)}
    </span>
  );
}
