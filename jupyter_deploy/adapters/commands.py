"""What the commands of `jupyter deploy` share: the arguments that many of them take, and the agent that they ask."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from jupyter_deploy import errors
from jupyter_deploy.adapters import terminal
from jupyter_deploy.adapters import view as words
from jupyter_deploy.agent.client import AgentClient

Name = Annotated[str, typer.Argument(help="The endpoint's name.", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]


def connected(*, start: bool = False) -> AgentClient:
    """Find the agent.

    Args:
        start: Whether to start it where it does not run.

    Returns:
        A client of it.

    Raises:
        AgentUnreachable: If it does not run, or cannot be started.
    """
    from jupyter_deploy.agent.lifecycle import connect

    try:
        return connect(start=start)
    except errors.AgentUnreachable as error:
        if start:
            raise
        hint = "`jupyter deploy agent start` starts it and brings back what was deployed."
        raise errors.AgentUnreachable("The agent does not run.", hint) from error


def confirmed(question: str, *, yes: bool, as_json: bool) -> None:
    """Ask a person before what cannot be taken back.

    Args:
        question: What to ask.
        yes: Whether they have said so already.
        as_json: Whether a program reads what is printed, which cannot be asked.

    Raises:
        BadParameter: If there is nobody to ask.
        Abort: If they do not want it.
    """
    if yes:
        return
    if as_json or not sys.stdin.isatty():
        raise typer.BadParameter("there is no terminal to ask in, so say --yes", param_hint="--yes")
    typer.confirm(question, abort=True)


def follow(name: str, number: int, timeout: float | None, wait: bool, as_json: bool) -> None:
    """Show a release until it has ended, and fail unless it serves.

    Args:
        name: The endpoint.
        number: The release's number.
        timeout: Seconds to wait at most.
        wait: Whether to wait at all.
        as_json: Whether to print JSON and nothing else.

    Raises:
        DeployError: If it does not serve in the end.
        TimeoutError: If it has not ended in time; the deploy goes on.
    """
    from jupyter_deploy.adapters.follow import Follower
    from jupyter_deploy.adapters.handle import check, chosen

    follower = Follower(client := connected(start=True), chosen(client, name, number))
    if wait:
        follower.start()
        ended = follower.until_ended(timeout) if as_json else terminal.follow(follower, timeout)
        if not ended:
            at = follower.view.release.state
            raise TimeoutError(f"{name}@{number} is at `{at}` after {timeout:g} s; the deploy goes on.")
        if follower.error is not None:
            raise follower.error
        check(follower.view.release)
    if as_json:
        terminal.json(follower.view.release)
    elif wait:
        print(words.curl(follower.view))
    else:
        print(f"{name}@{number} is on its way to {follower.view.endpoint.url}; `jupyter deploy status {name}` shows it.")
