"""`jupyter deploy agent verify`: whether all that the agent keeps is whole."""

from __future__ import annotations

import msgspec
import typer

from jupyter_deploy.adapters import terminal
from jupyter_deploy.adapters.commands import Json
from jupyter_deploy.adapters.terminal import failing
from jupyter_deploy.home import Home
from jupyter_deploy.soundness import Report, examine


def verify(as_json: Json = False) -> None:
    """Look whether the store, captures, locks, bundles, environments, keys and the router's memory are whole; changes nothing."""
    with failing(as_json):
        report = examine(Home.find())
        if as_json:
            terminal.json({"sound": report.sound, **msgspec.structs.asdict(report)})
        else:
            _show(report)
        if not report.sound:
            raise typer.Exit(terminal.WRONG)


def _show(report: Report) -> None:
    looked = f"{report.endpoints} endpoints, {report.releases} releases, {report.contents} captures, locks and bundles"
    if report.sound:
        print(f"All is sound: {looked}.")
        return
    terminal.table(("where", "what is wrong", "what to do"), [(one.place, one.what, one.hint) for one in report.flaws])
    terminal.warn(f"{len(report.flaws)} flaws in {looked}.")
