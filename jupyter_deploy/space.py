"""Frees the disk of what no release needs any more."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable
from pathlib import Path

from jupyter_deploy.home import Home, size_of
from jupyter_deploy.values import Release

ABANDONED = 3600.0  # seconds after which a capture that no agent took over belongs to a kernel that is gone
HALF_MADE = ".new-"  # how the folder of a bundle begins while it is written


def free(home: Home, releases: Iterable[Release], *, building: bool) -> dict[str, int]:
    """Delete captures, locks, environments and bundles that belong to no release.

    Args:
        home: The agent's folders.
        releases: Every release that is kept.
        building: Whether a deploy is on its way, whose half-made folders must stay.

    Returns:
        The bytes that each folder became smaller; files that other folders share count in each.
    """
    kept = tuple(releases)
    needed = {
        home.captures: {release.capture for release in kept},
        home.bundles: {release.bundle for release in kept},
        home.environments: {release.lock for release in kept},
        home.locks: {name for release in kept for name in (f"{release.lock}.json", release.lock)},
    }
    if building:  # a lock belongs to its release only once it is made
        needed[home.locks] |= {one.name for one in home.locks.glob("*")}
    freed = {folder.name: sum(map(_delete, _others(folder, names, building))) for folder, names in needed.items()}
    return {**freed, home.staging.name: sum(map(_delete, _old(home.staging)))}


def _others(folder: Path, names: set[str], building: bool) -> list[Path]:
    found = folder.iterdir() if folder.exists() else ()
    return [one for one in found if _stray(one.name, building) or not (one.name.startswith(".") or one.name in names)]


def _stray(name: str, building: bool) -> bool:
    return name.startswith(HALF_MADE) and not building


def _old(folder: Path) -> list[Path]:
    found = folder.iterdir() if folder.exists() else ()
    return [one for one in found if time.time() - one.stat().st_mtime > ABANDONED]


def _delete(path: Path) -> int:
    size = size_of(path) if path.is_dir() else path.stat().st_size
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
    return size
