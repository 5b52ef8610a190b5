"""The Jupyter server's part, in a real server with a real agent: who may ask what, and what is passed on."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

import jupyter_deploy as jd
from jupyter_deploy import __version__, people
from jupyter_deploy.adapters import python
from jupyter_deploy.adapters.server import routes
from jupyter_deploy.adapters.serving import handlers, table
from jupyter_deploy.adapters.session import Session
from jupyter_deploy.agent.lifecycle import connect, running, wait_for_end
from jupyter_deploy.home import Home
from jupyter_deploy.values import to_json
from tests import jupyter
from tests.jupyter import Server
from tests.serving import until

PARTS = {"name": "nobody", "number": "7", "id": "key-0a1b2c3d"}
RELAYED = [(method, path.format(**PARTS)) for path, verbs in table.TABLE.items() for method in verbs]
OWN = [("GET", "status"), ("POST", "agent"), ("GET", "settings")]
PATHS = sorted({path for _, path in (*RELAYED, *OWN)} | {"nothing", "nothing/at/all"})
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
EVERY = [(method, path) for method in METHODS for path in PATHS]
FORM = "multipart/form-data; boundary=x"
CODE = """
class Times:
    def __init__(self, factor):
        self.factor = factor

    def predict(self, rows):
        return [self.factor * row for row in rows]
"""
FAILING = """
class Failing(logging.Handler):
    def emit(self, record):
        raise RuntimeError("The place for events is gone.")

c.EventLogger.handlers = [Failing()]
"""
OTHER = """
import jupyter_deploy
jupyter_deploy.__version__ = {version!r}
from jupyter_deploy.agent.__main__ import main
main()
"""


@pytest.fixture(scope="module")
def server(shared_home: Home, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Start a Jupyter server whose users may do everything."""
    with jupyter.running(tmp_path_factory.mktemp("server") / "own") as started:
        yield started


@pytest.fixture(scope="module")
def owner(server: Server) -> Iterator[httpx.Client]:
    """Give a caller with the server's token, once an agent is there."""
    with server.owner() as client:
        assert client.post("agent", json={}).json()["agent"]
        yield client


@pytest.fixture(scope="module")
def churn(owner: httpx.Client) -> Iterator[jd.Endpoint]:
    """Give an endpoint with two verified releases, of which the second one answers."""
    namespace = {"__name__": "__main__"}
    exec(CODE, namespace)
    for factor in (2, 3):
        endpoint = jd.deploy(namespace["Times"](factor), name="churn", example=[1.0, 2.0], wait=True)
    yield endpoint


def send(client: httpx.Client, method: str, path: str, **more: object) -> httpx.Response:
    """Ask for something, with a JSON body where something is to change."""
    return client.request(method, path, **({} if method in {"GET", "HEAD"} else {"json": {}}) | more)


def test_the_routers_every_path_is_known_here(server: Server) -> None:
    """The list of paths that the tests below go through is that of the router, and all of it is guarded."""
    patterns = [re.compile(f"{pattern}$") for pattern, _, _ in routes(jupyter.BASE)]

    assert [] == [one.pattern for one in patterns if not any(one.match(f"{jupyter.API}{path}") for path in PATHS)]
    assert all(issubclass(handler, handlers.Guarded) for _, handler, _ in routes(jupyter.BASE))


def test_nobody_gets_anything_without_a_login(server: Server) -> None:
    """Every method of every path answers 403, whether or not there is such a call, and tells only that."""
    with server.client() as client:
        told = {(answer.status_code, answer.content) for answer in (send(client, *one) for one in EVERY if one[0] != "HEAD")}
        heads = {send(client, "HEAD", path).status_code for path in PATHS}

    assert {403} == heads
    assert 1 == len(told)
    ((status, body),) = told
    assert (403, "LoginNeeded") == (status, json.loads(body)["code"])


@pytest.mark.parametrize("login", ["token wrong", "Bearer wrong", "token", "Basic d3Jvbmc6d3Jvbmc="])
def test_a_wrong_token_is_no_login(server: Server, login: str) -> None:
    """So it is with a token that is not the server's."""
    with server.client(Authorization=login) as client:
        assert {403} == {send(client, *one).status_code for one in EVERY}


def test_a_login_that_has_expired_is_told_as_one(server: Server) -> None:
    """Cookies that the server no longer knows get the same answer, which says to reload the page."""
    with contextlib.closing(server.browser()) as client:
        assert 200 == client.get("status").status_code
        for cookie in list(client.cookies.jar):
            if cookie.name.startswith("username-"):
                cookie.value = "2|1:0|10:1|8:username|4:bm8=|" + "0" * 64
        answer = client.get("status")

    assert (403, "LoginNeeded") == (answer.status_code, answer.json()["code"])
    assert "Reload the page" in answer.json()["hint"]


def test_a_user_whom_the_server_does_not_allow_it_gets_nothing(shared_home: Home, tmp_path: Path) -> None:
    """With neither action allowed every method of every path is refused, though the login is right."""
    with (
        jupyter.running(tmp_path / "own", ("read", "jupyter_deploy"), ("write", "jupyter_deploy")) as server,
        server.owner() as client,
    ):
        told = {(answer.status_code, answer.json()["code"]) for answer in (send(client, *one) for one in EVERY if one[0] != "HEAD")}

        assert {403} == {send(client, "HEAD", path).status_code for path in PATHS}
    assert {(403, "Forbidden")} == told


def test_a_user_who_may_only_look_changes_nothing(shared_home: Home, tmp_path: Path) -> None:
    """Reads are answered, also after a write was refused, and no write is."""
    with jupyter.running(tmp_path / "own", ("write", "jupyter_deploy")) as server, server.owner() as client:
        assert 200 == client.get("status").status_code
        writes = {send(client, method, path).status_code for method, path in (*RELAYED, *OWN) if method != "GET"}

        assert {403} == writes
        assert 200 == client.get("status").status_code
        assert [] == server.events


def test_a_page_elsewhere_cannot_use_the_cookies(server: Server) -> None:
    """With cookies a change needs the page's own token; with it, it is done."""
    with contextlib.closing(server.browser()) as client:
        bare = {send(client, method, path).status_code for method, path in (*RELAYED, *OWN) if method != "GET"}
        told = client.post("agent", json={}, headers={"X-XSRFToken": server.page_token(client)})

    assert {403} == bare
    assert 200 == told.status_code


@pytest.mark.parametrize("kind", ["", "text/plain", "application/x-www-form-urlencoded", FORM, "application/jsonp"])
def test_changes_are_json(owner: httpx.Client, kind: str) -> None:
    """A body of another kind, such as what a form of another page sends, is refused before the agent is asked."""
    changes = [(method, path) for method, path in (*RELAYED, *OWN) if method != "GET"]
    body = b'--x\r\nContent-Disposition: form-data; name="to"\r\n\r\n1\r\n--x--\r\n' if kind == FORM else b"{}"
    told = {owner.request(*one, content=body, headers={"Content-Type": kind}).status_code for one in changes}

    assert {415} == told


def test_bodies_have_a_limit(owner: httpx.Client) -> None:
    """A body beyond it is refused before the agent is asked."""
    answer = owner.post("endpoints/nobody/rollback", json={"to": None, "more": "x" * table.SMALL})

    assert (413, "RequestEntityTooLarge") == (answer.status_code, answer.json()["code"])


@pytest.mark.parametrize(
    "path",
    [
        "endpoints/%2e%2e/logs", "endpoints/../status", "endpoints/a%2Fb/history", "endpoints/a%3Fb/history",
        "endpoints/%61/history", "endpoints/a/releases/0/golden", "endpoints/a/releases/%31/golden", "endpoints/a/keys/..",
        "stop", "spares", "imports", "free", "endpoints", "endpoints/a/export", "endpoints/a/lock", "endpoints/A",
        "endpoints/a%00", "endpoints/a%0a/history", "/status", "status/",
    ],
)  # fmt: skip
def test_nothing_is_smuggled_into_the_agents_path(server: Server, path: str) -> None:
    """What is not of the table does not exist here, also where the agent has it."""
    head = {"Authorization": f"token {jupyter.TOKEN}", "Content-Type": "application/json"}
    for method in ("GET", "POST", "DELETE"):
        connection = http.client.HTTPConnection("127.0.0.1", server.port)  # sends a path as it is
        connection.request(method, f"{jupyter.API}{path}", b"{}", head)
        answer = connection.getresponse()

        assert (404, "NotFound") == (answer.status, json.loads(answer.read())["code"])
        connection.close()


def test_the_agent_knows_every_call(owner: httpx.Client) -> None:
    """Each is answered by the agent itself: there is no such endpoint, or the body says nothing."""
    told = {one: send(owner, *one) for one in RELAYED}
    codes = {one: answer.json()["code"] for one, answer in told.items() if answer.is_error}

    assert [] == [one for one, code in codes.items() if code not in {"UnknownName", "BadInput"}]
    assert {"summary", "targets"} == {path for (_, path), answer in told.items() if answer.is_success}


def test_only_what_a_browser_needs_is_taken_from_the_agents_head(owner: httpx.Client) -> None:
    """The kind of the content and its version; nothing is to be kept on the way."""
    answer = owner.get("summary")
    again = owner.get("summary", headers={"If-None-Match": answer.headers["etag"]})

    assert ("application/json", "no-store") == (answer.headers["content-type"], answer.headers["cache-control"])
    assert (304, b"") == (again.status_code, again.content)


def test_the_status_tells_both_versions(owner: httpx.Client, shared_home: Home) -> None:
    """The server's and the agent's, and nothing that is wrong."""
    told = owner.get("status").json()

    assert (__version__, __version__, None) == (told["version"], told["agent"]["version"], told["problem"])
    assert str(shared_home.root) == told["agent"]["home"]


def test_settings_are_those_of_a_folder_that_the_server_shows(owner: httpx.Client, server: Server) -> None:
    """With where each came from; a folder beyond the server's own is refused."""
    folder = server.folder / "root" / "project"
    folder.mkdir()
    (folder / "deploy.toml").write_text("workers = 7\n")
    told = owner.get("settings", params={"folder": "project"}).json()
    beyond = owner.get("settings", params={"folder": "../config"})

    assert (7, f"{folder / 'deploy.toml'}:1") == (told["values"]["workers"], told["origins"]["workers"])
    assert "default" == told["origins"]["threads"]
    assert (400, "BadInput") == (beyond.status_code, beyond.json()["code"])


def test_releases_are_switched_and_those_who_listen_are_told(owner: httpx.Client, server: Server, churn: jd.Endpoint) -> None:
    """Rolled back, promoted, stopped and started again, each as it was asked, each with one event without a secret."""
    begin = len(server.events)
    told = [
        owner.post(f"endpoints/churn/{verb}", json={}).json()["answering"] for verb in ("rollback", "promote", "stop", "promote")
    ]
    made = owner.post("endpoints/churn/keys", json={"owner": "ann", "methods": None, "expires": None, "quota": None})
    key = made.json()["key"]["id"]
    owner.request("DELETE", f"endpoints/churn/keys/{key}", json={})
    events = server.events[begin:]

    assert [1, 2, None, 2] == told
    assert 201 == made.status_code
    assert [
        {"action": "rolled back", "endpoint": "churn", "release": 1},
        {"action": "promoted", "endpoint": "churn", "release": 2},
        {"action": "stopped", "endpoint": "churn"},
        {"action": "promoted", "endpoint": "churn", "release": 2},
        {"action": "key made", "endpoint": "churn", "key": key},
        {"action": "key revoked", "endpoint": "churn", "key": key},
    ] == [{name: event[name] for name in ("action", "endpoint", "release", "key") if name in event} for event in events]
    assert made.json()["secret"] not in (server.folder / "events").read_text() + (server.folder / "log").read_text()


def test_a_capture_is_deployed_cancelled_and_removed(
    owner: httpx.Client, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by a kernel itself; those who listen are told of each step, and of no value of an environment variable."""
    monkeypatch.setenv("SOME_TOKEN", "very-secret")
    begin, namespace = len(server.events), {"__name__": "__main__"}
    exec(CODE + "model = Times(5)\n", namespace)
    given = {"env": ["SOME_TOKEN"], "preview": False}
    capture, read = python.prepare("model", Session(namespace, (), tmp_path), "held", [1.0, 2.0], given)
    body = {"capture": capture, "options": read.options(), "environment": {"SOME_TOKEN": "very-secret"}}
    release = owner.post("deploys", content=to_json(body), headers={"Content-Type": "application/json"})
    told = [
        owner.post("endpoints/held/releases/1/cancel", json={}).status_code,
        owner.request("DELETE", "endpoints/held", json={}).status_code,
        owner.get("endpoints/held").status_code,
    ]

    assert (201, "held", 1) == (release.status_code, release.json()["endpoint"], release.json()["number"])
    assert [200, 200, 404] == told
    assert [("deployed", 1), ("cancelled", 1), ("removed", None)] == [
        (event["action"], event.get("release")) for event in server.events[begin:] if event["endpoint"] == "held"
    ]
    assert "very-secret" not in (server.folder / "events").read_text() + (server.folder / "log").read_text()


@pytest.mark.parametrize("user", ["ann", "Zoë 李", ""])
def test_the_audit_names_whom_the_server_has_logged_in(owner: httpx.Client, tmp_path: Path, churn: jd.Endpoint, user: str) -> None:
    """Whoever has a name there; the system's user where a token alone let them in, whatever a browser says."""
    with jupyter.running(tmp_path / "own", user=user) as server, server.owner() as client:
        made = client.post("endpoints/churn/keys", json={"owner": "bob"}).json()["key"]["id"]
        send(client, "DELETE", f"endpoints/churn/keys/{made}")
        client.post("endpoints/churn/rollback", json={})
        client.post("endpoints/churn/promote", json={}, headers={"jd-who": "mallory"})

    expected = [(people.named(user), what) for what in ("key made", "key revoked", "rollback", "promote")]
    assert expected == [(event.who, event.action) for event in connect().history("churn")[-4:]]


def test_listeners_that_fail_lose_nobody_a_secret(owner: httpx.Client, tmp_path: Path, churn: jd.Endpoint) -> None:
    """A key's secret is told once, and so it is whatever an administrator's own code does with the event."""
    with jupyter.running(tmp_path / "own", more=FAILING) as server, server.owner() as client:
        made = client.post("endpoints/churn/keys", json={"owner": "bob"})
        log = (server.folder / "log").read_text()
    owner.request("DELETE", f"endpoints/churn/keys/{made.json()['key']['id']}", json={})

    assert 201 == made.status_code
    assert made.json()["secret"].startswith("jd_")
    assert "an event could not be told" in log
    assert made.json()["secret"] not in log


def test_what_fails_is_told_with_what_to_do_and_is_no_event(owner: httpx.Client, server: Server, churn: jd.Endpoint) -> None:
    """The agent's own problem comes as it is."""
    begin = len(server.events)
    answer = owner.post("endpoints/churn/promote", json={"to": 9})

    assert (409, "application/problem+json") == (answer.status_code, answer.headers["content-type"])
    assert ("Conflict", "There are: churn@1.") == (answer.json()["code"], answer.json()["hint"])
    assert begin == len(server.events)


def test_a_release_tells_what_was_captured(owner: httpx.Client, churn: jd.Endpoint) -> None:
    """Kind, size, contract and findings of what was taken from the kernel."""
    told = owner.get("endpoints/churn/releases/1/capture").json()

    assert ("churn", "Times", ["predict"]) == (told["endpoint"], told["kind"], [one["name"] for one in told["contract"]["methods"]])


def asking(server: Server) -> set[str]:
    """List the server's connections over Unix sockets, which the agent is asked through."""
    local = {line.split()[6] for line in Path("/proc/net/unix").read_text().splitlines()[1:]}
    names = [str(one.readlink()) for one in Path(f"/proc/{server.process.pid}/fd").iterdir() if one.is_symlink()]
    return {name for name in names if name.startswith("socket:") and name[8:-1] in local}


def test_a_stream_comes_line_by_line_and_ends_with_its_browser(owner: httpx.Client, server: Server, churn: jd.Endpoint) -> None:
    """The first line is there while the stream goes on; once the browser has left, the agent is no longer followed."""
    before = asking(server)
    with owner.stream("GET", "endpoints/churn/samples/stream") as answer:
        lines = answer.iter_lines()

        assert "application/jsonl" == answer.headers["content-type"]
        assert {"at", "requests"} <= set(json.loads(next(lines)))
        (followed,) = asking(server) - before
    until(lambda: followed not in asking(server))


def test_a_stream_ends_where_the_agent_ends_it(owner: httpx.Client, churn: jd.Endpoint) -> None:
    """A release that has ended is told once."""
    (line,) = owner.get("endpoints/churn/releases/2/events").text.splitlines()

    assert 2 == json.loads(line)["number"]


def test_a_stream_does_not_keep_the_server_from_ending(shared_home: Home, tmp_path: Path, churn: jd.Endpoint) -> None:
    """The server ends while a browser follows."""
    begun, path = jupyter.running(tmp_path / "own"), "endpoints/churn/logs/stream"
    with begun as server, server.owner() as client, client.stream("GET", path) as answer:
        assert 200 == answer.status_code
        server.process.terminate()

        assert 0 == server.process.wait(30)


def test_an_agent_that_was_killed_is_missed_and_started_again(
    owner: httpx.Client, server: Server, churn: jd.Endpoint, shared_home: Home
) -> None:
    """Status says so, calls say so with what to do, nothing starts it by looking or fills a log; asked to, the server starts it."""
    os.kill(connect(shared_home, start=False).status()["pid"], 9)
    wait_for_end(shared_home)
    status, call = owner.get("status"), owner.get("endpoints/churn")

    assert (200, None, "AgentUnreachable") == (status.status_code, status.json()["agent"], status.json()["problem"]["code"])
    assert (503, "AgentUnreachable") == (call.status_code, call.json()["code"])
    assert "starts it again" in call.json()["hint"]
    assert not running(shared_home)
    assert "503 GET" not in (server.folder / "log").read_text()
    assert owner.post("agent", json={}).json()["agent"]
    assert 200 == owner.get("endpoints/churn").status_code


@pytest.mark.parametrize(("version", "order"), [("0.0.1", "older"), ("99.0", "newer")])
def test_an_agent_of_another_version_is_told(home: Home, tmp_path: Path, version: str, order: str) -> None:
    """An older one is replaced when that is asked for, a newer one stays."""
    agent = subprocess.Popen([sys.executable, "-c", OTHER.format(version=version)], stderr=subprocess.DEVNULL)
    until(home.agent_socket.exists)
    with jupyter.running(tmp_path / "own") as server, server.owner() as client:
        before = client.get("status").json()
        after = client.post("agent", json={}).json()

    assert (__version__, version, "AgentVersion") == (before["version"], before["agent"]["version"], before["problem"]["code"])
    assert order in before["problem"]["detail"]
    assert (__version__ if order == "older" else version) == after["agent"]["version"]
    connect(home, start=False).stop()
    agent.wait()


def test_a_server_without_the_extension_knows_no_such_path(shared_home: Home, tmp_path: Path) -> None:
    """Then the browser gets a 404 that is none of ours."""
    with jupyter.running(tmp_path / "own", enabled=False) as server, server.owner() as client:
        answer = client.get("status")

    assert 404 == answer.status_code
    assert "application/problem+json" != answer.headers["content-type"]
