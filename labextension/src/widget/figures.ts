/** The figures of an endpoint as numbers and as lines; the same as the kernel's own text tells. */

import type { ISample } from '../tokens';

/** A span of time that can be looked at. */
export interface IRange {
  seconds: number;
  label: string;
  /** Seconds between two looks. */
  every: number;
}

/** The spans. */
export const RANGES: IRange[] = [
  { seconds: 300, label: '5 min', every: 1 },
  { seconds: 3600, label: '1 h', every: 15 },
  { seconds: 86400, label: '24 h', every: 60 }
];

/** One line of a chart. */
export interface ILine {
  name: string;
  take: (sample: ISample) => number | null;
}

/** One chart. */
export interface IChart {
  title: string;
  lines: ILine[];
}

/** One number in words. */
export interface INumber {
  name: string;
  value: string;
}

const RECENT = 10;
const RELEASES = 4;
const NONE = '-';

/** The charts of some samples. */
export function charts(samples: ISample[]): IChart[] {
  const tags = [...new Set(samples.flatMap(one => Object.keys(one.split)))].sort(byNumber).slice(-RELEASES);
  return [
    {
      title: 'Requests/s',
      lines: [{ ...aSecond('requests'), name: 'all' }, aSecond('errors'), aSecond('refused')]
    },
    { title: 'Latency, ms', lines: (['p50', 'p95', 'p99'] as const).map(milliseconds) },
    { title: 'Rows/s', lines: [aSecond('rows')] },
    {
      title: 'Requests/s by release',
      lines: tags.map(tag => ({ name: tag, take: one => (one.split[tag] ?? 0) / one.seconds }))
    },
    {
      title: 'Workers and queue',
      lines: [
        { name: 'workers', take: one => one.workers },
        { name: 'queue', take: one => one.queue }
      ]
    },
    { title: 'Memory, MB', lines: [{ name: 'memory', take: one => one.memory / 1e6 }] }
  ];
}

/** What happens now: rate, latency, workers, queue and memory. */
export function present(samples: ISample[], now: number): INumber[] {
  const fresh = Math.max(RECENT, 2.5 * (samples.at(-1)?.seconds ?? 0));
  const recent = samples.filter(one => now - one.at <= fresh);
  const last = recent.at(-1);
  const tried = [...samples].reverse().find(one => one.p50 !== null);
  const seconds = total(recent, one => one.seconds);
  const rate = seconds ? total(recent, one => one.requests) / seconds : 0;
  return [
    { name: 'rate', value: `${short(rate)}/s` },
    ...(['p50', 'p95', 'p99'] as const).map(name => ({ name, value: latency(tried?.[name] ?? null) })),
    { name: 'workers', value: last ? `${last.workers}` : NONE },
    { name: 'queue', value: last ? `${last.queue}` : NONE },
    { name: 'memory', value: last?.memory ? `${short(last.memory / 1e6)} MB` : NONE }
  ];
}

/** What happened in the whole span: counts, and which releases answered. */
export function whole(samples: ISample[]): INumber[] {
  const names = ['requests', 'rows', 'errors', 'refused', 'restarts'] as const;
  const counted = names.map(name => ({ name, value: total(samples, one => one[name]).toLocaleString('en') }));
  return [...counted, { name: 'answered by', value: share(samples) }];
}

/** The columns that are drawn: times first; a gap where samples are missing. */
export function columns(samples: ISample[], lines: ILine[]): (number | null)[][] {
  const drawn: (number | null)[][] = [[], ...lines.map(() => [])];
  let before: ISample | undefined;
  for (const one of samples) {
    if (before && one.at - before.at > 1.5 * Math.max(one.seconds, before.seconds)) {
      drawn.forEach((column, at) => column.push(at ? null : (before?.at ?? 0) + 1e-3));
    }
    drawn[0].push(one.at);
    lines.forEach((line, at) => drawn[at + 1].push(line.take(one)));
    before = one;
  }
  return drawn;
}

/** Write a number with three digits. */
export function short(value: number): string {
  return Number(value.toPrecision(3)).toLocaleString('en');
}

function latency(seconds: number | null): string {
  if (seconds === null) {
    return NONE;
  }
  return seconds < 1 ? `${short(1000 * seconds)} ms` : `${short(seconds)} s`;
}

function share(samples: ISample[]): string {
  const counts = new Map<string, number>();
  for (const one of samples) {
    for (const [tag, count] of Object.entries(one.split)) {
      counts.set(tag, (counts.get(tag) ?? 0) + count);
    }
  }
  const all = [...counts.values()].reduce((sum, count) => sum + count, 0);
  const parts = [...counts].filter(([, count]) => count).sort((a, b) => b[1] - a[1]);
  return parts.map(([tag, count]) => `${tag} ${short((100 * count) / all)} %`).join(', ') || NONE;
}

function total(samples: ISample[], take: (sample: ISample) => number): number {
  return samples.reduce((sum, one) => sum + take(one), 0);
}

function aSecond(name: 'requests' | 'errors' | 'refused' | 'rows'): ILine {
  return { name, take: one => one[name] / one.seconds };
}

function milliseconds(name: 'p50' | 'p95' | 'p99'): ILine {
  return {
    name,
    take: one => {
      const seconds = one[name];
      return seconds === null ? null : 1000 * seconds;
    }
  };
}

function byNumber(one: string, other: string): number {
  return (
    Number(one.split('@')[1]?.match(/^\d+/)?.[0] ?? 0) - Number(other.split('@')[1]?.match(/^\d+/)?.[0] ?? 0)
  );
}
