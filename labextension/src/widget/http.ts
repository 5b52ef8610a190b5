/** Asks the Jupyter server that this page came from; without JupyterLab's own code, so that it works wherever a widget is shown. */

import type { IStatus } from '../tokens';

const ROOT = 'jupyter-deploy/api/';

/** What did not work and what to do. */
export class Problem extends Error {
  constructor(
    detail: string,
    hint = '',
    /** What the agent calls it; empty where the agent was not reached. */
    readonly code = '',
    readonly status = 0
  ) {
    super([detail, hint].filter(Boolean).join(' '));
  }

  /** Whether the agent itself has answered. */
  get told(): boolean {
    return this.code !== '' && this.code !== 'AgentUnreachable';
  }
}

/** The server's part, or why it cannot be used. */
export interface IReached {
  http: Http | null;
  why: string;
  /** Whether nothing will change that before the page is loaded again. */
  final?: boolean;
}

/** The server's part. */
export class Http {
  constructor(
    private readonly _root: URL,
    private readonly _token: string
  ) {}

  /** Read something. */
  async get<T>(path: string, query: Record<string, string> = {}): Promise<T> {
    return this._ask<T>('GET', `${path}?${new URLSearchParams(query)}`);
  }

  /** Change something. */
  async post<T>(path: string, body: object): Promise<T> {
    return this._ask<T>('POST', path, JSON.stringify(body));
  }

  private async _ask<T>(method: string, path: string, body?: string): Promise<T> {
    const headers: Record<string, string> = { Accept: 'application/json' };
    const xsrf = /(?:^|; )_xsrf=([^;]*)/.exec(document.cookie);
    if (xsrf) {
      headers['X-XSRFToken'] = decodeURIComponent(xsrf[1]);
    }
    if (this._token) {
      headers['Authorization'] = `token ${this._token}`;
    }
    if (body !== undefined) {
      headers['Content-Type'] = 'application/json';
    }
    const answer = await fetch(new URL(path, this._root), { method, headers, body, cache: 'no-store' }).catch(
      () => {
        throw new Problem('The Jupyter server does not answer.');
      }
    );
    const told = (await answer.json().catch(() => null)) as (T & Record<string, string>) | null;
    if (!answer.ok || told === null) {
      throw new Problem(told?.detail || refusal(answer), told?.hint, told?.code, answer.status);
    }
    return told;
  }
}

/** Look for the server's part, and whether it asks the same agent as the kernel does. */
export async function reach(home: string): Promise<IReached> {
  const config = document.getElementById('jupyter-config-data')?.textContent;
  if (!config) {
    return { http: null, why: 'This page has no Jupyter server.', final: true };
  }
  const { baseUrl, token } = JSON.parse(config) as { baseUrl?: string; token?: string };
  const http = new Http(new URL(`${baseUrl ?? '/'}${ROOT}`, location.origin), token ?? '');
  try {
    const { agent, problem } = await http.get<IStatus>('status');
    if (!agent) {
      return { http: null, why: [problem?.detail, problem?.hint].filter(Boolean).join(' ') };
    }
    const same = agent.home === home;
    return same
      ? { http, why: '' }
      : { http: null, why: 'The Jupyter server asks another agent than this kernel does.' };
  } catch (error) {
    const final = error instanceof Problem && error.status === 404;
    const how = 'Install jupyterlab-deploy beside it and start it again.';
    const why = final ? `The Jupyter server has no part of jupyterlab-deploy. ${how}` : text(error);
    return { http: null, why, final };
  }
}

/** Say what went wrong. */
export function text(error: unknown): string {
  return error instanceof Error ? error.message : `${error}`;
}

/** Say why an answer is none of ours: of a login that has ended, or of a proxy. */
function refusal(answer: Response): string {
  const login = answer.ok || answer.status === 401 || answer.status === 403;
  return login
    ? 'The login to the Jupyter server has ended. Load this page again.'
    : `The Jupyter server answers with ${answer.status}.`;
}
