import * as React from 'react';

const WIDTH = 60;
const HEIGHT = 16;

/**
 * A line of one figure over the last minutes, drawn beside it.
 *
 * @param props - The values, newest last, null where there was nothing to measure; and what the line shows, in words.
 */
export function Spark(props: { values: readonly (number | null)[]; label: string }): JSX.Element {
  const { values, label } = props;
  return (
    <svg
      className="jp-deploy-spark"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={label}
    >
      <path d={pathOf(values)} />
    </svg>
  );
}

function pathOf(values: readonly (number | null)[]): string {
  const highest = Math.max(0, ...values.map(value => value ?? 0)) || 1;
  const step = WIDTH / Math.max(1, values.length - 1);
  const parts: string[] = [];
  values.forEach((value, at) => {
    if (value === null) {
      return;
    }
    const begins = at === 0 || values[at - 1] === null;
    const place = `${(at * step).toFixed(1)} ${(HEIGHT - 1 - (value / highest) * (HEIGHT - 2)).toFixed(1)}`;
    // a value alone between gaps is a dot: a line of no length with round caps
    parts.push(begins ? `M${place}L${place}` : `L${place}`);
  });
  return parts.join('');
}
