/** What the parts of this extension share: the values that the agent tells, and the token of the list of endpoints. Nothing runs here. */

import { Token } from '@lumino/coreutils';
import { IDisposable } from '@lumino/disposable';
import { ISignal } from '@lumino/signaling';

/** A release in one line. */
export interface IBrief {
  number: number;
  state: string;
  /** Seconds since the epoch. */
  created: number;
  verified: boolean;
  ended: boolean;
  /** The stage that runs; empty where none does. */
  stage: string;
  /** The first line of why it does not serve. */
  reason: string;
  who: string;
  notebook: string;
}

/** An endpoint as it stands in the list. */
export interface ISummary {
  name: string;
  url: string;
  target: string;
  /** The number of the release that answers. */
  answering: number | null;
  state: '' | 'preview' | 'verified';
  /** What answers. */
  release: IBrief | null;
  newest: IBrief | null;
  /** Requests a second, over the last 10 s. */
  rate: number;
  /** Seconds, over the last minute. */
  p95: number | null;
  /** Requests a second; 30 points of 10 s, the newest last. */
  rates: number[];
  /** Seconds; 30 points of 10 s, the newest last. */
  p95s: (number | null)[];
  /** Answers with status 5xx in the last minute. */
  errors: number;
  /** How many valid keys there are. */
  keys: number;
}

/** All endpoints. */
export interface IOverview {
  /** Changes whenever anything else here does. */
  version: string;
  now: number;
  /** What does not answer again after a start, with the reason. */
  trouble: string;
  endpoints: ISummary[];
}

/** One stage of a release. */
export interface IStage {
  name: string;
  started: number;
  /** How long it took; null while it runs. */
  seconds: number | null;
  detail: string;
}

/** Something that a person should know of before they trust a release. */
export interface IFinding {
  kind: string;
  subject: string;
  message: string;
  hint: string;
}

/** One golden row that was answered otherwise than in the notebook. */
export interface IDifference {
  method: string;
  row: number;
  expected: string;
  got: string;
}

/** Where a release came from. */
export interface IProvenance {
  user: string;
  host: string;
  at: number;
  notebook: string;
  kernel: string;
  revision: string;
  dirty: string[];
  cells: number[];
}

/** One bundle on one target. */
export interface IRelease {
  endpoint: string;
  number: number;
  state: string;
  created: number;
  url: string;
  capture: string;
  lock: string;
  bundle: string;
  stages: IStage[];
  reason: string;
  hint: string;
  differences: IDifference[];
  verified: boolean;
  findings: IFinding[];
  provenance: IProvenance;
  nondeterministic: boolean;
  faster: string;
}

/** What a column of a contract holds; more fields than these may be there. */
export interface IColumn {
  name: string;
  dtype: string;
  nullable?: boolean;
  optional?: boolean;
  categories?: (string | number | boolean)[] | null;
  minimum?: number | string | null;
  maximum?: number | string | null;
  example?: unknown;
}

/** What a method accepts. */
export interface IInput {
  kind: string;
  name?: string;
  dtype?: string;
  shape?: (number | null)[] | null;
  columns?: IColumn[];
}

/** What a method returns. */
export interface IOutput {
  kind: string;
  dtype?: string;
  shape?: (number | null)[] | null;
  meaning?: string;
  classes?: unknown[] | null;
  names?: string[] | null;
  columns?: IColumn[];
}

/** One method of a contract. */
export interface IMethod {
  name: string;
  input: IInput;
  output: IOutput;
}

/** What an endpoint accepts and returns. */
export interface IContract {
  methods: IMethod[];
}

/** A name that colleagues call. */
export interface IEndpoint {
  name: string;
  url: string;
  target: string;
  answering: number | null;
  state: '' | 'preview' | 'verified';
  key_file: string;
  contract: IContract | null;
  releases: IRelease[];
}

/** One interval of an endpoint's figures. */
export interface ISample {
  /** Its end, in seconds since the epoch. */
  at: number;
  /** Its length. */
  seconds: number;
  requests: number;
  /** Answers with status 5xx. */
  errors: number;
  /** Answers with status 4xx. */
  refused: number;
  rows: number;
  /** Seconds. */
  p50: number | null;
  p95: number | null;
  p99: number | null;
  workers: number;
  /** Requests that wait for the model. */
  queue: number;
  /** Bytes. */
  memory: number;
  restarts: number;
  /** Requests by release, such as `churn@7`. */
  split: Record<string, number>;
}

/** An endpoint's figures over a span of time. */
export interface ISeries {
  endpoint: string;
  span: number;
  step: number;
  now: number;
  samples: ISample[];
}

/** A key, without its secret. */
export interface IKey {
  id: string;
  owner: string;
  created: number;
  revoked: number | null;
  expires: number | null;
  /** The methods that it may call; all of them where null. */
  methods: string[] | null;
  /** Requests a day. */
  quota: number | null;
  /** Requests of today. */
  used: number;
  last_used: number | null;
  /** Whether it is the owner's own key, which lies in the key file. */
  own: boolean;
}

/** What a key is asked for. */
export interface IGrant {
  owner: string;
  /** The methods that it may call; all of them where null. */
  methods: readonly string[] | null;
  /** Seconds since the epoch; never where null. */
  expires: number | null;
  /** Requests a day; any number where null. */
  quota: number | null;
}

/** A key that was just made: the only time that its secret is told. */
export interface INewKey {
  secret: string;
  key: IKey;
}

/** Golden rows of one method, and the answers that the notebook's own model gave. */
export interface IGolden {
  method: string;
  rows: unknown[];
  answers: unknown[];
  /** Where the rows were found, such as `model.predict(X_test)`. */
  origin?: string;
  shape_only?: boolean;
}

/** One thing that differs between two releases. */
export interface IChange {
  name: string;
  /** Empty where it was not there. */
  before: string;
  /** Empty where it is gone. */
  after: string;
}

/** How the notebook's answers differ on the golden rows that two releases have in common. */
export interface IGoldenChange {
  method: string;
  rows: number;
  changed: number;
  added: number;
  removed: number;
}

/** What changed from one release to another. */
export interface IChanges {
  old: string;
  new: string;
  /** Whether the model itself is another. */
  model: boolean;
  cells: { what: string; diff: string }[];
  packages: IChange[];
  contract: IChange[];
  golden: IGoldenChange[];
  settings: IChange[];
  origin: IChange[];
}

/** One line of the audit. */
export interface IEvent {
  at: number;
  who: string;
  action: string;
  subject: string;
  detail: string;
}

/** The answer of the agent, when it was asked how it is. */
export interface IStatus {
  /** The version of the server's part. */
  version: string;
  agent: { version: string; pid: number; home: string; memory: number; trouble: string } | null;
  problem: { code: string; detail: string; hint: string } | null;
}

/** Why nothing can be told, and what to do. */
export interface ITrouble {
  /** `disabled`, `login`, `version`, `agent`, `network` or `other`. */
  kind: 'disabled' | 'login' | 'version' | 'agent' | 'network' | 'other';
  detail: string;
  hint: string;
}

/** Asks the server's part. Each call rejects with a `Problem`. */
export interface IApi {
  /** Read something. */
  get<T>(path: string, query?: Record<string, string | number>): Promise<T>;
  /** Read something unless it is what it was: null where the version is still the given one. */
  getUnless<T>(path: string, version: string): Promise<T | null>;
  /** Change something. */
  send<T>(method: 'POST' | 'DELETE', path: string, body?: object): Promise<T>;
  /** Follow a stream of JSON lines until it ends or the signal is aborted. */
  lines<T>(path: string, signal: AbortSignal, query?: Record<string, string | number>): AsyncIterable<T>;
}

/** The endpoints of this user, kept up to date while somebody looks. */
export interface IEndpoints extends IDisposable {
  readonly api: IApi;
  /** Null before the first answer. */
  readonly overview: IOverview | null;
  /** Why there is no answer; null while there is one. */
  readonly trouble: ITrouble | null;
  /** Emitted after each change of the two above. */
  readonly changed: ISignal<IEndpoints, void>;
  /** Seconds between two looks. */
  interval: number;
  /** What time it is by the agent's clock, in seconds since the epoch. */
  readonly now: number;
  /** When the next look is due, in milliseconds since the epoch by this browser's clock. */
  readonly nextLook: number;
  /** Keep looking until the result is disposed of; nobody asks while nobody watches. */
  watch(visible: () => boolean): IDisposable;
  /** Look at once. */
  refresh(): Promise<void>;
}

/** Gives other extensions the endpoints. */
export const IEndpoints = new Token<IEndpoints>(
  'jupyterlab-deploy:IEndpoints',
  'The endpoints that this user has deployed.'
);
