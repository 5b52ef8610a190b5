import * as React from 'react';

import type { Deploy } from '../../deploy';
import { PanelContext } from '../panel/context';
import { Copy } from '../panel/copy';
import { Stages } from '../panel/stages';
import { Trouble } from '../panel/trouble';

import { useChanges, useForm } from './context';

const TOOLS = { confirmStop: true, confirmRemove: true, confirmRollback: true };

/**
 * A release on its way: its stages, and the cell that deploys the same.
 *
 * @param props - The deploy.
 */
export function Launched(props: { deploy: Deploy }): JSX.Element {
  const { endpoints, trans, insert, close } = useForm();
  const { deploy } = props;
  const { cell, url } = deploy.launched;
  const [inserted, setInserted] = React.useState(false);
  useChanges(deploy.changed);
  const panel = { endpoints, trans, options: TOOLS, visible: true, loginUrl: '' };
  return (
    <PanelContext.Provider value={panel}>
      <div className="jp-deploy-launched">
        <p className="jp-deploy-line">
          <b>{deploy.launched.endpoint}</b> <code>{url}</code>
          <Copy text={url} label={trans.__('Copy the URL')} />
        </p>
        <p role="status">{situation(trans, deploy)}</p>
        {deploy.trouble && <Trouble trouble={deploy.trouble} />}
        {deploy.release && <Stages release={deploy.release} />}
        <h3>{trans.__('The same as a cell')}</h3>
        <div className="jp-deploy-line">
          <pre className="jp-deploy-code" tabIndex={0}>
            {cell}
          </pre>
          <Copy text={cell} label={trans.__('Copy the cell')} />
        </div>
        <div className="jp-deploy-buttons">
          <button
            type="button"
            className="jp-deploy-button"
            aria-disabled={inserted}
            onClick={() => {
              if (!inserted) {
                insert(cell);
                setInserted(true);
              }
            }}
          >
            {inserted ? trans.__('Inserted below the active cell') : trans.__('Insert this cell')}
          </button>
        </div>
      </div>
      <div className="jp-deploy-footer">
        {!deploy.ended && <Cancel deploy={deploy} />}
        <button type="button" className="jp-deploy-button jp-mod-accept" autoFocus onClick={close}>
          {trans.__('Close')}
        </button>
      </div>
    </PanelContext.Provider>
  );
}

function Cancel(props: { deploy: Deploy }): JSX.Element {
  const { trans } = useForm();
  const [said, setSaid] = React.useState('');
  const cancel = async (): Promise<void> => {
    setSaid(trans.__('Cancelling …'));
    await props.deploy
      .cancel()
      .catch((error: unknown) => setSaid(`${error instanceof Error ? error.message : error}`));
  };
  return (
    <>
      <span role="status">{said}</span>
      <button type="button" className="jp-deploy-button" onClick={() => void cancel()}>
        {trans.__('Cancel the deploy')}
      </button>
    </>
  );
}

function situation(trans: ReturnType<typeof useForm>['trans'], deploy: Deploy): string {
  if (deploy.serves) {
    return trans.__('%1 is verified and serves.', deploy.tag);
  }
  if (deploy.ended) {
    return trans.__('%1 did not come to serve; what answered before goes on answering.', deploy.tag);
  }
  return deploy.previews
    ? trans.__('%1 answers as a preview; it is being rebuilt and verified. You can close this.', deploy.tag)
    : trans.__('%1 is on its way. You can close this; it goes on.', deploy.tag);
}
