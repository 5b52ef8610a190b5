import * as React from 'react';

const WIDTH = 300;
const HEIGHT = 60;

/** One line of a chart. */
export interface ILine {
  /** Its name; empty where the chart has one line alone. */
  name: string;
  /** Its value now, for people. */
  now: string;
  /** Its values: seconds since the epoch, and the value or null. */
  points: readonly (readonly [number, number | null])[];
}

/**
 * One figure of an endpoint over time.
 *
 * @param props - What is drawn; the time that it covers in seconds since the epoch; the length of a sample in seconds, beyond which a line
 *   is broken; the highest value, for people; and the same in words.
 */
export function Chart(props: {
  title: string;
  lines: readonly ILine[];
  from: number;
  to: number;
  step: number;
  highest: (value: number) => string;
  words: (highest: string) => string;
}): JSX.Element {
  const { title, lines, from, to } = props;
  const top = Math.max(0, ...lines.flatMap(line => line.points.map(([, value]) => value ?? 0)));
  const highest = props.highest(top);
  const x = (at: number): string => (((at - from) / (to - from)) * WIDTH).toFixed(1);
  const y = (value: number): string => (HEIGHT - 1 - (value / (top || 1)) * (HEIGHT - 3)).toFixed(1);
  return (
    <figure className="jp-deploy-chart">
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
            <path key={line.name} data-line={at} d={pathOf(line.points, props.step * 2.5, x, y)} />
          ))}
        </svg>
        <span className="jp-deploy-top" aria-hidden="true">
          {top > 0 ? highest : ''}
        </span>
      </div>
    </figure>
  );
}

function pathOf(
  points: ILine['points'],
  gap: number,
  x: (at: number) => string,
  y: (value: number) => string
): string {
  const parts: string[] = [];
  let last = -Infinity;
  for (const [at, value] of points) {
    if (value === null) {
      last = -Infinity;
      continue;
    }
    const place = `${x(at)} ${y(value)}`;
    parts.push(at - last > gap ? `M${place}L${place}` : `L${place}`);
    last = at;
  }
  return parts.join('');
}
