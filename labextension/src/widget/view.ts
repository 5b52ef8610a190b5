/** One view of a widget: how the release is, what can be done, the figures, and what the card tells beside them. */

import { Actions } from './actions';
import { Charts } from './charts';
import { button, h, say } from './dom';
import { INumber, present, RANGES, whole } from './figures';
import { Head } from './head';
import { safe } from './safe';
import type { Watch } from './watch';
import { clock } from './words';

/** Show a widget in an element until the result is called. */
export function show(watch: Watch, element: HTMLElement): () => void {
  const view = new View(watch, element);
  return () => view.dispose();
}

class View {
  constructor(
    private readonly _watch: Watch,
    element: HTMLElement
  ) {
    this._frame.setAttribute('aria-label', `endpoint ${_watch.endpoint.name}`);
    this._head = new Head(_watch);
    this._actions = new Actions(_watch);
    this._figures.append(this._bar(), this._present, this._past, this._whole, this._charts.node);
    this._frame.append(
      ...this._head.nodes,
      this._findings,
      this._actions.node,
      this._figures,
      this._call,
      this._contract
    );
    element.append(this._frame);
    _watch.join(this._draw);
    this._seen.observe(this._frame);
    this._draw();
  }

  dispose(): void {
    this._seen.disconnect();
    this._watch.leave(this._draw);
    this._charts.dispose();
    this._frame.remove();
  }

  private readonly _draw = (): void => {
    this._head.draw();
    this._frame.dataset.state = this._head.state;
    this._actions.draw();
    this._drawFigures();
    this._drawDetails();
  };

  private _bar(): HTMLElement {
    this._ranges = RANGES.map(range => button(range.label, () => this._watch.choose(range)));
    const spans = h(
      'span',
      { role: 'group', 'aria-label': 'Time shown', class: 'jd-group' },
      ...this._ranges
    );
    this._pause = button('Pause', () => this._watch.pause(!this._watch.paused));
    return h('div', { class: 'jd-row jd-bar' }, spans, this._pause, this._asOf);
  }

  private _drawFigures(): void {
    const { samples, range, paused, endpoint, release } = this._watch;
    this._figures.hidden = endpoint.answering === null && !release.url && !samples.length;
    this._ranges.forEach((one, at) => one.setAttribute('aria-pressed', `${RANGES[at] === range}`));
    this._pause?.setAttribute('aria-pressed', `${paused}`);
    const now = this._still ?? this._watch.now;
    this._still = paused ? now : null;
    say(this._asOf, this._freshness());
    drawNumbers(this._present, present(samples, now));
    drawNumbers(this._whole, whole(samples));
    const some = samples.some(one => one.requests);
    this._whole.hidden = !some;
    say(this._past, some ? `In the last ${range.label}:` : `No requests in the last ${range.label}.`);
    this._charts.node.hidden = !some;
    if (some && !this._figures.hidden) {
      this._charts.draw(samples, range, now);
    }
  }

  private _freshness(): string {
    const { asOf, paused, trouble } = this._watch;
    const at = asOf ? `as of ${clock(this._still ?? asOf)}` : 'no figures yet';
    if (paused) {
      return `Paused, ${at}`;
    }
    return trouble ? `${at[0].toUpperCase()}${at.slice(1)}. ${trouble}` : '';
  }

  private _drawDetails(): void {
    const { findings, contract, call } = this._watch.model.get('details');
    const said = JSON.stringify([findings, contract, call]);
    if (said === this._said) {
      return;
    }
    this._said = said;
    this._findings.replaceChildren(safe(findings));
    this._call.hidden = !call;
    say(this._command, call);
    this._contract.hidden = !contract;
    this._accepted.replaceChildren(safe(contract));
  }

  private readonly _frame = h('div', { class: 'jd-widget', role: 'group' });
  private readonly _head: Head;
  private readonly _actions: Actions;
  private readonly _findings = h('div', {});
  private readonly _figures = h('div', { role: 'group', 'aria-label': 'figures' });
  private readonly _asOf = h('span', { class: 'jd-muted jd-as-of' });
  private readonly _present = h('dl', { class: 'jd-numbers', 'aria-label': 'now' });
  private readonly _past = h('div', { class: 'jd-muted' });
  private readonly _whole = h('dl', { class: 'jd-numbers', 'aria-label': 'in the time shown' });
  private readonly _charts = new Charts();
  private readonly _command = h('pre', {
    class: 'jd-call',
    tabindex: '0',
    'aria-label': 'a call from a shell'
  });
  private readonly _call = h('details', {}, h('summary', {}, 'Call it from a shell'), this._command);
  private readonly _accepted = h('div', {});
  private readonly _contract = h('details', {}, h('summary', {}, 'Contract and golden rows'), this._accepted);
  private readonly _seen = new IntersectionObserver(found =>
    this._watch.see(this._draw, found[found.length - 1].isIntersecting)
  );
  private _ranges: HTMLButtonElement[] = [];
  private _pause: HTMLButtonElement | null = null;
  private _still: number | null = null;
  private _said = '';
}

function drawNumbers(list: HTMLElement, found: INumber[]): void {
  if (list.children.length !== found.length) {
    list.replaceChildren(...found.map(() => h('div', {}, h('dt', {}), h('dd', {}))));
  }
  found.forEach(({ name, value }, at) => {
    const [term, told] = list.children[at].children;
    say(term, name);
    say(told, value);
  });
}
