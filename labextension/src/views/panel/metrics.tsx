import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { ISample, ISeries, ITrouble } from '../../tokens';

import { Chart, ILine } from './chart';
import { usePanel } from './context';
import { bytes, latency, perSecond, short } from './figures';
import { troubleOf, usePoll } from './hooks';
import { Trouble } from './trouble';

/** The spans in seconds, each with the seconds between two looks. */
const SPANS = new Map([
  [300, 2],
  [3600, 15],
  [86_400, 60]
]);

/**
 * An endpoint's figures as small charts.
 *
 * @param props - The endpoint's name.
 */
export function Metrics(props: { name: string }): JSX.Element {
  const { trans } = usePanel();
  const [span, setSpan] = React.useState(300);
  const { series, trouble } = useSeries(props.name, span);
  const names = new Map([
    [300, trans.__('5 min')],
    [3600, trans.__('1 h')],
    [86_400, trans.__('24 h')]
  ]);
  return (
    <>
      <div className="jp-deploy-buttons" role="group" aria-label={trans.__('Time shown')}>
        {[...names].map(([seconds, name]) => (
          <button
            key={seconds}
            className="jp-deploy-button"
            aria-pressed={seconds === span}
            onClick={() => setSpan(seconds)}
          >
            {name}
          </button>
        ))}
      </div>
      {trouble && <Trouble trouble={trouble} />}
      {series && series.span === span && <Charts series={series} name={names.get(span) ?? ''} />}
    </>
  );
}

/** Look at the samples of a span again and again; of the shortest span only what is new is asked for. */
function useSeries(name: string, span: number): { series: ISeries | null; trouble: ITrouble | null } {
  const { endpoints } = usePanel();
  const [trouble, setTrouble] = React.useState<ITrouble | null>(null);
  const [series, setSeries] = React.useState<ISeries | null>(null);
  const known = React.useRef<ISeries | null>(null);
  const key = `endpoints/${name}/samples ${span}`;
  usePoll(key, SPANS.get(span) ?? 60, async () => {
    // The newest sample of a longer time still grows, so that it is told of again.
    const last = span === 300 && known.current?.span === span ? known.current.samples : [];
    const query: Record<string, number> = last.length ? { span, since: last[last.length - 1].at } : { span };
    try {
      const found = await endpoints.api.get<ISeries>(`endpoints/${name}/samples`, query);
      const kept = last.filter(sample => sample.at > found.now - span);
      const end = kept.length ? kept[kept.length - 1].at : 0;
      known.current = { ...found, samples: [...kept, ...found.samples.filter(sample => sample.at > end)] };
      setSeries(known.current);
      setTrouble(null);
    } catch (error) {
      setTrouble(troubleOf(error));
      throw error; // so that the next look waits longer
    }
  });
  return { series, trouble };
}

/** How one chart is made of the samples. */
interface IFigure {
  title: string;
  lines: { name: string; value: (sample: ISample) => number | null }[];
  tell: (value: number | null) => string;
}

function Charts(props: { series: ISeries; name: string }): JSX.Element {
  const { trans } = usePanel();
  const { samples, now, span, step } = props.series;
  if (!samples.length) {
    return <p className="jp-deploy-quiet">{trans.__('Nothing ran in this time.')}</p>;
  }
  const last = samples[samples.length - 1];
  return (
    <div className="jp-deploy-charts">
      {figuresOf(trans).map(({ title, lines, tell }) => {
        const drawn: ILine[] = lines.map(({ name, value }) => ({
          name,
          now: tell(now - last.at > Math.max(15, 2.5 * step) ? null : value(last)),
          points: samples.map(sample => ({
            at: sample.at,
            seconds: Math.max(step, sample.seconds),
            value: value(sample)
          }))
        }));
        const told = drawn.map(line => `${line.name} ${line.now}`.trim()).join(', ');
        return (
          <Chart
            key={title}
            title={title}
            lines={drawn}
            from={now - span}
            to={now}
            highest={tell}
            words={highest => trans.__('%1, last %2: now %3; at most %4', title, props.name, told, highest)}
          />
        );
      })}
    </div>
  );
}

function figuresOf(trans: TranslationBundle): IFigure[] {
  const rate = (value: number | null): string => (value === null ? '–' : perSecond(trans, value));
  const count = (value: number | null): string => (value === null ? '–' : short(value));
  const per =
    (field: 'requests' | 'errors' | 'refused' | 'rows') =>
    (sample: ISample): number =>
      sample[field] / (sample.seconds || 1);
  return [
    { title: trans.__('Requests'), lines: [{ name: '', value: per('requests') }], tell: rate },
    {
      title: trans.__('Latency'),
      lines: [
        { name: trans.__('p50'), value: sample => sample.p50 },
        { name: trans.__('p95'), value: sample => sample.p95 },
        { name: trans.__('p99'), value: sample => sample.p99 }
      ],
      tell: value => latency(trans, value)
    },
    {
      title: trans.__('Errors'),
      lines: [
        { name: trans.__('5xx'), value: per('errors') },
        { name: trans.__('4xx'), value: per('refused') }
      ],
      tell: rate
    },
    { title: trans.__('Rows'), lines: [{ name: '', value: per('rows') }], tell: rate },
    { title: trans.__('Waiting'), lines: [{ name: '', value: sample => sample.queue }], tell: count },
    { title: trans.__('Workers'), lines: [{ name: '', value: sample => sample.workers }], tell: count },
    {
      title: trans.__('Memory'),
      lines: [{ name: '', value: sample => sample.memory }],
      tell: value => (value === null ? '–' : bytes(trans, value))
    }
  ];
}
