"""The part of the store that knows releases and their journal of stages."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from typing import Any

from jupyter_deploy import errors
from jupyter_deploy.store.database import Database
from jupyter_deploy.values import (
    STAGES,
    Attempt,
    Batching,
    Difference,
    Finding,
    Options,
    Provenance,
    Release,
    Stage,
    State,
    from_json,
    to_json,
)

COLUMNS = ("state", "url", "lock", "bundle", "reason", "hint", "differences", "verified", "findings", "batching", "compiled",
           "faster", "faster_lock")  # fmt: skip
VALUES = ("differences", "findings", "batching", "compiled")  # columns that hold JSON
RELEASES = """
SELECT * FROM releases AS one WHERE (?1 IS NULL OR endpoint = ?1) AND (
    ?2 IS NULL OR number > (SELECT MAX(number) FROM releases WHERE endpoint = one.endpoint) - ?2
    OR url <> '' OR state = 'serving' OR number = (SELECT answering FROM endpoints WHERE name = one.endpoint)
) ORDER BY endpoint, number DESC
"""
STAGES_OF = "SELECT name, started, seconds, detail FROM stages WHERE endpoint = ? AND number = ? ORDER BY id"


class Releases(Database):
    """Releases, numbered per endpoint, each with the journal of its stages."""

    def add_release(
        self, endpoint: str, capture: str, options: Options, provenance: Provenance | None = None, findings: Sequence[Finding] = ()
    ) -> Release:
        """Add a release with the endpoint's next number.

        Args:
            endpoint: The endpoint.
            capture: The capture's digest.
            options: What it is asked to do.
            provenance: Where it came from.
            findings: What a person should know of it.

        Returns:
            The release, in the state `captured`.
        """
        told = time.time(), capture, to_json(options), to_json(provenance or Provenance()), to_json(findings)
        with self._change() as db:
            db.execute(
                "INSERT INTO releases (endpoint, number, state, created, capture, options, provenance, findings) VALUES (?, "
                "(SELECT COALESCE(MAX(number), 0) + 1 FROM releases WHERE endpoint = ?), 'captured', ?, ?, ?, ?, ?)",
                (endpoint, endpoint, *told),
            )
        return self.releases(endpoint, most=1)[0]

    def releases(self, endpoint: str | None = None, *, most: int | None = None) -> list[Release]:
        """List releases, newest first.

        Args:
            endpoint: The endpoint; every one where None.
            most: How many of the newest of each endpoint; older ones that answer somewhere come with them. All where None.

        Returns:
            The releases.
        """
        rows = self._connection().execute(RELEASES, (endpoint, most)).fetchall()
        return [self._release(row) for row in rows]

    def release(self, endpoint: str, number: int) -> Release:
        """Read one release.

        Args:
            endpoint: The endpoint.
            number: Its number.

        Returns:
            The release.

        Raises:
            UnknownName: If there is none.
        """
        row = self._connection().execute("SELECT * FROM releases WHERE endpoint = ? AND number = ?", (endpoint, number)).fetchone()
        if row is None:
            raise errors.UnknownName(f"There is no release `{endpoint}@{number}`.", f"`%deploy releases {endpoint}` lists them.")
        return self._release(row)

    def options(self, endpoint: str, number: int) -> Options:
        """Read what a release was asked to do.

        Args:
            endpoint: The endpoint.
            number: Its number.

        Returns:
            Its options.
        """
        row = (
            self._connection()
            .execute("SELECT options FROM releases WHERE endpoint = ? AND number = ?", (endpoint, number))
            .fetchone()
        )
        return from_json(row["options"], Options)

    def update(self, release: Release, **fields: Any) -> Release:
        """Change a release.

        Args:
            release: The release.
            **fields: New values of the columns named in `COLUMNS`.

        Returns:
            The release as it is now.
        """
        unknown = set(fields) - set(COLUMNS)
        if unknown:
            raise KeyError(", ".join(sorted(unknown)))
        fields |= {name: to_json(fields[name]) for name in VALUES if name in fields}
        with self._change() as db:
            places = ", ".join(f"{name} = ?" for name in fields)
            db.execute(  # the column names are checked above
                f"UPDATE releases SET {places} WHERE endpoint = ? AND number = ?",  # noqa: S608
                (*fields.values(), release.endpoint, release.number),
            )
        return self.release(release.endpoint, release.number)

    # ----- the journal

    def begin(self, release: Release, stage: str) -> int:
        """Note that a stage has begun.

        Args:
            release: The release.
            stage: The stage's name.

        Returns:
            The entry's id, for `finish`.
        """
        with self._change() as db:
            return self._begin(db, release, stage)

    def finish(self, release: Release, entry: int, state: State, seconds: float, detail: str) -> Release:
        """Note that a stage has ended and that the release has its state.

        Args:
            release: The release.
            entry: The entry's id.
            state: The release's new state.
            seconds: How long the stage took.
            detail: One line for people.

        Returns:
            The release as it is now.
        """
        with self._change() as db:
            db.execute("UPDATE stages SET seconds = ?, detail = ? WHERE id = ?", (seconds, detail, entry))
            db.execute("UPDATE releases SET state = ? WHERE endpoint = ? AND number = ?", (state, release.endpoint, release.number))
        return self.release(release.endpoint, release.number)

    def note(self, release: Release, entry: int, seconds: float, detail: str) -> Release:
        """Note that something beside the stages has ended; the release's state stays.

        Args:
            release: The release.
            entry: The entry's id.
            seconds: How long it took.
            detail: One line for people; the entry is taken back where it is empty.

        Returns:
            The release as it is now.
        """
        with self._change() as db:
            if detail:
                db.execute("UPDATE stages SET seconds = ?, detail = ? WHERE id = ?", (seconds, detail, entry))
            else:
                db.execute("DELETE FROM stages WHERE id = ?", (entry,))
        return self.release(release.endpoint, release.number)

    def end(self, release: Release, state: State, reason: str = "", hint: str = "") -> Release:
        """Note that a release has ended, or serves again.

        Args:
            release: The release.
            state: Its new state.
            reason: Why.
            hint: What to do about it.

        Returns:
            The release as it is now.
        """
        with self._change() as db:
            db.execute(
                "DELETE FROM stages WHERE endpoint = ? AND number = ? AND seconds IS NULL", (release.endpoint, release.number)
            )
            entry = self._begin(db, release, state)
            db.execute("UPDATE stages SET seconds = 0, detail = ? WHERE id = ?", (reason, entry))
            db.execute(
                "UPDATE releases SET state = ?, reason = ?, hint = ? WHERE endpoint = ? AND number = ?",
                (state, reason, hint, release.endpoint, release.number),
            )
        return self.release(release.endpoint, release.number)

    def reopen(self, release: Release) -> Release:
        """Take a failed or cancelled release up again where it stopped.

        Args:
            release: The release.

        Returns:
            The release in the state of its last finished stage.
        """
        done = [stage.name for stage in release.stages if stage.name in STAGES and stage.seconds is not None]
        with self._change() as db:
            db.execute(
                "DELETE FROM stages WHERE endpoint = ? AND number = ? AND (seconds IS NULL OR name IN ('failed', 'cancelled'))",
                (release.endpoint, release.number),
            )
        return self.update(release, state=done[-1] if done else "captured", reason="", hint="")

    def _begin(self, db: sqlite3.Connection, release: Release, stage: str) -> int:
        db.execute(
            "DELETE FROM stages WHERE endpoint = ? AND number = ? AND name = ? AND seconds IS NULL",
            (release.endpoint, release.number, stage),
        )
        row = db.execute(
            "INSERT INTO stages (endpoint, number, name, started) VALUES (?, ?, ?, ?)",
            (release.endpoint, release.number, stage, time.time()),
        )
        return row.lastrowid or 0

    def _release(self, row: sqlite3.Row) -> Release:
        stages = self._connection().execute(STAGES_OF, (row["endpoint"], row["number"]))
        read = ("options", "provenance", "verified", *VALUES)
        fields = {name: row[name] for name in row.keys() if name not in read}  # noqa: SIM118
        return Release(
            **fields,
            verified=bool(row["verified"]),
            differences=tuple(from_json(row["differences"], list[Difference])),
            findings=tuple(from_json(row["findings"], list[Finding])),
            batching=tuple(from_json(row["batching"], list[Batching])),
            compiled=tuple(from_json(row["compiled"], list[Attempt])),
            provenance=from_json(row["provenance"], Provenance),
            nondeterministic=from_json(row["options"], Options).nondeterministic,
            stages=tuple(Stage(**dict(stage)) for stage in stages),
        )
