"""The release parent: loads one model, holds the listening sockets, forks the workers and never runs the model itself.

Until it is isolated it needs nothing but the standard library, because packages that came with somebody's archive may do anything
when they are imported.
"""

from __future__ import annotations

import gc
import json
import os
import shutil
import signal
import site
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from . import devices, isolation, log, memory, network
from .control import Command, Control, prepare
from .ledger import FOLDER, Ledger

if TYPE_CHECKING:
    from uvicorn import Config

    from .board import Board
    from .hotpath import Asgi, HotPath, Served
    from .limits import Limits
    from .workers import Workers

BACKLOG = 2048  # callers who wait while a worker is replaced
TICK = 0.25  # seconds between two looks at the heartbeats
FAILED_STAYS = 60.0  # seconds for the agent to ask for the reason
TEMPORARY = "temporary"  # the file that lists a release's folders for temporary files
LOADING = 600.0  # seconds for a worker that loads a model of its own
GRACE = 30.0  # seconds for requests in flight, where a stop does not say


@dataclass(kw_only=True)
class Spec:
    """What a release runs and on which terms, as the agent says it.

    Attributes:
        release: Its name, such as `churn@7`.
        state: `preview` or `verified`.
        folder: The folder with `manifest.json`.
        runtime: The folder for its sockets.
        workers: How many workers it has.
        keys: The file with the hashes of its keys.
        log: The file to which its processes write.
        network: Whether it may reach the network.
        limits: The fields of `limits.Limits`.
        silence: Seconds without a heartbeat after which a worker is replaced.
        environment: The file with the environment variables that the model is declared to read; empty where there are none.
        isolated: Whether it is kept from what is not its own.
        hidden: Folders with other releases' and the agent's files.
        packages: The environment to enter once it is isolated; empty where the parent that forks it runs in it.
        batched: The methods of which one call may answer several requests; the command `batch` changes them while it runs.
        apart: Why each worker must load a model of its own; empty where they are to share one.
        gpus: The GPUs of its workers, one for each, as `CUDA_VISIBLE_DEVICES` has them; empty where it has none.
    """

    release: str
    state: Literal["preview", "verified"]
    folder: str
    runtime: str
    workers: int = 2
    keys: str
    log: str
    network: bool = True
    limits: dict[str, Any] = field(default_factory=dict)
    silence: float = 5.0
    environment: str = ""
    isolated: bool = False
    hidden: tuple[str, ...] = ()
    packages: str = ""
    batched: tuple[str, ...] = ()
    apart: str = ""
    gpus: tuple[str, ...] = ()


class ReleaseParent:
    """One release, from load to stop.

    Args:
        spec: What to run.
        bentoml: Whether BentoML's own routes stand behind ours.
    """

    def __init__(self, spec: Spec, bentoml: bool) -> None:
        self.spec, self.bentoml = spec, bentoml
        self.folder = Path(spec.runtime)
        self.phase: Literal["loading", "ready", "failed"] = "loading"
        self.reason = ""
        self.network = spec.network
        self.open: list[str] = []  # what could not be closed to it
        self.workers: Workers | None = None
        self.apart = spec.apart  # why each worker loads a model of its own
        self.grace: float | None = None  # set by `stop`

    def run(self) -> None:
        """Live until told to stop; the process ends with it."""
        self._settle()
        self.ledger = Ledger(self.spec.workers, Path(self.spec.keys).parent / FOLDER, self.spec.release)
        self.control = Control(self.folder / "parent.sock", self._answer)
        signal.set_wakeup_fd(self.control.waker, warn_on_full_buffer=False)
        paths = [self.folder / f"w{number}.sock" for number in range(self.spec.workers)]
        self.sockets = {path: prepare(path, BACKLOG) for path in paths}  # once it is isolated, it can make none
        self._isolate()
        log.write("start", release=self.spec.release, state=self.spec.state, network=self.network, open=self.open)
        self.workers = self._load()
        if self.workers is not None and self._forkable():
            gc.collect()
            gc.freeze()  # so that a collection in a worker does not copy the model's pages
            self.workers.start()
            self._serve(self.workers)
        self._tell_failure()
        self._clean()
        log.write("exit", release=self.spec.release)

    def _settle(self) -> None:
        os.setsid()
        os.umask(0o077)
        unsignalled()
        signal.signal(signal.SIGCHLD, lambda *_: None)  # only to be woken; see `Workers.tend`
        signal.signal(signal.SIGTERM, lambda *_: setattr(self, "grace", GRACE))
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        sink = os.open(self.spec.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        source = os.open(os.devnull, os.O_RDONLY)
        for descriptor, target in ((source, 0), (sink, 1), (sink, 2)):
            os.dup2(descriptor, target)
        memory.be_first_to_go()
        devices.choose("")  # none, also where the model's own code looks for one
        if self.spec.environment:
            os.environ.update(json.loads(Path(self.spec.environment).read_bytes()))
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.temporary = tempfile.tempdir = os.environ["TMPDIR"] = tempfile.mkdtemp(prefix="jd-tmp-")
        with (self.folder / TEMPORARY).open("a", encoding="utf-8") as known:  # for the agent to remove, should this be killed
            known.write(f"{self.temporary}\n")
        os.chdir(self.spec.folder)
        sys.dont_write_bytecode = True  # the folder is named by its content, so nothing may be added to it

    def _isolate(self) -> None:
        """Take away what is not the release's own, before any of the author's code runs."""
        spec = self.spec
        if not spec.isolated:
            self.network = spec.network or not network.cut()
            return
        own = [Path(one) for one in (spec.folder, Path(spec.keys).parent, spec.packages) if one]
        hidden = [Path(one) for one in spec.hidden]
        closed = isolation.close(own, Path(self.temporary), self.folder, hidden, may_network=spec.network)
        self.network = not closed.network
        self.open = closed.missing(may_network=spec.network)

    def _load(self) -> Workers | None:
        """Load the model while another thread answers the agent; the thread has ended before anything is forked."""
        loaded = threading.Event()
        thread = threading.Thread(target=self._answer_while_loading, args=(loaded,))
        thread.start()
        try:
            return self._prepared()
        except BaseException as error:  # noqa: BLE001 (the author's code may raise anything while it is loaded, SystemExit too)
            self._fail(f"{type(error).__name__}: {error}")
            log.failure("load_failed", error, reason=self.reason)
            return None
        finally:
            loaded.set()
            self.control.wake()
            thread.join()

    def _prepared(self) -> Workers:
        """Load the model, or leave that to each worker, and prepare all that workers share."""
        spec = self.spec
        if spec.packages:
            enter(Path(spec.packages))
        from . import imports, model, sharing, threads
        from .board import Board
        from .hotpath import OTHER
        from .limits import Limits
        from .server import config_of
        from .workers import Workers

        manifest, contract, _ = model.read(Path(spec.folder))
        board, limits = Board((*(one.name for one in contract.methods), OTHER), spec.workers), Limits(**spec.limits)
        board.batch(spec.batched)
        if spec.gpus:
            devices.check(manifest.framework)
        self.apart = self.apart or sharing.before_load((manifest.framework, *manifest.preload), bool(spec.gpus))

        def build() -> tuple[HotPath, Config]:
            app = self._application(board, limits)
            return app, config_of(app)

        made = None if self.apart else build()
        if made is not None:
            if spec.state == "verified":  # a preview shall start at once, and imports what it turns out to need
                imports.bring(imports.ARROW)
            threads.look()
        starting = LOADING if made is None else limits.deadline
        return Workers(board, limits, lambda: made or build(), starting, self.sockets, spec.silence, self._in_worker)

    def _application(self, board: Board, limits: Limits) -> HotPath:
        from . import model, tracing
        from .hotpath import HotPath, Served
        from .keys import Keys

        spec, loaded = self.spec, model.load(Path(self.spec.folder), strict=limits.strict)
        keys = Keys(Path(spec.keys), self.ledger)
        served = Served(model=loaded, release=spec.release, state=spec.state, keys=keys, board=board, limits=limits)
        inner = self._inner(served) if self.bentoml else None
        if not tracing.configured():
            return HotPath(served, inner)
        from .traced import TracedPath

        return TracedPath(served, inner)

    def _forkable(self) -> bool:
        """Say whether workers may be forked from what was loaded; the agent starts a release again for which they may not."""
        from . import sharing

        why = "" if self.apart else sharing.after_load()
        if why:
            self.apart = why
            log.write("not_forkable", reason=why)
            self._fail(f"The model must be loaded in each worker, because {why}")
        return not why

    def _inner(self, served: Served) -> Asgi:
        from . import bento

        return bento.application(served, Path(self.temporary) / "bentoml")

    def _answer_while_loading(self, loaded: threading.Event) -> None:
        while not loaded.is_set():
            self.control.step(1.0)
            if self.grace is not None or not self.control.holds_path():  # another one may have taken its place meanwhile
                self._clean()
                os._exit(0)

    def _clean(self) -> None:
        shutil.rmtree(self.temporary, ignore_errors=True)  # workers end without tidying up, and so does BentoML in them
        if self.control.holds_path() and self.spec.isolated:  # the agent removes what lies where this may remove nothing
            for one in self.folder.glob("*.sock*"):
                one.unlink(missing_ok=True)
        elif self.control.holds_path():  # else the folder belongs to a successor
            shutil.rmtree(self.folder, ignore_errors=True)

    def _in_worker(self, number: int) -> None:
        unsignalled()
        self.control.close()
        self.ledger.leave()
        if self.spec.gpus:
            devices.choose(self.spec.gpus[number])
        if self.spec.isolated:
            isolation.begin_worker()

    def _serve(self, workers: Workers) -> None:
        while self.grace is None:
            if not workers.tend():
                self._fail(workers.unloadable or workers.early_end)
                workers.close()
                workers.signal(signal.SIGKILL)
                return
            self.control.step(TICK)
            self.ledger.save()
            if not self.control.holds_path():  # nobody can reach this release any more: another one took its place
                self.grace = GRACE
        self._drain(workers, self.grace)

    def _drain(self, workers: Workers, grace: float) -> None:
        workers.close()
        workers.signal(signal.SIGTERM)
        end = time.monotonic() + grace
        while workers.alive() and time.monotonic() < end:
            self.control.step(TICK)
            self.ledger.save()
            workers.reap()
        workers.signal(signal.SIGKILL)
        self.ledger.save()

    def _tell_failure(self) -> None:
        end = time.monotonic() + FAILED_STAYS
        while self.phase == "failed" and self.grace is None and time.monotonic() < end:
            self.control.step(TICK)

    def _fail(self, reason: str) -> None:
        self.phase, self.reason = "failed", reason

    def _answer(self, command: Command) -> Command:
        if command.get("do") == "stop":
            self.grace = float(command.get("grace", GRACE))
            return {"ok": True}
        if command.get("do") == "status":
            return self._status()
        if command.get("do") == "batch" and self.workers is not None:
            self.workers.board.batch(command["methods"])
            return {"ok": True}
        if command.get("do") == "samples" and self.workers is not None:
            from . import metrics

            return {"ok": True, "samples": metrics.samples(self.workers.board, self.spec.release, self.spec.state)}
        return {"ok": False, "error": "unknown command, or not yet"}

    def _status(self) -> Command:
        ready = self.workers.ready() if self.workers else []
        board = self.workers.board if self.workers else None
        if self.phase == "loading" and len(ready) == self.spec.workers:
            self.phase = "ready"
        return {
            "ok": True, "phase": self.phase, "reason": self.reason, "pid": os.getpid(), "workers": ready,
            "restarts": self.workers.restarts if self.workers else 0, "network": self.network, "open": self.open,
            "loaded": board is not None, "apart": self.apart, "gpus": self.spec.gpus,
            "batched": [one for one in board.routes if board.batched(one)] if board else [],
        }  # fmt: skip


def unsignalled() -> None:
    """Give a new process the usual signal handling."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def enter(environment: Path) -> None:
    """Go on in an environment as if its own interpreter had started this process, which was started without packages.

    Args:
        environment: The environment's folder.
    """
    sys.executable = str(environment / "bin" / "python")
    sys.prefix = sys.exec_prefix = str(environment)
    site.main()  # this runs what its packages want to run at every start


def fork(spec: Spec, bentoml: bool, leave: Callable[[], None]) -> int:
    """Fork a release parent.

    Args:
        spec: What it runs.
        bentoml: Whether BentoML's own routes stand behind ours.
        leave: Closes what is this process's own.

    Returns:
        Its process id.
    """
    pid = os.fork()
    if pid:
        return pid
    try:
        leave()
        ReleaseParent(spec, bentoml).run()
    finally:  # a child never returns into its parent's code
        error = sys.exc_info()[1]
        if error is not None:
            log.failure("release_parent_failed", error, reason=str(error))
        os._exit(0 if error is None else 1)
