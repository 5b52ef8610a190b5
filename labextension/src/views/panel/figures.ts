import type { TranslationBundle } from '@jupyterlab/translation';

/**
 * Write a length of time.
 *
 * @param trans - The translations.
 * @param seconds - The time in seconds; less than none counts as none.
 * @returns Such as `0.35 s`, `12 s`, `2 min 5 s`, `3 h` or `4 d`.
 */
export function span(trans: TranslationBundle, seconds: number): string {
  const time = Math.max(0, seconds);
  if (time < 9.95) {
    return trans.__('%1 s', time < 0.095 ? time.toPrecision(1) : time.toFixed(1));
  }
  if (time < 60) {
    return trans.__('%1 s', time.toFixed(0));
  }
  if (time < 3600) {
    return trans.__('%1 min %2 s', Math.floor(time / 60), Math.floor(time % 60));
  }
  return time < 172_800
    ? trans.__('%1 h', (time / 3600).toFixed(0))
    : trans.__('%1 d', (time / 86_400).toFixed(0));
}

/**
 * Write how long ago something was, without figures that change every second.
 *
 * @param trans - The translations.
 * @param seconds - How long ago, in seconds.
 * @returns Such as `just now`, `5 min ago` or `3 d ago`.
 */
export function ago(trans: TranslationBundle, seconds: number): string {
  if (seconds < 60) {
    return trans.__('just now');
  }
  if (seconds < 3600) {
    return trans.__('%1 min ago', Math.floor(seconds / 60));
  }
  return seconds < 172_800
    ? trans.__('%1 h ago', (seconds / 3600).toFixed(0))
    : trans.__('%1 d ago', (seconds / 86_400).toFixed(0));
}

/**
 * Write a rate.
 *
 * @param trans - The translations.
 * @param rate - Requests a second.
 * @returns Such as `0/s`, `3.4/s` or `1.2k/s`.
 */
export function perSecond(trans: TranslationBundle, rate: number): string {
  return trans.__('%1/s', short(rate));
}

/**
 * Write how long an answer took.
 *
 * @param trans - The translations.
 * @param seconds - The time in seconds; null where nothing was asked.
 * @returns Such as `4.1 ms`, `1.2 s`, or a dash.
 */
export function latency(trans: TranslationBundle, seconds: number | null): string {
  if (seconds === null) {
    return '–';
  }
  return seconds < 1 ? trans.__('%1 ms', short(seconds * 1000)) : trans.__('%1 s', short(seconds));
}

/**
 * Write a number of bytes.
 *
 * @param trans - The translations.
 * @param count - Bytes.
 * @returns Such as `12 kB` or `3.4 MB`.
 */
export function bytes(trans: TranslationBundle, count: number): string {
  if (count < 1e6) {
    return trans.__('%1 kB', count === 0 ? 0 : Math.max(1, Math.round(count / 1000)));
  }
  return count < 1e9
    ? trans.__('%1 MB', (count / 1e6).toFixed(1))
    : trans.__('%1 GB', (count / 1e9).toFixed(1));
}

/**
 * Write a number with as many digits as help.
 *
 * @param value - The number.
 * @returns Such as `0`, `0.04`, `3.4`, `120` or `1.2k`.
 */
export function short(value: number): string {
  if (value >= 999.5) {
    return `${(value / 1000).toPrecision(2).replace(/\.0$/, '')}k`;
  }
  if (value >= 9.95) {
    return value.toFixed(0);
  }
  return value >= 0.095 ? value.toFixed(1).replace(/\.0$/, '') : `${Number(value.toPrecision(1))}`;
}
