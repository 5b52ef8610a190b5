import * as React from 'react';

/**
 * A sentence of the agent's, in which backticks stand around names and commands.
 *
 * @param props - The sentence.
 */
export function Marked(props: { text: string }): JSX.Element {
  const parts = props.text.split('`');
  return (
    <>
      {parts.map((part, at) => (at % 2 === 1 && at < parts.length - 1 ? <code key={at}>{part}</code> : part))}
    </>
  );
}
