import * as React from 'react';

import type { ISummary } from '../../tokens';

import { usePanel } from './context';
import { Row } from './row';

const VIRTUAL = 50; // more endpoints than these are drawn only where they can be seen
const FILTERED = 10; // more endpoints than these can be searched
const SPARE = 4; // rows drawn above and below what can be seen
const HEIGHT = 7.2; // of a row, in sizes of the text

/**
 * The endpoints as a list that the arrow keys walk through.
 *
 * @param props - The endpoints; the name that the list begins at; and what opens one.
 */
export function List(props: {
  endpoints: readonly ISummary[];
  selected: string;
  open: (name: string) => void;
}): JSX.Element {
  const { trans } = usePanel();
  const [wanted, setWanted] = React.useState('');
  const found = props.endpoints.filter(one => one.name.includes(wanted.trim().toLowerCase()));
  return (
    <>
      {props.endpoints.length > FILTERED && (
        <input
          className="jp-deploy-filter jp-mod-styled"
          type="search"
          value={wanted}
          placeholder={trans.__('Filter by name')}
          aria-label={trans.__('Filter the endpoints by name')}
          onChange={event => setWanted(event.target.value)}
        />
      )}
      <p className="jp-deploy-unseen" role="status">
        {trans._n('%1 endpoint', '%1 endpoints', found.length)}
      </p>
      {found.length === 0 ? (
        <p className="jp-deploy-quiet jp-deploy-pad">{trans.__('No endpoint has such a name.')}</p>
      ) : (
        <Rows {...props} endpoints={found} />
      )}
    </>
  );
}

function Rows(props: {
  endpoints: readonly ISummary[];
  selected: string;
  open: (name: string) => void;
}): JSX.Element {
  const { trans } = usePanel();
  const { endpoints, open } = props;
  const box = React.useRef<HTMLDivElement>(null);
  const [active, setActive] = React.useState(props.selected);
  const at = Math.max(
    0,
    endpoints.findIndex(one => one.name === active)
  );
  const height = useRowHeight(box);
  const [first, last] = useWindow(box, height, endpoints.length);
  const walk = useWalk(box, height, setActive);
  React.useEffect(() => {
    if (props.selected) {
      walk(endpoints[at].name, at); // the first one where the one that was open is gone
    }
  }, []);
  const onKeyDown = (event: React.KeyboardEvent): void => {
    const to = target(event.key, at, endpoints.length);
    if (to !== null && !event.altKey && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      walk(endpoints[to].name, to);
    }
  };
  return (
    <div className="jp-deploy-scroll" ref={box} onKeyDown={onKeyDown}>
      <ul
        className="jp-deploy-list"
        aria-label={trans.__('Endpoints')}
        style={{ height: height * endpoints.length }}
      >
        {endpoints.map((one, place) =>
          place === at || (place >= first && place <= last) ? (
            <li
              key={one.name}
              style={{ top: place * height, height }}
              aria-setsize={endpoints.length}
              aria-posinset={place + 1}
            >
              <Row
                endpoint={one}
                active={place === at}
                open={() => open(one.name)}
                focus={() => setActive(one.name)}
              />
            </li>
          ) : null
        )}
      </ul>
    </div>
  );
}

function target(key: string, at: number, count: number): number | null {
  switch (key) {
    case 'ArrowDown':
      return Math.min(count - 1, at + 1);
    case 'ArrowUp':
      return Math.max(0, at - 1);
    case 'Home':
      return 0;
    case 'End':
      return count - 1;
    default:
      return null;
  }
}

/** The height of a row in pixels, which follows the size of the text. */
function useRowHeight(box: React.RefObject<HTMLDivElement>): number {
  const [height, setHeight] = React.useState(94);
  React.useLayoutEffect(() => {
    if (box.current) {
      setHeight(Math.round(parseFloat(getComputedStyle(box.current).fontSize) * HEIGHT));
    }
  }, []);
  return height;
}

/** The first and the last row to draw. */
function useWindow(box: React.RefObject<HTMLDivElement>, height: number, count: number): [number, number] {
  const [seen, setSeen] = React.useState({ top: 0, height: 0 });
  React.useLayoutEffect(() => {
    const element = box.current;
    if (!element || count <= VIRTUAL) {
      return;
    }
    const look = (): void => setSeen({ top: element.scrollTop, height: element.clientHeight });
    const resized = new ResizeObserver(look);
    resized.observe(element);
    element.addEventListener('scroll', look, { passive: true });
    return () => {
      resized.disconnect();
      element.removeEventListener('scroll', look);
    };
  }, [count > VIRTUAL]);
  if (count <= VIRTUAL) {
    return [0, count - 1];
  }
  return [Math.floor(seen.top / height) - SPARE, Math.ceil((seen.top + seen.height) / height) + SPARE];
}

/** Moves the focus to a row, which may have to be drawn first. */
function useWalk(
  box: React.RefObject<HTMLDivElement>,
  height: number,
  setActive: (name: string) => void
): (name: string, place: number) => void {
  const [wanted, setWanted] = React.useState<{ name: string } | null>(null);
  React.useEffect(() => {
    const rows = box.current?.querySelectorAll<HTMLElement>('.jp-deploy-open') ?? [];
    [...rows].find(row => row.dataset.endpoint === wanted?.name)?.focus({ preventScroll: true });
  }, [wanted]);
  return (name, place) => {
    const element = box.current;
    if (element) {
      const [top, bottom] = [place * height, (place + 1) * height];
      const highest = Math.min(element.scrollTop, top);
      element.scrollTop = Math.max(highest, bottom - element.clientHeight);
    }
    setActive(name);
    setWanted({ name });
  };
}
