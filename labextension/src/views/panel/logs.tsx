import * as React from 'react';

import { usePanel } from './context';
import { useLines } from './hooks';
import { tagOf } from './words';

const KEPT = 1000; // lines

/**
 * The newest lines that a release's processes wrote, while they are being written.
 *
 * @param props - The endpoint and the release's number.
 */
export function Logs(props: { name: string; number: number }): JSX.Element {
  const { trans } = usePanel();
  const [lines, setLines] = React.useState<readonly string[]>([]);
  const [paused, setPaused] = React.useState(false);
  const box = React.useRef<HTMLPreElement>(null);
  const atEnd = React.useRef(true);
  const path = `endpoints/${props.name}/logs/stream`;
  useLines<string>(paused ? '' : path, { release: props.number }, line =>
    setLines(known => (line === null ? [] : [...known.slice(1 - KEPT), plain(line)]))
  );
  React.useLayoutEffect(() => {
    if (box.current && atEnd.current) {
      box.current.scrollTop = box.current.scrollHeight;
    }
  }, [lines]);
  return (
    <>
      <div className="jp-deploy-line">
        <span className="jp-deploy-quiet">{tagOf(props.name, props.number)}</span>
        <button className="jp-deploy-button" aria-pressed={paused} onClick={() => setPaused(!paused)}>
          {paused ? trans.__('Go on') : trans.__('Pause')}
        </button>
      </div>
      <pre
        ref={box}
        className="jp-deploy-log"
        tabIndex={0}
        role="log"
        aria-live="off"
        aria-label={trans.__('Log of %1', tagOf(props.name, props.number))}
        onScroll={event => {
          const { scrollTop, scrollHeight, clientHeight } = event.currentTarget;
          atEnd.current = scrollHeight - scrollTop - clientHeight < 4;
        }}
      >
        {lines.length ? lines.join('\n') : trans.__('Nothing was written yet.')}
      </pre>
    </>
  );
}

/** Write a line of the journal of a release's processes for people; any other line stays as it is. */
function plain(line: string): string {
  try {
    const { time, event, ...more } = JSON.parse(line) as Record<string, unknown>;
    if (typeof time === 'number' && typeof event === 'string') {
      const facts = Object.entries(more)
        .filter(([name]) => name !== 'release')
        .map(([name, value]) => `${name}=${JSON.stringify(value)}`);
      return [new Date(time * 1000).toLocaleTimeString(), event, ...facts].join(' ');
    }
  } catch {
    // what the model itself writes is no JSON
  }
  return line;
}
