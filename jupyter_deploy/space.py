"""Frees the disk of what no release needs any more."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterable
from pathlib import Path

from jupyter_deploy import staging
from jupyter_deploy.home import HALF_MADE, Home, size_of
from jupyter_deploy.values import Release


def free(home: Home, endpoints: Collection[str], releases: Iterable[Release], *, building: bool) -> dict[str, int]:
    """Delete what belongs to no endpoint and to no release.

    Args:
        home: The agent's folders.
        endpoints: The name of every endpoint.
        releases: Every release that is kept.
        building: Whether a deploy is on its way, whose half-made folders must stay.

    Returns:
        The bytes that each folder became smaller; files that other folders share count in each.
    """
    kept = tuple(releases)
    locks = {lock for release in kept for lock in (release.lock, release.faster_lock)}
    needed = {
        home.captures: {release.capture for release in kept},
        home.bundles: {name for release in kept for name in (release.bundle, release.faster)},
        home.environments: {name for lock in locks for name in (lock, f".{lock}.lock")},
        home.locks: {name for lock in locks for name in (f"{lock}.json", lock)},
        home.releases: set(endpoints),
        home.keys: {f"{name}.key" for name in endpoints},
    }
    if building:  # what is made belongs to its release only a moment later
        for folder in (home.bundles, home.environments, home.locks):
            needed[folder] |= {one.name for one in folder.glob("*")} | {one.name for one in folder.glob(".*")}
    freed = {folder.name: sum(map(_delete, _others(folder, names))) for folder, names in needed.items()}
    return {**freed, home.staging.name: sum(map(_delete, staging.abandoned(home)))}


def sweep(home: Home) -> None:
    """Delete what an agent that was killed had half written; only for the agent, and before it writes anything itself.

    Args:
        home: The agent's folders.
    """
    folders = (home.root, home.captures, home.bundles, home.locks, home.keys, home.router, home.runtime)
    deeper = (home.locks, home.runtime, home.releases, *home.releases.glob("*"))
    for folder in (*folders, *(one for parent in deeper for one in parent.glob("*"))):
        for stray in folder.glob(f"{HALF_MADE}*"):
            _delete(stray)
    shutil.rmtree(home.temporary, ignore_errors=True)
    home.temporary.mkdir(mode=0o700)


def _others(folder: Path, names: set[str]) -> list[Path]:
    return [one for one in folder.iterdir() if one.name not in names] if folder.exists() else []


def _delete(path: Path) -> int:
    size = size_of(path) if path.is_dir() else path.stat().st_size
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
    return size
