"""The part of the store that keeps what was seen of endpoints, and tells in one look what a list of them shows."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable
from typing import NamedTuple

from jupyter_deploy.store.database import Database
from jupyter_deploy.values import ENDED, Brief, Provenance, from_json

LINES = """
SELECT e.name, e.target, e.answering, e.state AS answers, r.number, r.state, r.created, r.verified, r.reason, r.provenance, (
    SELECT name FROM stages WHERE endpoint = r.endpoint AND number = r.number AND seconds IS NULL ORDER BY id DESC LIMIT 1
) AS stage FROM endpoints AS e LEFT JOIN releases AS r ON r.endpoint = e.name AND (
    r.number = e.answering OR r.number = (SELECT MAX(number) FROM releases WHERE endpoint = e.name)
) ORDER BY e.name, r.number
"""
KEYS = """
SELECT endpoint, COUNT(*) AS keys FROM keys WHERE revoked IS NULL AND (expires IS NULL OR expires > ?) GROUP BY endpoint
"""


class Line(NamedTuple):
    """What the store knows of one line in a list of endpoints.

    Attributes:
        target: Where its releases run.
        answering: The number of the release that answers.
        state: How it answers.
        release: The release that answers.
        newest: The newest release.
        keys: How many keys open it.
    """

    target: str
    answering: int | None
    state: str
    release: Brief | None
    newest: Brief | None
    keys: int


class Observed(Database):
    """What was seen of endpoints, and what is seen first."""

    def lines(self) -> dict[str, Line]:
        """Tell of every endpoint what a list of them shows.

        Returns:
            The lines by name, in order of name.
        """
        db = self._connection()
        keys = {row["endpoint"]: row["keys"] for row in db.execute(KEYS, (time.time(),))}
        found: dict[str, Line] = {}
        for row in db.execute(LINES):
            newest = None if row["number"] is None else _brief(row)
            before = found.get(row["name"])
            release = newest if row["number"] == row["answering"] else before.release if before else None
            told = row["target"], row["answering"], row["answers"], release, newest
            found[row["name"]] = Line(*told, keys.get(row["name"], 0))
        return found

    def answering(self) -> dict[str, tuple[float, int | None]]:
        """Tell of every endpoint when it was made and which release answers, which is read each second.

        Returns:
            Seconds since the epoch and the release's number, by name.
        """
        rows = self._connection().execute("SELECT name, created, answering FROM endpoints")
        return {row["name"]: (row["created"], row["answering"]) for row in rows}

    def add_samples(self, samples: Iterable[tuple[str, float, float, bytes]], since: float) -> None:
        """Keep what was seen of some endpoints, and forget what is too old of theirs.

        Args:
            samples: The endpoint, when it was made, when the sample ended, and the sample; nothing is kept of an endpoint that has
                been removed meanwhile.
            since: The oldest time that is of any use, in seconds since the epoch.
        """
        added = "INSERT OR REPLACE INTO samples SELECT name, ?2, ?3 FROM endpoints WHERE name = ?1 AND created = ?4"
        with self._change() as db:
            for name, created, at, body in samples:
                db.execute(added, (name, at, body, created))
                db.execute("DELETE FROM samples WHERE endpoint = ? AND at <= ?", (name, since))

    def samples(self, endpoint: str, since: float) -> list[bytes]:
        """Read what was seen of an endpoint.

        Args:
            endpoint: The endpoint.
            since: The time after which samples ended, in seconds since the epoch.

        Returns:
            The samples, oldest first; those of a time that the clock has yet to reach, because it was set back, are left out.
        """
        asked = endpoint, since, time.time()
        rows = self._connection().execute("SELECT body FROM samples WHERE endpoint = ? AND at > ? AND at <= ? ORDER BY at", asked)
        return [row["body"] for row in rows]


def _brief(row: sqlite3.Row) -> Brief:
    provenance, reason = from_json(row["provenance"], Provenance), row["reason"].splitlines()
    return Brief(
        number=row["number"], state=row["state"], created=row["created"], verified=bool(row["verified"]),
        ended=row["state"] in ENDED, stage=row["stage"] or "", reason=reason[0] if reason else "",
        who=provenance.user, notebook=provenance.notebook,
    )  # fmt: skip
