"""Clean environments: made out of a lock by uv, each once, and looked at before anybody trusts them."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from jupyter_deploy import errors, home, stops
from jupyter_deploy.installer import run_uv
from jupyter_deploy.languages.plan import about
from jupyter_deploy.lock.format import parse, write
from jupyter_deploy.lock.records import altered, rows
from jupyter_deploy.lock.wheels import located
from jupyter_deploy.values import Capture, Finding, Lock

COMPLETE = ".complete"
LIMIT, FIND_LIMIT = 1200.0, 60.0  # seconds
FAILED = re.compile(r"`([\w.-]+(?:==[^`]+| @ file:))|\b([\w.-]+==[^\s:,]+) has no (?:wheels|usable)")


def find_or_make(capture: Capture, lock: Lock, folder: Path) -> Path:
    """Make a clean environment out of a lock, or find the one that is there; see `Language.environment`."""
    place = folder / lock.digest
    python = place / "bin" / "python"
    with _alone(folder / f".{lock.digest}.lock") as held:
        if not ((place / COMPLETE).exists() and python.exists()):
            shutil.rmtree(place, ignore_errors=True)  # half made by somebody who was killed, or its Python is gone
            try:
                _make(place, Path(capture.interpreter), lock, held)
            except BaseException:
                shutil.rmtree(place, ignore_errors=True)  # it may have filled the disk
                raise
    return python


def look(capture: Capture, lock: Lock, folder: Path) -> tuple[Finding, ...]:
    """Name what runs at every start of Python in an environment and is in neither the kernel's nor the agent's.

    Args:
        capture: The capture, for the kernel's module path.
        lock: The lock.
        folder: Where environments are kept.

    Returns:
        A finding for each such file.
    """
    site = _site(folder / lock.digest)
    known = {path.name for one in {*capture.path, *sys.path} for path in Path(one or ".").glob("*.pth")}
    found = sorted(path.name for path in site.glob("*.pth") if path.name not in known and not path.name.startswith("_virtualenv"))
    holders = {row.path: info.name.partition("-")[0] for info in site.glob("*.dist-info") for row in rows(info)} if found else {}
    return tuple(_brings(holders.get(name, "a package"), name) for name in found)


def _brings(package: str, file: str) -> Finding:
    message = f"`{package}` brings {file}, which every start of Python runs and which the kernel does not have."
    return about(package, message, "See what it does before you trust the release.")


def interpreter(version: str) -> str:
    """Find a Python of a version: the agent's own, or one that uv finds; see `Language.interpreter`."""
    if version == "{}.{}".format(*sys.version_info[:2]):
        return sys.executable
    with tempfile.TemporaryDirectory(prefix="jupyter-deploy-find-") as folder:
        found = run_uv(["python", "find", "--no-project", version], cwd=Path(folder), timeout=FIND_LIMIT)
    if found.code:
        raise errors.LockFailed(
            f"The bundle needs Python {version}, which this machine does not have.",
            f"Install it, for one with `uv python install {version}`, and try again.",
        )
    return found.output.strip()


@contextlib.contextmanager
def _alone(file: Path) -> Iterator[int]:
    """Let one builder in at a time, in whichever process or thread; the programs that inherit the descriptor count too."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with file.open("w") as held:
        while not _taken(held.fileno()):
            stops.pause(stops.LOOK)
        yield held.fileno()


def _taken(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _make(place: Path, interpreter: Path, lock: Lock, held: int) -> None:
    """Build in place, because an environment holds its own path; the marker that is written last makes it count."""
    place.mkdir(parents=True, mode=0o700)
    uv = partial(_uv, place=place, interpreter=interpreter, lock=lock, held=held)
    uv(["venv", "--quiet", "--allow-existing", "--no-project", "--python", str(interpreter), str(place)])
    text = located(lock.text, Path(lock.folder)) if lock.folder else lock.text
    into = _apart(place, interpreter) if lock.received else ["--python", str(place / "bin" / "python")]
    uv(_install(text, place, into))
    if again := _spoilt(place):
        uv([*_install(write([entry for entry in parse(text) if entry.name in again]), place, into), "--reinstall", "--no-cache"])
    os.sync()  # after a power cut the marker must not stand beside files that are empty
    home.write(place / COMPLETE, b"")


def _apart(place: Path, interpreter: Path) -> list[str]:
    """Say where to install what came with somebody's archive, so that nothing of it is built or run by that."""
    return ["--prefix", str(place), "--python", str(interpreter), "--only-binary", ":all:", "--no-compile-bytecode"]


def _install(text: str, place: Path, into: list[str]) -> list[str]:
    """Write down what to install, and give uv's arguments for it."""
    requirements = place / "requirements.txt"
    home.write(requirements, text.encode())
    command = ["pip", "install", "--quiet", "--require-hashes", "--no-deps"]
    return [*command, *into, "--requirement", str(requirements)]


def _spoilt(place: Path) -> set[str]:
    """Name packages that came out of uv's cache otherwise than they were published.

    The files of the kernel's environment may be links into that cache, so that who edits the one edits the other.
    """
    return {info.name.partition("-")[0].replace("_", "-").lower() for info in _site(place).glob("*.dist-info") if altered(info)}


def _site(place: Path) -> Path:
    return next(iter(sorted((place / "lib").glob("python*/site-packages"))), place)


def _uv(arguments: list[str], *, place: Path, interpreter: Path, lock: Lock, held: int) -> None:
    done = run_uv(arguments, cwd=place, python=interpreter, timeout=LIMIT, keep=[held])
    if done.code and _unreachable(done.errors):  # all of it may be in the cache
        cached = run_uv([*arguments, "--offline"], cwd=place, python=interpreter, timeout=LIMIT, keep=[held])
        done = done if cached.code else cached
    if done.code:
        shutil.rmtree(place, ignore_errors=True)
        named = next((one or other for one, other in FAILED.findall(done.errors)), "")
        which = f": `{named.removesuffix(' @ file:')}` cannot be installed" if named else ""
        message = f"The clean environment for {len(lock.packages)} packages cannot be made{which}."
        raise errors.EnvironmentFailed(f"{message} uv said: {done.errors.strip()[-1500:]}", _advice(done.errors))


def _advice(said: str) -> str:
    if "No space left" in said:
        return "Free some space (`jupyter deploy gc` removes what no release needs), and deploy again."
    if "Hash mismatch" in said or "Bad CRC" in said:
        return "The index or the cache holds another file than the one that was locked: run `uv cache clean`, and deploy again."
    if _unreachable(said):
        return "Connect to the network, or name your package index in pip's configuration, and deploy again."
    if "building from source is disabled" in said:
        return "What came in an archive is installed from wheels only: ask for a bundle whose packages have one for this machine."
    if "build `" in said:
        return (
            "It has no wheel for this Python and cannot be built here: install a version that has one, fit again, and deploy again."
        )
    return "Mend what uv names, and deploy again; the lock is kept."


def _unreachable(said: str) -> bool:
    return "error sending request" in said or "Failed to fetch" in said
