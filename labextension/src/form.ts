/** What the form knows and does: finds the kernel, waits for it, lists its variables, checks one of them, deploys it. No DOM. */

import { ISessionContext } from '@jupyterlab/apputils';
import { Kernel } from '@jupyterlab/services';
import { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import { Deploy } from './deploy';
import {
  IAsked,
  ICandidate,
  ILaunched,
  IPlan,
  IQuestions,
  IVariables,
  KernelProblem,
  SUPERSEDED,
  ask
} from './kernel';
import { Problem } from './request';
import { IApi } from './tokens';

/** What an endpoint can be called. */
export const NAME = /^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$/;

const STARTING = 5000; // milliseconds after which a kernel that does not come is offered
/** Bytes up to which a model is checked as soon as it is chosen. */
export const LIGHT = 200e6;

/** How far the form has come with its kernel. */
export type Phase = 'none' | 'starting' | 'foreign' | 'listing' | 'ready' | 'trouble' | 'launched';

/** What is being done. */
export type Doing = '' | 'checking' | 'launching' | 'cancelling';

/** The state of one form. */
export class Form implements IDisposable {
  constructor(
    readonly session: ISessionContext,
    private readonly _api: IApi,
    wish: Partial<IAsked>
  ) {
    this.asked = { expression: '', name: '', example: '', settings: {}, more: '', ...wish };
    this._named = Boolean(wish.name);
    session.kernelChanged.connect(this._begin, this);
    session.statusChanged.connect(this._tell, this);
    void this._begin();
    void session.ready.then(() => (this.phase === 'starting' ? this._begin() : undefined));
  }

  phase: Phase = 'starting';
  variables: IVariables | null = null;
  asked: IAsked;
  /** What the check found; null before. */
  plan: IPlan | null = null;
  /** What went wrong the last time; null where nothing did. */
  problem: KernelProblem | null = null;
  doing: Doing = '';
  /** What was launched. */
  deploy: Deploy | null = null;
  /** The kernel's language, where it is not Python. */
  language = '';

  /** Emitted after each change. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  /** Whether the kernel has to become idle before it can be asked. */
  get waits(): boolean {
    return this._waits;
  }

  /** The chosen variable; null where an expression was typed. */
  get chosen(): ICandidate | null {
    return this.variables?.candidates.find(one => one.expression === this.asked.expression) ?? null;
  }

  /** Whether all is there for a deploy. */
  get canDeploy(): boolean {
    const isFree = this.doing === '' || this.doing === 'checking';
    const isFit = this.problem === null && !this.chosen?.why;
    const { expression, name } = this.asked;
    return this.phase === 'ready' && isFree && isFit && expression !== '' && (name === '' || NAME.test(name));
  }

  /** Choose what to deploy; its endpoint is called after it unless it was given a name. */
  choose(expression: string): void {
    const known = this.variables?.candidates.find(one => one.expression === expression);
    const name = this._named ? this.asked.name : (known?.name ?? '');
    this.asked = { ...this.asked, expression, name };
    this._forget();
    if (known && !known.why && known.size < LIGHT) {
      void this.check();
    }
  }

  /** Change how it is deployed. */
  change(part: Partial<IAsked>): void {
    this._named = this._named || part.name !== undefined;
    this.asked = { ...this.asked, ...part, settings: { ...this.asked.settings, ...part.settings } };
    if (part.example !== undefined || part.expression !== undefined || part.more !== undefined) {
      this._forget();
    }
    this.problem = null;
    this._tell();
  }

  /** Look for the variables again. */
  again(): Promise<void> {
    return this._begin();
  }

  /** Start the kernel that the notebook names, or else the default one. */
  async start(): Promise<void> {
    this._move('starting');
    const { kernelPreference, specsManager } = this.session;
    const known = specsManager.specs;
    const named = kernelPreference.name ?? '';
    try {
      await this.session.changeKernel({ name: known?.kernelspecs[named] ? named : known?.default });
    } catch (error) {
      this._fail(error, 'variables', new AbortController().signal);
      this._tell();
    }
  }

  /** Find out what a deploy would take along. */
  async check(): Promise<void> {
    this._stop();
    const plan = await this._ask('preflight', 'checking');
    if (plan) {
      this.plan = plan;
      this._tell();
    }
  }

  /** Deploy; one that is cancelled when it has already left the kernel is cancelled where it is. */
  async launch(): Promise<void> {
    this._stop();
    const launched = await this._ask('launch', 'launching');
    if (launched) {
      this.deploy = new Deploy(this._api, launched);
      this._move('launched');
    }
  }

  /** Stop whatever is being done. */
  cancel(): void {
    const was = this.doing;
    this._stop('stopped');
    this.doing = was === 'launching' ? 'cancelling' : '';
    this._tell();
  }

  dispose(): void {
    if (!this._isDisposed) {
      this._isDisposed = true;
      this._stop();
      Signal.clearData(this);
    }
  }

  private async _begin(): Promise<void> {
    this._stop();
    const beginning = ++this._beginning;
    const kernel = this.session.session?.kernel ?? null;
    if (this.phase === 'launched') {
      return;
    }
    if (kernel === null) {
      this._move(this.session.isReady || this.session.hasNoKernel ? 'none' : 'starting');
      window.setTimeout(() => beginning === this._beginning && this._move('none'), STARTING);
      return;
    }
    this.language = await foreign(kernel);
    if (beginning !== this._beginning) {
      return; // it was begun anew
    }
    if (this.language) {
      this._move('foreign');
      return;
    }
    this._move('listing');
    const found = await this._ask('variables', '');
    if (found && beginning === this._beginning) {
      this._take(found);
    }
  }

  private _take(found: IVariables): void {
    const { expression } = this.asked;
    this.variables = found;
    this._move('ready');
    const first = found.candidates.find(one => !one.why)?.expression;
    if (expression && !this.chosen) {
      void this.check();
    } else if (expression || first) {
      this.choose(expression || first || '');
    }
  }

  /** Ask the kernel; gives nothing where that was taken back, or where there is a problem to show. */
  private async _ask<V extends keyof IQuestions>(verb: V, doing: Doing): Promise<IQuestions[V] | null> {
    const kernel = this.session.session?.kernel;
    if (!kernel) {
      return null;
    }
    const { signal } = (this._asking = new AbortController());
    [this.doing, this.problem] = [doing, null];
    this._tell();
    const sent = (): void => {
      this._waits = false;
      this._tell();
    };
    try {
      const asked = verb === 'variables' ? null : this.asked;
      const turn = (): Promise<IQuestions[V]> => {
        this._waits = !signal.aborted && kernel.status !== 'idle'; // for a cell, and not for a question of its own
        this._tell();
        return ask(kernel, verb, asked, signal, sent);
      };
      const answering = this._turn.then(turn);
      this._turn = answering.catch(() => undefined); // one question at a time: a late interrupt must not meet the next one
      const answer = await answering;
      if (signal.aborted && 'number' in answer) {
        await this._withdraw(answer);
      }
      return signal.aborted ? null : answer;
    } catch (error) {
      this._fail(error, verb, signal);
      return null;
    } finally {
      if (!signal.aborted || this.doing === 'cancelling') {
        [this.doing, this._waits] = ['', false];
        this._tell();
      }
    }
  }

  private _fail(error: unknown, verb: string, signal: AbortSignal): void {
    const isTaken = error instanceof KernelProblem && error.kind === 'cancelled';
    if (isTaken || (signal.aborted && this.doing !== 'cancelling')) {
      return;
    }
    const told = error instanceof Problem ? error : { code: 'Error', detail: `${error}`, hint: '' };
    const refusal = { code: told.code, message: told.detail, hint: told.hint, details: '' };
    this.problem = error instanceof KernelProblem ? error : new KernelProblem('refused', refusal);
    if (verb === 'variables' || this.problem.kind === 'dead') {
      this.phase = 'trouble';
    }
  }

  private async _withdraw(launched: ILaunched): Promise<void> {
    const { endpoint, number } = launched;
    await this._api.send('POST', `endpoints/${endpoint}/releases/${number}/cancel`);
  }

  private _forget(): void {
    this._stop();
    [this.plan, this.problem, this.doing] = [null, null, ''];
    this._tell();
  }

  private _stop(reason = SUPERSEDED): void {
    this._asking?.abort(reason);
    this._asking = null;
    this._waits = false;
  }

  private _move(phase: Phase): void {
    this.phase = phase;
    this._tell();
  }

  private _tell(): void {
    if (!this._isDisposed) {
      this._changed.emit();
    }
  }

  private readonly _changed = new Signal<this, void>(this);
  private _beginning = 0;
  private _asking: AbortController | null = null;
  private _isDisposed = false;
  private _named: boolean;
  private _turn: Promise<unknown> = Promise.resolve();
  private _waits = false;
}

/** Give the language of a kernel that is not Python's; nothing for Python. */
async function foreign(kernel: Kernel.IKernelConnection): Promise<string> {
  const language = (await kernel.spec)?.language ?? (await kernel.info).language_info.name;
  return /^i?python$/i.test(language) ? '' : language;
}
