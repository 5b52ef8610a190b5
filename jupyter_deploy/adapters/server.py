"""The Jupyter server extension: whoever is logged in to the server reaches their agent, through a fixed table of calls."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from jupyter_deploy.adapters.serving import events, handlers, table
from jupyter_deploy.adapters.serving.upstream import Upstream

if TYPE_CHECKING:
    from jupyter_server.serverapp import ServerApp

ROOT = "jupyter-deploy/api"


def load(server: ServerApp) -> None:
    """Add the routes and the schema of the events.

    Args:
        server: The Jupyter server.
    """
    if server.event_logger is not None:
        server.event_logger.register_event_schema(events.FILE)
    server.web_app.add_handlers(".*$", routes(server.web_app.settings["base_url"]))  # type: ignore[no-untyped-call]


def routes(base: str) -> list[tuple[str, type[handlers.Guarded], dict[str, Any]]]:
    """List the routes.

    Args:
        base: The server's base URL, with a slash at both ends.

    Returns:
        Pattern, handler and its arguments.
    """
    upstream = Upstream()
    under, shared = re.escape(f"{base}{ROOT}/"), {"upstream": upstream}
    own = {"status": handlers.Status, "agent": handlers.Start, "settings": handlers.Applying}
    relayed = [(f"{under}{table.pattern(path)}", handlers.Relay, shared | {"path": path}) for path in table.TABLE]
    return [
        *((f"{under}{path}", handler, shared) for path, handler in own.items()),
        *relayed,
        (f"{under}.*", handlers.Nowhere, shared),
    ]
