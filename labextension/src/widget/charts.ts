/** The charts; each says its newest values in words too, and tells its lines apart by stroke as well as by colour. */

import uPlot from 'uplot';

import type { ISample } from '../tokens';
import { h, say } from './dom';
import { charts, columns, IChart, IRange, short } from './figures';

const HEIGHT = 96;
const STROKES = [[], [7, 4], [2, 3], [9, 3, 2, 3]];
const COLOURS = ['--jp-brand-color1', '--jp-warn-color1', '--jp-error-color1', '--jp-success-color1'];
const SPOKEN = '--jp-ui-font-color1';

/** All charts of an endpoint. */
export class Charts {
  readonly node = h('div', { class: 'jd-charts' });

  constructor() {
    this._sizes = new ResizeObserver(() => this._drawn.forEach(one => one.resize()));
    this._sizes.observe(this.node);
    this._themes = new MutationObserver(() => this._build([]));
    this._themes.observe(document.body, {
      attributeFilter: ['data-jp-theme-name', 'data-jp-theme-light', 'class']
    });
  }

  /** Draw samples. */
  draw(samples: ISample[], range: IRange, now: number): void {
    const wanted = charts(samples);
    if (wanted.map(shape).join() !== this._shapes) {
      this._build(wanted);
    }
    wanted.forEach((chart, at) => this._drawn[at].draw(chart, samples, [now - range.seconds, now]));
  }

  /** End. */
  dispose(): void {
    this._sizes.disconnect();
    this._themes.disconnect();
    this._build([]);
  }

  private _build(wanted: IChart[]): void {
    this._drawn.forEach(one => one.dispose());
    this._drawn = wanted.map(chart => new Drawn(chart, this.node));
    this._shapes = wanted.map(shape).join();
  }

  private readonly _sizes: ResizeObserver;
  private readonly _themes: MutationObserver;
  private _drawn: Drawn[] = [];
  private _shapes = '';
}

/** One chart. */
class Drawn {
  constructor(chart: IChart, parent: HTMLElement) {
    const caption = h('figcaption', { class: 'jd-caption' }, h('b', {}, chart.title));
    this._figure.append(caption, this._plot);
    parent.append(this._figure);
    const style = getComputedStyle(document.body); // the chart itself may not be on the page yet
    const colours = COLOURS.map(name => style.getPropertyValue(name).trim() || style.color);
    this._values = chart.lines.map((line, at) => {
      const value = h('span', {});
      const named = !chart.title.toLowerCase().startsWith(line.name)
        ? [stroke(at, colours[at]), `${line.name} `]
        : [];
      caption.append(h('span', { class: 'jd-key' }, ...named, value));
      return value;
    });
    const quiet = {
      stroke: style.getPropertyValue(SPOKEN).trim() || style.color,
      font: '11px system-ui, sans-serif'
    };
    const lines = {
      grid: { stroke: 'rgba(128,128,128,.25)', width: 1 },
      ticks: { stroke: 'rgba(128,128,128,.25)', size: 3 }
    };
    this._uplot = new uPlot(
      {
        width: Math.max(1, this._plot.clientWidth),
        height: HEIGHT,
        legend: { show: false },
        cursor: { y: false, drag: { x: false, y: false }, sync: { key: 'jd' } },
        scales: {
          x: { range: () => this._window },
          y: { range: (_u, _low, high) => [0, high ? 1.1 * high : 1] }
        },
        axes: [
          { ...quiet, ...lines, size: 24, gap: 2, space: 40, values: times },
          {
            ...quiet,
            ...lines,
            size: 44,
            gap: 2,
            space: 24,
            values: (_u, ticks) => ticks.map(tick => short(tick))
          }
        ],
        series: [
          {},
          ...chart.lines.map((_, at) => ({
            stroke: colours[at],
            dash: STROKES[at],
            width: 1.5,
            points: { show: true, size: 4, fill: colours[at], filter: alone }
          }))
        ],
        hooks: { setCursor: [() => this._tell()] }
      },
      [[], ...chart.lines.map(() => [])],
      this._plot
    );
  }

  draw(chart: IChart, samples: ISample[], window: [number, number]): void {
    this._chart = chart;
    this._window = window;
    this._uplot.setData(columns(samples, chart.lines) as uPlot.AlignedData);
    this._tell();
  }

  resize(): void {
    const width = this._plot.clientWidth;
    if (width && width !== this._uplot.width) {
      this._uplot.setSize({ width, height: HEIGHT });
    }
  }

  dispose(): void {
    this._uplot.destroy();
    this._figure.remove();
  }

  /** Write the values below the pointer, or else the newest ones. */
  private _tell(): void {
    const chart = this._chart;
    if (!chart) {
      return;
    }
    const at = this._uplot.cursor.idx ?? this._uplot.data[0].length - 1;
    const told = chart.lines.map((line, which) => {
      const value = this._uplot.data[which + 1][at];
      const text = typeof value === 'number' ? short(value) : '-';
      say(this._values[which], text);
      return `${line.name} ${text}`;
    });
    this._plot.setAttribute('aria-label', `${chart.title}: ${told.join(', ') || 'none'}`);
  }

  private readonly _figure = h('figure', { class: 'jd-chart' });
  private readonly _plot = h('div', { class: 'jd-plot', role: 'img', 'aria-label': '' });
  private readonly _uplot: uPlot;
  private readonly _values: HTMLElement[];
  private _chart: IChart | null = null;
  private _window: [number, number] = [0, 1];
}

function shape(chart: IChart): string {
  return `${chart.title}|${chart.lines.map(line => line.name).join('|')}`;
}

function times(_u: uPlot, ticks: number[]): string[] {
  const fine = ticks.length > 1 && ticks[1] - ticks[0] < 60;
  const format: Intl.DateTimeFormatOptions = { hour: '2-digit', minute: '2-digit', hour12: false };
  return ticks.map(at =>
    new Date(1000 * at).toLocaleTimeString([], fine ? { ...format, second: '2-digit' } : format)
  );
}

function stroke(at: number, colour: string): SVGElement {
  const space = 'http://www.w3.org/2000/svg';
  const drawn = document.createElementNS(space, 'svg');
  const line = document.createElementNS(space, 'line');
  drawn.setAttribute('aria-hidden', 'true');
  drawn.setAttribute('width', '16');
  drawn.setAttribute('height', '8');
  const looks = {
    x1: '0',
    x2: '16',
    y1: '4',
    y2: '4',
    stroke: colour,
    'stroke-width': '2',
    'stroke-dasharray': STROKES[at].join()
  };
  Object.entries(looks).forEach(([name, value]) => line.setAttribute(name, value));
  drawn.append(line);
  return drawn;
}

/** Which values have no neighbour to be joined with, so that they are drawn as points. */
function alone(u: uPlot, which: number): number[] {
  const values = u.data[which] ?? [];
  const there = (at: number): boolean => typeof values[at] === 'number';
  return [...values.keys()].filter(at => there(at) && !there(at - 1) && !there(at + 1));
}
