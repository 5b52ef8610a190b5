import * as React from 'react';

import type { IGrant, IKey, INewKey, ITrouble } from '../../tokens';
import { usePanel } from '../panel/context';
import { troubleOf, usePoll } from '../panel/hooks';
import { Trouble } from '../panel/trouble';

import { Maker } from './maker';
import { KeyRow } from './row';
import { Secret } from './secret';
import { hasEnded } from './words';

const LOOK = 10; // seconds between two looks at what keys were used for

/**
 * The keys of an endpoint: who may call it, for what, until when and how often; made here, and revoked.
 *
 * @param props - The endpoint, and the methods that its model has.
 */
export function Keys(props: { name: string; methods: readonly string[] }): JSX.Element {
  const { trans, endpoints } = usePanel();
  const { keys, trouble, busy, made, make, revoke, forget, close } = useKeys(props.name);
  const [asking, setAsking] = React.useState(false);
  const valid = keys?.filter(key => !hasEnded(key, endpoints.now)) ?? [];
  const over = keys?.filter(key => hasEnded(key, endpoints.now)) ?? [];
  const rows = (found: IKey[]): JSX.Element[] =>
    found.map(key => <KeyRow key={key.id} found={key} busy={!!busy} revoke={() => revoke(key)} />);
  return (
    <>
      {made ? (
        <Secret made={made} close={close} />
      ) : asking ? (
        <Maker
          methods={props.methods}
          busy={!!busy}
          make={grant => make(grant, () => setAsking(false))}
          cancel={() => setAsking(false)}
        />
      ) : (
        <button className="jp-deploy-button" onClick={() => setAsking(true)}>
          {trans.__('Make a key …')}
        </button>
      )}
      <p className="jp-deploy-progress" role="status">
        {busy}
      </p>
      {trouble && (
        <Trouble trouble={trouble} close={{ label: trans.__('Put this message away'), act: forget }} />
      )}
      {keys === null && !trouble && <p className="jp-deploy-quiet">{trans.__('Loading …')}</p>}
      <ul className="jp-deploy-keyring" aria-label={trans.__('Keys')}>
        {rows(valid)}
      </ul>
      {over.length > 0 && (
        <details className="jp-deploy-group">
          <summary>{trans._n('%1 key has ended', '%1 keys have ended', over.length)}</summary>
          <ul className="jp-deploy-keyring" aria-label={trans.__('Keys that have ended')}>
            {rows(over)}
          </ul>
        </details>
      )}
    </>
  );
}

/** The keys as they are now, what is being done to them, and the one whose secret is shown. */
interface IKeyring {
  keys: IKey[] | null;
  trouble: ITrouble | null;
  /** What is being done; empty where nothing is. */
  busy: string;
  made: INewKey | null;
  make: (grant: IGrant, done: () => void) => void;
  revoke: (key: IKey) => void;
  /** Put the trouble away. */
  forget: () => void;
  /** Put the secret away. */
  close: () => void;
}

function useKeys(name: string): IKeyring {
  const { trans, endpoints } = usePanel();
  const [keys, setKeys] = React.useState<IKey[] | null>(null);
  const [trouble, setTrouble] = React.useState<ITrouble | null>(null);
  const [busy, setBusy] = React.useState('');
  const [made, setMade] = React.useState<INewKey | null>(null);
  const path = `endpoints/${name}/keys`;
  const look = async (): Promise<void> => setKeys(await endpoints.api.get<IKey[]>(path));
  usePoll(path, LOOK, () =>
    look().catch(error => {
      setTrouble(troubleOf(error));
      throw error; // so that it is asked less often
    })
  );
  const perform = async (told: string, act: () => Promise<void>): Promise<void> => {
    setTrouble(null);
    setBusy(told);
    try {
      await act();
      await look();
      void endpoints.refresh();
    } catch (error) {
      setTrouble(troubleOf(error));
    } finally {
      setBusy('');
    }
  };
  const make = async (grant: IGrant, done: () => void): Promise<void> => {
    setMade(await endpoints.api.send<INewKey>('POST', path, grant));
    done();
  };
  return {
    keys,
    trouble,
    busy,
    made,
    make: (grant, done) => void perform(trans.__('Making a key …'), () => make(grant, done)),
    revoke: key =>
      void perform(trans.__('Revoking …'), () => endpoints.api.send('DELETE', `${path}/${key.id}`)),
    forget: () => setTrouble(null),
    close: () => setMade(null)
  };
}
