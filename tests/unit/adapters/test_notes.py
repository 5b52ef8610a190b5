"""Findings are shown wherever a release is: escaped, short, and each once."""

from __future__ import annotations

from typing import Any

from jupyter_deploy.adapters import card, notes
from jupyter_deploy.adapters.view import View
from jupyter_deploy.values import Finding, Taken

EVIL = "<img src=x onerror=alert(1)>"


def finding(number: int, **fields: Any) -> Finding:
    """Make a finding."""
    known = {
        "kind": "file",
        "subject": f"{number}.csv",
        "message": f"`{number}.csv` is not taken along.",
        "hint": f"Add `{number}`.",
    }
    return Finding(**{**known, **fields})


def test_card_shows_what_was_found(make: Any) -> None:
    """Findings of the capture and of later stages stand in text and HTML, each once, with what to do."""
    first, second = finding(1), finding(2, kind="package", hint="")
    release = make.release("serving", {"preview": 0.3}, findings=(first, second))
    view = View(endpoint=make.endpoint(), release=release, capture=make.capture(findings=(first,)))

    assert [first, second] == list(notes.of(view))
    lines = "! file: `1.csv` is not taken along.\n  → Add `1`.\n! package: `2.csv` is not taken along.\n"
    assert lines in card.text(view, make.now)
    assert 1 == card.markup(view, make.now).count("1.csv")
    assert "<details" not in notes.markup(notes.of(view))


def test_status_shows_findings_without_a_capture(make: Any) -> None:
    """Whoever looks at a release later, from another process, sees its findings too."""
    view = View(endpoint=make.endpoint(), release=make.release("serving", {}, findings=(finding(1),)))

    assert "! file: `1.csv` is not taken along." in card.text(view, make.now)


def test_many_findings_are_folded() -> None:
    """A long list is folded in the card, with how many there are of each kind, and cut in text."""
    many = [finding(number, kind="file" if number else "patch") for number in range(30)]

    assert "30 findings: 1 patch, 29 file" in notes.markup(many)
    assert "<details" in notes.markup(many)
    assert "<details" not in notes.markup(many[: notes.MOST], unfolded=True)
    assert "<details" in notes.markup(many, unfolded=True)
    assert "! and 18 more: `--json` shows all" == notes.lines(many)[-1]


def test_everything_is_escaped(make: Any) -> None:
    """No text of a finding, or of what was taken, becomes markup."""
    evil = finding(1, subject=EVIL, message=EVIL, hint=EVIL)
    plan = card.plan(make.capture(findings=(evil,), taken=(Taken(path=EVIL, kind=EVIL, size=1),)))

    assert "<img" not in plan["text/html"]
    assert 4 == plan["text/html"].count("&lt;img")


def test_nothing_is_shown_of_nothing(make: Any) -> None:
    """Without findings there is no empty list."""
    assert ("", []) == (notes.markup(()), notes.lines(()))
    assert ("", []) == (notes.taken_markup(make.capture()), notes.taken_lines(make.capture()))
