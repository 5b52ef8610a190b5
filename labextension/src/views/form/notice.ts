import { Dialog, Notification, showDialog } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import * as React from 'react';

import type { Deploy } from '../../deploy';

const MOST = 140; // characters that JupyterLab shows of a notification
const SHOWN = 8000; // milliseconds that a good end is shown

/**
 * Tell of a deploy in one notification that changes in place.
 *
 * @param deploy - The deploy; it is given up when it has ended.
 * @param trans - The translations.
 * @param told - Which deploys are told of: `all`, `failures` or `none`.
 */
export function follow(deploy: Deploy, trans: TranslationBundle, told: string): void {
  if (deploy.ended || told === 'none') {
    deploy.dispose();
    return;
  }
  let id = '';
  const tell = (): void => {
    const notice = noticeOf(deploy, trans);
    const isWanted = told === 'all' || notice.type === 'error';
    if (isWanted && id && Notification.manager.has(id)) {
      Notification.update({ id, ...notice, ...notice.options });
    } else if (isWanted && (!id || deploy.ended)) {
      id = Notification.emit(notice.message, notice.type, notice.options);
    }
    if (deploy.ended) {
      deploy.dispose();
    }
  };
  deploy.changed.connect(tell);
  tell();
}

interface INotice {
  message: string;
  type: 'in-progress' | 'success' | 'error' | 'info';
  options: Notification.IOptions<string>;
}

function noticeOf(deploy: Deploy, trans: TranslationBundle): INotice {
  const { release, tag, trouble } = deploy;
  if (deploy.serves) {
    const message = trans.__('%1 is verified and serves at %2', tag, deploy.launched.url);
    return { message, type: 'success', options: { autoClose: SHOWN } };
  }
  if (release?.state === 'cancelled') {
    return { message: trans.__('%1 was cancelled.', tag), type: 'info', options: { autoClose: SHOWN } };
  }
  if (deploy.ended && release) {
    const lines = [trans.__('%1 is %2.', tag, release.state), firstOf(release.reason), release.hint];
    const show = { label: trans.__('Show'), callback: () => showDetails(deploy, trans) };
    return { message: within(lines), type: 'error', options: { autoClose: false, actions: [show] } };
  }
  const state = trouble
    ? trans.__('%1: not connected, trying again', tag)
    : deploy.previews
      ? trans.__('%1 answers as a preview and is being verified …', tag)
      : trans.__('%1 is on its way …', tag);
  const cancel = {
    label: trans.__('Cancel'),
    caption: trans.__('Cancel %1', tag),
    callback: (event: MouseEvent): void => {
      event.preventDefault(); // the notification goes on to tell how it ends
      void deploy.cancel();
    }
  };
  return { message: state, type: 'in-progress', options: { autoClose: false, actions: [cancel] } };
}

/** Make lines fit into a notification: what goes first, and the others share the rest. */
function within(lines: string[]): string {
  const [what, ...others] = lines.filter(Boolean);
  const each = Math.floor((MOST - what.length - others.length) / Math.max(1, others.length));
  return [what, ...others.map(one => (one.length > each ? `${one.slice(0, each - 1)}…` : one))].join('\n');
}

function firstOf(text: string): string {
  return text.split('\n')[0];
}

function showDetails(deploy: Deploy, trans: TranslationBundle): void {
  const { release, tag } = deploy;
  const rows = (release?.differences ?? []).map(one =>
    trans.__('%1, golden row %2: notebook %3, release %4', one.method, one.row, one.expected, one.got)
  );
  const lines = [release?.reason ?? '', release?.hint ? `→ ${release.hint}` : '', ...rows].filter(Boolean);
  const text = React.createElement('pre', { className: 'jp-deploy-details', tabIndex: 0 }, lines.join('\n'));
  void showDialog({
    title: trans.__('%1 is %2', tag, release?.state ?? ''),
    body: ReactWidget.create(text),
    buttons: [Dialog.okButton({ label: trans.__('Close') })]
  });
}
