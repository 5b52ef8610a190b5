"""One SQLite file in WAL mode, whose schema grows with the versions of this package.

`schema.sql` is the schema of today. A database that an older version made is brought up to it by the `STEPS` that it lacks, in one
transaction; one that a newer version made is left alone.
"""

from __future__ import annotations

import itertools
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jupyter_deploy import errors, home

SCHEMA = Path(__file__).with_name("schema.sql")
STEPS = (  # never change one that was released: add another, and change schema.sql alike
    (
        "ALTER TABLE releases ADD COLUMN findings BLOB NOT NULL DEFAULT '[]'",
        "ALTER TABLE releases ADD COLUMN provenance BLOB NOT NULL DEFAULT '{}'",
    ),
    ("ALTER TABLE audit ADD COLUMN who TEXT NOT NULL DEFAULT ''",),
    (
        "ALTER TABLE releases ADD COLUMN batching BLOB NOT NULL DEFAULT '[]'",
        "ALTER TABLE releases ADD COLUMN compiled BLOB NOT NULL DEFAULT '[]'",
    ),
    (
        "ALTER TABLE releases ADD COLUMN faster TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE releases ADD COLUMN faster_lock TEXT NOT NULL DEFAULT ''",
    ),
    (
        (
            "CREATE TABLE samples (endpoint TEXT NOT NULL REFERENCES endpoints(name) ON DELETE CASCADE, at REAL NOT NULL, "
            "body BLOB NOT NULL, PRIMARY KEY (endpoint, at)) WITHOUT ROWID"
        ),
    ),
    (
        "ALTER TABLE keys ADD COLUMN methods BLOB",
        "ALTER TABLE keys ADD COLUMN expires REAL",
        "ALTER TABLE keys ADD COLUMN quota INTEGER",
        "ALTER TABLE keys ADD COLUMN place INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE keys ADD COLUMN last_used REAL",
        (
            "UPDATE keys SET place = "
            "(SELECT COUNT(*) FROM keys AS older WHERE older.endpoint = keys.endpoint AND older.rowid < keys.rowid)"
        ),
    ),
)
PRAGMAS = ("journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON", "busy_timeout = 30000")


class Database:
    """An SQLite file with a connection for each thread.

    Args:
        path: The file; it is made where there is none.

    Raises:
        Conflict: If a newer version of this package made it.
        StoreFailed: If it cannot be read or written.

    Attributes:
        changes: Is another number after each change.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.changes = 0
        self._count = itertools.count(1)
        self._local = threading.local()
        path.touch(mode=0o600)
        with self._change() as db:
            self._bring_up(db)

    def _bring_up(self, db: sqlite3.Connection) -> None:
        (version,) = db.execute("PRAGMA user_version").fetchone()
        if version > len(STEPS):
            raise errors.Conflict(
                f"{self.path} was written by a newer version of jupyterlab-deploy.",
                "Upgrade this one: `pip install --upgrade jupyterlab-deploy`, or set JUPYTER_DEPLOY_HOME to another folder.",
            )
        is_new = not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'releases'").fetchone()
        for statement in SCHEMA.read_text().split(";\n") if is_new else [one for step in STEPS[version:] for one in step]:
            db.execute(statement)
        db.execute(f"PRAGMA user_version = {len(STEPS)}")

    @contextmanager
    def together(self) -> Iterator[None]:
        """Make all changes of a block one change, so that a crash leaves all of them or none.

        Yields:
            Nothing; other threads wait meanwhile, so the block must be short.
        """
        with self._change():
            yield

    def _connection(self) -> sqlite3.Connection:
        db: sqlite3.Connection | None = getattr(self._local, "db", None)
        if db is None:
            db = sqlite3.connect(self.path, timeout=30, isolation_level=None, factory=_Connection)
            db.row_factory = sqlite3.Row
            for pragma in PRAGMAS:
                db.execute(f"PRAGMA {pragma}")
            self._local.db = db
        return db

    @contextmanager
    def _change(self) -> Iterator[sqlite3.Connection]:
        db = self._connection()
        if getattr(self._local, "changing", False):
            yield db  # a part of the change that is under way
            return
        db.execute("BEGIN IMMEDIATE")
        self._local.changing = True
        try:
            yield db
            db.execute("COMMIT")
            self.changes = next(self._count)
        except BaseException:
            if db.in_transaction:  # SQLite itself takes back some of what a full disk interrupts
                db.execute("ROLLBACK")
            raise
        finally:
            self._local.changing = False


class _Connection(sqlite3.Connection):
    """A connection whose errors say what to do."""

    def execute(self, *arguments: Any) -> sqlite3.Cursor:
        try:
            return super().execute(*arguments)
        except sqlite3.IntegrityError:
            raise
        except sqlite3.DatabaseError as error:
            place = Path(super().execute("PRAGMA database_list").fetchone()[2])
            raise failed(place, error) from error


def failed(path: Path, error: sqlite3.DatabaseError) -> errors.StoreFailed:
    """Say why the store cannot be used.

    Args:
        path: Its file.
        error: What SQLite said.

    Returns:
        The error that people read.
    """
    if isinstance(error, sqlite3.OperationalError):
        return errors.StoreFailed(
            f"The store {path} cannot be used: {error} ({home.room(path)}).",
            "Nothing was lost. Free some space, or mend its folder, then run the same command again.",
        )
    return errors.StoreFailed(
        f"The store {path} is damaged: {error}.",
        "Put a copy of it back; or move the home folder away and deploy again from the notebooks.",
    )
