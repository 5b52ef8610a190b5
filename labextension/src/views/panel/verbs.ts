import { Dialog, showDialog } from '@jupyterlab/apputils';
import * as React from 'react';

import type { IEndpoint, IRelease, ITrouble } from '../../tokens';
import { ended } from '../../widget/words';

import { IOptions, IPanel, usePanel } from './context';
import { troubleOf } from './hooks';
import { tagOf } from './words';

/** Something that can be done to an endpoint. */
export interface IVerb {
  /** What the button says. */
  label: string;
  /** What is said while it is being done. */
  busy: string;
  /** What is asked before; nothing where null. */
  ask: { title: string; body: string; setting: keyof IOptions } | null;
  /** Does it. */
  act: () => Promise<unknown>;
}

/** What is being done, and what went wrong the last time. */
export interface IDoing {
  /** What is being done now; empty where nothing is. */
  busy: string;
  trouble: ITrouble | null;
  /** Ask where the settings say so, do it, and look at the endpoints again. */
  run: (verb: IVerb) => void;
  /** Put the trouble away. */
  forget: () => void;
}

/**
 * Do one thing at a time, and tell how it goes.
 *
 * @param done - Called after each thing that was done.
 * @returns How it goes.
 */
export function useDoing(done: () => void): IDoing {
  const { trans, endpoints, options } = usePanel();
  const [busy, setBusy] = React.useState('');
  const [trouble, setTrouble] = React.useState<ITrouble | null>(null);
  const perform = async (verb: IVerb): Promise<void> => {
    if (verb.ask && options[verb.ask.setting]) {
      const buttons = [
        Dialog.cancelButton({ label: trans.__('Cancel') }),
        Dialog.warnButton({ label: verb.label })
      ];
      const answer = await showDialog({ title: verb.ask.title, body: verb.ask.body, buttons });
      if (!answer.button.accept) {
        return;
      }
    }
    setTrouble(null);
    setBusy(verb.busy);
    try {
      await verb.act();
    } catch (error) {
      setTrouble(troubleOf(error));
    } finally {
      setBusy('');
      done();
      void endpoints.refresh();
    }
  };
  return { busy, trouble, run: verb => void perform(verb), forget: () => setTrouble(null) };
}

/**
 * Let another release answer.
 *
 * @param panel - The panel.
 * @param endpoint - The endpoint.
 * @param release - The release that is to answer.
 * @returns What can be done; null where the release cannot answer.
 */
export function takeOver(panel: IPanel, endpoint: IEndpoint, release: IRelease): IVerb | null {
  const { trans } = panel;
  const { answering, name } = endpoint;
  if (!release.verified || release.number === answering || !ended(release)) {
    return null;
  }
  const tag = tagOf(name, release.number);
  const act = (verb: string) => () =>
    panel.endpoints.api.send('POST', `endpoints/${name}/${verb}`, { to: release.number });
  if (answering === null) {
    return {
      label: trans.__('Start %1', tag),
      busy: trans.__('Starting %1 …', tag),
      ask: null,
      act: act('promote')
    };
  }
  const body = trans.__(
    '%1 takes over from %2 at %3. No request is lost.',
    tag,
    tagOf(name, answering),
    endpoint.url
  );
  return release.number < answering
    ? {
        label: trans.__('Roll back to %1', tag),
        busy: trans.__('Rolling back to %1 …', tag),
        ask: { title: trans.__('Roll back to %1?', tag), body, setting: 'confirmRollback' },
        act: act('rollback')
      }
    : {
        label: trans.__('Promote %1', tag),
        busy: trans.__('Promoting %1 …', tag),
        ask: { title: trans.__('Promote %1?', tag), body, setting: 'confirmRollback' },
        act: act('promote')
      };
}

/**
 * Say what can be done to an endpoint, the most likely first.
 *
 * @param panel - The panel.
 * @param endpoint - The endpoint.
 * @returns What can be done, without removing it.
 */
export function verbsOf(panel: IPanel, endpoint: IEndpoint): IVerb[] {
  const { trans } = panel;
  const { name, answering, releases } = endpoint;
  const api = panel.endpoints.api;
  const cancels = releases
    .filter(release => !ended(release))
    .map(release => {
      const tag = tagOf(name, release.number);
      const act = (): Promise<unknown> =>
        api.send('POST', `endpoints/${name}/releases/${release.number}/cancel`);
      return { label: trans.__('Cancel %1', tag), busy: trans.__('Cancelling %1 …', tag), ask: null, act };
    });
  const newer = releases.find(
    release => release.number > (answering ?? 0) && takeOver(panel, endpoint, release)
  );
  const older = releases.find(
    release => release.number < (answering ?? 0) && takeOver(panel, endpoint, release)
  );
  const others = [newer, older].flatMap(release => (release && takeOver(panel, endpoint, release)) || []);
  const stop: IVerb = {
    label: trans.__('Stop'),
    busy: trans.__('Stopping %1 …', name),
    ask: {
      title: trans.__('Stop %1?', name),
      body: trans.__(
        'Callers are answered with status 503 until you start it again. Releases and keys are kept.'
      ),
      setting: 'confirmStop'
    },
    act: () => api.send('POST', `endpoints/${name}/stop`)
  };
  return [...cancels, ...others, ...(answering === null ? [] : [stop])];
}

/**
 * Remove an endpoint.
 *
 * @param panel - The panel.
 * @param name - The endpoint's name.
 * @param after - Called when it is gone.
 * @returns What can be done.
 */
export function removal(panel: IPanel, name: string, after: () => void): IVerb {
  const { trans } = panel;
  return {
    label: trans.__('Remove'),
    busy: trans.__('Removing %1 …', name),
    ask: {
      title: trans.__('Remove %1?', name),
      body: trans.__(
        'Its URL, releases and keys are gone for good. Whoever calls it is answered with status 404.'
      ),
      setting: 'confirmRemove'
    },
    act: async () => {
      await panel.endpoints.api.send('DELETE', `endpoints/${name}`);
      await panel.endpoints.refresh();
      after();
    }
  };
}
