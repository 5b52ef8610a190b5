"""Looks at what answers, each second while somebody watches and seldom otherwise, and remembers a day of it.

One look asks the router once for all releases. A release's own counters are asked for only where the router's have moved or
somebody watches that endpoint, because they are a conversation with each release.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from jupyter_deploy import errors
from jupyter_deploy.observe.history import Endpoints, History
from jupyter_deploy.observe.reading import Counters, answered, counted, counters, named
from jupyter_deploy.observe.tally import Tally, summed
from jupyter_deploy.store import Store
from jupyter_deploy.targets.base import Count, Target

OFTEN, SELDOM = 1.0, 10.0  # seconds between two looks while somebody watches, and otherwise
WATCHED = 10.0  # seconds for which somebody who has asked is taken to watch
BREATH = 0.1  # seconds between two looks at least
LATEST = 60.0  # seconds after which a release is asked for its own counters though nothing seems to have moved
SHARE = 20  # a release that takes a second to tell its counters is left alone for so many seconds

log = logging.getLogger(__name__)


class Running:
    """What is remembered of one running release.

    Args:
        id: The launch's id.
        name: The endpoint.
        number: The release's number.
        created: When the endpoint was made, in seconds since the epoch.
        count: What the router has counted that is not to be told any more.
    """

    def __init__(self, id: str, name: str, number: int, created: float, count: Count) -> None:
        self.id, self.name, self.number, self.created, self.count = id, name, number, created, count
        self.own: Counters | None = None
        self.asked = self.due = -math.inf  # when it was asked for its own counters, and may be again, in monotonic seconds
        self.moved = True  # whether it has done something since

    @property
    def tag(self) -> str:
        """The release that it runs."""
        return f"{self.name}@{self.number}"


class Part(NamedTuple):
    """What one running release has done since the last look.

    Attributes:
        one: The release.
        answered: What callers were answered.
        own: What its workers counted; None where they were not asked.
    """

    one: Running
    answered: Count
    own: Counters | None


class Observer:
    """Looks at every endpoint, in a thread of its own.

    Args:
        target: Where releases run.
        store: The agent's memory, which keeps what was seen.
        tell: Is called after each look.
    """

    def __init__(self, target: Target, store: Store, tell: Callable[[], None]) -> None:
        self._target, self._store, self._tell = target, store, tell
        self.history = History(store)
        self._running: dict[str, Running] | None = None  # None before the first look, which only learns where counters stand
        self._looked = time.monotonic()
        self._watched: dict[str, float] = {}  # when somebody last asked for an endpoint, or for the list of all
        self._changed = threading.Condition()
        self._woken = self._closed = False

    def watch(self, name: str = "") -> None:
        """Look often from now on, until nobody has asked for a while.

        Args:
            name: The endpoint whose releases' own counters are wanted too; only the list of all where empty.
        """
        late = not self._is_watched(name)
        with self._changed:
            self._watched[name] = time.monotonic()
        if late:
            self.wake()

    def wake(self) -> None:
        """Look now, because something has changed."""
        with self._changed:
            self._woken = True
            self._changed.notify()

    def run(self) -> None:
        """Look again and again, until this is closed."""
        while not self._closed:
            began = time.monotonic()
            self._try(self.look)
            self._rest(began)
        self._try(self.look)
        self._try(self.history.keep)

    def close(self) -> None:
        """Stop looking, and keep what was seen."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    def look(self) -> None:
        """Look once at everything.

        Raises:
            StoreFailed: If what was seen cannot be kept.
        """
        endpoints = self._store.answering()
        found = self._target.counts() if endpoints else {}
        now, at = time.monotonic(), time.time()
        if found is None:
            return
        seconds, self._looked = now - self._looked, now
        first = self._running is None
        self._running = self._known(found, endpoints, first=first)
        parts = [self._part(one, found[one.id]) for one in self._running.values()]
        try:
            self.history.add(endpoints, {} if first else _tallies(parts, endpoints, at, seconds), at)
        finally:  # also where a full disk keeps it from being kept
            self._tell()

    # ----- inside

    @staticmethod
    def _try(step: Callable[[], None]) -> None:
        try:
            step()
        except (errors.DeployError, OSError) as error:  # a full disk has room again sooner or later, and what answers goes on
            log.warning("the endpoints cannot be looked at: %s", error)

    def _known(self, found: Mapping[str, Count], endpoints: Endpoints, *, first: bool) -> dict[str, Running]:
        """Recall what runs; of an endpoint that was made anew under the same name nothing is recalled."""
        known = {}
        for id, count in found.items():
            name, number = named(id)
            if name in endpoints:
                created, before = endpoints[name][0], (self._running or {}).get(id)
                is_same = before is not None and before.created == created
                known[id] = before if before and is_same else Running(id, name, number, created, count if first else Count())
        return known

    def _part(self, one: Running, count: Count) -> Part:
        added = answered(one.count, count)
        one.moved = one.moved or added.requests > 0 or count.workers != one.count.workers
        one.count = count
        return Part(one, added, self._ask(one) if self._is_due(one) else None)

    def _is_due(self, one: Running) -> bool:
        now = time.monotonic()
        if now < one.due:
            return False
        if self._is_watched(one.name):
            return True
        seldom = one.moved or one.own is None or one.own.rough
        return now - one.asked >= (SELDOM - OFTEN / 2 if seldom else LATEST)

    def _ask(self, one: Running) -> Counters | None:
        """Ask a release for its own counters; what it counted before it was first asked is no caller's."""
        began = time.monotonic()
        own = counters(self._target.samples(one.id)["metrics"])
        one.asked, one.moved = time.monotonic(), False
        one.due = one.asked + max(0.0, SHARE * (one.asked - began) - OFTEN)
        before, one.own = one.own, own or one.own
        return counted(before, own) if own is not None and before is not None else None

    def _is_watched(self, name: str | None = None) -> bool:
        """Say whether somebody watches an endpoint; anything where None."""
        with self._changed:
            since = time.monotonic() - WATCHED
            self._watched = {one: at for one, at in self._watched.items() if at > since}
            return name in self._watched if name is not None else bool(self._watched)

    def _rest(self, began: float) -> None:
        pause = OFTEN if self._is_watched() else SELDOM
        with self._changed:
            self._changed.wait_for(lambda: self._closed, BREATH)
            self._changed.wait_for(lambda: self._woken or self._closed, began + pause - time.monotonic())
            self._woken = False


def _tallies(parts: Iterable[Part], endpoints: Endpoints, at: float, seconds: float) -> dict[str, Tally]:
    by_name: dict[str, list[Part]] = {}
    for part in parts:
        by_name.setdefault(part.one.name, []).append(part)
    made = {name: _tally(some, endpoints[name][1], at, seconds) for name, some in by_name.items()}
    return {name: tally for name, tally in made.items() if tally is not None}


def _tally(parts: Sequence[Part], answering: int | None, at: float, seconds: float) -> Tally | None:
    """Put together what an endpoint's releases have done; None where nothing answered, and nothing was asked."""
    main = [part.one for part in parts if part.one.number == answering]
    moved = [part for part in parts if part.answered.requests]
    if not main and not moved:
        return None
    split: dict[str, int] = {}
    for part in moved:
        split[part.one.tag] = split.get(part.one.tag, 0) + part.answered.requests
    told = [part.own for part in parts if part.own is not None]
    now = [one.own for one in main if one.own is not None]
    return Tally(
        at=at, seconds=seconds, requests=sum(split.values()), split=split,
        errors=sum(part.answered.errors for part in moved), refused=sum(part.answered.refused for part in moved),
        rows=sum(own.rows for own in told), restarts=sum(own.restarts for own in told),
        spread=summed(*(own.spread for own in told)),
        workers=sum(one.count.workers for one in main), queue=sum(own.queue for own in now), memory=sum(own.memory for own in now),
    )  # fmt: skip
