/** What a widget knows: first from the kernel, then from the Jupyter server, which goes on when the kernel is busy or has gone. */

import type { AnyModel } from '@anywidget/types';

import type { IEndpoint, IRelease, ISample, ISeries } from '../tokens';
import { IRange, RANGES } from './figures';
import { Http, Problem, reach, text } from './http';
import { ended, IStanding, progress } from './words';

/** What the kernel tells. */
export interface IShown {
  endpoint: IStanding;
  release: IRelease;
  about: string;
  note: string;
  now: number;
}

/** The state of a widget. */
export interface IState extends Record<string, unknown> {
  shown: IShown;
  details: { findings: string; contract: string; call: string };
  home: string;
}

interface IMessage {
  sample?: ISample;
  series?: ISeries;
  trouble?: string;
}

const STANDING = 5000; // milliseconds between two looks at which release answers
const LEASE = 60_000; // milliseconds after which the kernel is asked again for figures
const LONGEST = 15_000; // milliseconds between two tries
const REACH = 4000; // milliseconds until the server is asked again whether it can be used
const STALE = 15_000; // milliseconds after which figures from the kernel are told to be old

/** What is shown in every view of one widget. */
export class Watch {
  endpoint: IStanding;
  release: IRelease;
  releases: IRelease[] = [];
  samples: ISample[] = [];
  range: IRange = RANGES[0];
  paused = false;
  /** The server's part; null where it cannot be used. */
  http: Http | null = null;
  /** Why it cannot; empty while that is not known. */
  absent = '';
  /** Why what is shown may be old; empty while it is not. */
  trouble = '';

  constructor(readonly model: AnyModel<IState>) {
    const { endpoint, release } = model.get('shown'); // maybe of long ago, so its time tells nothing of the clocks
    this.endpoint = endpoint;
    this.release = release;
    model.on('change:shown', this._told);
    model.on('change:details', this._tell);
    model.on('msg:custom', this._received);
    document.addEventListener('visibilitychange', this._consider);
  }

  /** Seconds since the epoch, by the agent's clock. */
  get now(): number {
    return Date.now() / 1000 + this._skew;
  }

  /** When the newest figures came, in seconds since the epoch by the agent's clock; 0 before the first. */
  get asOf(): number {
    return this._seen ? this._seen / 1000 + this._skew : 0;
  }

  /** Call back after each change. */
  join(listener: () => void): void {
    this._listeners.set(listener, false);
  }

  /** Say whether a view is seen. */
  see(listener: () => void, visible: boolean): void {
    this._listeners.set(listener, visible);
    this._consider();
  }

  /** End calling back. */
  leave(listener: () => void): void {
    this._listeners.delete(listener);
    this._consider();
  }

  /** Look at another span of time. */
  choose(range: IRange): void {
    this.range = range;
    this.samples = [];
    this.paused = false;
    this._again();
  }

  /** Let the figures stand still, or go on. */
  pause(paused: boolean): void {
    this.paused = paused;
    this._again();
  }

  /** Do something to the endpoint, and look at once at what came of it. */
  async act(path: string, body: object): Promise<void> {
    if (!this.http) {
      throw new Problem(this.absent);
    }
    await this.http.post(`endpoints/${this.endpoint.name}/${path}`, body);
    this._again();
  }

  /** End. */
  dispose(): void {
    document.removeEventListener('visibilitychange', this._consider);
    this._listeners.clear();
    this._consider();
  }

  private readonly _tell = (): void => this._listeners.forEach((_, listener) => listener());

  private readonly _told = (): void => {
    const { endpoint, release, now } = this.model.get('shown');
    this._skew = now - Date.now() / 1000;
    this._take(endpoint, release);
    this._tell();
  };

  private readonly _received = (message: IMessage): void => {
    if (this.paused || this.http) {
      return;
    }
    if (message.series?.span === this.range.seconds) {
      this._figured(message.series);
    } else if (message.sample && this.range === RANGES[0]) {
      const oldest = message.sample.at - this.range.seconds;
      this.samples = [
        ...this.samples.filter(one => one.at > oldest && one.at < (message.sample?.at ?? 0)),
        message.sample
      ];
      this._seen = Date.now();
      this.trouble = '';
    }
    this.trouble = message.trouble ?? this.trouble;
    this._tell();
  };

  private readonly _consider = (): void => {
    const wanted = !document.hidden && [...this._listeners.values()].includes(true);
    if (wanted && !this._running) {
      this._running = new AbortController();
      void this._run(this._running.signal);
    } else if (!wanted && this._running) {
      this._running.abort();
      this._wake();
      this._running = null;
      this._rest();
    }
  };

  private _again(): void {
    this._looked = 0;
    this._figuredAt = 0;
    this._kernelAsked = 0;
    this._wake();
    this._tell();
  }

  private async _run(signal: AbortSignal): Promise<void> {
    let wait = 1000;
    while (!signal.aborted) {
      const fine = await this._turn();
      if (!signal.aborted) {
        this._tell();
      }
      wait = fine ? this._untilNext() : Math.min(2 * wait, LONGEST);
      await new Promise<void>(resolve => {
        const timer = setTimeout(resolve, wait);
        this._wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  /** Milliseconds until a sample may be there that was not there at the last look. */
  private _untilNext(): number {
    const age = this.now - (this.samples.at(-1)?.at ?? 0);
    return age > 3 ? 1000 : Math.min(1000, Math.max(250, 1000 * (1.1 - age)));
  }

  /** Look once; says whether to look again soon. */
  private async _turn(): Promise<boolean> {
    if (!this.http && Date.now() > this._reachAgain) {
      const reached = await reach(this.model.get('home'));
      this._reachAgain = reached.final ? Infinity : Date.now() + REACH;
      this.http = reached.http;
      this.absent = reached.why;
    }
    if (!this.http) {
      this._askKernel();
      return true;
    }
    try {
      this._rest();
      await Promise.all([this._stand(this.http), this._figure(this.http)]);
      this.trouble = '';
      return true;
    } catch (error) {
      this.trouble = text(error);
      if (error instanceof Problem && error.told) {
        this.releases = [];
      } else {
        this.http = null; // the kernel may know more until the server answers again
        this._reachAgain = 0;
      }
      return false;
    }
  }

  private async _stand(http: Http): Promise<void> {
    if (Date.now() - this._looked < (ended(this.release) ? STANDING : 0)) {
      return;
    }
    this._looked = Date.now();
    const found = await http.get<IEndpoint>(`endpoints/${this.endpoint.name}`);
    this.releases = found.releases;
    this._take(
      found,
      found.releases.find(one => one.number === this.release.number)
    );
  }

  private async _figure(http: Http): Promise<void> {
    if (this.paused || Date.now() - this._figuredAt < 1000 * this.range.every - 800) {
      return;
    }
    this._figuredAt = Date.now();
    const range = this.range;
    const since = range === RANGES[0] ? (this.samples.at(-1)?.at ?? 0) : 0;
    const query = { span: `${range.seconds}`, ...(since ? { since: `${since}` } : {}) };
    const series = await http.get<ISeries>(`endpoints/${this.endpoint.name}/samples`, query);
    if (range === this.range && !this.paused) {
      this._figured(series, since);
    }
  }

  private _figured(series: ISeries, since = 0): void {
    const kept = since
      ? this.samples.filter(one => one.at <= since && one.at > series.now - series.span)
      : [];
    this.samples = [...kept, ...series.samples.filter(one => one.at > since)];
    this._skew = series.now - Date.now() / 1000;
    this._seen = Date.now();
  }

  private _take(endpoint: IStanding, release: IRelease | undefined): void {
    this.endpoint = endpoint;
    if (release && (ended(release) || progress(release) >= progress(this.release))) {
      this.release = release;
    }
  }

  private _askKernel(): void {
    if (Date.now() - this._kernelAsked > LEASE) {
      this._kernelAsked = Date.now();
      this.model.send({ do: 'watch' });
      this.model.send({ do: 'history', span: this.range.seconds });
    }
    if (this._seen && Date.now() - this._seen > STALE && !this.paused && this.range === RANGES[0]) {
      this.trouble ||= 'The kernel sends no figures.';
    }
  }

  private _rest(): void {
    if (this._kernelAsked || !this._rested) {
      this._kernelAsked = 0;
      this._rested = true;
      this.model.send({ do: 'rest' });
    }
  }

  private readonly _listeners = new Map<() => void, boolean>();
  private _running: AbortController | null = null;
  private _wake: () => void = () => undefined;
  private _skew = 0;
  private _seen = 0;
  private _looked = 0;
  private _figuredAt = 0;
  private _reachAgain = 0;
  private _kernelAsked = 0;
  private _rested = false;
}
