"""What the agent remembers: endpoints, releases with their journal of stages, captures, locks, bundles, keys, samples, audit.

One SQLite file in WAL mode, `store.sql` is its schema. Each thread has a connection of its own; every change is one transaction, so
that a crash leaves the state before it or after it. Rows of `audit` can be added, never changed or deleted: triggers refuse it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

from jupyter_deploy import errors, people
from jupyter_deploy.store.keys import Keys
from jupyter_deploy.store.observed import Observed
from jupyter_deploy.store.releases import Releases
from jupyter_deploy.values import (
    Bundle,
    Capture,
    Event,
    Lock,
    Value,
    from_json,
    to_json,
)

V = TypeVar("V", bound=Value)
_acting: ContextVar[str] = ContextVar("acting", default="")


@contextmanager
def acting(who: str) -> Iterator[None]:
    """Have what a block does audited as done by somebody; threads of its own that it starts act for themselves.

    Args:
        who: The person; the system's user where empty.

    Yields:
        Nothing.
    """
    before = _acting.set(who)
    try:
        yield
    finally:
        _acting.reset(before)


class Store(Releases, Observed, Keys):
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

    # ----- the audit

    def audit(self, action: str, subject: str, detail: str = "", who: str = "") -> None:
        """Add a line to the audit.

        Args:
            action: What was done.
            subject: To what, such as `churn@7`.
            detail: More; never an input, an answer or a secret.
            who: Who did it; where empty, whoever `acting` names, or else the system's user.
        """
        told = time.time(), action, subject, detail, who or people.named(_acting.get())
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
