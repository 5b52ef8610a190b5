"""Which of the agent's routes the browser reaches: the table alone, without a server."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from jupyter_server.serverapp import ServerWebApplication

from jupyter_deploy import __version__, errors
from jupyter_deploy.adapters.server import routes
from jupyter_deploy.adapters.serving import events, table
from jupyter_deploy.adapters.serving.upstream import difference

HEAVY = ("httpx", "starlette", "uvicorn", "bentoml", "IPython", "numpy", "jupyter_deploy.agent")


@pytest.mark.parametrize(
    "value", ["..", "%2e%2e", "a/b", "a%2fb", "a?b", "a#b", "A", "", "a b", "a\n", "é", "a" * 41, "-a", "a;b", "a\x00"]
)
def test_nothing_but_a_name_stands_where_a_name_does(value: str) -> None:
    """A path with anything else there is not one of the table's."""
    assert not [one for one in map(table.pattern, table.TABLE) if re.fullmatch(one, f"endpoints/{value}/history")]


@pytest.mark.parametrize("value", ["0", "-1", "1.0", "1e3", "٣", "0x1", "1" * 10, "1/../2", "%31"])
def test_a_number_is_of_digits(value: str) -> None:
    """A release's number begins at 1 and has ASCII digits alone."""
    assert not [one for one in map(table.pattern, table.TABLE) if re.fullmatch(one, f"endpoints/a/releases/{value}/golden")]


def test_only_reads_are_gets() -> None:
    """What has an action is no GET, and what is none has no action."""
    verbs = [(method, verb.action is None) for row in table.TABLE.values() for method, verb in row.items()]

    assert all((method == "GET") == reads for method, reads in verbs)


def test_what_is_not_named_in_a_query_is_left_behind() -> None:
    """A token, or what evades a cache, does not reach the agent; the last of several values counts."""
    verb = table.TABLE["endpoints/{name}/logs"]["GET"]

    assert {"lines": "5"} == table.chosen(verb, {"lines": ["9", "5"], "token": ["secret"], "1700000000": [""]})


@pytest.mark.parametrize("value", ["", "5&release=1", "-1", "5\n", "../", "٣"])
def test_a_wrong_value_in_a_query_is_refused(value: str) -> None:
    """It is named, and its value is not repeated."""
    with pytest.raises(errors.BadInput, match="parameter `lines`"):
        table.chosen(table.TABLE["endpoints/{name}/logs"]["GET"], {"lines": [value]})


def test_events_name_what_was_done_and_no_secret() -> None:
    """Of a new key the public id is told; of an endpoint the release that answers."""
    made = {"secret": "jd_secret", "key": {"id": "key-0a1b2c3d", "owner": "me"}}

    assert {"action": "key made", "endpoint": "churn", "key": "key-0a1b2c3d"} == events.told("key made", {"name": "churn"}, made)
    assert {"action": "promoted", "endpoint": "churn", "release": 2} == events.told("promoted", {"name": "churn"}, {"answering": 2})
    assert {"action": "removed", "endpoint": "churn"} == events.told("removed", {"name": "churn"}, {})


@pytest.mark.parametrize(("version", "word"), [("0.0.1", "older"), ("99.0", "newer")])
def test_another_version_is_named_with_what_to_do(version: str, word: str) -> None:
    """The message says whose version is which; the same version is no trouble."""
    error = difference(version)

    assert error is not None
    assert f"has version {version}, which is {word} than the server's {__version__}" in error.message
    assert error.hint
    assert difference(__version__) is None


def test_jupyter_itself_finds_every_method_guarded() -> None:
    """Its own check, which warns of handlers that anybody may call, has nothing to say."""
    handlers = {handler for _, handler, _ in routes("/")}
    told = [ServerWebApplication._check_handler_auth(ServerWebApplication, "", handler) for handler in handlers]  # type: ignore[arg-type]

    assert [[]] * len(handlers) == told


def test_loading_imports_nothing_heavy() -> None:
    """A Jupyter server starts with this extension without what only a call needs."""
    code = (
        "import json, sys, jupyter_server.serverapp; before = set(sys.modules); import jupyter_deploy.adapters.server; "
        "print(json.dumps(sorted(set(sys.modules) - before)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[3])

    assert [] == [name for name in json.loads(found.stdout) if name.startswith(HEAVY)]
