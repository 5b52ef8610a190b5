import { ReactWidget } from '@jupyterlab/ui-components';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { Message } from '@lumino/messaging';
import * as React from 'react';

import type { IEndpoints } from '../../tokens';

import { Content } from './content';
import { IOptions, IPanel, PanelContext } from './context';

/**
 * The sidebar's panel with the endpoints of this user.
 */
export class Panel extends ReactWidget {
  /**
   * @param _endpoints - The endpoints.
   * @param _trans - The translations.
   * @param _loginUrl - Where to log in again.
   */
  constructor(
    private readonly _endpoints: IEndpoints,
    private readonly _trans: TranslationBundle,
    private readonly _loginUrl: string
  ) {
    super();
    this.addClass('jp-deploy-panel');
    document.addEventListener('visibilitychange', this._redraw);
  }

  /** Whether somebody can see it. */
  get isSeen(): boolean {
    return this.isVisible && !document.hidden;
  }

  /** What the settings say. */
  get options(): IOptions {
    return this._options;
  }

  set options(options: IOptions) {
    this._options = options;
    this.update();
  }

  override dispose(): void {
    document.removeEventListener('visibilitychange', this._redraw);
    super.dispose();
  }

  protected override render(): JSX.Element {
    const panel: IPanel = {
      endpoints: this._endpoints,
      trans: this._trans,
      options: this._options,
      visible: this.isSeen,
      loginUrl: this._loginUrl
    };
    return (
      <PanelContext.Provider value={panel}>
        <Content />
      </PanelContext.Provider>
    );
  }

  protected override onAfterShow(msg: Message): void {
    super.onAfterShow(msg);
    this.update();
    void this._endpoints.refresh();
  }

  protected override onAfterHide(msg: Message): void {
    super.onAfterHide(msg);
    this.update();
  }

  private readonly _redraw = (): void => this.update();
  private _options: IOptions = { confirmStop: true, confirmRemove: true, confirmRollback: true };
}
