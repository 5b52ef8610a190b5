"""Release parents with their workers: start, find again after the agent's restart, ask, revive, stop.

What must be known to start a release again lies as `launch.json` beside its sockets, so the running machine is its own record.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import shutil
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from jupyter_deploy import errors, home, stops
from jupyter_deploy.targets.base import Health, Launch
from jupyter_deploy.targets.local import commands, gpus, sockets
from jupyter_deploy.targets.local.parents import Parents, last_line, tell
from jupyter_deploy.targets.local.watch import Watch, ended, kill_session
from jupyter_deploy.values import from_json, to_json

GRACE = 5.0  # seconds beyond the deadline that a stopped worker has to finish what is in flight
REVIVALS = 5  # within `REVIVAL_SPAN`; a release parent that dies more often is left dead
REVIVAL_SPAN = 60.0  # seconds

log = logging.getLogger(__name__)


@dataclass
class Running:
    """One release that was started here.

    Attributes:
        launch: What was started.
        folder: The folder of its sockets.
        lock: Held while it is started, revived or stopped.
        pid: The release parent; None while there is none.
        served: Whether it has been ready, so that it is revived should it die.
        reason: Why it could not be revived.
        revivals: When it was revived, in seconds of the monotonic clock.
        apart: Why each of its workers loads a model of its own; empty where they share one.
        gpus: The GPUs of its workers.
    """

    launch: Launch
    folder: Path
    lock: threading.RLock = field(default_factory=threading.RLock)
    pid: int | None = None
    served: bool = False
    reason: str = ""
    revivals: list[float] = field(default_factory=list)
    apart: str = ""
    gpus: tuple[str, ...] = ()

    @property
    def sockets(self) -> tuple[Path, ...]:
        """The workers' sockets."""
        return tuple(self.folder / f"w{number}.sock" for number in range(self.launch.workers))


class Workers:
    """Every release of this machine.

    Args:
        folders: The agent's folders.
        parents: Forks release parents.
        watch: Notices when one dies.
    """

    def __init__(self, folders: home.Home, parents: Parents, watch: Watch) -> None:
        self._runtime, usual = folders.runtime, home.Home.find()
        self._hidden = {folders.root, folders.runtime, usual.root, usual.runtime}
        self._parents = parents
        self._watch = watch
        self._lock = threading.Lock()
        self._running: dict[str, Running] = {}
        self._closed = False

    def adopt(self) -> None:
        """Find the releases that an earlier agent started; those that died meanwhile are listed as gone."""
        for file in self._runtime.glob("*/launch.json"):
            try:
                one = Running(from_json(file.read_bytes(), Launch), file.parent)
            except errors.BadInput as error:
                log.warning("%s cannot be read: %s", file, error)
                continue
            status = _ask(one)
            self._running[one.launch.id] = one
            pid = sockets.listener_of(one.folder / "parent.sock")  # as the kernel knows it: what it says itself may be a lie
            if status is not None and pid is not None:
                one.served = status["phase"] == "ready"
                one.apart, one.gpus = status.get("apart", ""), tuple(status.get("gpus", ()))
                self._follow(one, pid)

    def start(self, launch: Launch) -> None:
        """Start a release and wait until it is ready; nothing happens if it is.

        Args:
            launch: What to start.

        Raises:
            ReleaseFailed: If it does not become ready; the message holds the reason.
        """
        folder = self._runtime / hashlib.sha256(launch.id.encode()).hexdigest()[:8]
        with self._lock:
            if self._closed:
                raise errors.ReleaseFailed(
                    f"The release {launch.id} is not started, because the agent ends.", "The next one goes on."
                )
            one = self._running.setdefault(launch.id, Running(launch, folder))
        with stops.holding(one.lock):
            self._running[launch.id] = one  # it may have been stopped while we waited
            if _unbatched(one.launch) != _unbatched(launch):
                with stops.never():
                    self._end(one)
                one.launch = launch
            try:
                self._bring_up(one)
                self._batch(one, launch.batched)
            except BaseException:
                if not one.served:
                    with stops.never():
                        self.stop(launch.id)
                raise

    def batch(self, id: str, methods: tuple[str, ...]) -> None:
        """Let one call of the model answer several requests, from now on and whenever the release is started again.

        Args:
            id: The launch's id.
            methods: The methods for which it may; for all others it may not.

        Raises:
            ReleaseFailed: If the release does not run.
        """
        one = self.find(id)
        with stops.holding(one.lock):
            self._batch(one, methods)

    @staticmethod
    def _batch(one: Running, methods: tuple[str, ...]) -> None:
        if one.launch.batched == methods:
            return
        launch = msgspec.structs.replace(one.launch, batched=methods)
        home.write(one.folder / "launch.json", to_json(launch))  # first: its revival, and another agent, start from there
        one.launch = launch
        with contextlib.suppress(OSError):  # one that is dead is revived with it
            sockets.ask(one.folder / "parent.sock", {"do": "batch", "methods": methods}, 5.0)

    def close(self) -> set[str]:
        """Start nothing any more.

        Returns:
            The launches that were started, whether or not they live.
        """
        with self._lock:
            self._closed = True
            return self.known()

    def known(self) -> set[str]:
        """List the launches that were started, whether or not they live."""
        return set(self._running)

    def find(self, id: str) -> Running:
        """Find a release that was started.

        Args:
            id: The launch's id.

        Returns:
            The release.

        Raises:
            ReleaseFailed: If it was not started here.
        """
        if id not in self._running:
            raise errors.ReleaseFailed(f"The release {id} is not running.", "Deploy it again, or roll back to one that runs.")
        return self._running[id]

    def deadline(self, id: str) -> float:
        """Say how long a release's calls may take.

        Args:
            id: The launch's id.

        Returns:
            Seconds; 0 where there is no such release.
        """
        one = self._running.get(id)
        return one.launch.options.deadline if one else 0.0

    def status(self) -> dict[str, Health]:
        """Say how every release is, by launch id."""
        return {one.launch.id: _health(one) for one in list(self._running.values())}

    def call(self, id: str, path: str, body: bytes, key: str) -> tuple[int, bytes]:
        """Send one request to a release, past the router.

        Args:
            id: The launch's id.
            path: The path, such as `/predict`.
            body: JSON.
            key: A key's secret.

        Returns:
            HTTP status and body.

        Raises:
            ReleaseFailed: If no worker answers.
        """
        one = self.find(id)
        headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
        timeout = one.launch.options.deadline + GRACE
        for socket in one.sockets * 2:  # one that is being replaced hangs up on whoever comes at that moment
            with contextlib.suppress(OSError):
                return sockets.request(socket, "POST", path, body=body, headers=headers, timeout=timeout)
        raise errors.ReleaseFailed(f"No worker of the release {id} answers.", f"Its log is {one.launch.log}.")

    def samples(self, id: str) -> list[Any]:
        """Read what a release's workers counted.

        Args:
            id: The launch's id.

        Returns:
            The name, the labels and the value of each sample, as at `/metrics`; none where the release does not run.
        """
        one = self._running.get(id)
        try:
            answer = sockets.ask(one.folder / "parent.sock", {"do": "samples"}, 5.0) if one else {}
        except (OSError, ValueError, RecursionError):  # the author's code runs there, and may answer anything
            return []
        found: list[Any] = answer.get("samples", []) if isinstance(answer, dict) else []
        return found

    def stop(self, id: str, *, drain: bool = True) -> None:
        """End a release; nothing happens if there is none.

        Args:
            id: The launch's id.
            drain: Whether it may first answer what it was asked.
        """
        one = self._running.get(id)
        if one is None:
            return
        with one.lock:
            self._end(one, drain=drain)
            shutil.rmtree(one.folder, ignore_errors=True)
            with self._lock:
                self._running.pop(id, None)

    def _bring_up(self, one: Running) -> None:
        status = _ask(one)
        if status is not None and status["phase"] == "failed":
            self._end(one)
            status = None
        if status is None:
            self._fork(one)
        if not self._await(one):
            self._end(one)  # as a fork of it would not work
            self._fork(one)
            self._await(one)
        one.served, one.reason = True, ""

    def _fork(self, one: Running) -> None:
        launch = one.launch
        control = self._parents.ready(launch)
        home.private(one.folder)
        home.private(Path(launch.log).parent)
        home.write(one.folder / "launch.json", to_json(launch))
        one.gpus = one.gpus or self._placed(one)
        command = commands.start(launch, one.folder, self._hidden, one.gpus, one.apart)
        answer = tell(control, command)
        if not answer.get("ok"):
            raise errors.ReleaseFailed(f"The release {launch.id} cannot be started: {answer.get('error', answer)}.")
        self._follow(one, answer["pid"])

    def _follow(self, one: Running, pid: int) -> None:
        one.pid = pid
        self._watch.add(pid, lambda: self._ended(one, pid))

    def _placed(self, one: Running) -> tuple[str, ...]:
        wanted = one.launch.options.gpu
        if not wanted:
            return ()
        ids = gpus.present()
        with self._lock:  # until they are noted, so that no two releases are given the same ones
            others = [other for other in self._running.values() if other is not one]
            own = {gpu for other in others if other.launch.endpoint == one.launch.endpoint for gpu in other.gpus}
            taken = {gpu for other in others if other.launch.endpoint != one.launch.endpoint for gpu in other.gpus}
            one.gpus = gpus.place(one.launch.id, wanted, ids, taken, own)
            return one.gpus

    def _await(self, one: Running) -> bool:
        """Wait until a release is ready; say False where it must be started again with a model for each worker."""
        seconds = one.launch.options.start_deadline
        end = time.monotonic() + seconds
        status = None
        while time.monotonic() < end:
            status = _ask(one)
            phase = status["phase"] if status else "gone"
            if phase == "ready":
                one.apart = status.get("apart", "") if status else ""
                return True
            if status and phase == "failed" and status.get("apart") and not one.apart:
                one.apart = status["apart"]
                return False
            if status and phase == "failed":
                raise _failed(one, status["reason"])
            if status is None and one.pid is None:
                raise _failed(one, last_line(Path(one.launch.log)) or "its process ended")
            stops.pause(0.005)
        what = "a first call of its model has not returned" if status and status.get("loaded") else "its model was not loaded"
        raise _failed(one, f"{what} within {seconds:g} s; `start_deadline` gives it more")

    def _ended(self, one: Running, pid: int) -> None:
        if one.pid != pid:
            return
        one.pid = None
        for pause in (0.0, 0.5, 2.0):
            time.sleep(pause)
            with one.lock:
                if not one.served or one.pid is not None or not self._may_revive(one):
                    return
                try:
                    self._bring_up(one)
                except (errors.DeployError, OSError) as error:
                    log.warning("%s cannot be revived: %s", one.launch.id, error)
                    one.reason = str(error)
                else:
                    return

    @staticmethod
    def _may_revive(one: Running) -> bool:
        now = time.monotonic()
        one.revivals = [*(then for then in one.revivals if now - then < REVIVAL_SPAN), now]
        if len(one.revivals) > REVIVALS:
            one.reason = f"its parent process died {REVIVALS} times within {REVIVAL_SPAN:g} s"
            return False
        log.warning("the parent process of %s has died and is started again", one.launch.id)
        return True

    @staticmethod
    def _end(one: Running, *, drain: bool = True) -> None:
        """End a release parent and its workers, by force where asking does not help."""
        grace = one.launch.options.deadline + GRACE if one.served and drain else 0.0  # nothing is in flight before it was ready
        one.served, one.reason = False, ""
        pid, one.pid = one.pid or sockets.listener_of(one.folder / "parent.sock"), None
        with contextlib.suppress(OSError):
            sockets.ask(one.folder / "parent.sock", {"do": "stop", "grace": grace}, 5.0)
        if pid is not None and not ended(pid, grace + GRACE):
            kill_session(pid)
        for temporary in _lines(one.folder / "temporary"):
            shutil.rmtree(temporary, ignore_errors=True)


def _unbatched(launch: Launch) -> Launch:
    """Leave out what may change while a release runs."""
    return msgspec.structs.replace(launch, batched=())


def _lines(file: Path) -> list[str]:
    """Read a file that may not be there, such as the list of temporary folders that a release parent wrote."""
    try:
        return file.read_text(encoding="utf-8").splitlines()
    except OSError:
        return []


def _failed(one: Running, reason: str) -> errors.ReleaseFailed:
    return errors.ReleaseFailed(f"The release {one.launch.id} could not be started: {reason}", f"Its log is {one.launch.log}.")


def _ask(one: Running) -> dict[str, Any] | None:
    try:
        return sockets.ask(one.folder / "parent.sock", {"do": "status"}, 5.0)
    except OSError:
        return None


def _health(one: Running) -> Health:
    status = _ask(one)
    if one.served and (status is None or status["phase"] != "ready") and any(map(sockets.listener_of, one.sockets)):
        return Health(phase="ready")  # its parent is being revived; the orphaned workers go on answering meanwhile
    if status is None:
        return Health(phase="failed", reason=one.reason) if one.reason else Health(phase="gone")
    return Health(
        phase=status["phase"],
        reason=status.get("reason", ""),
        workers=tuple(status.get("workers", ())),
        restarts=status.get("restarts", 0),
        open=tuple(status.get("open", ())),
        apart=status.get("apart", ""),
        gpus=tuple(status.get("gpus", ())),
    )
