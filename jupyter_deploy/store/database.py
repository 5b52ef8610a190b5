"""One SQLite file in WAL mode, whose schema grows with the versions of this package.

`schema.sql` is the schema of today. A database that an older version made is brought up to it by the `STEPS` that it lacks, in one
transaction; one that a newer version made is left alone.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jupyter_deploy import errors

SCHEMA = Path(__file__).with_name("schema.sql")
STEPS = (  # never change one that was released: add another, and change schema.sql alike
    (
        "ALTER TABLE releases ADD COLUMN findings BLOB NOT NULL DEFAULT '[]'",
        "ALTER TABLE releases ADD COLUMN provenance BLOB NOT NULL DEFAULT '{}'",
    ),
    ("ALTER TABLE audit ADD COLUMN who TEXT NOT NULL DEFAULT ''",),
)
PRAGMAS = ("journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON", "busy_timeout = 30000")


class Database:
    """An SQLite file with a connection for each thread.

    Args:
        path: The file; it is made where there is none.

    Raises:
        Conflict: If a newer version of this package made it.
        StoreFailed: If it cannot be read or written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
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

    def _connection(self) -> sqlite3.Connection:
        db: sqlite3.Connection | None = getattr(self._local, "db", None)
        if db is None:
            db = sqlite3.connect(self.path, timeout=30, isolation_level=None)
            db.row_factory = sqlite3.Row
            for pragma in PRAGMAS:
                db.execute(f"PRAGMA {pragma}")
            self._local.db = db
        return db

    @contextmanager
    def _change(self) -> Iterator[sqlite3.Connection]:
        try:
            db = self._connection()
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
            except BaseException:
                if db.in_transaction:  # SQLite itself takes back what a full disk interrupts
                    db.execute("ROLLBACK")
                raise
            db.execute("COMMIT")
        except sqlite3.OperationalError as error:
            raise errors.StoreFailed(
                f"The store {self.path} cannot be written: {error}.", "Free some space or mend its folder; nothing was lost."
            ) from error
