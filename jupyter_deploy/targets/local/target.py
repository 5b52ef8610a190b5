"""This machine as a target: Envoy at one loopback port, workers forked from parents that hold a loaded model."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from jupyter_deploy import errors
from jupyter_deploy.home import Home
from jupyter_deploy.targets.base import Count, Health, Launch, Traffic
from jupyter_deploy.targets.local import router
from jupyter_deploy.targets.local.envoy import Envoy
from jupyter_deploy.targets.local.parents import Parents
from jupyter_deploy.targets.local.watch import Watch
from jupyter_deploy.targets.local.workers import Running, Workers

HEALTHY = 10.0  # seconds for the router to find every worker of a release that is ready
PAUSE = 0.002
AT_ONCE = 16  # releases that end side by side; each waits for what is in flight
COUNTERS = {
    "requests": "upstream_rq_total",
    "succeeded": "upstream_rq_2xx",
    "rejected": "upstream_rq_4xx",
    "failed": "upstream_rq_5xx",
    "repeated": "upstream_rq_retry",
    "timeouts": "upstream_rq_timeout",
    "in_flight": "upstream_rq_active",
}
FIGURES = {
    "upstream_rq_completed": "requests",
    "upstream_rq_5xx": "errors",
    "upstream_rq_4xx": "refused",
    "membership_healthy": "workers",
}  # those of a cluster's counters count what callers got in the end, also what the router answered for it itself
COUNTED = rf"^cluster\.[^.]+\.({'|'.join(FIGURES)})$"

log = logging.getLogger(__name__)


class Local:
    """Runs releases on this machine. Everything that it starts outlives the agent and is found again by the next one.

    Args:
        home: The agent's folders.
        port: The port at which endpoints are called; None to keep the last one or to choose one.
    """

    name = "local"
    capabilities = frozenset({"preview", "beside", "weights"})

    def __init__(self, home: Home, port: int | None = None) -> None:
        home.make()
        self._watch = Watch()
        self._envoy = Envoy(home.router, home.runtime, self._watch, port)
        self._parents = Parents(home, self._watch)
        self._workers = Workers(home, self._parents, self._watch)
        self._workers.adopt()
        self._lock = threading.Lock()
        self._closed = False
        self._opening = threading.Lock()  # held while the router is opened or this target is closed

    def url(self, endpoint: str) -> str:
        """Say at which URL an endpoint answers.

        Args:
            endpoint: The endpoint's name, or a path segment of `Traffic.beside`.

        Returns:
            The URL, ending in a slash.

        Raises:
            PortInUse: If no port is free.
        """
        return f"http://127.0.0.1:{self._envoy.port}/{endpoint}/"

    def warm(self, interpreter: str, path: tuple[str, ...], modules: tuple[str, ...], owner: int) -> None:
        """Have a spare of a kernel ready, so that its previews start in milliseconds; goes on in the background.

        Args:
            interpreter: The kernel's interpreter.
            path: The kernel's module path.
            modules: What the kernel has imported.
            owner: The kernel's process id.
        """

        def prepare() -> None:
            try:
                self._parents.warm(interpreter, path, modules, owner)
                self._open()
            except (errors.DeployError, OSError) as error:
                log.warning("cannot prepare for previews: %s", error)  # a deploy meets the same error and shows it

        threading.Thread(target=prepare, name="warm", daemon=True).start()

    def start(self, launch: Launch) -> None:
        """Start a release and wait until its workers are ready; no traffic moves.

        Args:
            launch: What to start.

        Raises:
            ReleaseFailed: If it does not become ready; the message holds the reason.
        """
        self._workers.start(launch)

    def call(self, id: str, path: str, body: bytes, key: str) -> tuple[int, bytes]:
        """Send one request to a running release directly, past the router.

        Args:
            id: The launch's id.
            path: The path, such as `/predict`.
            body: JSON.
            key: A key's secret that the release knows.

        Returns:
            HTTP status and body.

        Raises:
            ReleaseFailed: If the release does not answer.
        """
        return self._workers.call(id, path, body, key)

    def batch(self, id: str, methods: tuple[str, ...]) -> None:
        """Let one call of the model answer several requests, from now on and also after a crash; no worker is replaced for it.

        Args:
            id: The launch's id.
            methods: The methods for which it may; for all others it may not.

        Raises:
            ReleaseFailed: If the release does not run.
        """
        self._workers.batch(id, methods)

    def switch(self, traffic: Mapping[str, Traffic]) -> None:
        """Make the given traffic the only one, and wait until that is acknowledged.

        Args:
            traffic: The traffic of every endpoint.

        Raises:
            ReleaseFailed: If it names a release that does not run.
            PortInUse: If another program has the router's port.
            RouterFailed: If it is not acknowledged; the old traffic stays.
        """
        wanted = {launch: _cluster(self._workers.find(launch)) for launch in sorted(router.named(traffic))}
        with self._lock:
            self._open()
            present, known = self._envoy.clusters(), self._workers.known()
            kept = {name: one for name, one in present.items() if name in known}  # the others are left from a crash
            self._envoy.apply("cds", list({**kept, **wanted}.values()))
            for name in (name for name in wanted if present.get(name) != wanted[name]):
                self._await_healthy(name)
            self._envoy.wait_for_bodies(router.body_time(traffic.values()))
            self._envoy.apply("rds", [router.routes(traffic.values())])

    def stop(self, id: str) -> None:
        """Let a release finish what is in flight, then end it; nothing happens if there is none.

        Args:
            id: The launch's id.

        Raises:
            Conflict: If the router still sends requests to it.
        """
        routed = id in self._envoy.clusters()
        if routed:
            self._open()
            self._drain(id)
            with self._lock:
                self._check_unused(id)
                self._envoy.apply("cds", [one for name, one in self._envoy.clusters().items() if name != id])
        self._workers.stop(id, drain=routed)

    def status(self) -> dict[str, Health]:
        """Say how every release is that was started, by launch id."""
        return self._workers.status()

    @staticmethod
    def recorded(home: Home) -> set[str]:
        """Read which releases requests go to, as far as files tell it; nothing is started or changed.

        Args:
            home: The agent's folders.

        Returns:
            Launch ids.

        Raises:
            OSError: If a file cannot be read.
            ValueError: If a file holds something else.
        """
        files = {name: home.router / f"{name}.json" for name in ("cds", "rds")}
        found = {name: json.loads(file.read_bytes())["resources"] for name, file in files.items() if file.exists()}
        return {one["name"] for one in found.get("cds", ())} | router.routed(found.get("rds", ()))

    def counts(self) -> dict[str, Count] | None:
        """Read in one look what callers were answered.

        Returns:
            What was counted for each release that has a cluster, by launch id; None where the router does not answer.
        """
        try:
            epoch = self._envoy.epoch
            found = self._envoy.stats(COUNTED, used=True)
        except (ConnectionRefusedError, FileNotFoundError):
            return {}  # there is none, and the next one counts from the beginning
        except OSError:
            return None
        figures: dict[str, dict[str, int]] = {}
        for name, value in found.items():
            _, launch, figure = name.split(".")
            figures.setdefault(launch, {})[FIGURES[figure]] = int(value)
        return {launch: Count(**one, epoch=epoch) for launch, one in figures.items()}

    def samples(self, id: str) -> dict[str, Any]:
        """Read what was counted for a release: by the router since the router started, by its workers since it was started.

        Args:
            id: The launch's id.

        Returns:
            Requests, and how they ended, by name; under `metrics` the name, the labels and the value of each sample of `/metrics`.
        """
        found = self._envoy.counters(id)
        return {**{name: found.get(counter, 0) for name, counter in COUNTERS.items()}, "metrics": self._workers.samples(id)}

    def close(self, everything: bool) -> None:
        """Let go of the target before the agent ends.

        Args:
            everything: Whether the releases and the router end too; they go on answering otherwise, if there are any.
        """
        with self._opening:
            self._closed = True
        launches = self._workers.close()
        if everything or not launches:
            self._envoy.stop()
            with ThreadPoolExecutor(AT_ONCE) as pool:
                list(pool.map(self._workers.stop, launches))
            self._parents.close()
        self._envoy.leave()
        self._watch.close()

    def _open(self) -> None:
        """Open the router, unless the agent ends, so that no thread of it leaves one behind."""
        with self._opening:
            if self._closed:
                raise errors.RouterFailed("The agent ends.", "The next one goes on.")
            self._envoy.open()

    def _await_healthy(self, id: str) -> None:
        workers, end = len(self._workers.find(id).sockets), time.monotonic() + HEALTHY
        while (healthy := self._envoy.counters(id).get("membership_healthy", 0)) < workers:
            if time.monotonic() > end:
                found = f"The router found {healthy} of {workers} workers of {id} within {HEALTHY:g} s."
                raise errors.RouterFailed(found, "The old traffic stays as it was.")
            time.sleep(PAUSE)

    def _drain(self, id: str) -> None:
        self._check_unused(id)
        end = time.monotonic() + self._workers.deadline(id) + self._envoy.body_time
        while self._envoy.busy(id) and time.monotonic() < end:
            time.sleep(PAUSE)

    def _check_unused(self, id: str) -> None:
        if id in router.routed(self._envoy.routes()):
            raise errors.Conflict(f"The release {id} still answers calls.", "Switch its traffic to another release first.")


def _cluster(one: Running) -> router.Config:
    return router.cluster(router.Cluster(id=one.launch.id, sockets=tuple(map(str, one.sockets))))
