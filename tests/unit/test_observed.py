"""The store keeps what was seen of endpoints, and tells a list of them in one look."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from jupyter_deploy.store import Store
from jupyter_deploy.values import Options, Provenance


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Give a store with one endpoint."""
    made = Store(tmp_path / "store.sqlite")
    made.add_endpoint("churn", "local")
    return made


def made(store: Store) -> float:
    """Say when the endpoint was made."""
    return store.answering()["churn"][0]


def test_samples_come_back_in_order(store: Store) -> None:
    """What ended after a time is told, oldest first."""
    now = time.time()
    store.add_samples([("churn", made(store), now - ago, b"%d" % ago) for ago in (10, 30, 20)], 0)

    assert [b"20", b"10"] == store.samples("churn", now - 25)


def test_old_samples_are_forgotten(store: Store) -> None:
    """What ended before the given time is gone with the next one."""
    now = time.time()
    store.add_samples([("churn", made(store), now - 100, b"old"), ("churn", made(store), now - 1, b"new")], now - 50)

    assert [b"new"] == store.samples("churn", 0)


def test_samples_of_times_to_come_are_left_out(store: Store) -> None:
    """After the clock was set back, what it has yet to reach is not told."""
    store.add_samples([("churn", made(store), time.time() + 100, b"ahead")], 0)

    assert [] == store.samples("churn", 0)


def test_samples_end_with_their_endpoint(store: Store) -> None:
    """One that is made again under the same name begins without any, also where the last ones come late."""
    before, now = made(store), time.time()
    store.add_samples([("churn", before, now - 2, b"1")], 0)
    store.remove_endpoint("churn")
    store.add_endpoint("churn", "local")
    store.add_samples([("churn", before, now - 1, b"2")], 0)

    assert [] == store.samples("churn", 0)


def test_a_line_has_what_answers_and_what_is_newest(store: Store) -> None:
    """The release on its way is told of with the stage that runs, beside the one that answers."""
    store.add_release("churn", "one", Options(), Provenance(user="ada", notebook="churn.ipynb"))
    second = store.add_release("churn", "two", Options())
    store.set_answering("churn", 1, "verified")
    store.begin(second, "locked")
    line = store.lines()["churn"]

    assert line.release is not None
    assert line.newest is not None
    assert (1, "ada", "churn.ipynb", "") == (line.release.number, line.release.who, line.release.notebook, line.release.stage)
    assert (2, "locked", False) == (line.newest.number, line.newest.stage, line.newest.ended)


def test_an_endpoint_without_releases_has_a_line(store: Store) -> None:
    """Nothing answers, and nothing is on its way."""
    assert ("local", None, "", None, None, 0) == store.lines()["churn"]


def test_each_change_gives_another_number(store: Store) -> None:
    """Whoever remembers the number knows whether anything was changed since, and reading changes nothing."""
    before = store.changes
    store.lines()
    same = store.changes
    store.audit("looked", "churn")

    assert (before, True) == (same, store.changes != before)
