import * as React from 'react';

import type { INewKey } from '../../tokens';
import { usePanel } from '../panel/context';
import { Copy } from '../panel/copy';

const HEADER = 'Authorization: Bearer …';

/**
 * A secret, shown this once: it stands in this view alone, is kept nowhere, and is gone when it is put away.
 *
 * @param props - What was made, and what puts it away.
 */
export function Secret(props: { made: INewKey; close: () => void }): JSX.Element {
  const { trans } = usePanel();
  const { secret, key } = props.made;
  const box = React.useRef<HTMLDivElement>(null);
  React.useEffect(() => box.current?.focus(), []);
  const label = trans.__('The secret of the key for %1', key.owner);
  return (
    <div
      ref={box}
      className="jp-deploy-secret"
      role="group"
      aria-label={label}
      tabIndex={-1}
      onKeyDown={event => event.key === 'Escape' && event.preventDefault()} // which would go back, and the secret be gone
    >
      <p>{trans.__('Copy the secret for %1 now: it is shown this once, and kept nowhere.', key.owner)}</p>
      <div className="jp-deploy-line">
        <code>{secret}</code>
        <Copy text={secret} label={trans.__('Copy the secret')} />
      </div>
      <p className="jp-deploy-quiet">
        {trans.__('Callers send it in a header:')} <code>{HEADER}</code>
      </p>
      <button className="jp-deploy-button" onClick={props.close}>
        {trans.__('I have copied it')}
      </button>
    </div>
  );
}
