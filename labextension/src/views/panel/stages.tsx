import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { IRelease } from '../../tokens';
import { IStep, Mark, ended, steps } from '../../widget/words';

import { usePanel } from './context';
import { span } from './figures';
import { useTick } from './hooks';
import { Marked } from './marked';
import { stageWord, tagOf } from './words';

const SHOWN = 10; // differing golden rows that are shown
const SIGNS: Record<Mark, string> = { done: '✓', running: '…', waiting: '○', wrong: '✗', skipped: '−' };

/**
 * The stages of a release with their times, and why it did not come to serve.
 *
 * @param props - The release.
 */
export function Stages(props: { release: IRelease }): JSX.Element {
  const { trans, endpoints } = usePanel();
  const { release } = props;
  useTick(ended(release) ? 0 : 1);
  return (
    <>
      <p className="jp-deploy-quiet">{tagOf(release.endpoint, release.number)}</p>
      <ol className="jp-deploy-stages" aria-label={trans.__('Stages')}>
        {steps(release, endpoints.now).map(step => (
          <Stage key={step.name} step={step} />
        ))}
      </ol>
      <Outcome release={release} />
      <Findings release={release} />
    </>
  );
}

function Stage(props: { step: IStep }): JSX.Element {
  const { trans } = usePanel();
  const { name, mark, seconds, detail } = props.step;
  return (
    <li data-mark={mark}>
      <span className="jp-deploy-sign" aria-hidden="true" data-mark={mark}>
        {SIGNS[mark]}
      </span>
      <span>
        {stageWord(trans, name)}
        <span className="jp-deploy-unseen"> {markWord(trans, mark)}</span>
        {detail && <span className="jp-deploy-detail"> {detail}</span>}
      </span>
      <span className="jp-deploy-time">{seconds === null ? '' : span(trans, seconds)}</span>
    </li>
  );
}

function markWord(trans: TranslationBundle, mark: Mark): string {
  switch (mark) {
    case 'done':
      return trans.__('done');
    case 'running':
      return trans.__('running');
    case 'waiting':
      return trans.__('waiting');
    case 'wrong':
      return trans.__('went wrong');
    case 'skipped':
      return trans.__('skipped');
  }
}

function Outcome(props: { release: IRelease }): JSX.Element | null {
  const { trans } = usePanel();
  const { state, reason, hint, differences } = props.release;
  if (state === 'serving' || (!reason && !differences.length)) {
    return null;
  }
  return (
    <div className="jp-deploy-outcome">
      <p>
        <Marked text={reason} />
      </p>
      {hint && (
        <p>
          → <Marked text={hint} />
        </p>
      )}
      {differences.length > 0 && (
        <div
          className="jp-deploy-wide"
          tabIndex={0}
          role="region"
          aria-label={trans.__('Differing golden rows')}
        >
          <table>
            <thead>
              <tr>
                <th>{trans.__('method')}</th>
                <th>{trans.__('golden row')}</th>
                <th>{trans.__('notebook answered')}</th>
                <th>{trans.__('release answered')}</th>
              </tr>
            </thead>
            <tbody>
              {differences.slice(0, SHOWN).map(one => (
                <tr key={`${one.method} ${one.row}`}>
                  <td>{one.method}</td>
                  <td>{one.row}</td>
                  <td>
                    <code>{one.expected}</code>
                  </td>
                  <td>
                    <code>{one.got}</code>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </div>
  );
}

function Findings(props: { release: IRelease }): JSX.Element | null {
  const { trans } = usePanel();
  const { findings } = props.release;
  if (!findings.length) {
    return null;
  }
  return (
    <details className="jp-deploy-findings">
      <summary>
        <span aria-hidden="true">! </span>
        {trans._n('%1 finding', '%1 findings', findings.length)}
      </summary>
      <ul>
        {findings.map((one, at) => (
          <li key={at}>
            <b>{one.kind}</b> <Marked text={one.message} />
            {one.hint && (
              <div className="jp-deploy-quiet">
                → <Marked text={one.hint} />
              </div>
            )}
          </li>
        ))}
      </ul>
    </details>
  );
}
