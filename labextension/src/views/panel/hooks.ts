import { Poll } from '@lumino/polling';
import * as React from 'react';

import { Problem } from '../../request';
import type { IOverview, ITrouble } from '../../tokens';

import { usePanel } from './context';

/**
 * What was asked for, or why it cannot be told.
 */
export interface ILoaded<T> {
  /** The answer; null before it is there. */
  value: T | null;
  /** Why there is none. */
  trouble: ITrouble | null;
}

/**
 * Make something to show out of whatever was thrown.
 *
 * @param error - What was thrown.
 * @returns The trouble.
 */
export function troubleOf(error: unknown): ITrouble {
  return error instanceof Problem ? error : { kind: 'other', detail: `${error}`, hint: '' };
}

/**
 * Draw a view again after each change of the endpoints.
 *
 * @returns All endpoints, and why there is no answer.
 */
export function useOverview(): { overview: IOverview | null; trouble: ITrouble | null } {
  const { endpoints } = usePanel();
  const [, redraw] = React.useReducer((count: number) => count + 1, 0);
  React.useEffect(() => {
    endpoints.changed.connect(redraw);
    redraw();
    return () => {
      endpoints.changed.disconnect(redraw);
    };
  }, [endpoints]);
  return { overview: endpoints.overview, trouble: endpoints.trouble };
}

/**
 * Ask for something when a view is shown and whenever its key changes; what was known stays until the new answer is there.
 *
 * @param key - What the answer depends on.
 * @param load - Asks.
 * @returns The answer.
 */
export function useLoaded<T>(key: string, load: () => Promise<T>): ILoaded<T> {
  const [loaded, setLoaded] = React.useState<ILoaded<T>>({ value: null, trouble: null });
  React.useEffect(() => {
    let wanted = true;
    load().then(
      value => wanted && setLoaded({ value, trouble: null }),
      error => wanted && setLoaded(known => ({ value: known.value, trouble: troubleOf(error) }))
    );
    return () => {
      wanted = false;
    };
  }, [key]);
  return loaded;
}

/**
 * Follow a stream of JSON lines while the panel can be seen; one that breaks off is taken up again.
 *
 * @param path - What to follow; nothing where empty.
 * @param query - What of it.
 * @param take - Takes each line; told `null` when the stream begins anew.
 */
export function useLines<T>(
  path: string,
  query: Record<string, string | number>,
  take: (line: T | null) => void
): void {
  const { endpoints, visible } = usePanel();
  const asked = JSON.stringify(query);
  React.useEffect(() => {
    if (!path || !visible) {
      return;
    }
    const leaving = new AbortController();
    const follow = async (): Promise<void> => {
      take(null);
      for await (const line of endpoints.api.lines<T>(path, leaving.signal, query)) {
        take(line);
      }
    };
    const poll = new Poll({
      factory: () => follow(),
      frequency: { interval: 1000, backoff: true, max: 30_000 },
      name: `jupyterlab-deploy:${path}`,
      standby: 'when-hidden'
    });
    return () => {
      poll.dispose();
      leaving.abort();
    };
  }, [endpoints, path, asked, visible]);
}

/**
 * Ask again and again while the panel can be seen.
 *
 * @param key - What the answer depends on; asked at once when it changes.
 * @param interval - Seconds between two questions.
 * @param ask - Asks.
 */
export function usePoll(key: string, interval: number, ask: () => Promise<void>): void {
  const { visible } = usePanel();
  React.useEffect(() => {
    if (!visible) {
      return;
    }
    const poll = new Poll({
      factory: () => ask(),
      frequency: { interval: interval * 1000, backoff: true, max: 60_000 },
      name: `jupyterlab-deploy:${key}`,
      standby: 'when-hidden'
    });
    void poll.refresh();
    return () => poll.dispose();
  }, [key, interval, visible]);
}

/**
 * Draw a view again every so often while the panel can be seen, for what tells of time.
 *
 * @param seconds - How often; never where 0.
 */
export function useTick(seconds: number): void {
  const { visible } = usePanel();
  const [, redraw] = React.useReducer((count: number) => count + 1, 0);
  React.useEffect(() => {
    if (!seconds || !visible) {
      return;
    }
    const timer = window.setInterval(redraw, seconds * 1000);
    return () => window.clearInterval(timer);
  }, [seconds, visible]);
}
