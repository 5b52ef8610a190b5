import { Dialog, showDialog } from '@jupyterlab/apputils';
import * as React from 'react';

import type { IKey } from '../../tokens';
import { usePanel } from '../panel/context';

import { hasEnded, termsOf, usesOf } from './words';

/**
 * One key: whose it is, what it may do, what it was used for, and what ends it.
 *
 * @param props - The key, whether something is being done, and what revokes it once it was asked for.
 */
export function KeyRow(props: { found: IKey; busy: boolean; revoke: () => void }): JSX.Element {
  const { trans, endpoints } = usePanel();
  const { found, busy, revoke } = props;
  const ended = hasEnded(found, endpoints.now);
  const verb = found.own ? trans.__('Replace') : trans.__('Revoke');
  const ask = async (): Promise<void> => {
    const title = found.own
      ? trans.__('Replace your own key?')
      : trans.__('Revoke the key for %1?', found.owner);
    const body = found.own
      ? trans.__('Another one takes its place in the key file. Whoever holds the old one is refused.')
      : trans.__('Whoever holds it is answered with status 401 from now on. It cannot be given back.');
    const buttons = [Dialog.cancelButton({ label: trans.__('Cancel') }), Dialog.warnButton({ label: verb })];
    if ((await showDialog({ title, body, buttons })).button.accept) {
      revoke();
    }
  };
  return (
    <li data-ended={ended}>
      <div className="jp-deploy-line">
        <span className="jp-deploy-name">{found.owner}</span>
        {found.own && <span className="jp-deploy-answers">{trans.__('your own')}</span>}
        {!ended && (
          <button
            className="jp-deploy-button"
            disabled={busy}
            aria-label={
              found.own ? trans.__('Replace your own key') : trans.__('Revoke the key for %1', found.owner)
            }
            onClick={() => void ask()}
          >
            {verb}
          </button>
        )}
      </div>
      <div>{termsOf(trans, found, endpoints.now).join(' · ')}</div>
      <div className="jp-deploy-quiet">
        {usesOf(trans, found, endpoints.now).join(' · ')} · <code>{found.id}</code>
      </div>
    </li>
  );
}
