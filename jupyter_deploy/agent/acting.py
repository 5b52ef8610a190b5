"""On whose behalf a call is made: the Jupyter server tells whom it has logged in, and the audit names them.

Nothing is allowed or refused by it. Whoever can open the socket is the system's user, and may tell what they like.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from jupyter_deploy.store import acting

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

HEADER = "jd-who"
LONGEST = 100  # characters of a name


def head(who: str) -> dict[str, str]:
    """Write what goes along with a call.

    Args:
        who: The person's name; empty where none is known.

    Returns:
        The header, or none.
    """
    return {HEADER: quote(who[:LONGEST], errors="replace")} if who else {}


def named(value: bytes) -> str:
    """Read a person's name.

    Args:
        value: The header's value, which may be anything.

    Returns:
        At most `LONGEST` characters, all of which can be printed.
    """
    told = unquote(value.decode("ascii", "replace"))
    return "".join(one for one in told if one.isprintable()).strip()[:LONGEST]


class Acting:
    """Has whatever a call changes audited as done by the person whom its header names.

    Args:
        app: The agent's routes.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._header = HEADER.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a call on."""
        who = next((value for name, value in scope.get("headers", ()) if name == self._header), b"")
        with acting(named(who)):
            await self._app(scope, receive, send)
