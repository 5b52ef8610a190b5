import * as React from 'react';

import type { IOverview } from '../../tokens';

import { PanelContext, usePanel } from './context';
import { Disconnected } from './disconnected';
import { Empty } from './empty';
import { Endpoint } from './endpoint';
import { useOverview, useTick } from './hooks';
import { List } from './list';
import { Marked } from './marked';

/**
 * What the panel shows: the list, the endpoint that was opened from it, or why there is neither.
 */
export function Content(): JSX.Element {
  const panel = usePanel();
  const { overview, trouble } = useOverview();
  const [opened, setOpened] = React.useState('');
  const [last, setLast] = React.useState('');
  const back = (): void => {
    setLast(opened);
    setOpened('');
  };
  // what was seen last is shown on while the way to the agent is broken, and not while the agent itself is gone
  const isStale = trouble?.kind === 'network' || trouble?.kind === 'other';
  const shown = !trouble || isStale ? overview : null;
  return (
    <>
      {trouble && <Disconnected trouble={trouble} />}
      {overview && opened && (
        // kept while it cannot be shown: a secret that is told once may stand in it
        <div className="jp-deploy-whole" hidden={!shown}>
          <PanelContext.Provider value={{ ...panel, visible: panel.visible && !trouble }}>
            <Endpoint
              key={opened}
              name={opened}
              summary={overview.endpoints.find(one => one.name === opened) ?? null}
              back={back}
            />
          </PanelContext.Provider>
        </div>
      )}
      {shown && !opened && <Overview overview={shown} last={last} open={setOpened} />}
      {!shown && !trouble && <Waiting />}
    </>
  );
}

function Overview(props: { overview: IOverview; last: string; open: (name: string) => void }): JSX.Element {
  const { overview, last, open } = props;
  useTick(30); // for the ages
  return (
    <>
      {overview.trouble && (
        <p className="jp-deploy-pad" role="alert">
          <Marked text={overview.trouble} />
        </p>
      )}
      {overview.endpoints.length ? (
        <List endpoints={overview.endpoints} selected={last} open={open} />
      ) : (
        <Empty />
      )}
    </>
  );
}

function Waiting(): JSX.Element {
  const { trans } = usePanel();
  return (
    <p className="jp-deploy-quiet jp-deploy-pad" role="status">
      {trans.__('Looking for your endpoints …')}
    </p>
  );
}
