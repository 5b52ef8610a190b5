/** The upper part of a widget: which release, how it stands, where it answers, its stages, and what came of it. */

import type { IDifference, IRelease } from '../tokens';
import { button, h, marked, say } from './dom';
import type { Watch } from './watch';
import { broken, ended, IStep, proofs, SIGNS, situation, span, STAGES, state, steps } from './words';

const SHOWN = 10;

/** Says how a release is. */
export class Head {
  readonly nodes: HTMLElement[];

  constructor(private readonly _watch: Watch) {
    const copied = button('Copy URL', () => void this._copy(copied));
    const name = h('b', { class: 'jd-name' }, _watch.endpoint.name);
    this.nodes = [
      h(
        'div',
        { class: 'jd-row' },
        name,
        this._badge,
        h('span', { class: 'jd-muted' }, _watch.model.get('shown').about)
      ),
      h('div', { class: 'jd-row' }, this._link, copied),
      this._stages,
      this._outcome
    ];
  }

  /** How the release stands, in one word. */
  get state(): string {
    return state(this._watch.release, this._watch.endpoint.answering);
  }

  /** Write what is known by now. */
  draw(): void {
    const { release, endpoint } = this._watch;
    const word = state(release, endpoint.answering);
    this._badge.dataset.state = word;
    say(this._badge, `● ${release.endpoint}@${release.number} · ${word}`);
    const url = release.url || endpoint.url;
    say(this._link, url);
    if (/^https?:\/\//.test(url)) {
      this._link.href = url;
    }
    this._drawStages(steps(release, this._watch.now));
    const said = JSON.stringify([
      release,
      endpoint.answering,
      endpoint.state,
      this._watch.model.get('shown').note
    ]);
    if (said !== this._said) {
      this._said = said;
      this._outcome.replaceChildren(...this._told(release));
    }
  }

  private _drawStages(found: IStep[]): void {
    found.forEach((step, at) => {
      const item = this._items[at];
      item.dataset.mark = step.mark;
      item.title = step.detail;
      const [sign, name, took] = item.children;
      sign.setAttribute('aria-label', step.mark);
      say(sign, SIGNS[step.mark]);
      say(name, step.name);
      say(took, step.seconds === null ? '' : span(step.seconds));
    });
  }

  private _told(release: IRelease): Node[] {
    const parts: Node[] = [];
    if (release.reason && release.state !== 'retired') {
      const sign = broken(release) ? [h('b', { class: 'jd-wrong' }, `${SIGNS.wrong} `)] : [];
      parts.push(h('div', { class: 'jd-reason' }, ...sign, ...marked(release.reason)));
    }
    if (release.differences.length) {
      parts.push(differences(release.differences));
    }
    if (release.hint) {
      parts.push(h('div', {}, '→ ', ...marked(release.hint)));
    }
    const done = h('b', { class: 'jd-done' }, `${SIGNS.done} `);
    proofs(release).forEach((line, at) =>
      parts.push(h('div', {}, ...(at || !release.verified ? [] : [done]), line))
    );
    const { note } = this._watch.model.get('shown');
    const quiet = [situation(release, this._watch.endpoint), ended(release) || this._watch.http ? '' : note];
    return [...parts, ...quiet.filter(Boolean).map(line => h('div', { class: 'jd-muted' }, line))];
  }

  private async _copy(by: HTMLButtonElement): Promise<void> {
    const done = await navigator.clipboard.writeText(this._link.textContent ?? '').then(
      () => true,
      () => false
    );
    say(by, done ? 'Copied' : 'Not copied: select the URL');
    by.addEventListener('blur', () => say(by, 'Copy URL'), { once: true });
  }

  private readonly _badge = h('span', { class: 'jd-badge', role: 'status', 'aria-live': 'polite' });
  private readonly _link = h('a', { class: 'jd-url', target: '_blank', rel: 'noopener' });
  private readonly _outcome = h('div', { class: 'jd-outcome' });
  private readonly _items = STAGES.map(() =>
    h(
      'li',
      { class: 'jd-stage' },
      h('span', { class: 'jd-sign', role: 'img' }),
      ' ',
      h('span', {}),
      ' ',
      h('span', { class: 'jd-muted' })
    )
  );
  private readonly _stages = h('ol', { class: 'jd-stages', 'aria-label': 'stages' }, ...this._items);
  private _said = '';
}

function differences(found: IDifference[]): HTMLElement {
  const names = ['method', 'golden row', 'notebook answered', 'release answered'];
  const rows = found.slice(0, SHOWN).map(one => {
    const cells = [one.method, `${one.row}`, h('code', {}, one.expected), h('code', {}, one.got)];
    return h('tr', {}, ...cells.map(cell => h('td', {}, cell)));
  });
  const head = h('tr', {}, ...names.map(name => h('th', { scope: 'col' }, name)));
  const table = h('table', { class: 'jd-table' }, h('thead', {}, head), h('tbody', {}, ...rows));
  const more =
    found.length > SHOWN ? [h('div', { class: 'jd-muted' }, `and ${found.length - SHOWN} more`)] : [];
  return h(
    'div',
    { class: 'jd-scroll', tabindex: '0', role: 'group', 'aria-label': 'differences' },
    table,
    ...more
  );
}
