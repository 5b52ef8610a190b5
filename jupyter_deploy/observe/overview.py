"""Every endpoint in one line each, put together only where something has changed."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable
from typing import Any

import msgspec

from jupyter_deploy import errors
from jupyter_deploy.observe.history import History
from jupyter_deploy.store import Store
from jupyter_deploy.targets.base import Target
from jupyter_deploy.values import Brief, Overview, Release, Summary, to_json

STALE = 10.0  # seconds after which it is put together anew, because some things change with time alone, such as a key's end


class Overviews:
    """Tells of every endpoint at once.

    Args:
        store: The agent's memory.
        target: Where releases run.
        history: What was seen of the endpoints.
        release: Reads a release that is on its way, as whoever drives it knows it.
    """

    def __init__(self, store: Store, target: Target, history: History, release: Callable[[str, int], Release]) -> None:
        self._store, self._target, self._history, self._release = store, target, history, release
        self._lock = threading.Lock()
        self._known: tuple[Any, Overview] | None = None

    def known(self, trouble: str) -> Overview | None:
        """Give the last one, if nothing can have changed since; this takes microseconds.

        Args:
            trouble: What did not come up again after the agent started.

        Returns:
            The overview; None where it must be read.
        """
        known = self._known
        return known[1] if known is not None and known[0] == self._state(trouble) else None

    def read(self, trouble: str) -> Overview:
        """Put it together.

        Args:
            trouble: What did not come up again after the agent started.

        Returns:
            The overview.
        """
        with self._lock:
            found = self.known(trouble)
            if found is None:
                state = self._state(trouble)  # first: what changes meanwhile is then read the next time
                endpoints = tuple(self._summaries())
                version = hashlib.blake2b(to_json((trouble, endpoints)), digest_size=8).hexdigest()
                found = Overview(version=version, now=time.time(), trouble=trouble, endpoints=endpoints)
                self._known = state, found
            return found

    # ----- inside

    def _state(self, trouble: str) -> tuple[Any, ...]:
        return self._store.changes, self._history.revision, trouble, time.monotonic() // STALE

    def _summaries(self) -> list[Summary]:
        return [
            Summary(
                name=name, url=self._target.url(name), target=line.target, answering=line.answering, keys=line.keys,
                state=line.state, release=line.release, newest=self._newest(name, line.newest),  # type: ignore[arg-type]
                **self._history.figures(name)._asdict(),
            )
            for name, line in self._store.lines().items()
        ]  # fmt: skip

    def _newest(self, name: str, newest: Brief | None) -> Brief | None:
        """Tell of a release that is on its way also what a full disk kept from being noted."""
        if newest is None or newest.ended:
            return newest
        try:
            release = self._release(name, newest.number)
        except errors.UnknownName:  # removed meanwhile
            return newest
        reason = release.reason.partition("\n")[0]
        return msgspec.structs.replace(newest, state=release.state, ended=release.ended, reason=reason)
