import * as React from 'react';

import { useForm } from './context';
import { Refusal } from './refusal';

const INSTALL = '%pip install jupyterlab-deploy';

/**
 * What is between the form and the notebook's kernel: none, another language, a running cell, a missing package.
 */
export function Waiting(): JSX.Element {
  const { form, trans, kernel } = useForm();
  switch (form.phase) {
    case 'none':
      return <NoKernel />;
    case 'foreign':
      return (
        <Notice title={trans.__('This notebook speaks %1', form.language)}>
          <p>
            {trans.__(
              'The form lists the variables of Python kernels. The kernel “%1” is of %2.',
              kernel(),
              form.language
            )}
          </p>
        </Notice>
      );
    case 'trouble':
      return <Trouble />;
    case 'starting':
      return <p role="status">{trans.__('The kernel is starting …')}</p>;
    default:
      return form.waits ? <Busy /> : <p role="status">{trans.__('Looking at the variables …')}</p>;
  }
}

/**
 * Says that the kernel runs a cell, and that the form goes on by itself.
 */
export function Busy(): JSX.Element {
  const { trans } = useForm();
  return (
    <div role="status" className="jp-deploy-notice">
      <p>
        <b>{trans.__('The kernel is busy.')}</b>
      </p>
      <p>{trans.__('This goes on by itself as soon as the running cell has ended.')}</p>
    </div>
  );
}

function NoKernel(): JSX.Element {
  const { form, trans } = useForm();
  return (
    <Notice title={trans.__('This notebook has no kernel')}>
      <p>
        {trans.__('Models live in a kernel. Start one, run the cells that make your model, then deploy it.')}
      </p>
      <button type="button" className="jp-deploy-button jp-mod-accept" onClick={() => void form.start()}>
        {trans.__('Start a kernel')}
      </button>
    </Notice>
  );
}

function Trouble(): JSX.Element {
  const { form, trans, kernel, insert, close } = useForm();
  const problem = form.problem;
  if (problem?.kind === 'absent') {
    return (
      <Notice title={trans.__('The kernel “%1” does not have jupyterlab-deploy', kernel())}>
        <p>{trans.__('Install it into the environment of this kernel with a cell, then come back:')}</p>
        <pre className="jp-deploy-code">{INSTALL}</pre>
        <div className="jp-deploy-buttons">
          <button
            type="button"
            className="jp-deploy-button jp-mod-accept"
            onClick={() => {
              insert(INSTALL);
              close();
            }}
          >
            {trans.__('Insert the cell')}
          </button>
          <Again />
        </div>
      </Notice>
    );
  }
  const said = problem?.refusal ?? { code: '', message: '', hint: '', details: '' };
  const [what, why, hint] = explained(trans, problem?.kind ?? 'dead', said.message, said.hint);
  return (
    <Refusal what={what} refusal={{ ...said, message: why, hint }}>
      <Again />
    </Refusal>
  );
}

function explained(
  trans: ReturnType<typeof useForm>['trans'],
  kind: string,
  message: string,
  hint: string
): [string, string, string] {
  switch (kind) {
    case 'dead':
      return [
        trans.__('The kernel gave no answer.'),
        trans.__('It was restarted, or it ended.'),
        trans.__('Run the cells that make your model, then look again.')
      ];
    case 'broken':
      return [
        trans.__('The kernel cannot load this form’s part of jupyterlab-deploy.'),
        message,
        trans.__('Run `%pip install --upgrade jupyterlab-deploy` in a cell and restart the kernel.')
      ];
    default:
      return [trans.__('The variables cannot be listed.'), message, hint];
  }
}

function Again(): JSX.Element {
  const { form, trans } = useForm();
  return (
    <button type="button" className="jp-deploy-button" onClick={() => void form.again()}>
      {trans.__('Look again')}
    </button>
  );
}

function Notice(props: { title: string; children: React.ReactNode }): JSX.Element {
  return (
    <div className="jp-deploy-notice" role="status">
      <p>
        <b>{props.title}</b>
      </p>
      {props.children}
    </div>
  );
}
