import * as React from 'react';

import { NAME } from '../../form';
import type { ICandidate } from '../../kernel';
import { Marked } from '../panel/marked';

import { useForm } from './context';
import { Example } from './resources';
import { callable, sizeOf } from './words';

const SUCH = "models['eu']"; // an expression as an example

/**
 * What can be deployed, and under which name.
 */
export function Choices(): JSX.Element {
  const { form, trans } = useForm();
  const candidates = form.variables?.candidates ?? [];
  const [others, fit] = [candidates.filter(one => one.why), candidates.filter(one => !one.why)];
  const leftOut = form.variables?.left_out ?? 0;
  return (
    <>
      <fieldset className="jp-deploy-variables">
        <legend>{trans.__('Model')}</legend>
        {!fit.length && <p>{trans.__('No variable of this notebook is a fitted model or a function.')}</p>}
        <div className="jp-deploy-choices">
          {fit.map(one => (
            <Row key={one.expression} candidate={one} />
          ))}
          <Other />
        </div>
        <Unfit candidates={others} />
        {leftOut > 0 && (
          <p className="jp-deploy-quiet">
            {trans._n(
              '%1 variable was not looked at, because that took too long.',
              '%1 variables were not looked at, because that took too long.',
              leftOut
            )}
          </p>
        )}
      </fieldset>
      <Name />
      <Example />
    </>
  );
}

function Row(props: { candidate: ICandidate }): JSX.Element {
  const { form, trans } = useForm();
  const { expression, kind, methods, size, whole } = props.candidate;
  const id = React.useId();
  return (
    <label className="jp-deploy-choice" htmlFor={id}>
      <input
        id={id}
        type="radio"
        name="jp-deploy-variable"
        checked={form.asked.expression === expression}
        onChange={() => form.choose(expression)}
      />
      <span>
        <code>{expression}</code> <span className="jp-deploy-size">{sizeOf(trans, size, whole)}</span>
        <span className="jp-deploy-about">{kind}</span>
        <span className="jp-deploy-about">{methods.map(one => callable(trans, one)).join(', ')}</span>
      </span>
    </label>
  );
}

/** Any other expression, such as `models['eu'].steps[1]`. */
function Other(): JSX.Element {
  const { form, trans } = useForm();
  const isOther = form.chosen === null;
  const [text, setText] = React.useState(isOther ? form.asked.expression : '');
  const id = React.useId();
  const take = (): void => {
    if (text.trim() && text.trim() !== form.asked.expression) {
      form.change({ expression: text.trim() });
      void form.check();
    }
  };
  return (
    <label className="jp-deploy-choice" htmlFor={id}>
      <input
        id={id}
        type="radio"
        name="jp-deploy-variable"
        checked={isOther}
        onChange={() => form.change({ expression: text.trim() })}
      />
      <span>
        {trans.__('another expression')}
        {isOther && (
          <input
            className="jp-mod-styled"
            aria-label={trans.__('Expression')}
            placeholder={SUCH}
            value={text}
            spellCheck={false}
            onChange={event => setText(event.target.value)}
            onBlur={take}
            onKeyDown={event => {
              if (event.key === 'Enter') {
                event.preventDefault();
                take();
              }
            }}
          />
        )}
      </span>
    </label>
  );
}

function Unfit(props: { candidates: ICandidate[] }): JSX.Element | null {
  const { trans } = useForm();
  const { candidates } = props;
  if (!candidates.length) {
    return null;
  }
  return (
    <details>
      <summary>
        {trans._n(
          '%1 more cannot be deployed as it is',
          '%1 more cannot be deployed as they are',
          candidates.length
        )}
      </summary>
      <ul>
        {candidates.map(one => (
          <li key={one.expression}>
            <code>{one.expression}</code> <span className="jp-deploy-quiet">{one.kind}</span>
            <div>
              <Marked text={one.why} />
            </div>
            {one.hint && (
              <div>
                → <Marked text={one.hint} />
              </div>
            )}
          </li>
        ))}
      </ul>
    </details>
  );
}

function Name(): JSX.Element {
  const { form, endpoints, trans } = useForm();
  const { name } = form.asked;
  const known = endpoints.overview?.endpoints.find(one => one.name === name);
  const isWrong = name !== '' && !NAME.test(name);
  const id = React.useId();
  return (
    <div className="jp-deploy-field">
      <label htmlFor={id}>{trans.__('Endpoint')}</label>
      <input
        id={id}
        className="jp-mod-styled"
        value={name}
        spellCheck={false}
        aria-invalid={isWrong}
        aria-describedby={`${id}-note`}
        onChange={event => form.change({ name: event.target.value.trim() })}
      />
      <p id={`${id}-note`} role={isWrong ? 'alert' : undefined} className="jp-deploy-quiet">
        {isWrong
          ? trans.__(
              'At most 40 lower-case letters, digits and hyphens; the first is a letter, the last no hyphen.'
            )
          : known
            ? trans.__('A new release of %1; its callers are switched over when it is verified.', name)
            : trans.__('A new endpoint.')}
      </p>
    </div>
  );
}
