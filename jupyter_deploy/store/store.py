"""What the agent remembers: endpoints, releases with their journal of stages, captures, locks, bundles, keys, and the audit.

One SQLite file in WAL mode, `store.sql` is its schema. Each thread has a connection of its own; every change is one transaction, so
that a crash leaves the state before it or after it. Rows of `audit` can be added, never changed or deleted: triggers refuse it.
"""

from __future__ import annotations

import getpass
import sqlite3
import time
from collections.abc import Sequence
from typing import Any, TypeVar

from jupyter_deploy import errors
from jupyter_deploy.store.database import Database
from jupyter_deploy.values import (
    STAGES,
    Bundle,
    Capture,
    Difference,
    Event,
    Finding,
    Key,
    Lock,
    Options,
    Provenance,
    Release,
    Stage,
    State,
    Value,
    from_json,
    to_json,
)

COLUMNS = ("state", "url", "lock", "bundle", "reason", "hint", "differences", "verified", "findings")
VALUES = ("differences", "findings")  # columns that hold JSON

V = TypeVar("V", bound=Value)


class Store(Database):
    """The agent's memory.

    Args:
        path: The database's file; it is made where there is none.
    """

    # ----- endpoints

    def add_endpoint(self, name: str, target: str) -> bool:
        """Add an endpoint, if there is none of that name.

        Args:
            name: Its name.
            target: Where its releases run.

        Returns:
            Whether it is new.
        """
        with self._change() as db:
            row = db.execute(
                "INSERT OR IGNORE INTO endpoints (name, target, created) VALUES (?, ?, ?)", (name, target, time.time())
            )
            return row.rowcount == 1

    def endpoints(self) -> dict[str, tuple[str, int | None, str]]:
        """List the endpoints.

        Returns:
            Target, the number that answers, and its state, by name.
        """
        rows = self._connection().execute("SELECT name, target, answering, state FROM endpoints ORDER BY name")
        return {row["name"]: (row["target"], row["answering"], row["state"]) for row in rows}

    def set_answering(self, name: str, number: int | None, state: str) -> None:
        """Note which release answers at an endpoint's URL.

        Args:
            name: The endpoint.
            number: The release's number; None where none does.
            state: `preview`, `verified`, or empty.
        """
        with self._change() as db:
            db.execute("UPDATE endpoints SET answering = ?, state = ? WHERE name = ?", (number, state, name))

    def remove_endpoint(self, name: str) -> None:
        """Forget an endpoint with its releases and keys; the audit stays.

        Args:
            name: The endpoint.
        """
        with self._change() as db:
            db.execute("DELETE FROM keys WHERE endpoint = ?", (name,))
            db.execute("DELETE FROM endpoints WHERE name = ?", (name,))

    # ----- releases

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
        return self.releases(endpoint)[0]

    def releases(self, endpoint: str | None = None) -> list[Release]:
        """List releases, newest first.

        Args:
            endpoint: The endpoint; every one where None.

        Returns:
            The releases.
        """
        where, db = "WHERE ?1 IS NULL OR endpoint = ?1", self._connection()
        stages: dict[tuple[str, int], list[Stage]] = {}
        for row in db.execute(f"SELECT * FROM stages {where} ORDER BY id", (endpoint,)):  # noqa: S608 (a constant)
            stages.setdefault((row["endpoint"], row["number"]), []).append(_stage(row))
        rows = db.execute(f"SELECT * FROM releases {where} ORDER BY endpoint, number DESC", (endpoint,))  # noqa: S608 (a constant)
        return [_release(row, stages.get((row["endpoint"], row["number"]), [])) for row in rows]

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
        stages = self._connection().execute(
            "SELECT * FROM stages WHERE endpoint = ? AND number = ? ORDER BY id", (endpoint, number)
        )
        return _release(row, [_stage(stage) for stage in stages])

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

    # ----- what is named by its content

    def keep(self, value: Capture | Lock | Bundle, *, anew: bool = True) -> None:
        """Remember a value that has a digest.

        Args:
            value: The value.
            anew: Whether it replaces what is remembered under that digest.
        """
        how = "REPLACE" if anew else "IGNORE"
        told = type(value).__name__, value.digest, to_json(value)
        with self._change() as db:
            db.execute(f"INSERT OR {how} INTO contents VALUES (?, ?, ?)", told)  # noqa: S608 (one of two words)

    def find(self, kind: type[V], digest: str) -> V:
        """Recall a value by its digest.

        Args:
            kind: The value's class.
            digest: Its digest.

        Returns:
            The value.

        Raises:
            UnknownName: If it is not there.
        """
        row = (
            self._connection()
            .execute("SELECT body FROM contents WHERE kind = ? AND digest = ?", (kind.__name__, digest))
            .fetchone()
        )
        if row is None:
            raise errors.UnknownName(f"The store has no {kind.__name__.lower()} {digest[:12]}.", "Deploy the model again.")
        return from_json(row["body"], kind)

    # ----- keys and audit

    def add_key(self, key: Key) -> None:
        """Remember a key's hash.

        Args:
            key: The key.
        """
        with self._change() as db:
            db.execute(
                "INSERT INTO keys VALUES (?, ?, ?, ?, ?, ?)", (key.id, key.endpoint, key.hash, key.owner, key.created, key.revoked)
            )

    def keys(self, endpoint: str) -> list[Key]:
        """List an endpoint's keys, oldest first.

        Args:
            endpoint: The endpoint.

        Returns:
            The keys, revoked ones too.
        """
        rows = self._connection().execute("SELECT * FROM keys WHERE endpoint = ? ORDER BY created", (endpoint,))
        return [Key(**dict(row)) for row in rows]

    def revoke_key(self, id: str) -> None:
        """Make a key invalid from now on.

        Args:
            id: The key's id.
        """
        with self._change() as db:
            db.execute("UPDATE keys SET revoked = ? WHERE id = ? AND revoked IS NULL", (time.time(), id))

    def audit(self, action: str, subject: str, detail: str = "", who: str = "") -> None:
        """Add a line to the audit.

        Args:
            action: What was done.
            subject: To what, such as `churn@7`.
            detail: More; never an input, an answer or a secret.
            who: Who did it; the system's user where empty.
        """
        told = time.time(), action, subject, detail, who or getpass.getuser()
        with self._change() as db:
            db.execute("INSERT INTO audit (at, action, subject, detail, who) VALUES (?, ?, ?, ?, ?)", told)

    def audited(self, endpoint: str | None = None) -> list[Event]:
        """Read the audit, oldest first.

        Args:
            endpoint: The endpoint; every one, and what belongs to none, where None.

        Returns:
            What was done.
        """
        rows = self._connection().execute(
            "SELECT at, action, subject, detail, who FROM audit WHERE ? IS NULL OR subject = ? OR subject GLOB ? ORDER BY id",
            (endpoint, endpoint, f"{endpoint}@*"),
        )
        return [Event(**dict(row)) for row in rows]

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


def _release(row: sqlite3.Row, stages: Sequence[Stage]) -> Release:
    read = ("options", "provenance", "verified", *VALUES)
    fields = {name: row[name] for name in row.keys() if name not in read}  # noqa: SIM118
    return Release(
        **fields,
        verified=bool(row["verified"]),
        differences=tuple(from_json(row["differences"], list[Difference])),
        findings=tuple(from_json(row["findings"], list[Finding])),
        provenance=from_json(row["provenance"], Provenance),
        nondeterministic=from_json(row["options"], Options).nondeterministic,
        stages=tuple(stages),
    )


def _stage(row: sqlite3.Row) -> Stage:
    return Stage(name=row["name"], started=row["started"], seconds=row["seconds"], detail=row["detail"])
