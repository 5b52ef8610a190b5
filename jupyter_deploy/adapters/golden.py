"""`jupyter deploy golden` and `%deploy golden`: a release's golden rows, with the notebook's answers and where they were found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple

import typer

from jupyter_deploy import errors
from jupyter_deploy.adapters import terminal
from jupyter_deploy.adapters.commands import Json, Name, connected
from jupyter_deploy.adapters.terminal import failing
from jupyter_deploy.agent.client import AgentClient
from jupyter_deploy.values import Golden, to_json

HEAD = ("row", "input", "notebook answered", "found in")
SHOWN = 80  # characters of an input or an answer
DRAWN = 100  # rows that a notebook's output holds

app = typer.Typer()


class Shown(NamedTuple):
    """Golden rows of one method, as people see them.

    Attributes:
        rows: One line of cells a row, as `HEAD` names them.
        note: What the table is of.
    """

    rows: Sequence[tuple[str, ...]]
    note: str


@app.command("golden")
def golden(
    name: Name,
    method: Annotated[str | None, typer.Option(help="The model's method; the first one if not given.")] = None,
    release: Annotated[int | None, typer.Option(help="The release's number; the one that answers if not given.")] = None,
    as_json: Json = False,
) -> None:
    """Show the golden rows of a release: inputs, the notebook's own answers, and where they were found."""
    with failing(as_json):
        found = read(connected(), name, release)
        if as_json:
            terminal.json([one for one in found if method in (None, one.method)])
            return
        shown = show(name, found, method)
        terminal.table(HEAD, shown.rows)
        print(shown.note)


def read(client: AgentClient, name: str, number: int | None) -> list[Golden]:
    """Read the golden rows of a release.

    Args:
        client: The agent.
        name: The endpoint.
        number: The release's number; the one that answers, or else the newest, where None.

    Returns:
        The golden rows, request by request.

    Raises:
        UnknownName: If there is no such endpoint or release.
    """
    endpoint = client.endpoint(name)
    newest = endpoint.releases[0].number if endpoint.releases else 0
    return client.golden(name, number or endpoint.answering or newest)


def show(name: str, found: Sequence[Golden], method: str | None = None, most: int | None = None) -> Shown:
    """Lay golden rows out as a table.

    Args:
        name: The endpoint.
        found: The golden rows.
        method: The method; the first one where None.
        most: How many rows at most; all where None.

    Returns:
        The table.

    Raises:
        UnknownName: If the model has no such method, or none with golden rows.
    """
    methods = list(dict.fromkeys(one.method for one in found))
    if not methods:
        return Shown([], f"`{name}` has no golden rows.")
    chosen = method or methods[0]
    if chosen not in methods:
        hint = errors.did_you_mean(chosen, methods) or f"It has some for: {', '.join(methods)}."
        raise errors.UnknownName(f"`{name}` has no golden rows for `{chosen}`.", hint)
    own = [one for one in found if one.method == chosen]
    lines = [(row, answer, one.origin) for one in own for row, answer in zip(one.rows, one.answers, strict=True)]
    rows = [(str(at), _short(row), _short(answer), origin) for at, (row, answer, origin) in enumerate(lines[:most])]
    return Shown(rows, _note(chosen, methods, len(lines), len(rows), shape_only=any(one.shape_only for one in own)))


def _note(chosen: str, methods: list[str], count: int, shown: int, *, shape_only: bool) -> str:
    parts = [f"{count} golden row{'' if count == 1 else 's'} of `{chosen}`"]
    if shown < count:
        parts.append(f"{shown} are shown, `--json` gives all")
    if shape_only:
        parts.append("shapes and types of the answers alone are compared")
    if len(methods) > 1:
        parts.append(f"`--method` shows those of {', '.join(f'`{one}`' for one in methods if one != chosen)}")
    return f"{'; '.join(parts)}."


def _short(value: Any) -> str:
    text = to_json(value).decode()
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"
