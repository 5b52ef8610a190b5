"""`jupyter deploy keys`: who may call an endpoint, for what, until when and how often."""

from __future__ import annotations

import re
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from jupyter_deploy import errors
from jupyter_deploy.adapters import keytexts, terminal
from jupyter_deploy.adapters.commands import Json, Name, connected
from jupyter_deploy.adapters.keyholder import into
from jupyter_deploy.adapters.terminal import failing
from jupyter_deploy.values import Grant, KeyInfo

SPAN = re.compile(r"(\d{1,6})([hdw])")
SECONDS = {"h": 3600, "d": 86_400, "w": 7 * 86_400}

app = typer.Typer(help="Who may call an endpoint.", no_args_is_help=True)


@app.command("list")
def list_keys(
    name: Name,
    everything: Annotated[bool, typer.Option("--all", help="Those that have ended too.")] = False,
    as_json: Json = False,
) -> None:
    """List an endpoint's keys: whose they are, what each may do, and what it was used for."""
    with failing(as_json):
        found = connected(start=True).keys(name)
        listed = found if everything else [key for key in found if not keytexts.ended(key, time.time())]
        if as_json:
            terminal.json(listed)
        else:
            terminal.table(keytexts.HEADS, [keytexts.row(key, time.time()) for key in listed])


@app.command("make")
def make_key(
    name: Name,
    owner: Annotated[str, typer.Option(help="Whom it is for: a person or a service.", show_default=False)],
    method: Annotated[
        list[str] | None, typer.Option(help="A method that it may call; every one if not given.", show_default=False)
    ] = None,
    expires: Annotated[
        str | None, typer.Option(help="When it ends: 12h, 30d, 8w, or a date such as 2030-01-31; never if not given.")
    ] = None,
    quota: Annotated[int | None, typer.Option(help="Requests a day, of UTC; any number if not given.")] = None,
    out: Annotated[Path | None, typer.Option(help="A file for the secret, for you alone; standard output if not given.")] = None,
    as_json: Json = False,
) -> None:
    """Make a key; its secret is shown this once."""
    with failing(as_json):
        grant = Grant(owner=owner, methods=tuple(method) if method else None, expires=_moment(expires), quota=quota)
        client = connected(start=True)
        if out is not None:
            key = into(out, client, name, grant)
            terminal.json(key) if as_json else print(f"{_told(name, key)}; its secret is in {out}.")
            return
        made = client.make_key(name, grant)
        if as_json:
            terminal.json(made)
            return
        print(f"{_told(name, made.key)}; its secret is shown this once:", file=sys.stderr)
        print(made.secret)


@app.command("revoke")
def revoke_key(
    name: Name, id: Annotated[str, typer.Argument(help="The key's id.", show_default=False)], as_json: Json = False
) -> None:
    """End a key; the owner's own is replaced by another in its file."""
    with failing(as_json):
        client = connected(start=True)
        was_own = any(key.own for key in client.keys(name) if key.id == id)
        ended = client.revoke_key(name, id)
        if as_json:
            terminal.json(ended)
        else:
            print(f"{ended.id} of {ended.owner} opens nothing any more.")
            if was_own:
                print(f"Another one is in {client.endpoint(name).key_file}.")


def _told(name: str, key: KeyInfo) -> str:
    return f"{key.id} for {key.owner} opens `{name}` ({keytexts.terms(key)})"


def _moment(text: str | None) -> float | None:
    """Read when a key ends, in seconds since the epoch: from now on, or at a local date."""
    if text is None:
        return None
    if span := SPAN.fullmatch(text):
        return time.time() + int(span[1]) * SECONDS[span[2]]
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError, OSError) as error:
        raise errors.BadInput(f"`{text}` is no end.", "Write 12h, 30d, 8w, or a date such as 2030-01-31.") from error
