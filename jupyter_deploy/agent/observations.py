"""The part of the agent's client that reads what is seen of endpoints."""

from __future__ import annotations

from collections.abc import Iterator

from jupyter_deploy.agent.transport import QUICK, Transport
from jupyter_deploy.values import Overview, Sample, Series, from_json


class Observations(Transport):
    """What is seen of endpoints."""

    def summary(self) -> Overview:
        """Tell of every endpoint in one line; the agent looks each second for as long as this is asked for.

        Returns:
            The endpoints with their rates and latencies.
        """
        return from_json(self._ask("GET", "/summary", timeout=QUICK), Overview)

    def samples(self, name: str, span: int = 300, since: float = 0.0) -> Series:
        """Tell what was seen of an endpoint in a time up to now.

        Args:
            name: The endpoint.
            span: The seconds up to now: 300, 3600 or 86400.
            since: The time after which samples ended, in seconds since the epoch.

        Returns:
            The samples, oldest first.
        """
        return from_json(self._ask("GET", f"/endpoints/{name}/samples?span={span}&since={since}", timeout=QUICK), Series)

    def sample_stream(self, name: str, since: float | None = None, patience: float | None = None) -> Iterator[Sample]:
        """Follow what is seen of an endpoint.

        Args:
            name: The endpoint.
            since: The time after which samples ended, such as that of the last known one; now where None.
            patience: Seconds between two samples at most, for there are none while nothing runs; as many as it takes where None.

        Yields:
            A sample each second, until the endpoint is removed.

        Raises:
            TimeoutError: If no sample came for so long.
            AgentUnreachable: If the agent ends.
        """
        query = "" if since is None else f"?since={since}"
        for line in self._lines(f"/endpoints/{name}/samples/stream{query}", patience):
            yield from_json(line, Sample)
        self._check_alive()

    def log_stream(self, name: str, number: int | None = None, lines: int = 100) -> Iterator[str]:
        """Follow what a release's processes write.

        Args:
            name: The endpoint.
            number: The release's number; the newest one where None.
            lines: How many of the last lines to begin with.

        Yields:
            Line after line, until the endpoint is removed.

        Raises:
            AgentUnreachable: If the agent ends.
        """
        chosen = "" if number is None else f"&release={number}"
        for line in self._lines(f"/endpoints/{name}/logs/stream?lines={lines}{chosen}"):
            yield from_json(line, str)
        self._check_alive()

    def _check_alive(self) -> None:
        """Tell the end of what was followed from the end of the agent."""
        self._ask("GET", "/status", timeout=QUICK)
