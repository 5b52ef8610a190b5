import * as React from 'react';

import type { Form } from '../../form';
import type { IWanted } from '../../kernel';

import { useForm } from './context';

const SUCH = '--env API_KEY'; // options as an example
const MEGABYTE = 1e6; // bytes

/**
 * Where it runs and with how much; an empty field stands for what applies anyway.
 */
export function Resources(): JSX.Element {
  const { form, trans } = useForm();
  const targets = form.variables?.targets ?? [];
  const id = React.useId();
  const applies = form.variables?.settings;
  return (
    <details
      className="jp-deploy-resources"
      open={Object.values(form.asked.settings).some(one => one !== null)}
    >
      <summary>{trans.__('Target, resources and more')}</summary>
      <div className="jp-deploy-field">
        <label htmlFor={id}>{trans.__('Target')}</label>
        <select
          id={id}
          className="jp-mod-styled"
          value={form.asked.settings.target ?? applies?.target ?? ''}
          onChange={event => form.change({ settings: { target: event.target.value } })}
        >
          {targets.map(one => (
            <option key={one}>{one}</option>
          ))}
        </select>
      </div>
      <div className="jp-deploy-numbers">
        <Amount
          label={trans.__('Workers')}
          about={trans.__('processes that answer')}
          name="workers"
          least={1}
        />
        <Amount
          label={trans.__('CPU threads')}
          about={trans.__('of each worker; 0 divides the cores')}
          name="threads"
        />
        <Amount
          label={trans.__('Memory, MB')}
          about={trans.__('of each worker; 0 sets no limit')}
          name="memory"
          unit={MEGABYTE}
        />
        <Amount label={trans.__('GPUs')} about={trans.__('one worker on each')} name="gpu" />
      </div>
      <More />
    </details>
  );
}

function Amount(props: {
  label: string;
  about: string;
  name: keyof Omit<IWanted, 'target'>;
  least?: number;
  unit?: number;
}): JSX.Element {
  const { form } = useForm();
  const { name, unit = 1 } = props;
  const applies = (form.variables?.settings[name] ?? 0) / unit;
  const given = form.asked.settings[name];
  const id = React.useId();
  return (
    <div className="jp-deploy-field">
      <label htmlFor={id}>{props.label}</label>
      <input
        id={id}
        type="number"
        className="jp-mod-styled"
        min={props.least ?? 0}
        step={1}
        placeholder={`${applies}`}
        value={given === null || given === undefined ? '' : given / unit}
        aria-describedby={`${id}-note`}
        onChange={event => {
          const amount = event.target.valueAsNumber;
          form.change({ settings: { [name]: Number.isFinite(amount) ? Math.round(amount * unit) : null } });
        }}
      />
      <span id={`${id}-note`} className="jp-deploy-quiet">
        {props.about}
      </span>
    </div>
  );
}

/**
 * Rows for a model of which nothing else says what it takes.
 */
export function Example(): JSX.Element {
  const { form, trans } = useForm();
  const id = React.useId();
  return (
    <div className="jp-deploy-field">
      <label htmlFor={id}>{trans.__('Example rows')}</label>
      <input
        id={id}
        list={`${id}-rows`}
        className="jp-mod-styled"
        value={form.asked.example}
        spellCheck={false}
        placeholder={trans.__('found by itself')}
        aria-describedby={`${id}-note`}
        onChange={event => form.change({ example: event.target.value })}
        onBlur={() => checkAgain(form)}
      />
      <datalist id={`${id}-rows`}>
        {form.variables?.rows.map(one => (
          <option key={one} value={one} />
        ))}
      </datalist>
      <span id={`${id}-note`} className="jp-deploy-quiet">
        {trans.__('needed only where no cell has called the model, such as X_test')}
      </span>
    </div>
  );
}

/** Whatever else the magic can be told, as a hint may ask for. */
function More(): JSX.Element {
  const { form, trans } = useForm();
  const id = React.useId();
  return (
    <div className="jp-deploy-field">
      <label htmlFor={id}>{trans.__('More options')}</label>
      <input
        id={id}
        className="jp-mod-styled"
        value={form.asked.more}
        spellCheck={false}
        placeholder={SUCH}
        aria-describedby={`${id}-note`}
        onChange={event => form.change({ more: event.target.value })}
        onBlur={() => checkAgain(form)}
      />
      <span id={`${id}-note`} className="jp-deploy-quiet">
        {trans.__('as they stand behind %deploy; its help, %deploy?, lists them')}
      </span>
    </div>
  );
}

function checkAgain(form: Form): void {
  if (form.asked.expression && !form.plan && !form.problem && !form.doing) {
    void form.check();
  }
}
