import * as React from 'react';

import type { IEvent } from '../../tokens';

import { usePanel } from './context';
import { useLoaded } from './hooks';
import { Trouble } from './trouble';

const SHOWN = 100; // lines

/**
 * Who did what to an endpoint, the newest first.
 *
 * @param props - The endpoint, and what tells that there may be something new.
 */
export function History(props: { name: string; version: string }): JSX.Element {
  const { trans, endpoints } = usePanel();
  const path = `endpoints/${props.name}/history`;
  const { value, trouble } = useLoaded(`${path} ${props.version}`, () => endpoints.api.get<IEvent[]>(path));
  if (trouble) {
    return <Trouble trouble={trouble} />;
  }
  if (value === null) {
    return <p className="jp-deploy-quiet">{trans.__('Loading …')}</p>;
  }
  return (
    <ol className="jp-deploy-history">
      {value
        .slice(-SHOWN)
        .reverse()
        .map((event, at) => (
          <li key={value.length - at}>
            <time className="jp-deploy-quiet" dateTime={new Date(event.at * 1000).toISOString()}>
              {new Date(event.at * 1000).toLocaleString()}
            </time>{' '}
            {event.who} <b>{event.action}</b> {event.subject}
            {event.detail && <div className="jp-deploy-quiet">{event.detail}</div>}
          </li>
        ))}
    </ol>
  );
}
