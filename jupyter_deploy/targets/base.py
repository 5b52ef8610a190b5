"""What a target must be able to do: run releases, send traffic to them, say how they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Protocol

from jupyter_deploy.home import Home
from jupyter_deploy.values import Options, Value


class Launch(Value, frozen=True, kw_only=True):
    """How to run one release, preview or verified.

    Attributes:
        endpoint: The endpoint's name.
        number: The release's number.
        state: `preview` or `verified`; it stands in the answers' `jd-state`.
        folder: The folder with `manifest.json`.
        interpreter: The interpreter to run it with.
        path: Module path to add to the interpreter's own, for a preview in the kernel's environment.
        preload: Modules to import before the model is loaded.
        lock: The lock's digest, which names the environment parent; empty for a preview.
        keys: The file with the hashes of the endpoint's keys.
        log: The file to which the release's processes write.
        options: Workers, deadline, limits, network.
        packages: The environment's folder where it came with an archive, because nothing in it may run before the release is
            isolated; empty for all others, whose interpreter is that of the environment.
        environment: The file with the environment variables that the model is declared to read; empty where there are none.
        compiled: Whether it is the release's faster form.
        batched: The methods of which one call of the model may answer several requests; `Target.batch` changes them later.
    """

    endpoint: str
    number: int
    state: Literal["preview", "verified"]
    folder: str
    interpreter: str
    path: tuple[str, ...] = ()
    preload: tuple[str, ...] = ()
    lock: str = ""
    keys: str
    log: str
    options: Options = Options()
    packages: str = ""
    environment: str = ""
    compiled: bool = False
    batched: tuple[str, ...] = ()

    @property
    def workers(self) -> int:
        """How many workers it has: one for each of its GPUs, where it has some."""
        return self.options.gpu or self.options.workers

    @property
    def id(self) -> str:
        """What the target calls it: `churn@7` when verified, `churn@7-preview` before, `churn@7-compiled` in a faster form."""
        kind = "-preview" if self.state == "preview" else "-compiled" if self.compiled else ""
        return f"{self.endpoint}@{self.number}{kind}"


class Traffic(Value, frozen=True, kw_only=True):
    """Which releases answer where, for one endpoint.

    Attributes:
        endpoint: The endpoint's name.
        weights: Launch ids with their share of the endpoint's URL; the canary last. Empty while nothing may answer there.
        beside: Path segments of their own with the launch id that answers there, such as `churn@8` with `churn@8-preview`.
        stopped: Whether something did answer, and nothing is to for now.
        options: Retries, deadline and body limit of the routes.
    """

    endpoint: str
    weights: dict[str, int] = {}
    beside: dict[str, str] = {}
    stopped: bool = False
    options: Options = Options()


class Health(Value, frozen=True, kw_only=True):
    """How one running release is.

    Attributes:
        phase: `loading`, `ready`, `failed` or `gone`.
        reason: Why it failed, the exception's class and text.
        workers: Process ids of the workers that are ready.
        restarts: How many workers were replaced since it started.
        open: What it could not be kept from: `files`, `signals`, `sockets`, `network`.
        apart: Why each of its workers loads a model of its own; empty where they share one by fork.
        gpus: The GPUs of its workers, one for each.
    """

    phase: Literal["loading", "ready", "failed", "gone"]
    reason: str = ""
    workers: tuple[int, ...] = ()
    restarts: int = 0
    open: tuple[str, ...] = ()
    apart: str = ""
    gpus: tuple[str, ...] = ()

    @property
    def sharing(self) -> str:
        """How its workers have their model, in words."""
        return f"loaded in each worker, because {self.apart}" if self.apart else "shared by fork"


class Count(Value, frozen=True, kw_only=True):
    """What callers were answered on behalf of one running release, since it began to be called or the router was started.

    Attributes:
        requests: Requests that were answered, by a worker or, where none could, by the router.
        errors: Those answered with a status from 500.
        refused: Those answered with a status from 400 to 499.
        workers: How many workers get requests now.
        epoch: Another number where counting began anew, because another router counts.
    """

    requests: int = 0
    errors: int = 0
    refused: int = 0
    workers: int = 0
    epoch: int = 0


class Target(Protocol):
    """Where releases run. Every call is idempotent and may be repeated after a crash."""

    name: str
    capabilities: frozenset[str]

    def url(self, endpoint: str) -> str:
        """Say at which URL an endpoint answers.

        Args:
            endpoint: The endpoint's name, or a path segment of `Traffic.beside`.

        Returns:
            The URL, ending in a slash.
        """
        ...

    def warm(self, interpreter: str, path: tuple[str, ...], modules: tuple[str, ...], owner: int) -> None:
        """Prepare to start previews of one kernel fast.

        Args:
            interpreter: The kernel's interpreter.
            path: The kernel's module path.
            modules: What the kernel has imported.
            owner: The kernel's process id.
        """
        ...

    def start(self, launch: Launch) -> None:
        """Start a release and wait until its workers are ready; no traffic moves.

        Args:
            launch: What to start.

        Raises:
            ReleaseFailed: If it does not become ready; the message holds the reason.
        """
        ...

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
        ...

    def batch(self, id: str, methods: tuple[str, ...]) -> None:
        """Let one call of the model answer several requests, from now on and also after a crash; no worker is replaced for it.

        Args:
            id: The launch's id.
            methods: The methods for which it may; for all others it may not.

        Raises:
            ReleaseFailed: If the release does not run.
        """
        ...

    def switch(self, traffic: Mapping[str, Traffic]) -> None:
        """Make the given traffic the only one, and wait until that is acknowledged.

        Args:
            traffic: The traffic of every endpoint.

        Raises:
            RouterFailed: If it is not acknowledged; the old traffic stays.
        """
        ...

    def stop(self, id: str) -> None:
        """Let a release finish what is in flight, then end it; nothing happens if there is none.

        Args:
            id: The launch's id, which no traffic names any more.
        """
        ...

    def status(self) -> dict[str, Health]:
        """Say how every release is that was started, by launch id."""
        ...

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
        ...

    def counts(self) -> dict[str, Count] | None:
        """Read in one look what callers were answered; this is done each second while somebody watches.

        Returns:
            What was counted for each release that is or was called, by launch id; None where it cannot be told at the moment.
        """
        ...

    def samples(self, id: str) -> dict[str, Any]:
        """Read a release's counters.

        Args:
            id: The launch's id.

        Returns:
            Figures by name.
        """
        ...

    def close(self, everything: bool) -> None:
        """Let go of the target before the agent ends.

        Args:
            everything: Whether the releases and the router end too; they go on answering otherwise.
        """
        ...
