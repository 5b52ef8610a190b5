import * as React from 'react';

import type { IBrief, ISummary } from '../../tokens';

import { usePanel } from './context';
import { Copy } from './copy';
import { ago, latency, perSecond } from './figures';
import { Spark } from './spark';
import { Standing } from './standing';
import { newsOf, stageWord, standingOf, tagOf, wordOf } from './words';

/**
 * One endpoint of the list.
 *
 * @param props - The endpoint; whether the tab key stops here; what opens it and what tells that it has the focus.
 */
export function Row(props: {
  endpoint: ISummary;
  active: boolean;
  open: () => void;
  focus: () => void;
}): JSX.Element {
  const { trans, endpoints } = usePanel();
  const { endpoint, active, open, focus } = props;
  const tabIndex = active ? 0 : -1;
  const shown = endpoint.release ?? endpoint.newest;
  return (
    <div className="jp-deploy-row" data-active={active} onFocus={focus}>
      <button className="jp-deploy-open" tabIndex={tabIndex} data-endpoint={endpoint.name} onClick={open}>
        <span className="jp-deploy-name">{endpoint.name}</span> <Standing standing={standingOf(endpoint)} />
      </button>
      <div className="jp-deploy-quiet jp-deploy-release">
        {shown && <span>{tagOf(endpoint.name, shown.number)}</span>}
        <span>
          {[shown ? '' : null, endpoint.target, shown && ago(trans, endpoints.now - shown.created)]
            .filter(part => part !== null)
            .join(' · ')}
        </span>
      </div>
      <div className="jp-deploy-line">
        <span className="jp-deploy-url" title={endpoint.url}>
          {endpoint.url}
        </span>
        <Copy text={endpoint.url} label={trans.__('Copy the URL of %1', endpoint.name)} tabIndex={tabIndex} />
      </div>
      <Figures endpoint={endpoint} />
    </div>
  );
}

/** The rate and p95 with their lines; or what keeps the endpoint from being quiet, which is more important. */
function Figures(props: { endpoint: ISummary }): JSX.Element {
  const { trans } = usePanel();
  const { rate, p95, rates, p95s, errors } = props.endpoint;
  const news = newsOf(props.endpoint);
  const highest = latency(
    trans,
    p95s.reduce<number | null>((most, one) => (one === null ? most : Math.max(most ?? 0, one)), null)
  );
  return (
    <div className="jp-deploy-figures">
      <span>{perSecond(trans, rate)}</span>
      <Spark
        values={rates}
        label={trans.__('Rate of the last 5 minutes: at most %1', perSecond(trans, Math.max(0, ...rates)))}
      />
      {news ? (
        <News news={news} />
      ) : errors > 0 ? (
        <span className="jp-deploy-told" data-ended="true">
          {trans._n('%1 error', '%1 errors', errors)}
        </span>
      ) : (
        <>
          <span>{trans.__('p95 %1', latency(trans, p95))}</span>
          <Spark values={p95s} label={trans.__('p95 of the last 5 minutes: at most %1', highest)} />
        </>
      )}
    </div>
  );
}

function News(props: { news: IBrief }): JSX.Element {
  const { trans } = usePanel();
  const { news } = props;
  const standing = news.ended
    ? wordOf(trans, news.state as 'refused' | 'failed' | 'cancelled')
    : stageWord(trans, news.stage || news.state);
  return (
    <span className="jp-deploy-told" data-ended={news.ended} title={news.reason}>
      {news.ended ? '✗' : '…'} @{news.number} {standing}
    </span>
  );
}
