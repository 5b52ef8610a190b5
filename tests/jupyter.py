"""A real Jupyter server with this project's extension, as a process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from tests.serving import until

TOKEN = "a-token-for-tests"
BASE = "/user/o.ne/"  # what a hub puts in front; its dot is no wildcard
API = f"{BASE}jupyter-deploy/api/"
OTHERS = ("jupyterlab", "notebook", "notebook_shim", "jupyter_lsp", "jupyter_server_terminals")  # which would take seconds
CONFIG = """
import logging
from jupyter_server.auth import Authorizer, User
from jupyter_server.auth.identity import PasswordIdentityProvider

class Denying(Authorizer):
    def is_authorized(self, handler, user, action, resource):
        return (action, resource) not in {denied!r}

class Naming(PasswordIdentityProvider):
    def generate_anonymous_user(self, handler):
        return User({user!r}) if {user!r} else super().generate_anonymous_user(handler)

c.ServerApp.authorizer_class = Denying
c.ServerApp.identity_provider_class = Naming
c.EventLogger.handlers = [logging.FileHandler({events!r})]
"""


class Server(NamedTuple):
    """A running Jupyter server."""

    port: int
    folder: Path
    process: subprocess.Popen[bytes]

    @property
    def events(self) -> list[dict[str, Any]]:
        """What was told to those who listen for events."""
        return [json.loads(line) for line in (self.folder / "events").read_text().splitlines()]

    def client(self, **headers: str) -> httpx.Client:
        """Give a caller of the extension, who is not logged in unless the headers say so."""
        return httpx.Client(base_url=f"http://127.0.0.1:{self.port}{API}", headers=headers, trust_env=False, timeout=120)

    def owner(self) -> httpx.Client:
        """Give a caller with the server's token."""
        return self.client(Authorization=f"token {TOKEN}")

    def browser(self) -> httpx.Client:
        """Give a caller who has logged in on the server's page, and so has cookies."""
        client = self.client()
        login = f"http://127.0.0.1:{self.port}{BASE}login"
        client.get(login)
        client.post(login, data={"_xsrf": self.page_token(client), "password": TOKEN})
        return client

    def page_token(self, client: httpx.Client) -> str:
        """Read what the server's own pages send along with each change."""
        return next(cookie.value or "" for cookie in client.cookies.jar if cookie.name == "_xsrf")


@contextlib.contextmanager
def running(folder: Path, *denied: tuple[str, str], enabled: bool = True, user: str = "", more: str = "") -> Iterator[Server]:
    """Start a server.

    Args:
        folder: Its folders lie here.
        denied: Actions with their resource that its authorizer allows nobody.
        enabled: Whether it has the extension.
        user: Who everybody is who has the token; nobody in particular where empty.
        more: Further lines of its configuration.

    Yields:
        The running server.
    """
    root, config, events = folder / "root", folder / "config", folder / "events"
    root.mkdir(parents=True)
    config.mkdir()
    events.touch()
    (config / "jupyter_server_config.py").write_text(CONFIG.format(denied=set(denied), events=str(events), user=user) + more)
    places = {f"JUPYTER_{name.upper()}_DIR": str(folder / name) for name in ("config", "data", "runtime")}
    asked = (f"--ServerApp.base_url={BASE}", f"--IdentityProvider.token={TOKEN}", f"--ServerApp.root_dir={root}", "--port=0")
    chosen = f"--ServerApp.jpserver_extensions={dict.fromkeys(OTHERS, False) | {'jupyter_deploy': enabled}}"
    command = [sys.executable, "-m", "jupyter_server", "--allow-root", "--no-browser", "--ip=127.0.0.1", chosen, *asked]
    path = os.pathsep.join(filter(None, (str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", ""))))
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, env={**os.environ, **places, "PYTHONPATH": path}, stdout=log, stderr=log)
    try:
        until(lambda: bool(list((folder / "runtime").glob("jpserver-*.json"))) or process.poll() is not None)
        (told,) = (folder / "runtime").glob("jpserver-*.json")
        until(lambda: told.read_text().strip() != "")
        yield Server(json.loads(told.read_text())["port"], folder, process)
    finally:
        process.terminate()
        process.wait(30)
