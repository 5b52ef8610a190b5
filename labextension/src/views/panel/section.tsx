import * as React from 'react';

/**
 * A part of an open endpoint that is folded up or not; what is folded up is not drawn, and asks for nothing.
 *
 * @param props - Its name, whether it begins open, and what it draws.
 */
export function Section(props: {
  title: string;
  open?: boolean;
  children: () => React.ReactNode;
}): JSX.Element {
  const [open, setOpen] = React.useState(props.open ?? false);
  return (
    <details
      className="jp-deploy-section"
      open={open}
      onToggle={event => setOpen((event.currentTarget as HTMLDetailsElement).open)}
    >
      <summary>
        <h3>{props.title}</h3>
      </summary>
      {open && <div className="jp-deploy-inside">{props.children()}</div>}
    </details>
  );
}
