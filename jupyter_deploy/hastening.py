"""Looks for faster forms of what already answers, one release after the other, in the background."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from jupyter_deploy import errors, stops
from jupyter_deploy.compilation import Compilation, told
from jupyter_deploy.store import Store
from jupyter_deploy.traffic import Traffics
from jupyter_deploy.values import Attempt, Release

STAGE = "compiled"
log = logging.getLogger(__name__)

Key = tuple[str, int]


class Hastener:
    """A queue of releases with one thread, which ends when there is nothing left to do.

    Args:
        store: The agent's memory.
        traffics: Starts releases and moves traffic.
        notify: Is called with endpoint and number after each change.
    """

    def __init__(self, store: Store, traffics: Traffics, notify: Callable[[str, int], None]) -> None:
        self._store, self._traffics, self._notify = store, traffics, notify
        self._changed = threading.Condition()
        self._waiting: list[Key] = []
        self._current: tuple[Key, stops.Stop] | None = None
        self._running = self._halted = False

    @property
    def busy(self) -> bool:
        """Whether something is being made."""
        return bool(self._waiting) or self._current is not None

    def consider(self, name: str) -> None:
        """Look for a faster form of what answers at an endpoint, unless that was done or is not wanted.

        Args:
            name: The endpoint.
        """
        _, number, state = self._store.endpoints().get(name, ("", None, ""))
        with self._changed:
            key = (name, number or 0)
            known = key in self._waiting or (self._current is not None and self._current[0] == key)
            if number is None or state != "verified" or known or self._halted or not self._open(name, number):
                return
            self._waiting.append(key)
            if not self._running:
                self._running = True
                threading.Thread(target=self._work, name="hasten", daemon=True).start()

    def cancel(self, name: str, why: str = "", *, number: int | None = None, wait: bool = False) -> bool:
        """Stop looking; what answers goes on answering as it is.

        Args:
            name: The endpoint.
            why: What people read as the reason, after which nobody looks again; it is looked for another time where empty.
            number: The release; every one of the endpoint where None.
            wait: Whether to wait until nothing is being made of it.

        Returns:
            Whether there was anything to stop.
        """
        with self._changed:
            wanted = [key for key in self._waiting if key[0] == name and number in (None, key[1])]
            self._waiting = [key for key in self._waiting if key not in wanted]
            if self._current is not None and self._current[0][0] == name and number in (None, self._current[0][1]):
                wanted.append(self._current[0])
                self._current[1].pull(errors.Cancelled(why))
            if wait:
                self._changed.wait_for(lambda: self._current is None or self._current[0] not in wanted)
            return bool(wanted)

    def halt(self) -> None:
        """Before the agent ends: stop, so that the next one begins again."""
        with self._changed:
            self._halted, self._waiting = True, []
            if self._current is not None:
                self._current[1].pull(errors.Cancelled(""))

    # ----- inside

    def _open(self, name: str, number: int) -> bool:
        release = self._store.release(name, number)
        return self._store.options(name, number).compile == "auto" and release.state == "serving" and not release.compiled

    def _work(self) -> None:
        while True:
            with self._changed:
                if not self._waiting:
                    self._running = False
                    return
                key, stop = self._waiting.pop(0), stops.Stop()
                self._current = key, stop
            try:
                self._try(*key, stop)
            except (errors.DeployError, OSError):  # the store itself may fail; what answers is untouched
                log.exception("%s@%d stays as it is", *key)
            finally:
                with self._changed:
                    self._current = None
                    self._changed.notify_all()
            self._notify(*key)

    def _try(self, name: str, number: int, stop: stops.Stop) -> None:
        try:
            release = self._store.release(name, number)
        except errors.UnknownName:  # it was removed meanwhile
            return
        entry, began = self._store.begin(release, STAGE), time.monotonic()
        self._notify(name, number)
        try:
            detail = self._compiled(release, stop)
        except (errors.Cancelled, errors.TimedOut) as error:
            if not self._halted:
                reason = (stop.error or error).message
                if reason:
                    self._store.update(release, compiled=(Attempt(engine=STAGE, kept=False, reason=reason),))
                self._store.note(release, entry, time.monotonic() - began, f"kept as it is: {reason}" if reason else "")
            return
        self._store.note(release, entry, time.monotonic() - began, detail)
        self._store.audit(STAGE, release.tag, detail)
        self._traffics.tidy(name, number)

    def _compiled(self, release: Release, stop: stops.Stop) -> str:
        seconds = self._store.options(release.endpoint, release.number).stage_deadline
        late = errors.TimedOut(f"no faster form was found within {seconds:g} s", "`stage_deadline` gives it more.")
        with stops.under(stop, seconds, late):
            return told(Compilation(self._store, self._traffics, release).run().compiled)
