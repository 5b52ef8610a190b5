import * as React from 'react';

import type { IRefusal } from '../../kernel';
import { Marked } from '../panel/marked';

import { useForm } from './context';

/**
 * Why something did not work, in three lines: what, why, what to do; more of it behind "Show".
 *
 * @param props - What did not work, why, and buttons that help.
 */
export function Refusal(props: { what: string; refusal: IRefusal; children?: React.ReactNode }): JSX.Element {
  const { trans } = useForm();
  const { message, hint, details } = props.refusal;
  const [first, ...rest] = message.split('\n');
  const more = [...rest, details].filter(Boolean).join('\n');
  return (
    <div className="jp-deploy-refusal" role="alert">
      <p>
        <span aria-hidden="true" className="jp-deploy-sign" data-standing="failed">
          ✗
        </span>{' '}
        <b>{props.what}</b>
      </p>
      <p>
        <Marked text={first.replace(/:$/, '.')} />
      </p>
      {hint && (
        <p>
          → <Marked text={hint} />
        </p>
      )}
      {more && (
        <details>
          <summary>{trans.__('Show details')}</summary>
          <pre tabIndex={0}>{more}</pre>
        </details>
      )}
      {props.children}
    </div>
  );
}
