"""Follows one release in the background, for the card and for whoever waits."""

from __future__ import annotations

import threading
import time

import msgspec

from jupyter_deploy import errors
from jupyter_deploy.adapters.view import View
from jupyter_deploy.agent.client import AgentClient

PAUSE = 0.3  # seconds until a stream that broke is opened again
PATIENCE = 20.0  # seconds for which an agent that has gone may come back


class Follower(threading.Thread):
    """Keeps the newest view of a release until that has ended.

    Args:
        client: The agent.
        view: What is known of the release so far.
    """

    def __init__(self, client: AgentClient, view: View) -> None:
        super().__init__(name=f"follow {view.release.tag}", daemon=True)
        self.view = view
        self.error: errors.DeployError | None = None
        self._client = client
        self._changed = threading.Condition()
        self._version = 0

    @property
    def ended(self) -> bool:
        """Whether nothing more will come."""
        return self.view.release.ended or self.error is not None

    def run(self) -> None:
        """Follow the agent's events; an agent that restarts goes on with the release, so it is asked again for a while."""
        gone_since = 0.0
        while not self.ended:
            error = self._read()
            gone_since = (gone_since or time.monotonic()) if error else 0.0
            if error and (not isinstance(error, errors.AgentUnreachable) or time.monotonic() - gone_since > PATIENCE):
                self._tell(error=error, note=str(error).replace("\n", " "))
            if not self.ended:
                time.sleep(PAUSE)

    def changed_since(self, version: int, timeout: float | None) -> int:
        """Wait for a change.

        Args:
            version: What this function returned before; 0 at first.
            timeout: Seconds to wait at most.

        Returns:
            The number of changes so far.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._version != version or self.ended, timeout)
            return self._version

    def until_ended(self, timeout: float | None) -> bool:
        """Wait until the release has ended.

        Args:
            timeout: Seconds to wait at most; None for as long as it takes.

        Returns:
            Whether it has ended.
        """
        with self._changed:
            return self._changed.wait_for(lambda: self.ended, timeout)

    def _read(self) -> errors.DeployError | None:
        """Follow until the stream ends; gives the reason where it broke."""
        name, number = self.view.endpoint.name, self.view.release.number
        try:
            for release in self._client.events(name, number):
                self._tell(release=release, endpoint=self._client.endpoint(name))
            self._client.endpoint(name)  # raises where the endpoint was removed meanwhile
        except errors.DeployError as error:
            return error
        return None

    def _tell(self, *, error: errors.DeployError | None = None, **fields: object) -> None:
        with self._changed:
            self.view = msgspec.structs.replace(self.view, **fields)
            self.error = error
            self._version += 1
            self._changed.notify_all()
