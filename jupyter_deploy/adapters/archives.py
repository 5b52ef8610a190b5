"""`jupyter deploy export` and `import`, and what `check` does with a file: bundles as files that can be sent."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from jupyter_deploy import settings, staging
from jupyter_deploy.adapters import terminal
from jupyter_deploy.adapters import view as words
from jupyter_deploy.adapters.commands import Json, Name, connected, follow
from jupyter_deploy.adapters.terminal import failing
from jupyter_deploy.archive import Index
from jupyter_deploy.home import Home, digest_of_file

app = typer.Typer()

File = Annotated[Path, typer.Argument(help="An archive that `jupyter deploy export` wrote.", show_default=False)]


@app.command("export")
def export(
    name: Name,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="The file to write; NAME.tar if not given.")] = None,
    release: Annotated[int | None, typer.Option(help="The release's number; the one that answers if not given.")] = None,
    as_json: Json = False,
) -> None:
    """Write the bundle of a verified release as one file, to be imported or checked elsewhere."""
    with failing(as_json):
        file = out or Path(f"{name}.tar")
        index = connected(start=True).export(name, file, release)
        facts = {"file": str(file), "bundle": index.bundle, "size": file.stat().st_size, "sha256": digest_of_file(file).hex()}
        if as_json:
            terminal.json(facts)
        else:
            print(f"{file}: {index.tag}, {words.size(file.stat().st_size)}, SHA-256 {facts['sha256']}")


@app.command("import")
def import_(
    file: File,
    name: Annotated[str | None, typer.Option("--name", "-n", help="The endpoint; the archive's own name if not given.")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    network: Annotated[bool, typer.Option("--network", help="Let the release reach the network.")] = False,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until the verified release serves.")] = True,
    timeout: Annotated[float | None, typer.Option(help="Seconds to wait.")] = None,
    as_json: Json = False,
) -> None:
    """Deploy a bundle that was exported elsewhere; it serves once it has reproduced its golden answers here."""
    from jupyter_deploy.received import declared, receive

    with failing(as_json):
        received = receive(file, Home.find())
        index = received.index
        try:
            if not yes:
                _confirm(index, asking=sys.stdin.isatty() and not as_json)
            environment = declared(received, os.environ)
            target = settings.read(Path.cwd(), {})[0].target
            options = msgspec.structs.replace(index.options, target=target, network=network, isolation=True, preview=False)
            chosen = name or index.capture.endpoint
            release = connected(start=True).adopt(received, chosen, options, environment)
        finally:
            staging.leave(Path(received.folder))
        follow(chosen, release.number, timeout, wait, as_json)


def _confirm(index: Index, *, asking: bool) -> None:
    if not asking:
        raise typer.BadParameter("there is no terminal to ask in, so say --yes", param_hint="--yes")
    origin = index.provenance
    made = f"{index.tag}, {index.capture.kind}, by {origin.user or 'somebody unknown'} on {origin.host or 'another machine'}"
    given = f" It gets {', '.join(index.capture.environment)} from your environment." if index.capture.environment else ""
    shown = "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in f"{made}.{given}")  # it may say anything
    typer.confirm(f"{shown} Importing it runs its code in an isolated process of yours. Go on?", abort=True)


def verify(file: Path, *, as_json: bool) -> None:
    """Verify an archive without deploying it: its bytes, its environment, its golden answers.

    Args:
        file: The archive.
        as_json: Whether to print JSON and nothing else.

    Raises:
        DeployError: If it is not sound.
    """
    from jupyter_deploy import check as checks
    from jupyter_deploy.adapters.handle import check as check_served

    told = {"preview", "serving"}  # nothing of it is served
    release = checks.check(file, Home.find(), os.environ, lambda seen: None if as_json else terminal.steps(seen, told))
    if as_json:
        terminal.json(release)
    check_served(release)
    if not as_json:
        seconds = sum(stage.seconds or 0.0 for stage in release.stages)
        print(f"{file} is sound: it answers as its notebook did ({seconds:.1f} s).")
