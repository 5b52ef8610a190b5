import * as React from 'react';

import type { IGrant } from '../../tokens';
import { usePanel } from '../panel/context';

const DAY = 86_400; // seconds
const LARGEST_QUOTA = 1_000_000_000;
const LONGEST_OWNER = 100; // characters

/**
 * The form that asks for a key: whom it is for, and what it shall be good for.
 *
 * @param props - The model's methods, whether one is being made, and what makes it or goes back.
 */
export function Maker(props: {
  methods: readonly string[];
  busy: boolean;
  make: (grant: IGrant) => void;
  cancel: () => void;
}): JSX.Element {
  const { trans, endpoints } = usePanel();
  const { methods, busy, make, cancel } = props;
  const [owner, setOwner] = React.useState('');
  const [scope, setScope] = React.useState<readonly string[] | null>(null);
  const [days, setDays] = React.useState(90);
  const [quota, setQuota] = React.useState('');
  const first = React.useRef<HTMLInputElement>(null);
  React.useEffect(() => first.current?.focus(), []);
  const onSubmit = (event: React.FormEvent): void => {
    event.preventDefault();
    make({
      owner,
      methods: scope,
      expires: days ? endpoints.now + days * DAY : null,
      quota: quota ? Number(quota) : null
    });
  };
  return (
    <form
      className="jp-deploy-maker"
      aria-label={trans.__('Make a key')}
      autoComplete="off"
      onSubmit={onSubmit}
    >
      <label>
        <span>{trans.__('For whom')}</span>
        <input
          ref={first}
          required
          maxLength={LONGEST_OWNER}
          placeholder={trans.__('a person or a service')}
          value={owner}
          onChange={event => setOwner(event.target.value)}
        />
      </label>
      <Scope methods={methods} scope={scope} choose={setScope} />
      <label>
        <span>{trans.__('Ends')}</span>
        <select value={days} onChange={event => setDays(Number(event.target.value))}>
          <option value={1}>{trans.__('in a day')}</option>
          <option value={7}>{trans.__('in a week')}</option>
          <option value={30}>{trans.__('in 30 days')}</option>
          <option value={90}>{trans.__('in 90 days')}</option>
          <option value={365}>{trans.__('in a year')}</option>
          <option value={0}>{trans.__('never')}</option>
        </select>
      </label>
      <label>
        <span>{trans.__('Requests a day')}</span>
        <input
          type="number"
          min={1}
          max={LARGEST_QUOTA}
          step={1}
          placeholder={trans.__('any number')}
          value={quota}
          onChange={event => setQuota(event.target.value)}
        />
      </label>
      <div className="jp-deploy-buttons">
        <button className="jp-deploy-button" type="submit" disabled={busy}>
          {trans.__('Make the key')}
        </button>
        <button className="jp-deploy-button" type="button" onClick={cancel}>
          {trans.__('Cancel')}
        </button>
      </div>
    </form>
  );
}

/** Which methods a key may call: every one, or those that are chosen. */
function Scope(props: {
  methods: readonly string[];
  scope: readonly string[] | null;
  choose: (scope: readonly string[] | null) => void;
}): JSX.Element {
  const { trans } = usePanel();
  const { methods, scope, choose } = props;
  const toggle = (method: string): void =>
    choose(methods.filter(one => (one === method) !== (scope ?? []).includes(one)));
  return (
    <fieldset>
      <legend>{trans.__('May call')}</legend>
      <label>
        <input
          type="checkbox"
          checked={scope === null}
          onChange={event => choose(event.target.checked ? null : methods.slice(0, 1))}
        />
        <span>{trans.__('every method, later ones too')}</span>
      </label>
      {scope !== null &&
        methods.map(method => (
          <label key={method}>
            <input type="checkbox" checked={scope.includes(method)} onChange={() => toggle(method)} />
            <code>{method}</code>
          </label>
        ))}
      {scope?.length === 0 && (
        <p className="jp-deploy-quiet">{trans.__('It reads descriptions and metrics alone.')}</p>
      )}
    </fieldset>
  );
}
