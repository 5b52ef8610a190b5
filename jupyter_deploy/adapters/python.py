"""Deploy from Python: `deploy(model, name="churn")` gives an `Endpoint`, which answers as the model does."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any, NamedTuple

from jupyter_deploy import capture as captures
from jupyter_deploy import errors, settings, staging
from jupyter_deploy.adapters import session as sessions
from jupyter_deploy.adapters.handle import Endpoint
from jupyter_deploy.adapters.session import Session
from jupyter_deploy.adapters.view import View
from jupyter_deploy.agent.client import AgentClient
from jupyter_deploy.agent.lifecycle import connect
from jupyter_deploy.bentos.python.endpoint.contract import Golden
from jupyter_deploy.home import Home
from jupyter_deploy.settings import Settings
from jupyter_deploy.values import Capture, check_name, from_json, suggest_name

__all__ = ["Endpoint", "Prepared", "deploy", "launch", "prepare"]


class Prepared(NamedTuple):
    """A capture that is ready to be launched.

    Attributes:
        capture: The capture; its files lie in the staging folder.
        read: The settings that apply.
    """

    capture: Capture
    read: Settings


def deploy(
    model: Any,
    *,
    name: str | None = None,
    example: Any = captures.MISSING,
    folder: str | Path | None = None,
    wait: bool = False,
    **arguments: Any,
) -> Endpoint:
    """Turn a fitted model into an endpoint.

    Args:
        model: The model, or a text with the expression that gives it, such as `"models['churn']"`.
        name: The endpoint's name; made from the variable's name if not given.
        example: Some rows of the model's input, such as `X_test`, where nothing else tells what it accepts.
        folder: The folder whose modules and `deploy.toml` count; the notebook's or the working folder if not given.
        wait: Whether to return only when the verified release serves.
        **arguments: Settings for this deploy alone, such as `workers=4`.

    Returns:
        The endpoint, being deployed.

    Raises:
        DeployError: If the model cannot be deployed as asked; with `wait`, also if its release is refused or fails.
    """
    session = sessions.of_caller(sys._getframe(1))  # noqa: SLF001 (the only way to see the caller's names)
    expression, session = _expression(model, name, session)
    session = session._replace(folder=Path(folder).absolute()) if folder is not None else session
    endpoint = launch(*prepare(expression, session, name, example, arguments))
    if wait:
        endpoint.wait()
    return endpoint


def prepare(expression: str, session: Session, name: str | None, example: Any, arguments: dict[str, Any]) -> Prepared:
    """Capture a model with the settings that apply to it; nothing is deployed.

    Args:
        expression: What gives the model in the session.
        session: The caller's session.
        name: The endpoint's name, if given.
        example: Some rows, if given.
        arguments: Settings for this deploy alone.

    Returns:
        The capture, in a staging folder of its own, and the settings.

    Raises:
        DeployError: If the model cannot be deployed as asked; nothing is left behind.
    """
    chosen = check_name(name) if name else suggest_name(expression)
    read, _ = settings.read(session.folder, arguments, chosen)
    with staging.writing(Home.find()) as folder:
        capture = captures.capture(
            expression, session.namespace, name=chosen, folder=folder, cells=session.cells, beside=session.folder,
            example=example, history=session.history,
            terms=captures.Terms(**{field: getattr(read, field) for field in captures.Terms._fields}),
        )  # fmt: skip
    return Prepared(capture, read)


def launch(capture: Capture, read: Settings) -> Endpoint:
    """Hand a capture to the agent.

    Args:
        capture: The capture.
        read: The settings that apply.

    Returns:
        The endpoint, being deployed.

    Raises:
        Conflict: If the settings name another port than the one at which the agent's endpoints answer.
    """
    example, options = _example(capture), read.options()  # the agent moves the folder with the example
    try:
        client = connect()
        _check_port(client, read.port)
        release = client.deploy(capture, options, {name: os.environ[name] for name in capture.environment})
    finally:
        staging.leave(Path(capture.folder))
    view = View(endpoint=client.endpoint(capture.endpoint), release=release, capture=capture, example=example)
    return Endpoint(capture.endpoint, client=client, view=view, options=options)


def _check_port(client: AgentClient, port: int | None) -> None:
    if port is None or (serving := client.status()["port"]) == port:
        return
    raise errors.Conflict(
        f"The settings ask for port {port}, but the agent serves at {serving or 'a port that it chose itself'}.",
        "`jupyter deploy agent stop`, then deploy again: every endpoint comes back at the new port.",
    )


def _expression(model: Any, name: str | None, session: Session) -> tuple[str, Session]:
    """Find the text under which the capture finds the model; a model without a variable is lent one."""
    if isinstance(model, str):
        return model, session
    found = sessions.name_of(model, session.namespace)
    if found:
        return found, session
    if not name:
        raise errors.BadInput(
            "No variable holds this model, so the endpoint has no name.", 'Give one: `deploy(..., name="churn")`.'
        )
    lent = name.replace("-", "_")
    while lent in session.namespace:
        lent += "_"
    return lent, session._replace(namespace={**session.namespace, lent: model})


def _example(capture: Capture) -> Any:
    """Take the first golden row of the method that is shown first."""
    path = Path(capture.folder) / "golden.json"
    golden = from_json(path.read_bytes(), list[Golden]) if path.exists() else []
    first = capture.contract.methods[0].name if capture.contract.methods else ""
    return next((one.rows[0] for one in golden if one.method == first and one.rows), None)
