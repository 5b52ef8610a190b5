import * as React from 'react';

import { Choices } from './choices';
import { useChanges, useForm } from './context';
import { Waiting } from './kernel';
import { Launched } from './launched';
import { Preflight } from './plan';
import { Refusal } from './refusal';
import { Resources } from './resources';

/**
 * The form: what to deploy, what that would take along, and how it goes.
 */
export function FormView(): JSX.Element {
  const { form, endpoints } = useForm();
  const root = React.useRef<HTMLDivElement>(null);
  useChanges(form.changed);
  useChanges(endpoints.changed);
  React.useEffect(() => {
    if (root.current?.isConnected && !root.current.contains(document.activeElement)) {
      root.current.focus(); // what had the focus is gone, and keys would go nowhere
    }
  });
  return (
    <div ref={root} className="jp-deploy-panel jp-deploy-form" tabIndex={-1}>
      {form.deploy ? <Launched deploy={form.deploy} /> : form.phase === 'ready' ? <Filled /> : <Unready />}
    </div>
  );
}

function Unready(): JSX.Element {
  const { trans, close } = useForm();
  return (
    <>
      <Waiting />
      <div className="jp-deploy-footer">
        <button type="button" className="jp-deploy-button" onClick={close}>
          {trans.__('Cancel')}
        </button>
      </div>
    </>
  );
}

function Filled(): JSX.Element {
  const { form, trans, close } = useForm();
  const isDeploying = form.doing === 'launching' || form.doing === 'cancelling';
  const settings = form.variables?.trouble;
  return (
    <form
      onSubmit={event => {
        event.preventDefault();
        if (form.canDeploy) {
          void form.launch();
        }
      }}
    >
      {settings && <Refusal what={trans.__('The settings cannot be read.')} refusal={settings} />}
      <fieldset className="jp-deploy-columns" disabled={isDeploying}>
        <div>
          <Choices />
          <Resources />
        </div>
        <section aria-label={trans.__('What would be deployed')}>
          <h2>{trans.__('What would be deployed')}</h2>
          <Preflight />
        </section>
      </fieldset>
      <div className="jp-deploy-footer">
        <span role="status">{isDeploying ? progress(form.doing, form.waits, trans) : ''}</span>
        <button
          type="button"
          className="jp-deploy-button"
          disabled={form.doing === 'cancelling'}
          onClick={() => (isDeploying ? form.cancel() : close())}
        >
          {isDeploying ? trans.__('Cancel the deploy') : trans.__('Cancel')}
        </button>
        <button type="submit" className="jp-deploy-button jp-mod-accept" disabled={!form.canDeploy}>
          {trans.__('Deploy')}
        </button>
      </div>
    </form>
  );
}

function progress(doing: string, waits: boolean, trans: ReturnType<typeof useForm>['trans']): string {
  if (doing === 'cancelling') {
    return trans.__('Cancelling …');
  }
  return waits ? trans.__('Waiting for the running cell …') : trans.__('Capturing the model …');
}
