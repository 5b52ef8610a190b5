import type { TranslationBundle } from '@jupyterlab/translation';

import type { IKey } from '../../tokens';
import { ago } from '../panel/figures';

/**
 * Say whether a key opens nothing any more.
 *
 * @param key - The key.
 * @param now - Seconds since the epoch.
 * @returns Whether it was revoked, or has ended by itself.
 */
export function hasEnded(key: IKey, now: number): boolean {
  return key.revoked !== null || (key.expires !== null && key.expires <= now);
}

/**
 * Say what a key may do, or since when it may do nothing.
 *
 * @param trans - The translations.
 * @param key - The key.
 * @param now - Seconds since the epoch.
 * @returns A phrase for each.
 */
export function termsOf(trans: TranslationBundle, key: IKey, now: number): string[] {
  const methods =
    key.methods === null
      ? trans.__('every method')
      : key.methods.join(', ') || trans.__('descriptions and metrics alone');
  const end =
    key.revoked !== null
      ? trans.__('revoked %1', dateOf(key.revoked))
      : key.expires === null
        ? trans.__('never ends')
        : key.expires <= now
          ? trans.__('ended %1', dateOf(key.expires))
          : trans.__('until %1', dateOf(key.expires));
  return [methods, end];
}

/**
 * Say what a key was used for.
 *
 * @param trans - The translations.
 * @param key - The key.
 * @param now - Seconds since the epoch.
 * @returns A phrase for each.
 */
export function usesOf(trans: TranslationBundle, key: IKey, now: number): string[] {
  const used = key.used.toLocaleString();
  const today =
    key.quota === null
      ? trans._n('%1 request today', '%1 requests today', key.used)
      : trans.__('%1 of %2 requests today', used, key.quota.toLocaleString());
  const last =
    key.last_used === null
      ? trans.__('never used')
      : trans.__('last used %1', ago(trans, now - key.last_used));
  return [today, last];
}

/** Write a moment by the browser's own clock and language. */
function dateOf(moment: number): string {
  return new Date(moment * 1000).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' });
}
