import type { TranslationBundle } from '@jupyterlab/translation';

import type { IBrief, IEndpoint, IRelease, ISummary } from '../../tokens';
import { broken } from '../../widget/words';

/**
 * How a release or an endpoint stands, in one word.
 */
export type Standing =
  'verified' | 'preview' | 'starting' | 'refused' | 'failed' | 'cancelled' | 'retired' | 'stopped';

/**
 * Signs that stand beside the words, so that no state is told by colour alone.
 */
export const SIGNS: Record<Standing, string> = {
  verified: '✓',
  preview: '◐',
  starting: '…',
  refused: '✗',
  failed: '✗',
  cancelled: '✗',
  retired: '−',
  stopped: '■'
};

/**
 * Say how an endpoint stands for its callers.
 *
 * @param one - The endpoint.
 * @returns `verified` or `preview` where something answers; otherwise how the newest release stands, or `stopped`.
 */
export function standingOf(one: ISummary): Standing {
  if (one.answering !== null) {
    return one.state === 'preview' ? 'preview' : 'verified';
  }
  if (one.newest === null || (one.newest.ended && !broken(one.newest))) {
    return 'stopped';
  }
  return one.newest.ended ? (one.newest.state as Standing) : 'starting';
}

/**
 * Say how a release stands.
 *
 * @param release - The release.
 * @param answering - The number of the release that answers at the endpoint's URL.
 * @returns Its word.
 */
export function standingOfRelease(release: IRelease, answering: number | null): Standing {
  if (release.state === 'serving') {
    return 'verified';
  }
  if (broken(release) || release.state === 'retired') {
    return release.state as Standing;
  }
  return release.url || answering === release.number ? 'preview' : 'starting';
}

/**
 * Find what there is to tell about the newest release beside what answers.
 *
 * @param one - The endpoint.
 * @returns The newest release where it is on its way or was not let through; null otherwise.
 */
export function newsOf(one: ISummary): IBrief | null {
  const newest = one.newest;
  if (newest === null || (one.answering === null && newest.ended)) {
    return null;
  }
  return !newest.ended || broken(newest) ? newest : null;
}

/**
 * Say what callers get while a release is on its way or after it was not let through.
 *
 * @param trans - The translations.
 * @param endpoint - The endpoint.
 * @param release - The release.
 * @returns A sentence; empty where it is plain from the release's own state.
 */
export function situationOf(trans: TranslationBundle, endpoint: IEndpoint, release: IRelease): string {
  const { answering, name, url } = endpoint;
  if (answering === null || release.state === 'serving' || release.state === 'retired') {
    return '';
  }
  if (answering === release.number) {
    return broken(release) ? trans.__('The unverified preview still answers at %1.', url) : '';
  }
  const tag = tagOf(name, answering);
  return release.url && release.url !== url
    ? trans.__('This preview answers at a path of its own; %1 goes on answering at %2.', tag, url)
    : trans.__('%1 goes on answering at %2.', tag, url);
}

/**
 * Translate how something stands.
 *
 * @param trans - The translations.
 * @param standing - How it stands.
 * @returns The word for people.
 */
export function wordOf(trans: TranslationBundle, standing: Standing): string {
  switch (standing) {
    case 'verified':
      return trans.__('verified');
    case 'preview':
      return trans.__('preview');
    case 'starting':
      return trans.__('starting');
    case 'refused':
      return trans.__('refused');
    case 'failed':
      return trans.__('failed');
    case 'cancelled':
      return trans.__('cancelled');
    case 'retired':
      return trans.__('retired');
    case 'stopped':
      return trans.__('stopped');
  }
}

/**
 * Translate the name of a stage.
 *
 * @param trans - The translations.
 * @param stage - The stage's name, as the agent tells it.
 * @returns The word for people; the name itself where it is not known.
 */
export function stageWord(trans: TranslationBundle, stage: string): string {
  const words: Record<string, string> = {
    captured: trans.__('captured'),
    preview: trans.__('preview'),
    locked: trans.__('locked'),
    environment: trans.__('environment'),
    bundled: trans.__('bundled'),
    verified: trans.__('verified'),
    serving: trans.__('serving'),
    compiled: trans.__('compiled')
  };
  return words[stage] ?? stage;
}

/**
 * Write a release's name.
 *
 * @param endpoint - The endpoint's name.
 * @param number - The release's number.
 * @returns Such as `churn@7`.
 */
export function tagOf(endpoint: string, number: number): string {
  return `${endpoint}@${number}`;
}
