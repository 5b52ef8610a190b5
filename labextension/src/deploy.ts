/** One release on its way: follows it until it has ended, also when the connection breaks off, and cancels it. */

import { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import { ILaunched } from './kernel';
import { Problem } from './request';
import { IApi, IRelease, ITrouble } from './tokens';
import { ended } from './widget/words';

const NO_PREVIEW = ['no preview', 'not asked for']; // how the journal's line begins where there is none
const SOONEST = 1000; // milliseconds until a stream that broke off is taken up again
const LATEST = 30_000;

/** Follows one release. */
export class Deploy implements IDisposable {
  constructor(
    private readonly _api: IApi,
    readonly launched: ILaunched
  ) {
    void this._follow();
  }

  /** The release as it is now; null before the first word of it. */
  get release(): IRelease | null {
    return this._release;
  }

  /** Why nothing is heard of it; null while something is. */
  get trouble(): ITrouble | null {
    return this._trouble;
  }

  /** Whether nothing more will happen to it by itself. */
  get ended(): boolean {
    return this._release !== null && ended(this._release);
  }

  /** Whether it came to serve. */
  get serves(): boolean {
    return (
      this._release?.state === 'serving' || (this._release?.state === 'retired' && this._release.verified)
    );
  }

  /** Whether it answers before it is verified. */
  get previews(): boolean {
    const preview = this._release?.stages.find(stage => stage.name === 'preview' && stage.seconds !== null);
    return preview !== undefined && !NO_PREVIEW.some(text => preview.detail.startsWith(text));
  }

  /** The release's name, such as `churn@7`. */
  get tag(): string {
    return `${this.launched.endpoint}@${this.launched.number}`;
  }

  /** Emitted after each change. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get isDisposed(): boolean {
    return this._leaving.signal.aborted;
  }

  /** Stop the release; what answered before goes on answering. */
  async cancel(): Promise<void> {
    await this._api.send('POST', `${this._path}/cancel`);
  }

  dispose(): void {
    this._leaving.abort();
    Signal.clearData(this);
  }

  private get _path(): string {
    return `endpoints/${this.launched.endpoint}/releases/${this.launched.number}`;
  }

  private async _follow(): Promise<void> {
    let pause = SOONEST;
    while (!this.ended && !this.isDisposed) {
      try {
        for await (const release of this._api.lines<IRelease>(`${this._path}/events`, this._leaving.signal)) {
          this._tell(release, null);
          pause = SOONEST;
        }
      } catch (error) {
        if (this.isDisposed) {
          return;
        }
        const trouble: ITrouble =
          error instanceof Problem ? error : { kind: 'network', detail: `${error}`, hint: '' };
        this._tell(this._release, trouble);
      }
      if (!this.ended) {
        await new Promise(resolve => window.setTimeout(resolve, pause));
        pause = Math.min(2 * pause, LATEST);
      }
    }
  }

  private _tell(release: IRelease | null, trouble: ITrouble | null): void {
    this._release = release;
    this._trouble = trouble;
    this._changed.emit();
  }

  private readonly _changed = new Signal<this, void>(this);
  private readonly _leaving = new AbortController();
  private _release: IRelease | null = null;
  private _trouble: ITrouble | null = null;
}
