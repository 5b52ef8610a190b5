import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { IEndpoints } from '../../tokens';

/**
 * What the settings say of the panel.
 */
export interface IOptions {
  /** Whether to ask before an endpoint is stopped. */
  confirmStop: boolean;
  /** Whether to ask before an endpoint is removed. */
  confirmRemove: boolean;
  /** Whether to ask before another release takes over. */
  confirmRollback: boolean;
}

/**
 * What every view of the panel may use.
 */
export interface IPanel {
  /** The endpoints and the way to ask for more. */
  endpoints: IEndpoints;
  /** The translations. */
  trans: TranslationBundle;
  /** The settings. */
  options: IOptions;
  /** Whether the panel can be seen, so that streams are followed. */
  visible: boolean;
  /** Where to log in again. */
  loginUrl: string;
}

/**
 * Hands the panel's tools down to its views.
 */
export const PanelContext = React.createContext<IPanel | null>(null);

/**
 * The panel that a view stands in.
 *
 * @returns Its tools.
 */
export function usePanel(): IPanel {
  const panel = React.useContext(PanelContext);
  if (panel === null) {
    throw new Error('A view of the panel stands outside of it.');
  }
  return panel;
}
