import type { TranslationBundle } from '@jupyterlab/translation';

/**
 * Write a number of bytes for people.
 *
 * @param trans - The translations.
 * @param bytes - How many; 0 where nothing is known.
 * @param whole - Whether that is all of it.
 * @returns Such as `12 kB` or `at least 3.4 MB`.
 */
export function sizeOf(trans: TranslationBundle, bytes: number, whole = true): string {
  const text =
    bytes < 1e6
      ? `${Math.max(1, Math.round(bytes / 1e3))} kB`
      : bytes < 1e9
        ? `${(bytes / 1e6).toFixed(1)} MB`
        : `${(bytes / 1e9).toFixed(1)} GB`;
  return whole ? text : trans.__('at least %1', text);
}

/**
 * Name what callers can call.
 *
 * @param trans - The translations.
 * @param method - A method's name; empty for the function or object itself.
 * @returns The name.
 */
export function callable(trans: TranslationBundle, method: string): string {
  return method || trans.__('is called itself');
}
