import type { TranslationBundle } from '@jupyterlab/translation';
import type { ISignal } from '@lumino/signaling';
import * as React from 'react';

import type { Form } from '../../form';
import type { IEndpoints } from '../../tokens';

/**
 * What every view of the form may use.
 */
export interface ITools {
  /** The state. */
  form: Form;
  /** The endpoints that there are. */
  endpoints: IEndpoints;
  /** The translations. */
  trans: TranslationBundle;
  /** The kernel's name for people. */
  kernel: () => string;
  /** Put a cell with this source below the active one, without running it. */
  insert: (source: string) => void;
  /** Close the form. */
  close: () => void;
}

/**
 * Hands the form's tools down to its views.
 */
export const FormContext = React.createContext<ITools | null>(null);

/**
 * The form that a view stands in.
 *
 * @returns Its tools.
 */
export function useForm(): ITools {
  const tools = React.useContext(FormContext);
  if (tools === null) {
    throw new Error('A view of the form stands outside of it.');
  }
  return tools;
}

/**
 * Draw a view again whenever a signal is emitted.
 *
 * @param signal - The signal; nothing happens where null.
 */
export function useChanges(signal: ISignal<unknown, unknown> | null): void {
  const [, redraw] = React.useReducer((count: number) => count + 1, 0);
  React.useEffect(() => {
    signal?.connect(redraw);
    redraw();
    return () => {
      signal?.disconnect(redraw);
    };
  }, [signal]);
}
