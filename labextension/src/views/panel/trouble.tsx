import * as React from 'react';

import type { ITrouble } from '../../tokens';

import { Marked } from './marked';

/**
 * Why something was not done or cannot be told, and what to do about it.
 *
 * @param props - The trouble, and what a click on its cross does where it can be put away.
 */
export function Trouble(props: {
  trouble: ITrouble;
  close?: { label: string; act: () => void };
}): JSX.Element {
  const { trouble, close } = props;
  return (
    <div className="jp-deploy-trouble" role="alert">
      <span aria-hidden="true" className="jp-deploy-sign" data-standing="failed">
        ✗
      </span>
      <div>
        <div>
          <Marked text={trouble.detail} />
        </div>
        {trouble.hint && (
          <div>
            → <Marked text={trouble.hint} />
          </div>
        )}
      </div>
      {close && (
        <button className="jp-deploy-icon" aria-label={close.label} title={close.label} onClick={close.act}>
          ✕
        </button>
      )}
    </div>
  );
}
