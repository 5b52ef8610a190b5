"""The environment parent: one process per environment that has done its imports, holds no model, and forks release parents.

`python -m endpoint.parent --control PATH [--preload a,b,c] [--bentoml] [--bare] [--idle SECONDS] [--owner PID]`

A bare one, of an environment that came with somebody's archive, runs on an interpreter without packages (`python -S`) and imports
none: each of its releases does so, once it is isolated.
"""

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"  # before numpy is imported: whoever forks must have one thread, and workers are the parallelism

import argparse  # noqa: E402
import gc  # noqa: E402
import importlib  # noqa: E402
import signal  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
from collections.abc import Iterable  # noqa: E402
from pathlib import Path  # noqa: E402

from . import devices, log, release  # noqa: E402
from .control import Command, Control  # noqa: E402

LOOK = 1.0  # seconds between two looks at the owner


class EnvironmentParent:
    """Answers the agent until it is no longer needed.

    Args:
        bentoml: Whether its releases have BentoML's own routes.
        idle: Seconds without a command after which it ends; never where 0.
        owner: The process without which it is of no use; none where 0.
    """

    def __init__(self, bentoml: bool, idle: float, owner: int) -> None:
        self.bentoml, self.idle, self.owner = bentoml, idle, owner
        self._born = _born(owner)
        self._asked = time.monotonic()
        self._stopped = False

    def run(self, path: Path) -> None:
        """Bind the control socket and answer.

        Args:
            path: The socket's path.
        """
        self._control = Control(path, self._answer)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._control.waker, warn_on_full_buffer=False)
        while not self._stopped and self._needed():
            if self._control.step(LOOK):
                self._asked = time.monotonic()
            _reap()
        self._control.close()
        path.unlink(missing_ok=True)

    def _needed(self) -> bool:
        if self.idle and time.monotonic() - self._asked > self.idle:
            return False
        return not self.owner or _born(self.owner) == self._born != ""

    def _answer(self, command: Command) -> Command:
        match command.get("do"):
            case "status":
                return {"ok": True, "pid": os.getpid(), "modules": len(sys.modules)}
            case "import":
                extend_path(command.get("path", []))
                failed = import_all(command.get("modules", []))
                settle()
                return {"ok": True, "failed": failed}
            case "release":
                return self._release(command)
            case "stop":
                self._stopped = True
                return {"ok": True}
        return {"ok": False, "error": "unknown command"}

    def _release(self, command: Command) -> Command:
        try:
            spec = release.Spec(**{name: value for name, value in command.items() if name != "do"})
        except TypeError as error:
            return {"ok": False, "error": str(error)}
        return {"ok": True, "pid": release.fork(spec, self.bentoml, self._control.close)}


def extend_path(folders: Iterable[str]) -> None:
    """Add folders to the end of the module path.

    Args:
        folders: The folders; those that are on it stay where they are.
    """
    sys.path.extend(folder for folder in folders if folder not in sys.path)


def import_all(modules: Iterable[str]) -> dict[str, str]:
    """Import modules, each on its own.

    Args:
        modules: Their dotted names.

    Returns:
        Why each that failed did.
    """
    failed = {}
    for module in modules:
        try:
            importlib.import_module(module)
        except BaseException as error:  # noqa: BLE001, PERF203 (a module may raise anything, and a parent without it is still of use)
            failed[module] = f"{type(error).__name__}: {error}"
    return failed


def settle() -> None:
    """Put all that is imported out of the collector's sight, which spares every release 80 ms before its fork."""
    gc.collect()
    gc.freeze()


def _born(pid: int) -> str:
    """Say when a process was started, so that a recycled id is not taken for it; empty where it is gone."""
    if not pid:
        return ""
    try:
        facts = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return _alive(pid) if sys.platform != "linux" else ""
    return "" if facts[0] == "Z" else facts[19]


def _alive(pid: int) -> str:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return ""
    except PermissionError:  # another user's
        return "alive"
    return "alive"


def _reap() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return


def _import(bentoml: bool, preload: str) -> None:
    """Import what releases import, so that a fork of this process needs none of it."""
    from . import keys, workers  # noqa: F401

    if bentoml:
        from . import bento

        bento.prepare()
    failed = import_all(one for one in preload.split(",") if one)
    if failed:
        log.write("not_imported", failed=failed)


def main() -> None:
    """Read the arguments, import what is asked for, and answer."""
    parser = argparse.ArgumentParser(prog="endpoint.parent")
    parser.add_argument("--control", type=Path, required=True)
    parser.add_argument("--preload", default="")
    parser.add_argument("--bentoml", action="store_true")
    parser.add_argument("--bare", action="store_true")
    parser.add_argument("--idle", type=float, default=0.0)
    parser.add_argument("--owner", type=int, default=0)
    given = parser.parse_args()
    here = str(Path.cwd())
    sys.path[:] = [one for one in sys.path if one not in ("", here)]  # `-m` put it there; a file in it must not shadow a package
    devices.choose("")  # what is imported here must not open a GPU: no fork of this process could
    if not given.bare:
        _import(given.bentoml, given.preload)
    settle()
    EnvironmentParent(given.bentoml, given.idle, given.owner).run(given.control)


if __name__ == "__main__":
    main()
