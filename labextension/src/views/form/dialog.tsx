import { Dialog, ReactWidget } from '@jupyterlab/apputils';
import * as React from 'react';

import { FormContext, ITools } from './context';
import { FormView } from './form';

const FOCUSABLE =
  'button:not(:disabled), input:not(:disabled), select:not(:disabled), summary, a[href], [tabindex="0"]';

class Body extends ReactWidget {
  constructor(private readonly _tools: ITools) {
    super();
    this.addClass('jp-deploy-body');
  }

  protected render(): JSX.Element {
    return (
      <FormContext.Provider value={this._tools}>
        <FormView />
      </FormContext.Provider>
    );
  }
}

/**
 * A dialog whose buttons stand in the form itself, because they change with it.
 */
export class FormDialog extends Dialog<void> {
  constructor(tools: ITools, title: string) {
    super({
      title,
      body: new Body(tools),
      buttons: [],
      hasClose: true,
      focusNodeSelector: '.jp-deploy-form'
    });
    this.addClass('jp-deploy-dialog');
  }

  /** Leave every key but Escape and Tab to the form: Enter belongs to its own buttons. */
  protected override _evtKeydown(event: KeyboardEvent): void {
    if (event.key === 'Escape') {
      super._evtKeydown(event);
    } else if (event.key === 'Tab') {
      this._turn(event);
    }
  }

  protected override _evtFocus(event: FocusEvent): void {
    if (event.target instanceof Node && !this.node.contains(event.target)) {
      event.stopPropagation();
      this.node.querySelector<HTMLElement>('.jp-deploy-form')?.focus();
    }
  }

  /** Go from the last field to the first one, and back. */
  private _turn(event: KeyboardEvent): void {
    const all = [...this.node.querySelectorAll<HTMLElement>(FOCUSABLE)].filter(
      one => one.offsetParent !== null
    );
    const [from, to] = event.shiftKey ? [all[0], all[all.length - 1]] : [all[all.length - 1], all[0]];
    if (document.activeElement === from) {
      event.preventDefault();
      to?.focus();
    }
  }
}
