"""Takes over bundles that were made elsewhere: checked byte for byte, locked anew by their own content, verified before they serve.

Their code runs like that of any release, in a clean environment and behind the verification gate, and nothing of theirs is trusted
before: the lock is named by what it says, so that it never shares an environment with a lock that was made here.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path

import msgspec

from jupyter_deploy import archive, errors, plugins, staging
from jupyter_deploy import bundle as bundles
from jupyter_deploy import home as homes
from jupyter_deploy.archive import Index
from jupyter_deploy.home import Home
from jupyter_deploy.languages.base import Language
from jupyter_deploy.lock import format as locks
from jupyter_deploy.lock.wheels import kept
from jupyter_deploy.values import Bundle, Capture, Lock, Requirement
from jupyter_deploy.values.base import Value

VERSION = re.compile(r"\d+\.\d+")


class Received(Value, frozen=True, kw_only=True):
    """A bundle that was read from an archive.

    Attributes:
        folder: Where its files lie, in the staging folder.
        index: What its archive says of it.
    """

    folder: str
    index: Index


def receive(file: Path, home: Home) -> Received:
    """Read an archive into the staging folder.

    Args:
        file: The archive.
        home: The agent's folders.

    Returns:
        What was read; nothing of it has been loaded.

    Raises:
        BadArchive: If it is not exactly what `jupyter deploy export` writes.
        BadInput: If there is no such file.
    """
    if not file.is_file():
        raise errors.BadInput(f"There is no archive {file}.")
    with staging.writing(home) as folder:
        return Received(folder=str(folder), index=archive.read(file, folder))


def declared(received: Received, environment: Mapping[str, str]) -> dict[str, str]:
    """Look up the variables that a received model is declared to read.

    Args:
        received: What was read.
        environment: Where to look.

    Returns:
        Their values.

    Raises:
        BadInput: If one is not set.
    """
    names = received.index.capture.environment
    missing = [name for name in names if name not in environment]
    if missing:
        raise errors.BadInput(
            f"The model reads {', '.join(f'`{name}`' for name in missing)} from its environment, where it is not set.",
            f"Set it, such as `export {missing[0]}=…`, and try again.",
        )
    return {name: environment[name] for name in names}


def take_in(received: Received, bundle_folder: Path, capture_folder: Path) -> tuple[Capture, Lock, Bundle]:
    """Move a received bundle to where bundles lie, and make its capture and lock out of it.

    Args:
        received: What was read.
        bundle_folder: Where bundles are kept.
        capture_folder: Where captures are kept.

    Returns:
        Capture, lock and bundle, as a deploy of this machine would have them.

    Raises:
        BadArchive: If its capture or its lock is not what its index says.
        LockFailed: If this machine has no interpreter of its version.
    """
    index, staged = received.index, Path(received.folder)
    try:
        language: Language = plugins.load("languages", index.capture.language)()
        interpreter = language.interpreter(index.lock.python)
        bundle_folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        place = bundles.settle(staged, bundle_folder / index.bundle)
        lock = _lock(index, place / "src")
        kept = _capture(index, place / "src", capture_folder)
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    capture = msgspec.structs.replace(index.capture, folder=str(kept), interpreter=interpreter)
    return (
        capture,
        lock,
        Bundle(digest=index.bundle, folder=str(place), tag=index.tag, size=homes.size_of(place), files=bundles.digests(place)),
    )


def _lock(index: Index, source: Path) -> Lock:
    text = (source / "requirements.txt").read_text(encoding="utf-8")
    try:
        entries = locks.parse(text)
    except errors.LockFailed as error:
        raise errors.BadArchive(f"This archive is refused: its lock is none. {error.message}") from error
    if text != index.lock.text or text != locks.write(entries) or not VERSION.fullmatch(index.lock.python):
        raise errors.BadArchive("This archive is refused: its lock is not what its index says.")
    if away := [one.name for one in entries if " @ " in one.requirement]:
        raise errors.BadArchive(f"This archive is refused: its lock fetches `{away[0]}` from an address of its own.")
    packages = tuple(Requirement(name=one.name, version=one.version) for one in entries)
    digest = hashlib.sha256(f"received {index.lock.python}\n{text}".encode()).hexdigest()
    wheels = source / "wheels"
    return Lock(
        digest=digest, text=text, packages=packages, python=index.lock.python, locker="uv", received=True,
        folder=str(wheels) if wheels.is_dir() else "", own=tuple(kept(wheels)),
        requirements=tuple(one.requirement for one in entries),  # whatever else the index says would be given to a resolver
    )  # fmt: skip


def _capture(index: Index, source: Path, folder: Path) -> Path:
    """Find or make the capture's folder: the bundle's source without what building the bundle added."""
    place, part = folder / index.capture.digest, folder / f".new-{secrets.token_hex(8)}"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        part.mkdir(mode=0o700)
        bundles.link(source, part, without=bundles.ADDED)
        if homes.digest_of(part) != index.capture.digest:
            raise errors.BadArchive("This archive is refused: its capture is not what its index says.")
        try:
            part.rename(place)
        except OSError:
            if not place.is_dir():  # else it was there before, or somebody came first
                raise
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return place
