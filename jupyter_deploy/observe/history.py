"""What was seen of every endpoint: its newest intervals here, a day of it in the store."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import NamedTuple

from jupyter_deploy import errors
from jupyter_deploy.observe.tally import Newest, Ring, Tally, joined, merged, quantile, sample
from jupyter_deploy.store import Store
from jupyter_deploy.values import Sample, Series, from_json, to_json

STEPS = {300: 1, 3600: 15, 86400: 300}  # seconds of a series, and of each of its samples
HOUR, DAY = 3600.0, 86400.0
LATELY, MINUTE = 10.0, 60.0  # seconds over which a rate, and a latency, is told
POINTS = 30  # of a spark line, each LATELY seconds long
WINDOW = POINTS * LATELY
IDLE = 300.0  # seconds of which one row is kept while nothing happens

Endpoints = Mapping[str, tuple[float, int | None]]  # when each was made, in seconds since the epoch, and what answers, by name


class Figures(NamedTuple):
    """What a list shows of what an endpoint does; as in `Summary`."""

    rate: float = 0.0
    p95: float | None = None
    rates: tuple[float, ...] = (0.0,) * POINTS
    p95s: tuple[float | None, ...] = (None,) * POINTS
    errors: int = 0


class Seen:
    """What is remembered of one endpoint.

    Args:
        created: When it was made, in seconds since the epoch.
    """

    def __init__(self, created: float) -> None:
        self.created = created
        self.each: Newest[Sample] = Newest(400)  # five minutes of a look each second, and some that something woke
        self.lately = Ring(round(LATELY), POINTS + 1)
        self.hour = Ring(STEPS[3600], 241)
        self.open: Tally | None = None  # what is not in the store yet
        self.active = 0.0  # when it was last asked for something

    def add(self, tally: Tally) -> None:
        """Add the newest interval."""
        self.each.add(sample(tally))
        self.lately.add(tally)
        self.hour.add(tally)
        self.open = joined(self.open, tally) if self.open else tally
        if tally.requests:
            self.active = tally.at

    def recall(self, tally: Tally) -> None:
        """Add what an earlier agent has seen and kept, which is too long for a spark line."""
        self.each.add(sample(tally))
        self.hour.add(tally)

    def is_full(self, goes_on: bool) -> bool:
        """Say whether what is not in the store yet is enough for a row."""
        if self.open is None:
            return False
        return not goes_on or self.open.seconds >= (MINUTE if self.open.requests or self.open.restarts else IDLE)

    def figures(self, at: float) -> Figures:
        """Say what a list shows, at the time of the last look."""
        if self.active < at - WINDOW:
            return Figures()
        last = self.lately.place(at)
        points = dict(pair for one in self.lately.since(at - WINDOW) for pair in self._covered(one))
        shown = [points.get(place) for place in range(last - POINTS + 1, last + 1)]
        now, minute = self.each.since(at - LATELY), merged(self.lately.since(at - MINUTE))
        return Figures(
            rate=_rate(*now), p95=quantile(minute.spread, 0.95) if minute else None, errors=minute.errors if minute else 0,
            rates=tuple(map(_rate, shown)), p95s=tuple(quantile(one.spread, 0.95) if one else None for one in shown),
        )  # fmt: skip

    def _covered(self, one: Tally) -> list[tuple[int, Tally]]:
        """List the points of a spark line for which an interval stands; where nobody watches, one may span a whole point."""
        first, last = self.lately.place(one.at - one.seconds) + 1, self.lately.place(one.at)
        return [(place, one) for place in range(min(first, last), last + 1)]


class History:
    """What was seen of every endpoint.

    Args:
        store: The agent's memory.

    Attributes:
        revision: Is another number whenever the figures of an endpoint may have changed.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._seen: dict[str, Seen] = {}
        self._at = 0.0  # when the last look was
        self.revision = 0

    def add(self, endpoints: Endpoints, tallies: Mapping[str, Tally], at: float) -> None:
        """Add what one look has seen.

        Args:
            endpoints: When each endpoint was made, by name; what is known of any other is forgotten.
            tallies: What was seen, by name.
            at: When it was, in seconds since the epoch.

        Raises:
            StoreFailed: If it cannot be kept; it is told all the same while this agent lives.
        """
        for name, (created, _) in endpoints.items():
            if name not in self._seen or self._seen[name].created != created:
                self._recall(name, created, at)
        with self._lock:
            self._at = at
            self._seen = {name: one for name, one in self._seen.items() if name in endpoints}
            for name, tally in tallies.items():
                self._seen[name].add(tally)
            self.revision += any(at - one.active <= WINDOW + MINUTE for one in self._seen.values())
        self._keep([name for name, one in self._seen.items() if one.is_full(name in tallies)])

    def keep(self) -> None:
        """Keep what is not in the store yet.

        Raises:
            StoreFailed: If it cannot be kept.
        """
        self._keep([name for name, one in self._seen.items() if one.open])

    def series(self, name: str, span: int, since: float = 0.0) -> Series:
        """Tell what was seen of an endpoint.

        Args:
            name: The endpoint.
            span: The seconds up to now: 300, 3600 or 86400.
            since: The time after which samples ended, in seconds since the epoch.

        Returns:
            The samples; the newest one of a long time may still grow.

        Raises:
            BadInput: If there are no samples of such a time.
            UnknownName: If there is no such endpoint.
        """
        if span not in STEPS:
            listed = ", ".join(map(str, STEPS))
            raise errors.BadInput(f"There are no samples of {span} seconds.", f"A time has one of these lengths: {listed}.")
        now = time.time()
        since = max(since if since <= now else 0.0, now - span)  # later than now: the clock was set back since
        if span == 300:
            found = self.since(name, since)
        else:
            found = [sample(one) for one in (self._day if span == DAY else self._hour)(name, since)]
        return Series(endpoint=name, span=span, step=STEPS[span], now=now, samples=tuple(found))

    def since(self, name: str, at: float) -> list[Sample]:
        """Tell what was seen of an endpoint after a time.

        Args:
            name: The endpoint.
            at: The time, in seconds since the epoch.

        Returns:
            The samples, oldest first, one for each look.

        Raises:
            UnknownName: If there is no such endpoint.
        """
        with self._lock:
            one = self._find(name)
            return one.each.since(at) if one else []

    def figures(self, name: str) -> Figures:
        """Tell what a list shows of what an endpoint does.

        Args:
            name: The endpoint.

        Returns:
            The figures; those of an idle one where nothing was seen of it yet.
        """
        with self._lock:
            one = self._seen.get(name)
            return one.figures(self._at) if one else Figures()

    # ----- inside

    def _hour(self, name: str, since: float) -> list[Tally]:
        with self._lock:
            one = self._find(name)
            return one.hour.since(since) if one else []

    def _day(self, name: str, since: float) -> list[Tally]:
        """Read the day from the store; what is not there yet is its newest part."""
        rows = [from_json(body, Tally) for body in self._store.samples(name, since)]
        with self._lock:
            one = self._find(name)
            rows += [one.open] if one and one.open and (not rows or one.open.at > rows[-1].at) else []
        day = Ring(STEPS[86400], len(rows))
        for row in rows:
            day.add(row)
        return day.since(since)

    def _find(self, name: str) -> Seen | None:
        """Find what is known of an endpoint; nothing yet of one that was made since the last look."""
        known = self._seen.get(name)
        if known is None and name not in (names := self._store.answering()):
            hint = errors.did_you_mean(name, names) or (f"There are: {', '.join(names)}." if names else "Nothing is deployed yet.")
            raise errors.UnknownName(f"There is no endpoint `{name}`.", hint)
        return known

    def _recall(self, name: str, created: float, at: float) -> None:
        """Begin with what an earlier agent saw of an endpoint."""
        one = Seen(created)
        for body in self._store.samples(name, at - HOUR):
            one.recall(from_json(body, Tally))
        with self._lock:
            self._seen[name] = one

    def _keep(self, names: list[str]) -> None:
        rows = []
        with self._lock:
            for name in names:
                one = self._seen[name]
                if one.open:
                    rows.append((name, one.created, one.open.at, to_json(one.open)))
                    one.open = None
        if rows:
            self._store.add_samples(rows, time.time() - DAY)


def _rate(*intervals: Sample | Tally | None) -> float:
    requests, seconds = (sum(getattr(one, what) for one in intervals if one) for what in ("requests", "seconds"))
    return round(requests / seconds, 3) if seconds else 0.0
