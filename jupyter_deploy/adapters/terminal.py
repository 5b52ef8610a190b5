"""What a terminal shows: tables and stages with Rich for a person, plain lines in a pipeline, JSON where it is asked for."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

import typer
from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from jupyter_deploy import errors
from jupyter_deploy.adapters import card
from jupyter_deploy.adapters import view as words
from jupyter_deploy.adapters.follow import Follower
from jupyter_deploy.adapters.verbs import VERBS
from jupyter_deploy.adapters.view import SIGNS, View
from jupyter_deploy.values import Release, to_json

OK, WRONG, USAGE, REFUSED, TIMEOUT = 0, 1, 2, 3, 124
MAGIC = re.compile(rf"%deploy (?=({'|'.join(VERBS)})\b)")
STYLES = {"done": "green", "running": "blue", "wrong": "bold red", "waiting": "dim", "skipped": "dim"}
STATES = {"verified": "green", "preview": "yellow", "refused": "red", "failed": "red"}

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def json(value: Any) -> None:
    """Print a value as JSON and nothing else.

    Args:
        value: The value.
    """
    sys.stdout.write(to_json(value).decode() + "\n")


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows: a Rich table for a person, aligned plain text otherwise.

    Args:
        head: The columns' names.
        rows: The cells.
    """
    if not out.is_terminal:
        print(card.columns(head, rows))
        return
    drawn = Table(box=None, pad_edge=False, header_style="dim")
    for name in head:
        drawn.add_column(name, overflow="fold")
    for cells in rows:
        drawn.add_row(*(_coloured(cell) for cell in cells))
    out.print(drawn)


def release(view: View) -> None:
    """Print one release as the card shows it.

    Args:
        view: What is shown.
    """
    print(_spoken(card.text(view, time.time())))


def warn(text: str) -> None:
    """Tell what is wrong on standard error, so that standard output stays what was asked for.

    Args:
        text: What is wrong; nothing is printed where it is empty.
    """
    if text:
        err.print(Text(text, style="red"))


@contextmanager
def failing(as_json: bool) -> Iterator[None]:
    """Turn errors into text and an exit code.

    Args:
        as_json: Whether to print them as JSON.

    Yields:
        Nothing.
    """
    try:
        yield
    except errors.Refused as error:
        _fail(error, as_json, REFUSED)
    except errors.DeployError as error:
        _fail(error, as_json, WRONG)
    except TimeoutError as error:
        _fail(errors.DeployError(str(error)), as_json, TIMEOUT, code="Timeout")


def follow(follower: Follower, timeout: float | None) -> bool:
    """Show a release's stages until it has ended.

    Args:
        follower: Follows the release.
        timeout: Seconds to wait at most.

    Returns:
        Whether it has ended.
    """
    return _follow_live(follower, timeout) if out.is_terminal else _follow_plainly(follower, timeout)


def steps(release: Release, told: set[str]) -> None:
    """Print the stages that are done, each once.

    Args:
        release: The release.
        told: The names of those that were printed; the others are added.
    """
    for step in words.steps(release, time.time()):
        if step.mark == "done" and step.name not in told:
            told.add(step.name)
            took = f" in {words.span(step.seconds)}" if step.seconds is not None else ""
            print(f"{release.tag} {step.name}{took}{f': {step.detail}' if step.detail else ''}", flush=True)


@contextmanager
def progress(count: int) -> Iterator[Callable[[], None]]:
    """Show how far something has come, on standard error and to a person alone.

    Args:
        count: How many steps there are.

    Yields:
        What is called after each step.
    """
    with Progress(console=err, transient=True, disable=not err.is_terminal) as shown:
        task = shown.add_task("", total=count)
        yield lambda: shown.advance(task)


def cell(number: int, of: int, source: str) -> None:
    """Tell which cell runs, on standard error.

    Args:
        number: The cell's number, from 1.
        of: How many there are.
        source: Its source.
    """
    err.print(f"[dim]cell {number} of {of}[/dim]  {escape(source.strip().splitlines()[0][:80])}")


def _follow_live(follower: Follower, timeout: float | None) -> bool:
    end, version = None if timeout is None else time.monotonic() + timeout, 0
    with Live(_stages(follower.view), console=out, refresh_per_second=4) as live:
        while not follower.ended and (end is None or time.monotonic() < end):
            version = follower.changed_since(version, 0.25)
            live.update(_stages(follower.view))
    return follower.ended


def _follow_plainly(follower: Follower, timeout: float | None) -> bool:
    end, version = None if timeout is None else time.monotonic() + timeout, 0
    told: set[str] = set()
    while True:
        steps(follower.view.release, told)
        if follower.ended or (end is not None and time.monotonic() >= end):
            return follower.ended
        version = follower.changed_since(version, None if end is None else max(0.0, end - time.monotonic()))


def _stages(view: View) -> Text:
    lines = [Text.assemble((view.release.tag, "bold"), " · ", (view.state, STATES.get(view.state, "")), f"  {view.url}")]
    for step in words.steps(view.release, time.time()):
        took = words.span(step.seconds) if step.seconds is not None else ""
        lines.append(
            Text.assemble((f"{SIGNS[step.mark]} {step.name:<12}", STYLES[step.mark]), f"{took:>9}  ", (step.detail, "dim"))
        )
    return Text("\n").join(lines)


def _coloured(cell: str) -> Text:
    word = cell.rpartition(" ")[2]
    return Text(cell, style=STATES.get(word, ""))


def _fail(error: errors.DeployError, as_json: bool, exit_code: int, code: str = "") -> NoReturn:
    if as_json:
        json({"error": {"code": code or error.code, "message": error.message, "hint": error.hint}})
    else:
        err.print(f"[bold red]{code or error.code}:[/bold red] {escape(_spoken(error.message))}")
        if error.hint:
            err.print(f"→ {escape(_spoken(error.hint))}")
    raise typer.Exit(exit_code) from error


def _spoken(text: str) -> str:
    """Name the commands of a terminal where a text names those of a notebook."""
    return MAGIC.sub("jupyter deploy ", text)
