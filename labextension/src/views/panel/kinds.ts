import type { TranslationBundle } from '@jupyterlab/translation';

import type { IColumn, IContract, IInput, IMethod, IOutput } from '../../tokens';

const FEW = 6; // values that are listed

/**
 * Group methods that accept the same, so that a table of columns is shown once.
 *
 * @param contract - The contract.
 * @returns Each input with its methods, in the contract's order.
 */
export function sharedInputs(contract: IContract): { input: IInput; methods: IMethod[] }[] {
  const groups = new Map<string, { input: IInput; methods: IMethod[] }>();
  for (const method of contract.methods) {
    const key = JSON.stringify(method.input);
    const known = groups.get(key);
    if (known) {
      known.methods.push(method);
    } else {
      groups.set(key, { input: method.input, methods: [method] });
    }
  }
  return [...groups.values()];
}

/**
 * Say what a method accepts, without listing its columns.
 *
 * @param trans - The translations.
 * @param input - The input.
 * @returns Such as `table with 4 columns` or `array (rows, 30) of float64`.
 */
export function accepts(trans: TranslationBundle, input: IInput): string {
  const count = input.columns?.length ?? 0;
  switch (input.kind) {
    case 'frame':
      return trans._n('table with %1 column', 'table with %1 columns', count, count);
    case 'arguments':
      return trans._n('%1 named argument', '%1 named arguments', count, count);
    case 'list':
      return ofType(trans, trans.__('list, one element a row'), input.dtype);
    case 'value':
      return ofType(trans, trans.__('one value'), input.dtype);
    case 'series':
      return ofType(trans, trans.__('series'), input.dtype);
    default: {
      const noun = input.kind === 'array' ? trans.__('array') : input.name || trans.__('sparse matrix');
      return ofType(trans, `${noun} ${shapeOf(trans, input.shape)}`.trim(), input.dtype);
    }
  }
}

/**
 * Say what a method returns.
 *
 * @param trans - The translations.
 * @param output - The output.
 * @returns Such as `probabilities: array (rows, 2) of float64; classes no, yes`.
 */
export function returns(trans: TranslationBundle, output: IOutput): string {
  const shape = output.shape && output.shape.length > 1 ? ` ${shapeOf(trans, output.shape)}` : '';
  const noun = output.kind === 'value' ? trans.__('one value') : output.kind;
  const text = ofType(trans, `${noun}${shape}`, output.dtype);
  const whole = output.meaning ? `${output.meaning}: ${text}` : text;
  if (output.classes) {
    return trans.__('%1; classes %2', whole, few(output.classes));
  }
  return output.names ? trans.__('%1; columns %2', whole, few(output.names)) : whole;
}

/**
 * Say which values of a column were seen.
 *
 * @param trans - The translations.
 * @param column - The column.
 * @returns Such as `0 to 99, may be missing` or `a, b, c`.
 */
export function valuesOf(trans: TranslationBundle, column: IColumn): string {
  const parts: string[] = [];
  const { categories, minimum, maximum } = column;
  if (categories) {
    parts.push(few(categories));
  } else if (minimum !== null && minimum !== undefined && maximum !== null && maximum !== undefined) {
    parts.push(trans.__('%1 to %2', plain(minimum), plain(maximum)));
  }
  if (column.optional) {
    parts.push(trans.__('optional'));
  }
  if (column.nullable) {
    parts.push(trans.__('may be missing'));
  }
  return parts.join(', ');
}

function ofType(trans: TranslationBundle, noun: string, dtype?: string | null): string {
  return dtype ? trans.__('%1 of %2', noun, dtype) : noun;
}

function shapeOf(trans: TranslationBundle, shape?: (number | null)[] | null): string {
  return shape ? `(${shape.map(length => (length === null ? trans.__('rows') : length)).join(', ')})` : '';
}

function few(values: readonly unknown[]): string {
  const listed = values.slice(0, FEW).map(value => `${value}`);
  return listed.join(', ') + (values.length > FEW ? ` … (${values.length})` : '');
}

function plain(value: number | string): string {
  return typeof value === 'string' ? value : `${Number(value.toPrecision(6))}`;
}
