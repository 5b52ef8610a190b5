/** Asks the server's part over HTTP; nothing here knows what is asked. */

import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

import { IApi, ITrouble } from './tokens';

const ROOT = 'jupyter-deploy/api';

/** An answer that is none. */
export class Problem extends Error implements ITrouble {
  constructor(
    readonly kind: ITrouble['kind'],
    readonly status: number,
    readonly code: string,
    readonly detail: string,
    readonly hint: string
  ) {
    super(detail);
  }
}

/** Asks the Jupyter server that this page came from. */
export class Api implements IApi {
  constructor(private readonly _settings: ServerConnection.ISettings) {}

  async get<T>(path: string, query: Record<string, string | number> = {}): Promise<T> {
    return (await (await this._ask('GET', path, query)).json()) as T;
  }

  async getUnless<T>(path: string, version: string): Promise<T | null> {
    const known = version ? { 'If-None-Match': `"${version}"` } : undefined;
    const answer = await this._ask('GET', path, {}, { headers: known });
    return answer.status === 304 ? null : ((await answer.json()) as T);
  }

  async send<T>(method: 'POST' | 'DELETE', path: string, body: object = {}): Promise<T> {
    const headers = { 'Content-Type': 'application/json' };
    return (await (await this._ask(method, path, {}, { headers, body: JSON.stringify(body) })).json()) as T;
  }

  async *lines<T>(
    path: string,
    signal: AbortSignal,
    query: Record<string, string | number> = {}
  ): AsyncIterable<T> {
    const reader = (await this._ask('GET', path, query, { signal })).body?.getReader();
    const decoder = new TextDecoder();
    let rest = '';
    for (;;) {
      const part = await reader?.read();
      if (!part || part.done) {
        return;
      }
      const found = (rest + decoder.decode(part.value, { stream: true })).split('\n');
      rest = found.pop() ?? '';
      yield* found.filter(Boolean).map(line => JSON.parse(line) as T);
    }
  }

  private async _ask(
    method: string,
    path: string,
    query: Record<string, string | number>,
    init: RequestInit = {}
  ): Promise<Response> {
    const texts = Object.fromEntries(Object.entries(query).map(([name, value]) => [name, `${value}`]));
    const url = URLExt.join(this._settings.baseUrl, ROOT, path) + URLExt.objectToQueryString(texts);
    let answer: Response;
    try {
      answer = await ServerConnection.makeRequest(url, { ...init, method }, this._settings);
    } catch (error) {
      if (init.signal?.aborted) {
        throw error;
      }
      throw new Problem('network', 0, 'network', `${error instanceof Error ? error.message : error}`, '');
    }
    if (!answer.ok && answer.status !== 304) {
      throw await problem(answer);
    }
    if (answer.ok && !/json/.test(answer.headers.get('Content-Type') ?? '')) {
      throw new Problem('login', answer.status, 'login', 'The answer is a page and not JSON.', '');
    }
    return answer;
  }
}

/** Read why something was refused; what is no problem of ours comes from Jupyter itself or from a proxy before it. */
async function problem(answer: Response): Promise<Problem> {
  const told = (await answer.json().catch(() => null)) as Partial<Record<string, string>> | null;
  const code = told?.code ?? '';
  const detail = told?.detail ?? told?.message ?? answer.statusText;
  const kind = kindOf(answer.status, code);
  return new Problem(kind, answer.status, code, detail, told?.hint ?? '');
}

function kindOf(status: number, code: string): ITrouble['kind'] {
  if (code === 'AgentUnreachable') {
    return 'agent';
  }
  if (code === 'LoginNeeded') {
    return 'login';
  }
  if (code) {
    return code === 'AgentVersion' ? 'version' : 'other';
  }
  if (status === 404) {
    return 'disabled';
  }
  if (status === 401 || status === 403) {
    return 'login';
  }
  return status === 502 || status === 503 || status === 504 ? 'network' : 'other';
}
