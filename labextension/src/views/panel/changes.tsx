import * as React from 'react';

import type { IChange, IChanges } from '../../tokens';

import { usePanel } from './context';
import { useLoaded } from './hooks';
import { Marked } from './marked';
import { Trouble } from './trouble';

/**
 * What changed from one release to another: cells, packages, contract, golden answers, settings, and where it came from.
 *
 * @param props - The endpoint and the numbers of the two releases.
 */
export function Changes(props: { name: string; old: number; new: number }): JSX.Element {
  const { trans, endpoints } = usePanel();
  const path = `endpoints/${props.name}/changes`;
  const query = { old: props.old, new: props.new };
  const { value, trouble } = useLoaded(`${path} ${props.old} ${props.new}`, () =>
    endpoints.api.get<IChanges>(path, query)
  );
  if (trouble) {
    return <Trouble trouble={trouble} />;
  }
  if (value === null) {
    return <p className="jp-deploy-quiet">{trans.__('Comparing …')}</p>;
  }
  const parts = [
    { title: trans.__('where from'), found: value.origin },
    { title: trans.__('packages'), found: value.packages },
    { title: trans.__('contract'), found: value.contract },
    { title: trans.__('settings'), found: value.settings }
  ].filter(part => part.found.length > 0);
  const isSame = !parts.length && !value.cells.length && !value.golden.length;
  return (
    <div className="jp-deploy-changes">
      <p>
        {trans.__('From %1 to %2:', value.old, value.new)}{' '}
        {value.model ? trans.__('the model is another one.') : trans.__('the model is the same.')}
        {isSame &&
          value.model &&
          ` ${trans.__('Code, packages and contract are the same: it was fitted anew or on other data.')}`}
      </p>
      <Cells cells={value.cells} />
      {parts.map(part => (
        <Table key={part.title} {...part} />
      ))}
      <Answers golden={value.golden} />
    </div>
  );
}

function Cells(props: { cells: IChanges['cells'] }): JSX.Element | null {
  const { trans } = usePanel();
  if (!props.cells.length) {
    return null;
  }
  return (
    <>
      <h4>{trans.__('cells')}</h4>
      {props.cells.map((cell, at) => (
        <div key={at}>
          <p>
            <Marked text={cell.what} />
          </p>
          <pre className="jp-deploy-diff" tabIndex={0} aria-label={trans.__('The lines that differ')}>
            {cell.diff.split('\n').map((line, place) => (
              <span key={place} data-line={line[0]}>
                {line}
                {'\n'}
              </span>
            ))}
          </pre>
        </div>
      ))}
    </>
  );
}

function Table(props: { title: string; found: IChange[] }): JSX.Element {
  const { trans } = usePanel();
  return (
    <>
      <h4>{props.title}</h4>
      <div className="jp-deploy-wide" tabIndex={0} role="region" aria-label={props.title}>
        <table>
          <thead>
            <tr>
              <th>{trans.__('what')}</th>
              <th>{trans.__('before')}</th>
              <th>{trans.__('after')}</th>
            </tr>
          </thead>
          <tbody>
            {props.found.map(one => (
              <tr key={one.name}>
                <td>{one.name}</td>
                <td>{one.before || '–'}</td>
                <td>{one.after || '–'}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

function Answers(props: { golden: IChanges['golden'] }): JSX.Element | null {
  const { trans } = usePanel();
  if (!props.golden.length) {
    return null;
  }
  return (
    <>
      <h4>{trans.__('golden answers')}</h4>
      <ul>
        {props.golden.map(one => (
          <li key={one.method}>
            <code>{one.method}</code>{' '}
            {trans.__('%1 of %2 shared rows are answered otherwise', one.changed, one.rows)}
            {one.added + one.removed > 0 &&
              trans.__('; data: %1 rows are new, %2 are gone', one.added, one.removed)}
          </li>
        ))}
      </ul>
    </>
  );
}
