import type { IRelease, IStage } from '../../tokens';

/** The stages that every release goes through, in order. */
const STAGES = ['captured', 'preview', 'locked', 'environment', 'bundled', 'verified', 'serving'];
const NOT_DONE = ['no preview', 'not asked for']; // how the journal's line of a stage begins that was passed over
const BROKEN = ['refused', 'failed', 'cancelled'];
const ENDED = [...BROKEN, 'serving', 'retired'];

/** How a stage stands. */
export type Mark = 'done' | 'running' | 'waiting' | 'wrong' | 'skipped';

/** One stage as it is shown. */
export interface IStep {
  name: string;
  mark: Mark;
  /** How long it took or has been running; null where it did not begin. */
  seconds: number | null;
  detail: string;
}

/**
 * Say whether nothing more will happen to a release by itself.
 *
 * @param release - The release.
 * @returns Whether it has ended.
 */
export function ended(release: IRelease): boolean {
  return ENDED.includes(release.state);
}

/**
 * Lay a release's journal along the stages that every release goes through.
 *
 * @param release - The release.
 * @param now - Seconds since the epoch, by the agent's clock.
 * @returns One step a stage, in order.
 */
export function steps(release: IRelease, now: number): IStep[] {
  const last = new Map(release.stages.map(stage => [stage.name, stage]));
  const isFinished = (name: string): boolean => (last.get(name)?.seconds ?? null) !== null;
  const furthest = Math.max(0, ...STAGES.map((name, at) => (isFinished(name) ? at : 0)));
  return STAGES.map((name, at) => {
    const stage = last.get(name);
    const mark = markOf(stage, at - furthest, release);
    const running = stage && mark === 'running' ? Math.max(0, now - stage.started) : null;
    return { name, mark, seconds: stage?.seconds ?? running, detail: stage?.detail ?? '' };
  });
}

/** How a stage stands that lies so many stages ahead of the furthest one in the journal. */
function markOf(stage: IStage | undefined, ahead: number, release: IRelease): Mark {
  const isEnded = ended(release);
  if (!stage) {
    // the journal of a release that ended keeps finished stages alone, so the next one is where it broke
    const broke = BROKEN.includes(release.state) && ahead === 1;
    return broke ? 'wrong' : isEnded || ahead < 0 ? 'skipped' : 'waiting';
  }
  if (stage.seconds === null) {
    return isEnded ? 'wrong' : 'running';
  }
  return NOT_DONE.some(text => stage.detail.startsWith(text)) ? 'skipped' : 'done';
}
