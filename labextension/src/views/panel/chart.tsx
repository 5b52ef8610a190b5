import * as React from 'react';

const WIDTH = 300;
const HEIGHT = 60;
const BROKEN = 2.5; // lengths of a sample without one that break a line

/** One value of a line. */
export interface IPoint {
  /** Seconds since the epoch. */
  at: number;
  /** How long it stands for, in seconds; where the one before lies further back, the line is broken. */
  seconds: number;
  /** Null where there was nothing to measure. */
  value: number | null;
}

/** One line of a chart. */
export interface ILine {
  /** Its name; empty where the chart has one line alone. */
  name: string;
  /** Its value now, for people. */
  now: string;
  points: readonly IPoint[];
}

/**
 * One figure of an endpoint over time.
 *
 * @param props - What is drawn; the time that it covers in seconds since the epoch; the highest value, for people; and the same in words.
 */
export function Chart(props: {
  title: string;
  lines: readonly ILine[];
  from: number;
  to: number;
  highest: (value: number) => string;
  words: (highest: string) => string;
}): JSX.Element {
  const { title, lines, from, to } = props;
  const top = Math.max(0, ...lines.flatMap(line => line.points.map(point => point.value ?? 0)));
  const highest = props.highest(top);
  const x = (at: number): string => (((at - from) / (to - from)) * WIDTH).toFixed(1);
  const y = (value: number): string => (HEIGHT - 1 - (value / (top || 1)) * (HEIGHT - 3)).toFixed(1);
  return (
    <figure className="jp-deploy-chart" data-lines={lines.length}>
      <figcaption>
        <span>{title}</span>
        <span className="jp-deploy-keys">
          {lines.map((line, at) => (
            <span key={line.name} className="jp-deploy-key" data-line={at}>
              {line.name} <b>{line.now}</b>
            </span>
          ))}
        </span>
      </figcaption>
      <div className="jp-deploy-plot">
        <svg
          viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
          preserveAspectRatio="none"
          role="img"
          aria-label={props.words(highest)}
        >
          {lines.map((line, at) => (
            <path key={line.name} data-line={at} d={pathOf(line.points, x, y)} />
          ))}
        </svg>
        <span className="jp-deploy-top" aria-hidden="true">
          {top > 0 ? highest : ''}
        </span>
      </div>
    </figure>
  );
}

function pathOf(points: readonly IPoint[], x: (at: number) => string, y: (value: number) => string): string {
  const parts: string[] = [];
  let last = -Infinity;
  for (const { at, seconds, value } of points) {
    if (value === null) {
      last = -Infinity;
      continue;
    }
    const place = `${x(at)} ${y(value)}`;
    parts.push(at - last > BROKEN * seconds ? `M${place}L${place}` : `L${place}`);
    last = at;
  }
  return parts.join('');
}
