import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { IEndpoint, IProvenance, IRelease } from '../../tokens';

import { Changes } from './changes';
import { usePanel } from './context';
import { ago } from './figures';
import { Marked } from './marked';
import { Standing } from './standing';
import { IDoing, takeOver } from './verbs';
import { standingOfRelease, tagOf } from './words';

/**
 * The releases of an endpoint: who made them, when, from which notebook, what changed; and what takes over at a click.
 *
 * @param props - The endpoint, and what does it.
 */
export function Releases(props: { endpoint: IEndpoint; doing: IDoing }): JSX.Element {
  const { trans } = usePanel();
  const { releases } = props.endpoint;
  return (
    <ol className="jp-deploy-releases" aria-label={trans.__('Releases, newest first')}>
      {releases.map((release, at) => (
        <Release
          key={release.number}
          {...props}
          release={release}
          before={releases.slice(at + 1).find(one => one.verified) ?? releases[at + 1] ?? null}
        />
      ))}
    </ol>
  );
}

function Release(props: {
  endpoint: IEndpoint;
  release: IRelease;
  before: IRelease | null;
  doing: IDoing;
}): JSX.Element {
  const panel = usePanel();
  const { trans } = panel;
  const { endpoint, release, before, doing } = props;
  const [compared, setCompared] = React.useState(false);
  const verb = takeOver(panel, endpoint, release);
  const tag = tagOf(endpoint.name, release.number);
  return (
    <li>
      <div className="jp-deploy-line">
        <b>{tag}</b> <Standing standing={standingOfRelease(release, endpoint.answering)} />
        {release.number === endpoint.answering && (
          <span className="jp-deploy-answers">{trans.__('answers')}</span>
        )}
      </div>
      <div className="jp-deploy-quiet">
        <time dateTime={new Date(release.created * 1000).toISOString()} title={clock(release.created)}>
          {ago(trans, panel.endpoints.now - release.created)}
        </time>
        {told(trans, release.provenance).map(part => ` · ${part}`)}
      </div>
      {release.reason && !release.verified && (
        <div>
          <Marked text={release.reason.split('\n')[0]} />
        </div>
      )}
      <div className="jp-deploy-buttons">
        {verb && (
          <button className="jp-deploy-button" disabled={!!doing.busy} onClick={() => doing.run(verb)}>
            {verb.label}
          </button>
        )}
        {before && (
          <button
            className="jp-deploy-button"
            aria-expanded={compared}
            aria-label={trans.__('What changed from %1 to %2', tagOf(endpoint.name, before.number), tag)}
            onClick={() => setCompared(!compared)}
          >
            {trans.__('What changed')}
          </button>
        )}
      </div>
      {compared && before && <Changes name={endpoint.name} old={before.number} new={release.number} />}
    </li>
  );
}

function clock(seconds: number): string {
  return new Date(seconds * 1000).toLocaleString();
}

/** Who made a release, and where it came from. */
function told(trans: TranslationBundle, origin: IProvenance): string[] {
  const cells = origin.cells.join(' ');
  const from = trans._n('cell %2', 'cells %2', origin.cells.length, cells);
  return [origin.user, origin.notebook, cells && from, origin.revision.slice(0, 12)].filter(Boolean);
}
