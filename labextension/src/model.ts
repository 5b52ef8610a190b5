/** The list of endpoints: one poll for everybody who looks, with back-off, and none while nobody does. */

import { DisposableDelegate, IDisposable } from '@lumino/disposable';
import { Poll } from '@lumino/polling';
import { ISignal, Signal } from '@lumino/signaling';

import { Problem } from './request';
import { IApi, IEndpoints, IOverview, ITrouble } from './tokens';

const SECOND = 1000; // milliseconds
const LONGEST = 15; // seconds between two tries while there is no answer
const QUIET = 5; // looks that found nothing new, after which nothing seems to happen
const REST = 6; // seconds between two looks then

/** Asks for the list again and again while it is watched. */
export class Endpoints implements IEndpoints {
  constructor(
    readonly api: IApi,
    private _interval = 2
  ) {
    this._poll = new Poll({
      auto: false,
      factory: () => this._look(),
      frequency: { interval: _interval * SECOND, backoff: true, max: LONGEST * SECOND },
      name: 'jupyterlab-deploy:endpoints',
      standby: () => (this._isWatched ? 'when-hidden' : true)
    });
  }

  get overview(): IOverview | null {
    return this._overview;
  }

  get trouble(): ITrouble | null {
    return this._trouble;
  }

  get changed(): ISignal<IEndpoints, void> {
    return this._changed;
  }

  get interval(): number {
    return this._interval;
  }

  set interval(seconds: number) {
    this._interval = seconds;
    this._pace();
  }

  get now(): number {
    return Date.now() / SECOND + this._ahead;
  }

  get nextLook(): number {
    return this._poll.state.timestamp + this._poll.state.interval;
  }

  get isDisposed(): boolean {
    return this._poll.isDisposed;
  }

  watch(visible: () => boolean): IDisposable {
    this._watchers.add(visible);
    void this._poll.start();
    return new DisposableDelegate(() => {
      this._watchers.delete(visible);
    });
  }

  async refresh(): Promise<void> {
    this._quiet = 0;
    await this._poll.refresh();
    await this._poll.tick.catch(() => undefined); // what went wrong stands in `trouble`
  }

  dispose(): void {
    this._poll.dispose();
    Signal.clearData(this);
  }

  private get _isWatched(): boolean {
    return [...this._watchers].some(visible => visible());
  }

  private async _look(): Promise<void> {
    const before = this._trouble;
    try {
      const found = await this.api.getUnless<IOverview>('summary', this._overview?.version ?? '');
      this._trouble = null;
      this._quiet = found ? 0 : this._quiet + 1;
      this._pace();
      if (found) {
        this._overview = found;
        this._ahead = found.now - Date.now() / SECOND;
      }
      if (found || before) {
        this._changed.emit();
      }
    } catch (error) {
      this._trouble = error instanceof Problem ? error : { kind: 'other', detail: `${error}`, hint: '' };
      this._changed.emit();
      throw error;
    }
  }

  /** Look less often while nothing happens. */
  private _pace(): void {
    const seconds = this._quiet < QUIET ? this._interval : Math.max(this._interval, REST);
    const max = Math.max(LONGEST, seconds) * SECOND;
    this._poll.frequency = { backoff: true, interval: seconds * SECOND, max };
  }

  private readonly _poll: Poll<void, unknown>;
  private readonly _changed = new Signal<this, void>(this);
  private readonly _watchers = new Set<() => boolean>();
  private _overview: IOverview | null = null;
  private _trouble: ITrouble | null = null;
  private _quiet = 0; // looks in a row that found nothing new
  private _ahead = 0; // seconds that the agent's clock is ahead of this browser's
}
