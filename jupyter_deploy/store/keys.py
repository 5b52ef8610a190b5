"""The part of the store that keeps keys: their hashes, what each may do, and when it was used last."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Mapping

from jupyter_deploy.store.database import Database
from jupyter_deploy.values import Key, from_json, to_json

ADD = """
INSERT INTO keys (id, endpoint, hash, owner, created, revoked, methods, expires, quota, place, last_used)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""


class Keys(Database):
    """Keys, each of one endpoint."""

    def add_key(self, key: Key) -> None:
        """Remember a key's hash.

        Args:
            key: The key.
        """
        methods = None if key.methods is None else to_json(key.methods)
        told = key.id, key.endpoint, key.hash, key.owner, key.created, key.revoked
        with self._change() as db:
            db.execute(ADD, (*told, methods, key.expires, key.quota, key.place, key.last_used))

    def keys(self, endpoint: str) -> list[Key]:
        """List an endpoint's keys, oldest first.

        Args:
            endpoint: The endpoint.

        Returns:
            The keys, revoked ones too.
        """
        rows = self._connection().execute("SELECT * FROM keys WHERE endpoint = ? ORDER BY created", (endpoint,))
        return [_key(row) for row in rows]

    def revoke_key(self, id: str) -> None:
        """Make a key invalid from now on.

        Args:
            id: The key's id.
        """
        with self._change() as db:
            db.execute("UPDATE keys SET revoked = ? WHERE id = ? AND revoked IS NULL", (time.time(), id))

    def note_uses(self, last: Mapping[str, float]) -> None:
        """Remember when keys were used last.

        Args:
            last: Seconds since the epoch, by the key's id.
        """
        with self._change() as db:
            db.executemany("UPDATE keys SET last_used = ? WHERE id = ?", [(moment, id) for id, moment in last.items()])


def _key(row: sqlite3.Row) -> Key:
    read = dict(row)
    methods = read.pop("methods")
    return Key(**read, methods=None if methods is None else from_json(methods, tuple[str, ...]))
