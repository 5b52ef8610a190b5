import * as React from 'react';

import type { IGolden } from '../../tokens';

import { usePanel } from './context';
import { useLoaded } from './hooks';
import { Trouble } from './trouble';

const ROWS = 5; // of each method
const LONGEST = 120; // characters of an input or an answer

/**
 * The first golden rows of a release: inputs, and the answers that the notebook's own model gave.
 *
 * @param props - The endpoint and the release's number.
 */
export function Golden(props: { name: string; number: number }): JSX.Element {
  const { trans, endpoints } = usePanel();
  const path = `endpoints/${props.name}/releases/${props.number}/golden`;
  const { value, trouble } = useLoaded(path, () => endpoints.api.get<IGolden[]>(path));
  if (trouble) {
    return <Trouble trouble={trouble} />;
  }
  if (value === null) {
    return <p className="jp-deploy-quiet">{trans.__('Loading …')}</p>;
  }
  const methods = [...new Set(value.map(one => one.method))];
  if (!methods.length) {
    return (
      <p>{trans.__('There are none: nothing tells whether the release answers as the notebook does.')}</p>
    );
  }
  return (
    <>
      {methods.map((method, at) => (
        <Method key={method} method={method} found={value.filter(one => one.method === method)} open={!at} />
      ))}
    </>
  );
}

function Method(props: { method: string; found: IGolden[]; open: boolean }): JSX.Element {
  const { trans } = usePanel();
  const count = props.found.reduce((sum, one) => sum + one.rows.length, 0);
  const shown = props.found.flatMap(one => one.rows.map((row, at) => [row, one.answers[at]])).slice(0, ROWS);
  return (
    <details className="jp-deploy-group" open={props.open}>
      <summary>
        <code>{props.method}</code> {trans._n('%1 golden row', '%1 golden rows', count)}
        {count > shown.length && trans.__(', the first %1:', shown.length)}
      </summary>
      {props.found[0].origin && (
        <p className="jp-deploy-quiet">
          {trans.__('found in')} <code>{props.found[0].origin}</code>
        </p>
      )}
      <div
        className="jp-deploy-wide"
        tabIndex={0}
        role="region"
        aria-label={trans.__('Golden rows of %1', props.method)}
      >
        <table>
          <thead>
            <tr>
              <th>{trans.__('input')}</th>
              <th>{trans.__('notebook answered')}</th>
            </tr>
          </thead>
          <tbody>
            {shown.map(([row, answer], at) => (
              <tr key={at}>
                <td>
                  <code>{shortened(row)}</code>
                </td>
                <td>
                  <code>{shortened(answer)}</code>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}

function shortened(value: unknown): string {
  const text = JSON.stringify(value) ?? '';
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST - 1)}…`;
}
