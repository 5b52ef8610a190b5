/** What can be done to the endpoint: each asks once more, and goes over the Jupyter server, because a kernel may be busy. */

import { button, h, marked, say } from './dom';
import { text } from './http';
import type { Watch } from './watch';
import { ended, others } from './words';

interface IAction {
  label: string;
  question: string;
  path: string;
  body: object;
}

/** The buttons. */
export class Actions {
  readonly node = h('div', { class: 'jd-actions' });

  constructor(private readonly _watch: Watch) {
    this.node.append(this._row, this._problem);
  }

  /** Offer what can be done now; a question that was asked stays. */
  draw(): void {
    const { http, absent, trouble, endpoint, release } = this._watch;
    const offered = http ? this._offered() : [];
    const how = `From a cell: \`%deploy ${ended(release) ? 'rollback' : 'cancel'} ${endpoint.name}\``;
    const why = absent && !trouble ? `${absent} ${how}` : '';
    const said = JSON.stringify([offered, why]);
    if (this._asking || said === this._said) {
      return;
    }
    this._said = said;
    this._row.replaceChildren(
      ...offered.map(one => button(one.label, () => this._ask(one))),
      h('span', { class: 'jd-muted' }, ...marked(why))
    );
  }

  private _offered(): IAction[] {
    const { release, releases, endpoint } = this._watch;
    const tag = (number: number): string => `${endpoint.name}@${number}`;
    const actions: IAction[] = [];
    if (!ended(release)) {
      const question = `Stop deploying ${tag(release.number)}? What served before goes on serving.`;
      actions.push({ label: 'Cancel', question, path: `releases/${release.number}/cancel`, body: {} });
    }
    const { newer, older } = others(releases, endpoint.answering);
    const now = endpoint.answering === null ? 'nothing' : tag(endpoint.answering);
    if (newer !== null) {
      const question = `Let ${tag(newer)} answer instead of ${now}?`;
      actions.push({ label: `Promote ${tag(newer)}`, question, path: 'promote', body: { to: newer } });
    }
    if (older !== null) {
      const question = `Let ${tag(older)} answer instead of ${now}?`;
      actions.push({ label: `Roll back to ${tag(older)}`, question, path: 'rollback', body: { to: older } });
    }
    return actions;
  }

  private _ask(action: IAction): void {
    this._asking = true;
    say(this._problem, '');
    const yes = button(`Yes: ${action.label.toLowerCase()}`, () => void this._do(action, yes), {
      class: 'jd-button jd-yes'
    });
    const group = h('span', { role: 'group', 'aria-label': action.question, class: 'jd-row' });
    group.append(
      action.question,
      yes,
      button('No', () => this._answered())
    );
    group.addEventListener('keydown', event => event.key === 'Escape' && this._answered());
    this._row.replaceChildren(group);
    yes.focus();
  }

  private async _do(action: IAction, by: HTMLButtonElement): Promise<void> {
    by.disabled = true;
    say(by, 'Working…');
    try {
      await this._watch.act(action.path, action.body);
    } catch (error) {
      say(this._problem, `✗ ${text(error)}`);
    }
    this._answered();
  }

  private _answered(): void {
    this._asking = false;
    this._said = '';
    this.draw();
    this._row.querySelector('button')?.focus();
  }

  private readonly _row = h('div', { class: 'jd-row' });
  private readonly _problem = h('div', { class: 'jd-wrong', role: 'alert' });
  private _asking = false;
  private _said = '';
}
