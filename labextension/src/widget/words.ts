/** What is told of a release and its endpoint, in words; the same as the kernel's own card tells. Panel and form read the stages of a release here too. */

import type { IRelease, IStage } from '../tokens';

/** The stages that every release goes through. */
export const STAGES = ['captured', 'preview', 'locked', 'environment', 'bundled', 'verified', 'serving'];
const ENDED = new Set(['serving', 'refused', 'failed', 'cancelled', 'retired']);
const BROKEN = new Set(['refused', 'failed', 'cancelled']);

/** How a stage stands. */
export type Mark = 'done' | 'running' | 'waiting' | 'wrong' | 'skipped';

/** The sign of each mark, for those who do not see its colour. */
export const SIGNS: Record<Mark, string> = {
  done: '✓',
  running: '…',
  waiting: '○',
  wrong: '✗',
  skipped: '-'
};

/** What the widget needs to know of an endpoint. */
export interface IStanding {
  name: string;
  url: string;
  answering: number | null;
  state: string;
}

/** One stage as it is shown. */
export interface IStep {
  name: string;
  mark: Mark;
  seconds: number | null;
  detail: string;
}

/** Whether nothing more will happen to a release by itself. */
export function ended(release: Pick<IRelease, 'state'>): boolean {
  return ENDED.has(release.state);
}

/** Whether a release came to nothing. */
export function broken(release: Pick<IRelease, 'state'>): boolean {
  return BROKEN.has(release.state);
}

/** How far a release has come, so that what was asked earlier and answered later is not shown. */
export function progress(release: IRelease): number {
  const finished = release.stages.filter(stage => stage.seconds !== null).length;
  return ended(release) ? Infinity : release.stages.length + finished;
}

/** How a release stands, in one word. */
export function state(release: IRelease, answering: number | null): string {
  if (release.state === 'serving') {
    return 'verified';
  }
  if (ended(release)) {
    return release.state;
  }
  return release.url || answering === release.number ? 'preview' : 'starting';
}

/** Lay a release's journal along the stages. */
export function steps(release: IRelease, now: number): IStep[] {
  const last = new Map(release.stages.map(stage => [stage.name, stage]));
  const done = STAGES.map(name => typeof last.get(name)?.seconds === 'number');
  const furthest = Math.max(0, done.lastIndexOf(true));
  return STAGES.map((name, at) => {
    const stage = last.get(name);
    const mark = markOf(stage, at - furthest, release);
    const running = stage && mark === 'running' ? Math.max(0, now - stage.started) : null;
    return { name, mark, seconds: stage?.seconds ?? running, detail: stage?.detail ?? '' };
  });
}

function markOf(stage: IStage | undefined, ahead: number, release: IRelease): Mark {
  if (!stage) {
    if (broken(release) && ahead === 1) {
      return 'wrong';
    }
    return ended(release) || ahead < 0 ? 'skipped' : 'waiting';
  }
  if (stage.seconds === null) {
    return ended(release) ? 'wrong' : 'running';
  }
  return /^(no preview|not asked for)/.test(stage.detail) ? 'skipped' : 'done';
}

/** Where callers of the endpoint are answered, where that is not plain from the release. */
export function situation(release: IRelease, endpoint: IStanding): string {
  const { answering, url } = endpoint;
  if (state(release, answering) === 'starting') {
    const tried = release.stages.find(stage => stage.name === 'preview' && stage.seconds !== null);
    return tried ? `Preview: ${tried.detail}.` : '';
  }
  if (answering === null) {
    return ended(release) ? `Nothing answers at ${url}.` : '';
  }
  if (answering === release.number) {
    return ended(release) && release.state !== 'serving'
      ? `The unverified preview still answers at ${url}.`
      : '';
  }
  const kind = endpoint.state ? ` (${endpoint.state})` : '';
  const other = `${endpoint.name}@${answering}${kind} answers at ${url}.`;
  return release.url && !ended(release) ? `This preview answers at a path of its own; ${other}` : other;
}

/** What was compared before a release was let through, and whether a faster form of its model answers. */
export function proofs(release: IRelease): string[] {
  const found = [...release.stages].reverse();
  const verified = found.find(stage => stage.name === 'verified' && stage.seconds !== null);
  const compiled = found.find(stage => stage.name === 'compiled');
  const looking = 'a faster form is being looked for';
  const form = compiled ? (compiled.seconds === null ? looking : compiled.detail) : '';
  const proof = release.verified && verified ? verified.detail : '';
  return [proof, form && form[0].toUpperCase() + form.slice(1)].filter(Boolean);
}

/** Write a length of time. */
export function span(seconds: number): string {
  if (seconds < 9.95) {
    return `${seconds < 0.095 ? Number(seconds.toPrecision(1)) : seconds.toFixed(1)} s`;
  }
  if (seconds < 60) {
    return `${Math.round(seconds)} s`;
  }
  return seconds < 3600
    ? `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`
    : `${Math.round(seconds / 3600)} h`;
}

/** Write the time of day of a moment in seconds since the epoch. */
export function clock(at: number): string {
  return new Date(1000 * at).toLocaleTimeString([], { hour12: false });
}

/** Which verified release the endpoint can go over to: a newer one, or an older one. */
export function others(
  releases: IRelease[],
  answering: number | null
): { newer: number | null; older: number | null } {
  const ready = releases.filter(one => one.verified && one.number !== answering).map(one => one.number);
  const now = answering ?? 0;
  const newer = ready.filter(number => number > now);
  const older = ready.filter(number => number < now);
  return { newer: newer.length ? Math.max(...newer) : null, older: older.length ? Math.max(...older) : null };
}
