"""The disk is freed of what no release needs, and of nothing else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from jupyter_deploy.home import Home, write
from jupyter_deploy.space import free
from jupyter_deploy.values import Release

FOLDERS = {"captures": "c", "bundles": "b", "environments": "l"}
RELEASE = Release(endpoint="churn", number=1, state="serving", created=1.0, capture="c1", lock="l1", bundle="b1")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Give a home with files of one release and of none."""
    home = Home(tmp_path)
    digests = [f"{folder}/{digest}{number}/f" for folder, digest in FOLDERS.items() for number in (1, 2)]
    for name in (
        *digests,
        "locks/l1.json",
        "locks/l2.json",
        "environments/.l1.lock",
        "bundles/.new-x/f",
        "staging/old/f",
        "staging/new/f",
    ):
        write(home.root / name, b"12345")
    os.utime(home.staging / "old", (1, 1))
    return home


def left(home: Home) -> set[str]:
    """List what is there."""
    return {path.relative_to(home.root).as_posix() for path in home.root.glob("*/*")}


def test_what_a_release_needs_stays(home: Home) -> None:
    """Its capture, lock, environment and bundle are there afterwards; everything else is gone and counted."""
    freed = free(home, [RELEASE], building=False)

    assert {"captures/c1", "bundles/b1", "environments/l1", "locks/l1.json", "environments/.l1.lock", "staging/new"} == left(home)
    assert {"captures": 5, "bundles": 10, "environments": 5, "locks": 5, "staging": 5} == freed


def test_a_bundle_that_is_being_built_stays(home: Home) -> None:
    """While a deploy is on its way its half-made folder is left alone."""
    free(home, [RELEASE], building=True)

    assert "bundles/.new-x" in left(home)


def test_an_empty_home_has_nothing_to_free(tmp_path: Path) -> None:
    """Folders that were never made are no error."""
    assert {0} == set(free(Home(tmp_path), [], building=False).values())
