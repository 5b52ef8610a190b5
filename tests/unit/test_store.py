"""The agent's memory keeps what it is told, whole or not at all."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import msgspec
import pytest

from jupyter_deploy import errors
from jupyter_deploy.store import Store
from jupyter_deploy.values import Difference, Key, Lock, Options, Release

FIRST = """
CREATE TABLE endpoints (
    name TEXT PRIMARY KEY, target TEXT NOT NULL, created REAL NOT NULL, answering INTEGER, state TEXT NOT NULL DEFAULT '');
CREATE TABLE releases (
    endpoint TEXT NOT NULL REFERENCES endpoints(name) ON DELETE CASCADE, number INTEGER NOT NULL, state TEXT NOT NULL,
    created REAL NOT NULL, url TEXT NOT NULL DEFAULT '', capture TEXT NOT NULL, lock TEXT NOT NULL DEFAULT '',
    bundle TEXT NOT NULL DEFAULT '', reason TEXT NOT NULL DEFAULT '', hint TEXT NOT NULL DEFAULT '',
    differences BLOB NOT NULL DEFAULT '[]', verified INTEGER NOT NULL DEFAULT 0, options BLOB NOT NULL,
    PRIMARY KEY (endpoint, number));
CREATE TABLE stages (
    id INTEGER PRIMARY KEY, endpoint TEXT NOT NULL, number INTEGER NOT NULL, name TEXT NOT NULL, started REAL NOT NULL,
    seconds REAL, detail TEXT NOT NULL DEFAULT '',
    FOREIGN KEY (endpoint, number) REFERENCES releases(endpoint, number) ON DELETE CASCADE);
CREATE INDEX stages_of ON stages (endpoint, number);
CREATE TABLE contents (kind TEXT NOT NULL, digest TEXT NOT NULL, body BLOB NOT NULL, PRIMARY KEY (kind, digest));
CREATE TABLE keys (
    id TEXT PRIMARY KEY, endpoint TEXT NOT NULL, hash TEXT NOT NULL, owner TEXT NOT NULL, created REAL NOT NULL, revoked REAL);
CREATE TABLE audit (
    id INTEGER PRIMARY KEY, at REAL NOT NULL, action TEXT NOT NULL, subject TEXT NOT NULL, detail TEXT NOT NULL);
INSERT INTO keys VALUES ('key-1', 'churn', 'c0', 'ada', 1, 2), ('key-2', 'price', 'c1', 'ada', 3, NULL);
INSERT INTO keys VALUES ('key-3', 'churn', 'c2', 'ada', 4, NULL);
"""
"""What the first version of this package made."""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Give an empty store."""
    return Store(tmp_path / "store.sqlite")


@pytest.fixture
def release(store: Store) -> Release:
    """Give the first release of an endpoint."""
    store.add_endpoint("churn", "local")
    return store.add_release("churn", "c0ffee", Options(workers=3))


def test_the_file_is_its_owners_alone(store: Store) -> None:
    """Nobody else can read the database."""
    assert 0o600 == store.path.stat().st_mode & 0o777


def test_an_endpoint_is_added_once(store: Store) -> None:
    """Only the first call makes it."""
    assert [True, False] == [store.add_endpoint("churn", "local"), store.add_endpoint("churn", "local")]


def test_releases_are_numbered_per_endpoint(store: Store, release: Release) -> None:
    """The second release of one endpoint is 2, the first of another is 1."""
    store.add_endpoint("price", "local")

    assert [("churn", 2), ("price", 1)] == [
        (one.endpoint, one.number)
        for one in (store.add_release("churn", "c", Options()), store.add_release("price", "c", Options()))
    ]


def test_concurrent_deploys_get_different_numbers(store: Store, release: Release) -> None:
    """Twenty threads that add a release at once get twenty numbers."""
    threads = [threading.Thread(target=store.add_release, args=("churn", "c", Options())) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert list(range(21, 0, -1)) == [one.number for one in store.releases("churn")]


def test_a_finished_stage_is_in_the_journal_and_moves_the_state(store: Store, release: Release) -> None:
    """State and journal change together."""
    done = store.finish(release, store.begin(release, "preview"), "preview", 0.25, "answers")

    assert ("preview", "preview", 0.25, "answers") == (
        done.state,
        done.stages[0].name,
        done.stages[0].seconds,
        done.stages[0].detail,
    )


def test_a_failed_release_is_taken_up_at_its_last_finished_stage(store: Store, release: Release) -> None:
    """Reopening forgets the failure and the stage that was running."""
    release = store.finish(release, store.begin(release, "preview"), "preview", 0.1, "")
    store.begin(release, "locked")
    failed = store.end(release, "failed", "no network", "connect")

    again = store.reopen(failed)

    assert ("preview", "", ["preview"]) == (again.state, again.reason, [stage.name for stage in again.stages])


def test_differences_come_back(store: Store, release: Release) -> None:
    """The rows that differ are kept with the release."""
    rows = (Difference(method="predict", row=1, expected="1", got="0"),)

    assert rows == store.update(release, differences=rows).differences


def test_options_come_back(store: Store, release: Release) -> None:
    """A release remembers what it was asked to do."""
    assert Options(workers=3) == store.options("churn", 1)


def test_what_is_named_by_content_comes_back(store: Store) -> None:
    """A lock is found by its digest, and only by it."""
    lock = Lock(digest="d1", text="six==1.0", packages=(), python="3.11", locker="uv")
    store.keep(lock)

    assert lock == store.find(Lock, "d1")
    with pytest.raises(errors.UnknownName):
        store.find(Lock, "d2")


def test_a_removed_endpoint_takes_its_releases_and_keys_along(store: Store, release: Release) -> None:
    """Nothing of it is found any more, and its name can be used again from number 1."""
    store.add_key(Key(id="k", endpoint="churn", hash="h", owner="me", created=1.0))
    store.remove_endpoint("churn")
    store.add_endpoint("churn", "local")

    assert ([], []) == (store.releases("churn"), store.keys("churn"))
    assert 1 == store.add_release("churn", "c", Options()).number


@pytest.mark.parametrize("statement", ["UPDATE audit SET action = 'x'", "DELETE FROM audit"])
def test_the_audit_can_only_grow(store: Store, statement: str) -> None:
    """Changing or deleting a line is refused by the database itself."""
    store.audit("deploy", "churn@1")

    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        sqlite3.connect(store.path).execute(statement)
    assert ["deploy"] == [event.action for event in store.audited()]


def test_an_unknown_release_is_named(store: Store) -> None:
    """The message says which release there is not."""
    with pytest.raises(errors.UnknownName, match="There is no release `churn@9`"):
        store.release("churn", 9)


def test_a_store_of_the_first_version_opens(tmp_path: Path) -> None:
    """It has the schema of today afterwards, and its keys may do what they could, each counted in a place of its own."""
    old = sqlite3.connect(tmp_path / "old.sqlite")
    old.executescript(FIRST)
    old.close()

    brought = Store(tmp_path / "old.sqlite")
    assert columns(Store(tmp_path / "new.sqlite")) == columns(brought)
    assert [
        Key(id="key-1", endpoint="churn", hash="c0", owner="ada", created=1, revoked=2, place=0),
        Key(id="key-3", endpoint="churn", hash="c2", owner="ada", created=4, place=1),
    ] == brought.keys("churn")


def columns(store: Store) -> dict[str, set[str]]:
    """List the columns of each table."""
    db = sqlite3.connect(store.path)
    tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    return {table: {row[1] for row in db.execute(f"PRAGMA table_info({table})")} for table in tables}


def test_a_key_comes_back(store: Store) -> None:
    """With all that it may do, and when it was used."""
    key = Key(id="key-1", endpoint="churn", hash="c0", owner="ci", created=1.0, methods=("predict",), expires=9.0, quota=5, place=7)
    store.add_key(key)
    store.note_uses({"key-1": 3.0})

    assert [msgspec.structs.replace(key, last_used=3.0)] == store.keys("churn")
