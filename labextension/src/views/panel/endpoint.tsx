import * as React from 'react';

import type { IEndpoint, IRelease, ISummary, ITrouble } from '../../tokens';
import { ended } from '../../widget/words';
import { Keys } from '../keys/keys';

import { Contract } from './contract';
import { usePanel } from './context';
import { Copy } from './copy';
import { Golden } from './golden';
import { History } from './history';
import { troubleOf, useLines } from './hooks';
import { Logs } from './logs';
import { Metrics } from './metrics';
import { Releases } from './releases';
import { Section } from './section';
import { Stages } from './stages';
import { Standing } from './standing';
import { Trouble } from './trouble';
import { IDoing, removal, useDoing, verbsOf } from './verbs';
import { situationOf, standingOf, tagOf } from './words';

/**
 * An open endpoint: what it does, what it is made of, and what can be done to it.
 *
 * @param props - Its name, its line in the list where there is one, and what goes back.
 */
export function Endpoint(props: { name: string; summary: ISummary | null; back: () => void }): JSX.Element {
  const { trans } = usePanel();
  const { name, summary, back } = props;
  const { endpoint, trouble, look } = useEndpoint(name, summary);
  const doing = useDoing(look);
  const first = React.useRef<HTMLButtonElement>(null);
  React.useEffect(() => first.current?.focus(), []);
  const kept = useFocusKept();
  const onKeyDown = (event: React.KeyboardEvent): void => {
    const isTyping = event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement;
    if (event.key === 'Escape' && !event.defaultPrevented && !isTyping) {
      event.preventDefault();
      back();
    }
  };
  return (
    <section
      {...kept}
      tabIndex={-1}
      className="jp-deploy-scroll jp-deploy-endpoint"
      aria-label={trans.__('Endpoint %1', name)}
      onKeyDown={onKeyDown}
    >
      <button ref={first} className="jp-deploy-back" onClick={back}>
        <span aria-hidden="true">←</span> {trans.__('Endpoints')}
      </button>
      <div className="jp-deploy-line">
        <h2>{name}</h2>
        {summary && <Standing standing={standingOf(summary)} />}
      </div>
      {trouble && <Trouble trouble={trouble} />}
      {endpoint ? (
        <Opened endpoint={endpoint} doing={doing} back={back} />
      ) : (
        !trouble && <p className="jp-deploy-quiet">{trans.__('Loading …')}</p>
      )}
    </section>
  );
}

/** Take the focus back from nowhere: a button that is disabled while something is done loses it, and may be gone afterwards. */
function useFocusKept(): {
  ref: React.RefObject<HTMLElement>;
  onFocus: () => void;
  onBlur: (event: React.FocusEvent) => void;
} {
  const ref = React.useRef<HTMLElement>(null);
  const held = React.useRef(false);
  React.useEffect(() => {
    if (held.current && document.activeElement === document.body) {
      ref.current?.focus({ preventScroll: true });
    }
  });
  return {
    ref,
    onFocus: () => {
      held.current = true;
    },
    onBlur: ({ target }) => {
      held.current = !target.isConnected || (target instanceof HTMLButtonElement && target.disabled);
    }
  };
}

/** An endpoint as it is now: asked for whenever its line in the list changes, and followed while a release is on its way. */
function useEndpoint(
  name: string,
  summary: ISummary | null
): { endpoint: IEndpoint | null; trouble: ITrouble | null; look: () => void } {
  const { endpoints, visible } = usePanel();
  const [endpoint, setEndpoint] = React.useState<IEndpoint | null>(null);
  const [trouble, setTrouble] = React.useState<ITrouble | null>(null);
  const look = React.useCallback(() => {
    endpoints.api.get<IEndpoint>(`endpoints/${name}`).then(
      found => {
        setEndpoint(found);
        setTrouble(null);
      },
      error => setTrouble(troubleOf(error))
    );
  }, [endpoints, name]);
  React.useEffect(() => {
    if (visible) {
      look();
    }
  }, [look, versionOf(summary), visible]);
  const newest = endpoint?.releases[0];
  const followed = newest && !ended(newest) ? `endpoints/${name}/releases/${newest.number}/events` : '';
  useLines<IRelease>(followed, {}, release => {
    if (release !== null) {
      setEndpoint(known => known && withRelease(known, release));
    }
  });
  return { endpoint, trouble, look };
}

/** What of an endpoint's line in the list tells that the endpoint itself has changed; figures do not. */
function versionOf(summary: ISummary | null): string {
  return JSON.stringify([summary?.answering, summary?.state, summary?.release, summary?.newest]);
}

function withRelease(endpoint: IEndpoint, release: IRelease): IEndpoint {
  const releases = endpoint.releases.map(one => (one.number === release.number ? release : one));
  return { ...endpoint, releases };
}

function Opened(props: { endpoint: IEndpoint; doing: IDoing; back: () => void }): JSX.Element {
  const { trans } = usePanel();
  const { endpoint, doing } = props;
  const newest: IRelease | undefined = endpoint.releases[0];
  const shown = endpoint.answering ?? newest?.number ?? 0;
  const { name } = endpoint;
  return (
    <>
      <About endpoint={endpoint} />
      <Actions {...props} />
      {newest && (
        <Section title={trans.__('Stages')} open>
          {() => (
            <>
              <Stages release={newest} />
              <p className="jp-deploy-outcome jp-deploy-quiet">{situationOf(trans, endpoint, newest)}</p>
            </>
          )}
        </Section>
      )}
      <Section title={trans.__('Metrics')} open>
        {() => <Metrics name={name} />}
      </Section>
      <Section title={trans.__('Releases')} open>
        {() => <Releases endpoint={endpoint} doing={doing} />}
      </Section>
      <Section title={trans.__('Keys')}>
        {() => <Keys name={name} methods={endpoint.contract?.methods.map(method => method.name) ?? []} />}
      </Section>
      <Section title={trans.__('Log')}>{() => <Logs name={name} number={newest?.number ?? 0} />}</Section>
      <Section title={trans.__('Contract')}>{() => <Contract contract={endpoint.contract} />}</Section>
      <Section title={trans.__('Golden rows')}>{() => <Golden name={name} number={shown} />}</Section>
      <Section title={trans.__('History')}>
        {() => <History name={name} version={`${endpoint.answering} ${newest?.number} ${newest?.state}`} />}
      </Section>
    </>
  );
}

function About(props: { endpoint: IEndpoint }): JSX.Element {
  const { trans } = usePanel();
  const { name, url, target, answering } = props.endpoint;
  const answers = answering === null ? trans.__('nothing answers') : tagOf(name, answering);
  return (
    <>
      <div className="jp-deploy-line">
        {/^https?:/.test(url) ? (
          <a className="jp-deploy-url" href={url} target="_blank" rel="noopener noreferrer" title={url}>
            {url}
          </a>
        ) : (
          <span className="jp-deploy-url">{url}</span>
        )}
        <Copy text={url} label={trans.__('Copy the URL of %1', name)} />
      </div>
      <p className="jp-deploy-quiet">{[answers, target].join(' · ')}</p>
    </>
  );
}

function Actions(props: { endpoint: IEndpoint; doing: IDoing; back: () => void }): JSX.Element {
  const panel = usePanel();
  const { endpoint, doing, back } = props;
  const verbs = [...verbsOf(panel, endpoint), removal(panel, endpoint.name, back)];
  return (
    <>
      <div className="jp-deploy-buttons" role="group" aria-label={panel.trans.__('Actions')}>
        {verbs.map(verb => (
          <button
            key={verb.label}
            className="jp-deploy-button"
            disabled={!!doing.busy}
            onClick={() => doing.run(verb)}
          >
            {verb.label}
          </button>
        ))}
      </div>
      <p className="jp-deploy-progress" role="status">
        {doing.busy}
      </p>
      {doing.trouble && (
        <Trouble
          trouble={doing.trouble}
          close={{ label: panel.trans.__('Put this message away'), act: doing.forget }}
        />
      )}
    </>
  );
}
