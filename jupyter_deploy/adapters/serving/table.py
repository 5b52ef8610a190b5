"""Which of the agent's routes the browser may reach, and with what: the one list of them.

A path consists of fixed words and of values that match `PARTS`, a query of the parameters that are named here. Nothing else of what
a browser sends becomes part of what the agent is asked.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal, NamedTuple

from jupyter_deploy import errors
from jupyter_deploy.values import NAME

Method = Literal["GET", "POST", "DELETE"]
Action = Literal["deployed", "promoted", "rolled back", "stopped", "removed", "cancelled", "key made", "key revoked"]

SMALL = 64 * 1024  # bytes of a body
LARGE = 32 * 1024 * 1024  # bytes of a body with a capture: its contract, what it took along, findings
NUMBER = r"[1-9][0-9]{0,8}"
PARTS = {"name": NAME.pattern.replace("(", "(?:"), "number": NUMBER, "id": r"[a-z0-9][-a-z0-9]{0,63}"}
QUERY = {
    "all": r"1",
    "lines": r"[0-9]{1,6}",
    "release": NUMBER,
    "old": NUMBER,
    "new": NUMBER,
    "span": r"[0-9]{1,6}",
    "since": r"[0-9]{1,12}(?:\.[0-9]{1,9})?",
}


class Verb(NamedTuple):
    """What one method does on one path.

    Attributes:
        query: The parameters that are passed on.
        stream: Whether the answer goes on until its end or until the browser leaves.
        action: What is told to those who listen for events once it is done; None where nothing changes.
        limit: The largest body, in bytes.
    """

    query: tuple[str, ...] = ()
    stream: bool = False
    action: Action | None = None
    limit: int = SMALL


ONE, RELEASE = "endpoints/{name}", "endpoints/{name}/releases/{number}"
READ = Verb()
TABLE: Mapping[str, Mapping[Method, Verb]] = {
    "summary": {"GET": READ},
    "targets": {"GET": READ},
    "deploys": {"POST": Verb(action="deployed", limit=LARGE)},
    ONE: {"GET": Verb(query=("all",)), "DELETE": Verb(action="removed")},
    f"{ONE}/history": {"GET": READ},
    f"{ONE}/changes": {"GET": Verb(query=("old", "new"))},
    f"{ONE}/logs": {"GET": Verb(query=("lines", "release"))},
    f"{ONE}/logs/stream": {"GET": Verb(query=("lines", "release"), stream=True)},
    f"{ONE}/samples": {"GET": Verb(query=("span", "since"))},
    f"{ONE}/samples/stream": {"GET": Verb(query=("since",), stream=True)},
    f"{ONE}/rollback": {"POST": Verb(action="rolled back")},
    f"{ONE}/promote": {"POST": Verb(action="promoted")},
    f"{ONE}/stop": {"POST": Verb(action="stopped")},
    f"{ONE}/keys": {"GET": READ, "POST": Verb(action="key made")},
    f"{ONE}/keys/{{id}}": {"DELETE": Verb(action="key revoked")},
    f"{RELEASE}/events": {"GET": Verb(stream=True)},
    f"{RELEASE}/golden": {"GET": READ},
    f"{RELEASE}/capture": {"GET": READ},
    f"{RELEASE}/cancel": {"POST": Verb(action="cancelled")},
}


def pattern(path: str) -> str:
    """Write a path of the table as a regular expression with a named group for each of its values.

    Args:
        path: The path.

    Returns:
        The expression; it has no anchors.
    """
    return re.sub(r"\{(\w+)\}", lambda found: f"(?P<{found[1]}>{PARTS[found[1]]})", path)


def chosen(verb: Verb, given: Mapping[str, list[str]]) -> dict[str, str]:
    """Choose what of a query is passed on; what is not named is left behind, such as a token or what evades a cache.

    Args:
        verb: What is asked.
        given: The query's parameters, as they came.

    Returns:
        The parameters that are passed on.

    Raises:
        BadInput: If one of them is not what it must be.
    """
    found = {name: given[name][-1] for name in verb.query if given.get(name)}
    for name, value in found.items():
        if not re.fullmatch(QUERY[name], value):
            raise errors.BadInput(f"The parameter `{name}` is no such value as this asks for.", "Leave it out.")
    return found
