"""The disk is freed of what no release needs, and of nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_deploy import staging
from jupyter_deploy.home import Home, write
from jupyter_deploy.space import free, sweep
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
        "environments/.l2.lock",
        "bundles/.new-x/f",
        "staging/abandoned/f",
        "releases/churn/1/f",
        "releases/gone/1/f",
        "keys/churn.key",
        "keys/gone.key",
    ):
        write(home.root / name, b"12345")
    return home


def left(home: Home) -> set[str]:
    """List what is there."""
    return {path.relative_to(home.root).as_posix() for path in home.root.glob("*/*")}


def test_what_a_release_needs_stays(home: Home) -> None:
    """Its capture, lock, environment and bundle are there afterwards; everything else is gone and counted."""
    with staging.writing(home) as written:
        freed = free(home, ["churn"], [RELEASE], building=False)
        kept = {"captures/c1", "bundles/b1", "environments/l1", "environments/.l1.lock", "locks/l1.json", "keys/churn.key"}

        assert kept | {"releases/churn", f"staging/{written.name}"} == left(home)
        assert {"captures": 5, "bundles": 10, "environments": 10, "locks": 5, "releases": 5, "keys": 5, "staging": 5} == freed


def test_a_bundle_that_is_being_built_stays(home: Home) -> None:
    """While a deploy is on its way its half-made folder is left alone."""
    free(home, ["churn"], [RELEASE], building=True)

    assert {"bundles/.new-x", "bundles/b2", "environments/l2"} <= left(home)


def test_what_a_killed_agent_half_wrote_is_swept_away(home: Home) -> None:
    """The next agent begins without it."""
    for name in ("locks/.new-l3.json.x", "releases/churn/1/.new-environment.json.x", "tmp/x/f", ".new-pepper.x"):
        write(home.root / name, b"12345")
    sweep(home)

    assert [] == [*home.root.rglob(".new-*"), *home.temporary.iterdir()]
    assert "releases/churn" in left(home)


def test_an_empty_home_has_nothing_to_free(tmp_path: Path) -> None:
    """Folders that were never made are no error."""
    assert {0} == set(free(Home(tmp_path), [], [], building=False).values())


def test_locks_stay_while_one_may_be_made(home: Home) -> None:
    """A lock belongs to its release only once it is made, so that none is deleted during a deploy; its wheels stay with it."""
    write(home.locks / "l1" / "mine-0.1-py3-none-any.whl", b"12345")
    write(home.locks / "wheels" / "f", b"12345")
    free(home, ["churn"], [RELEASE], building=True)
    assert {"locks/l1", "locks/l1.json", "locks/l2.json", "locks/wheels"} <= left(home)

    free(home, ["churn"], [RELEASE], building=False)
    assert {"locks/l1", "locks/l1.json"} == {one for one in left(home) if one.startswith("locks/")}
