import { Clipboard } from '@jupyterlab/apputils';
import { checkIcon, copyIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import { usePanel } from './context';

const SHOWN = 2000; // milliseconds that a copy is acknowledged

/**
 * A button that copies a text, and says that it did.
 *
 * @param props - The text, the button's name, and its place in the order of the tab key.
 */
export function Copy(props: { text: string; label: string; tabIndex?: number }): JSX.Element {
  const { trans } = usePanel();
  const [copied, setCopied] = React.useState(false);
  React.useEffect(() => {
    const timer = copied ? window.setTimeout(() => setCopied(false), SHOWN) : 0;
    return () => window.clearTimeout(timer);
  }, [copied]);
  const Icon = copied ? checkIcon : copyIcon;
  return (
    <>
      <button
        className="jp-deploy-icon"
        aria-label={props.label}
        title={props.label}
        tabIndex={props.tabIndex}
        onClick={() => {
          Clipboard.copyToSystem(props.text);
          setCopied(true);
        }}
      >
        <Icon.react tag="span" width="14px" />
      </button>
      <span className="jp-deploy-unseen" role="status">
        {copied ? trans.__('Copied') : ''}
      </span>
    </>
  );
}
