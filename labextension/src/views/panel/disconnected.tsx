import * as React from 'react';

import type { IStatus, ITrouble } from '../../tokens';

import { usePanel } from './context';
import { Copy } from './copy';
import { troubleOf, useTick } from './hooks';
import { Marked } from './marked';

const ENABLE = 'pip install jupyterlab-deploy\njupyter server extension enable jupyter_deploy';

/**
 * Why the panel has nothing to tell, and the button that helps.
 *
 * @param props - The reason.
 */
export function Disconnected(props: { trouble: ITrouble }): JSX.Element {
  const { trans } = usePanel();
  const { trouble } = props;
  const words = wordsOf(trans, trouble);
  return (
    <section
      className="jp-deploy-pad jp-deploy-disconnected"
      role="status"
      aria-label={trans.__('Not connected')}
    >
      <h2>
        <span aria-hidden="true" className="jp-deploy-sign" data-standing="failed">
          ✗
        </span>{' '}
        {trans.__('Not connected')}
      </h2>
      <p>{words}</p>
      {trouble.kind !== 'disabled' && trouble.kind !== 'login' && trouble.detail && (
        <p className="jp-deploy-quiet">
          <Marked text={trouble.detail} />
        </p>
      )}
      {trouble.hint && trouble.kind !== 'login' && (
        <p>
          → <Marked text={trouble.hint} />
        </p>
      )}
      <Remedy trouble={trouble} />
    </section>
  );
}

function wordsOf(trans: ReturnType<typeof usePanel>['trans'], trouble: ITrouble): string {
  switch (trouble.kind) {
    case 'disabled':
      return trans.__(
        'The server’s part of jupyterlab-deploy does not answer. Install and enable it where the Jupyter server runs, then restart the server:'
      );
    case 'login':
      return trans.__(
        'Your login at this Jupyter server has ended. Log in again in another tab, then come back.'
      );
    case 'agent':
      return trans.__(
        'The agent does not run. It is the process in the background that your endpoints answer from.'
      );
    case 'version':
      return trans.__(
        'The agent that runs is of another version than this Jupyter server. Endpoints keep answering while it is replaced.'
      );
    case 'network':
      return trans.__('The Jupyter server does not answer.');
    case 'other':
      return trans.__('The agent refused to answer.');
  }
}

function Remedy(props: { trouble: ITrouble }): JSX.Element {
  const { trans, loginUrl } = usePanel();
  switch (props.trouble.kind) {
    case 'disabled':
      return (
        <>
          <div className="jp-deploy-line">
            <pre className="jp-deploy-code">{ENABLE}</pre>
            <Copy text={ENABLE} label={trans.__('Copy the two commands')} />
          </div>
          <Retry />
        </>
      );
    case 'login':
      return (
        <>
          <a
            className="jp-deploy-button jp-mod-accept"
            href={loginUrl}
            target="_blank"
            rel="noopener noreferrer"
          >
            {trans.__('Log in again')}
          </a>
          <Retry />
        </>
      );
    case 'agent':
      return <Start label={trans.__('Start the agent')} />;
    case 'version':
      return <Start label={trans.__('Replace the agent')} />;
    default:
      return <Retry />;
  }
}

function Start(props: { label: string }): JSX.Element {
  const { trans, endpoints } = usePanel();
  const [busy, setBusy] = React.useState(false);
  const [wrong, setWrong] = React.useState('');
  const start = async (): Promise<void> => {
    setBusy(true);
    setWrong('');
    try {
      const { problem } = await endpoints.api.send<IStatus>('POST', 'agent');
      await endpoints.refresh();
      if (problem) {
        setWrong([problem.detail, problem.hint].filter(Boolean).join(' → '));
      }
    } catch (error) {
      const { detail, hint } = troubleOf(error);
      setWrong([detail, hint].filter(Boolean).join(' → '));
    } finally {
      setBusy(false);
    }
  };
  return (
    <>
      <button className="jp-deploy-button jp-mod-accept" disabled={busy} onClick={() => void start()}>
        {busy ? trans.__('Starting …') : props.label}
      </button>
      {wrong && (
        <p role="alert">
          <Marked text={wrong} />
        </p>
      )}
    </>
  );
}

function Retry(): JSX.Element {
  const { trans, endpoints } = usePanel();
  useTick(1);
  const left = Math.max(0, Math.ceil((endpoints.nextLook - Date.now()) / 1000));
  return (
    <p className="jp-deploy-line">
      <span aria-live="off">{left > 0 ? trans.__('Trying again in %1 s.', left) : trans.__('Trying …')}</span>
      <button className="jp-deploy-button" onClick={() => void endpoints.refresh()}>
        {trans.__('Try now')}
      </button>
    </p>
  );
}
