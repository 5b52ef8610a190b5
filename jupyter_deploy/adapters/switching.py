"""`jupyter deploy rollback`, `promote`, `stop` and `cancel`: which release answers, or none."""

from __future__ import annotations

from typing import Annotated

import typer

from jupyter_deploy.adapters import switched, terminal
from jupyter_deploy.adapters.commands import Json, Name, confirmed, connected
from jupyter_deploy.adapters.terminal import failing

app = typer.Typer()


@app.command()
def rollback(
    name: Name,
    to: Annotated[int | None, typer.Option(help="The release's number; the newest older one if not given.")] = None,
    as_json: Json = False,
) -> None:
    """Let an older verified release answer again."""
    with failing(as_json):
        endpoint = connected(start=True).rollback(name, to)
        terminal.json(endpoint) if as_json else print(switched.answers(endpoint))


@app.command()
def promote(
    name: Name,
    to: Annotated[int | None, typer.Option(help="The release's number; the newest newer one if not given.")] = None,
    as_json: Json = False,
) -> None:
    """Let a newer verified release answer, or start a stopped endpoint again."""
    with failing(as_json):
        endpoint = connected(start=True).promote(name, to)
        terminal.json(endpoint) if as_json else print(switched.answers(endpoint))


@app.command()
def stop(name: Name, yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False, as_json: Json = False) -> None:
    """Let nothing answer any more at an endpoint; its releases and keys are kept."""
    with failing(as_json):
        client = connected(start=True)
        confirmed(f"{client.endpoint(name).url} will stop answering. Stop `{name}`?", yes=yes, as_json=as_json)
        endpoint = client.halt(name)
        terminal.json(endpoint) if as_json else print(switched.stopped(endpoint, "jupyter deploy"))


@app.command()
def cancel(
    name: Name, number: Annotated[int, typer.Argument(help="The release's number.", show_default=False)], as_json: Json = False
) -> None:
    """Stop a deploy that is on its way; what served before goes on serving."""
    with failing(as_json):
        release = connected(start=True).cancel(name, number)
        terminal.json(release) if as_json else print(f"{release.tag} is being cancelled.")
