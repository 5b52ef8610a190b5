"""Whether the store's file is whole, as SQLite itself sees it; it is only read."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from urllib.parse import quote

from jupyter_deploy.store.database import STEPS


def flaws(path: Path) -> list[str]:
    """Look at every page and every reference.

    Args:
        path: The database's file.

    Returns:
        What is wrong, each in one sentence; empty where nothing is.
    """
    try:
        with contextlib.closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, timeout=30)) as db:
            return _flaws(db)
    except sqlite3.Error as error:
        return [f"It cannot be read: {error}."]


def _flaws(db: sqlite3.Connection) -> list[str]:
    damage = [f"It is damaged: {row[0]}." for row in db.execute("PRAGMA integrity_check(10)") if row[0] != "ok"]
    if damage:
        return damage
    lost = [f"A row of `{row[0]}` refers to a row of `{row[2]}` that is gone." for row in db.execute("PRAGMA foreign_key_check")]
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if version == len(STEPS):
        return lost
    older = "an older version wrote it, and `jupyter deploy agent start` brings it up to date"
    why = older if version < len(STEPS) else "a newer version wrote it"
    return [*lost, f"Its schema is of version {version} and not {len(STEPS)}: {why}."]
