/** Asks a notebook's own kernel, without history and without a name left in it; what is asked stands in `adapters/form.py`. */

import { Kernel, KernelMessage } from '@jupyterlab/services';

const MIME = 'application/vnd.jupyter-deploy.form+json';
const PATIENCE = 2000; // milliseconds for what nobody waits for any more, before its work is interrupted
const FORM = 'jupyter_deploy.adapters.form';

/** Why a question is taken back that nobody stopped: most are answered before an interrupt, which may break an import, is worth it. */
export const SUPERSEDED = 'superseded';

/** A variable that looks like a model. */
export interface ICandidate {
  expression: string;
  /** What its endpoint would be called. */
  name: string;
  kind: string;
  /** Its methods; a function's is empty. */
  methods: string[];
  /** Bytes, about. */
  size: number;
  /** Whether that is all of it. */
  whole: boolean;
  /** Why it cannot be deployed; empty where it can. */
  why: string;
  hint: string;
}

/** The settings that the form asks for; null for those that apply anyway. */
export interface IWanted {
  target: string | null;
  workers: number | null;
  threads: number | null;
  /** Bytes. */
  memory: number | null;
  gpu: number | null;
}

/** Why something did not work. */
export interface IRefusal {
  code: string;
  message: string;
  hint: string;
  details: string;
}

/** What the form begins with. */
export interface IVariables {
  version: string;
  candidates: ICandidate[];
  /** Variables with data that a model may take. */
  rows: string[];
  left_out: number;
  targets: string[];
  settings: IWanted;
  trouble: IRefusal | null;
}

/** What is to be deployed, and how. */
export interface IAsked {
  expression: string;
  name: string;
  example: string;
  settings: Partial<IWanted>;
  /** Further options, as they stand in the magic's line. */
  more: string;
}

/** What some methods accept and return. */
export interface IAccepted {
  text: string;
  /** Name of a method, and what it returns. */
  methods: [string, string][];
  columns: { name: string; dtype: string; values: string; example: string }[];
}

/** What a deploy would take along. */
export interface IPlan {
  endpoint: string;
  variable: string;
  kind: string;
  size: number;
  saved: string;
  seconds: number;
  golden: string;
  contract: IAccepted[];
  /** Name and version. */
  packages: [string, string][];
  taken: { path: string; kind: string; size: number }[];
  findings: { kind: string; subject: string; message: string; hint: string }[];
}

/** A release on its way. */
export interface ILaunched {
  endpoint: string;
  number: number;
  url: string;
  /** The cell that deploys the same. */
  cell: string;
}

/** What the form can ask. */
export interface IQuestions {
  variables: IVariables;
  preflight: IPlan;
  launch: ILaunched;
}

/** Why the kernel gave no answer: `absent` without our package, `broken` with another one, `dead`, `cancelled`, or `refused`. */
export class KernelProblem extends Error {
  constructor(
    readonly kind: 'absent' | 'broken' | 'dead' | 'cancelled' | 'refused',
    readonly refusal: IRefusal = { code: kind, message: '', hint: '', details: '' }
  ) {
    super(refusal.message);
  }
}

/**
 * Ask a kernel once it is idle.
 *
 * @param kernel - The kernel.
 * @param verb - What to ask.
 * @param asked - What is to be deployed; nothing for `variables`.
 * @param signal - Takes the question back: it is not asked any more, or its own work in the kernel is interrupted.
 * @param sent - Is called when the kernel is idle and is being asked.
 * @returns The answer.
 * @throws KernelProblem where there is none.
 */
export async function ask<V extends keyof IQuestions>(
  kernel: Kernel.IKernelConnection,
  verb: V,
  asked: IAsked | null,
  signal: AbortSignal,
  sent: () => void
): Promise<IQuestions[V]> {
  await untilIdle(kernel, signal);
  sent();
  const given = asked ? JSON.stringify(JSON.stringify(asked)) : '';
  const found = '__import__("importlib.util").util.find_spec("jupyter_deploy")';
  const code = `${found} and __import__("${FORM}", fromlist=["form"]).${verb}(${given})`;
  const told = await execute(kernel, code, signal);
  if (told === null) {
    throw new KernelProblem('absent');
  }
  const { answer, trouble } = JSON.parse(told) as { answer?: IQuestions[V]; trouble?: IRefusal };
  if (answer === undefined) {
    throw new KernelProblem(trouble?.code === 'Cancelled' ? 'cancelled' : 'refused', trouble);
  }
  return answer;
}

/** Run an expression without history; gives the text that it published, or null where it published none. */
async function execute(
  kernel: Kernel.IKernelConnection,
  code: string,
  signal: AbortSignal
): Promise<string | null> {
  const content = { code, silent: true, store_history: false, allow_stdin: false, stop_on_error: false };
  const future = kernel.requestExecute(content);
  let told: string | null = null;
  let begun = false;
  const stopped: Promise<void>[] = [];
  let timer = 0;
  const stop = (): void => {
    if (begun) {
      // never while it only waits: that would end the user's own cell
      const interrupt = (): void => void stopped.push(kernel.interrupt());
      timer = window.setTimeout(interrupt, signal.reason === SUPERSEDED ? PATIENCE : 0);
    }
  };
  future.onIOPub = message => {
    begun = begun || isBusy(message);
    if (signal.aborted && isBusy(message)) {
      stop();
    }
    told = textOf(message) ?? told;
  };
  signal.addEventListener('abort', stop);
  try {
    const { content: reply } = await future.done;
    if (reply.status === 'error') {
      throw new KernelProblem('broken', refusal(reply.ename, reply.evalue, reply.traceback));
    }
    return told;
  } catch (error) {
    throw error instanceof KernelProblem ? error : new KernelProblem('dead', refusal('dead', `${error}`, []));
  } finally {
    signal.removeEventListener('abort', stop);
    window.clearTimeout(timer);
    await Promise.allSettled(stopped);
    future.dispose();
  }
}

function refusal(code: string, message: string, trace: string[]): IRefusal {
  // eslint-disable-next-line no-control-regex -- the colours of a terminal
  const details = trace.join('\n').replace(/\x1b\[[0-9;]*m/g, '');
  return { code, message: `${code}: ${message}`, hint: '', details };
}

function isBusy(message: KernelMessage.IIOPubMessage): boolean {
  return KernelMessage.isStatusMsg(message) && message.content.execution_state === 'busy';
}

function textOf(message: KernelMessage.IIOPubMessage): string | null {
  const text = KernelMessage.isDisplayDataMsg(message) ? message.content.data[MIME] : null;
  return typeof text === 'string' ? text : null;
}

/** Wait until a kernel has nothing to do. */
function untilIdle(kernel: Kernel.IKernelConnection, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (problem: KernelProblem | null): void => {
      kernel.statusChanged.disconnect(look);
      kernel.disposed.disconnect(gone);
      signal.removeEventListener('abort', cancelled);
      if (problem) {
        reject(problem);
      } else {
        resolve();
      }
    };
    const cancelled = (): void => end(new KernelProblem('cancelled'));
    const gone = (): void => end(new KernelProblem('dead'));
    const look = (): void => {
      if (signal.aborted) {
        cancelled();
      } else if (kernel.isDisposed || kernel.status === 'dead') {
        gone();
      } else if (kernel.status === 'idle') {
        end(null);
      }
    };
    kernel.statusChanged.connect(look);
    kernel.disposed.connect(gone);
    signal.addEventListener('abort', cancelled);
    look();
  });
}
