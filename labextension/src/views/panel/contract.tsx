import * as React from 'react';

import type { IContract } from '../../tokens';

import { usePanel } from './context';
import { accepts, returns, sharedInputs, valuesOf } from './kinds';

const SHOWN = 200; // columns that are drawn

/**
 * What an endpoint accepts and returns.
 *
 * @param props - The contract.
 */
export function Contract(props: { contract: IContract | null }): JSX.Element {
  const { trans } = usePanel();
  if (props.contract === null) {
    return <p className="jp-deploy-quiet">{trans.__('There is no contract yet.')}</p>;
  }
  return (
    <>
      {sharedInputs(props.contract).map(({ input, methods }, at) => (
        <div key={at} className="jp-deploy-group">
          {methods.map(method => (
            <p key={method.name}>
              <code>{method.name}</code> → {returns(trans, method.output)}
            </p>
          ))}
          <p>{trans.__('Accepts: %1', accepts(trans, input))}</p>
          {!!input.columns?.length && <Columns columns={input.columns} />}
        </div>
      ))}
    </>
  );
}

function Columns(props: {
  columns: NonNullable<IContract['methods'][number]['input']['columns']>;
}): JSX.Element {
  const { trans } = usePanel();
  const more = props.columns.length - SHOWN;
  return (
    <div className="jp-deploy-wide" tabIndex={0} role="region" aria-label={trans.__('Columns')}>
      <table>
        <thead>
          <tr>
            <th>{trans.__('column')}</th>
            <th>{trans.__('type')}</th>
            <th>{trans.__('values seen')}</th>
          </tr>
        </thead>
        <tbody>
          {props.columns.slice(0, SHOWN).map(column => (
            <tr key={column.name}>
              <td>
                <code>{column.name}</code>
              </td>
              <td>{column.dtype}</td>
              <td>{valuesOf(trans, column)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {more > 0 && <p className="jp-deploy-quiet">{trans._n('and %1 more', 'and %1 more', more)}</p>}
    </div>
  );
}
