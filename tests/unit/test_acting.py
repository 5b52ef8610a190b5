"""Who is named by the audit: the person whom a call's header names, and nothing else that a header may hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_deploy import people
from jupyter_deploy.agent.acting import LONGEST, head, named
from jupyter_deploy.store import Store, acting


@pytest.mark.parametrize("who", ["ann", "ada@example.com", "Zoë 李", "a b/c%20", ""])
def test_a_name_arrives_as_it_was(who: str) -> None:
    """Whatever letters it has."""
    assert who == named(head(who).get("jd-who", "").encode())


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (b"ann%0a%1b%5b31mmallory", "ann[31mmallory"), (b"%e2%80%aeann", "ann"), (b"%ff%00", "\ufffd"), (b"\xffann", "\ufffdann"),
        (b"%20", ""), (b"a" * 5000, "a" * LONGEST),
    ],
    ids=repr,
)  # fmt: skip
def test_a_name_is_short_and_can_be_printed(told: bytes, expected: str) -> None:
    """A line's end, what moves a terminal's cursor and what turns a line round are left out."""
    assert expected == named(told)


def test_a_long_name_is_cut() -> None:
    """So that a header never grows beyond what a server takes."""
    assert LONGEST == len(named(head("李" * 5000)["jd-who"].encode()))


def test_the_audit_names_whoever_acts(tmp_path: Path) -> None:
    """Within the block alone; whoever is named outright comes first."""
    store = Store(tmp_path / "store.sqlite")
    with acting("ann"):
        store.audit("rollback", "churn@1")
        store.audit("deploy", "churn@2", who="bob")
    store.audit("stopped", "churn")

    assert [people.named("ann"), "bob", people.system_user()] == [event.who for event in store.audited()]


def test_a_user_without_a_name_has_a_number(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As in a container that was started with a number that nobody wrote down; the audit goes on."""
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.getuid", lambda: 2_000_000_001)
    store = Store(tmp_path / "store.sqlite")
    store.audit("stopped", "churn")

    assert ["2000000001"] == [event.who for event in store.audited()]
    assert "ann (2000000001)" == people.named("ann")
