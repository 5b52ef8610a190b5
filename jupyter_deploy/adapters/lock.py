"""`jupyter deploy lock`: the packages of a release, for this machine or another, and what differs from another release's."""

from __future__ import annotations

from typing import Annotated

import typer

from jupyter_deploy import errors
from jupyter_deploy.adapters import records, terminal
from jupyter_deploy.adapters.commands import Json, Name, connected
from jupyter_deploy.adapters.terminal import failing
from jupyter_deploy.lock.compare import Change, diff
from jupyter_deploy.values import Lock

app = typer.Typer()

PACKAGES = ("package", "version", "from")
CHANGES = ("package", "before", "after")


@app.command("lock")
def lock(
    name: Name,
    show: Annotated[bool, typer.Option("--show", help="Print the lock itself, with its hashes.")] = False,
    platform: Annotated[str, typer.Option(help="Print the lock for another machine, such as linux/arm64.")] = "",
    changed: Annotated[str, typer.Option("--diff", help="Show what differs from another release, such as churn@1.")] = "",
    release: Annotated[int | None, typer.Option(help="The release's number; the newest one with a lock if not given.")] = None,
    as_json: Json = False,
) -> None:
    """Show which packages a release has, by exact version and hash."""
    with failing(as_json):
        client = connected()
        found = client.lock(name, release, platform)
        if changed:
            older = client.lock(*_release(name, changed), platform)
            changes = diff(older, found)
            terminal.json([one._asdict() for one in changes]) if as_json else _differences(changes, changed)
        elif as_json:
            terminal.json(found)
        else:
            _shown(found, as_text=show or bool(platform))


def _release(name: str, given: str) -> tuple[str, int | None]:
    """Read the release to compare with: `churn@1`, or its number alone."""
    other, number = (name, int(given)) if given.isdigit() else records.tag(given)
    if other != name:
        raise errors.BadInput(f"`{given}` is no release of `{name}`.", "Compare two releases of one endpoint.")
    return other, number


def _shown(found: Lock, *, as_text: bool) -> None:
    if as_text:
        print(found.text, end="")
    else:
        terminal.table(
            PACKAGES, [(one.name, one.version, "its own wheel" if one.name in found.own else "index") for one in found.packages]
        )
    for finding in found.findings:
        terminal.warn(f"{finding.message} {finding.hint}")


def _differences(changes: tuple[Change, ...], other: str) -> None:
    if changes:
        terminal.table(
            CHANGES, [(one.name, one.before, f"{one.after}{' (other files)' if one.rebuilt else ''}") for one in changes]
        )
    else:
        print(f"Its packages are those of {other}.")
