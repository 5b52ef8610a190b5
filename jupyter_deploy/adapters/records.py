"""`jupyter deploy history` and `diff`: what was done to an endpoint, and what changed between its releases."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from jupyter_deploy import errors
from jupyter_deploy.adapters import terminal
from jupyter_deploy.adapters.commands import Json, Name, connected
from jupyter_deploy.adapters.terminal import failing
from jupyter_deploy.values import Event

if TYPE_CHECKING:
    from jupyter_deploy.agent.client import AgentClient
    from jupyter_deploy.changes import Change, Changes, GoldenChange

app = typer.Typer()

TAG = re.compile(r"(?P<name>[a-z][-a-z0-9]*)(?:@(?P<number>\d+))?")
EVENTS = ("when", "who", "what", "to", "")


@app.command("history")
def history(name: Name, as_json: Json = False) -> None:
    """Show what was done to an endpoint, when and by whom; also to one that was removed."""
    with failing(as_json):
        events = connected(start=True).history(name)
        terminal.json(events) if as_json else terminal.table(EVENTS, [row(event) for event in events])


@app.command("diff")
def diff(
    old: Annotated[str, typer.Argument(help="A release, such as churn@1, or an endpoint's name.", show_default=False)],
    new: Annotated[str | None, typer.Argument(help="Another release of it; the newest one if not given.")] = None,
    as_json: Json = False,
) -> None:
    """Show what changed from one release to another: cells, packages, contract, golden answers, settings."""
    with failing(as_json):
        found = compare(connected(start=True), old, new or "")
        terminal.json(found) if as_json else print(text(found))


def compare(client: AgentClient, old: str, new: str = "") -> Changes:
    """Ask what changed from one release to another.

    Args:
        client: The agent.
        old: A release, such as `churn@1`, or an endpoint's name.
        new: Another release of it; the newest one where empty.

    Returns:
        What changed.

    Raises:
        BadInput: If one of them names no release, or they are of two endpoints.
    """
    first = tag(old)
    second = tag(new) if new else (first[0], None)
    if first[0] != second[0]:
        raise errors.BadInput(f"`{old}` and `{new}` are of two endpoints.", "Compare two releases of one endpoint.")
    return client.changes(first[0], first[1], second[1])


def tag(given: str) -> tuple[str, int | None]:
    """Read a release's name.

    Args:
        given: Such as `churn@2`, or `churn`.

    Returns:
        The endpoint and the number; None where none is given.

    Raises:
        BadInput: If it is neither.
    """
    found = TAG.fullmatch(given)
    if found is None:
        raise errors.BadInput(f"`{given}` names no release.", "Name one such as `churn@2`.")
    return found["name"], int(found["number"]) if found["number"] else None


def row(event: Event) -> tuple[str, ...]:
    """Show one line of the audit.

    Args:
        event: The line.

    Returns:
        When, who, what, to what, more.
    """
    at = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(event.at))
    return at, event.who, event.action, event.subject, event.detail


def text(found: Changes) -> str:
    """Show what changed, for people.

    Args:
        found: What changed.

    Returns:
        Text.
    """
    parts = {
        "where from": _changes(found.origin),
        "cells": [line for cell in found.cells for line in (cell.what, *(f"    {one}" for one in cell.diff.splitlines()))],
        "packages": _changes(found.packages),
        "contract": _changes(found.contract),
        "golden answers": [line for one in found.golden for line in _golden(one)],
        "settings": _changes(found.settings),
    }
    told = [line for head, lines in parts.items() if lines for line in ("", head, *(f"  {one}" for one in lines))]
    model = "another model" if found.model else "the same model"
    return "\n".join([f"{found.old} → {found.new}: {model}{'' if told else ', and nothing else differs'}", *told])


def _changes(found: Iterable[Change]) -> list[str]:
    return [f"{one.name}: {one.before or '(none)'} → {one.after or '(none)'}" for one in found]


def _golden(one: GoldenChange) -> Iterator[str]:
    rows = f", {one.added} new rows, {one.removed} gone" if one.added or one.removed else ""
    yield f"{one.method}: {one.changed} of {one.rows} common rows answered otherwise{rows}"
    for given, before, after in one.examples:
        yield f"    {_short(given)}: {_short(before)} → {_short(after)}"


def _short(value: object) -> str:
    shown = str(value)
    return shown if len(shown) <= 60 else f"{shown[:59]}…"
