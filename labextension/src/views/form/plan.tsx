import * as React from 'react';

import { LIGHT } from '../../form';
import type { IAccepted, IPlan } from '../../kernel';
import { Marked } from '../panel/marked';

import { useForm } from './context';
import { Busy } from './kernel';
import { Refusal } from './refusal';
import { sizeOf } from './words';

const UNFOLDED = 6; // columns that are shown without a click

/**
 * What the check found, or how it stands.
 */
export function Preflight(): JSX.Element {
  const { form, trans } = useForm();
  const { asked, chosen, doing, plan, problem } = form;
  if (form.waits) {
    return <Busy />;
  }
  if (problem) {
    const what = trans.__('%1 cannot be deployed like this.', asked.expression);
    return (
      <Refusal what={what} refusal={problem.refusal}>
        <Check label={trans.__('Check again')} />
      </Refusal>
    );
  }
  if (doing === 'checking') {
    return (
      <div role="status">
        <p>{trans.__('Checking %1: what goes along, and what it answers …', asked.expression)}</p>
        <button type="button" className="jp-deploy-button" onClick={() => form.cancel()}>
          {trans.__('Stop')}
        </button>
      </div>
    );
  }
  if (plan) {
    return <Plan plan={plan} />;
  }
  if (!asked.expression) {
    return <p className="jp-deploy-quiet">{trans.__('Choose what to deploy.')}</p>;
  }
  return (
    <>
      {chosen && chosen.size >= LIGHT && (
        <p>{trans.__('It has %1; to check it takes a while.', sizeOf(trans, chosen.size, chosen.whole))}</p>
      )}
      <Check label={trans.__('Check what would be deployed')} />
    </>
  );
}

function Check(props: { label: string }): JSX.Element {
  const { form } = useForm();
  return (
    <button type="button" className="jp-deploy-button" onClick={() => void form.check()}>
      {props.label}
    </button>
  );
}

function Plan(props: { plan: IPlan }): JSX.Element {
  const { trans } = useForm();
  const { plan } = props;
  return (
    <div className="jp-deploy-plan" role="status">
      <p>
        <code>{plan.variable}</code> {plan.kind}, {sizeOf(trans, plan.size)}
      </p>
      <Findings plan={plan} />
      <h3>{trans.__('Contract')}</h3>
      {plan.contract.map((one, at) => (
        <Accepted key={at} accepted={one} />
      ))}
      <h3>{trans.__('Golden rows')}</h3>
      <p>
        <Marked text={plan.golden} />
      </p>
      <h3>{trans.__('Packages')}</h3>
      <p>
        {plan.packages.length
          ? plan.packages.map(([name, version]) => `${name} ${version}`).join(', ')
          : trans.__('none')}
        <span className="jp-deploy-quiet"> {trans.__('What these need is locked with them.')}</span>
      </p>
      <Taken plan={plan} />
    </div>
  );
}

function Findings(props: { plan: IPlan }): JSX.Element {
  const { trans } = useForm();
  const { findings } = props.plan;
  if (!findings.length) {
    return (
      <p>
        <span aria-hidden="true" className="jp-deploy-sign" data-standing="verified">
          ✓
        </span>{' '}
        {trans.__('Ready: no stale cell, no secret, no missing package.')}
      </p>
    );
  }
  return (
    <ul className="jp-deploy-findings" aria-label={trans.__('Findings')}>
      {findings.map((one, at) => (
        <li key={at}>
          <span aria-hidden="true">! </span>
          <b>{one.kind}</b> <Marked text={one.message} />
          {one.hint && (
            <div className="jp-deploy-quiet">
              → <Marked text={one.hint} />
            </div>
          )}
        </li>
      ))}
    </ul>
  );
}

function Accepted(props: { accepted: IAccepted }): JSX.Element {
  const { trans } = useForm();
  const { columns, methods, text } = props.accepted;
  const table = columns.length > 0 && <Columns accepted={props.accepted} />;
  return (
    <>
      <ul>
        {methods.map(([name, returns]) => (
          <li key={name}>
            <code>{name}</code> → {returns}
          </li>
        ))}
      </ul>
      {columns.length > UNFOLDED ? (
        <details>
          <summary>{trans.__('Accepts: %1', text)}</summary>
          {table}
        </details>
      ) : (
        <>
          <p>{trans.__('Accepts: %1', text)}</p>
          {table}
        </>
      )}
    </>
  );
}

function Columns(props: { accepted: IAccepted }): JSX.Element {
  const { trans } = useForm();
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
          {props.accepted.columns.map(one => (
            <tr key={one.name}>
              <td>
                <code>{one.name}</code>
              </td>
              <td>{one.dtype}</td>
              <td>{one.values || one.example}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Taken(props: { plan: IPlan }): JSX.Element {
  const { trans } = useForm();
  const { saved, taken } = props.plan;
  return (
    <details>
      <summary>{trans._n('%1 thing goes along', '%1 things go along', taken.length)}</summary>
      <ul>
        {taken.map(one => (
          <li key={one.path}>
            <code>{one.path}</code>{' '}
            <span className="jp-deploy-quiet">
              {one.kind}, {sizeOf(trans, one.size)}
            </span>
          </li>
        ))}
      </ul>
      {saved && <p className="jp-deploy-quiet">{trans.__('Saved as %1.', saved)}</p>}
    </details>
  );
}
