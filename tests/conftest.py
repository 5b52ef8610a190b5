"""What tests of every kind share: marks by folder, a home folder of their own, a package index on loopback."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import importlib.util
import os
import re
import shutil
import tempfile
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from jupyter_deploy import errors
from jupyter_deploy.agent.lifecycle import connect, wait_for_end
from jupyter_deploy.home import Home

MARKED_FOLDERS = ("faults", "cluster", "browser", "frameworks")
collect_ignore = [] if importlib.util.find_spec("playwright") else ["browser"]  # `make browser-test` installs it


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test of a marked folder, so that `make test` leaves it to its own target."""
    for item in items:
        folder = item.path.relative_to(Path(__file__).parent).parts[0]
        if folder in MARKED_FOLDERS:
            item.add_marker(folder)


@contextlib.contextmanager
def own_home() -> Iterator[Home]:
    """Make an empty home folder; the agent that is started in it ends with it."""
    home = Home(Path(tempfile.mkdtemp(prefix="jd-")))  # short, because sockets lie below it
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_DEPLOY_HOME", str(home.root))
        patch.setenv("JUPYTER_DEPLOY_COMPILE", "off")  # what works in the background would slow others; its own tests switch it on
        yield home
    with contextlib.suppress(errors.AgentUnreachable):
        connect(home, start=False).stop()
        wait_for_end(home)
    shutil.rmtree(home.root, ignore_errors=True)


@pytest.fixture
def home() -> Iterator[Home]:
    """Give a test a home folder of its own."""
    with own_home() as home:
        yield home


@pytest.fixture(scope="module")
def shared_home() -> Iterator[Home]:
    """Give the tests of a module one home folder, so that they share its clean environments."""
    with own_home() as home:
        yield home


class Index:
    """A real package index (PEP 503) over HTTP, whose wheels hold one empty module each."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.url = url
        self.login = ""
        self.down = False

    def add(
        self, name: str, version: str, *requires: str, hashed: bool = True, yanked: str = "", tag: str = "py3-none-any",
        more: dict[str, str] | None = None,
    ) -> Path:  # fmt: skip
        """Make a wheel and publish it.

        Args:
            name: The distribution's name; its module has the same one.
            version: Its version.
            requires: Its requirements.
            hashed: Whether the index tells the file's hash.
            yanked: Why its author has withdrawn it.
            tag: What it runs on.
            more: Further files with their content.

        Returns:
            The wheel.
        """
        wheel = self.folder / f"{name}-{version}-{tag}.whl"
        info = f"{name}-{version}.dist-info"
        needs = "".join(f"Requires-Dist: {one}\n" for one in requires)
        needs += "".join(f"Provides-Extra: {extra}\n" for extra in re.findall(r"extra == '(\w+)'", needs))
        files = {
            f"{name}.py": f"VERSION = {version!r}\n",
            f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}",
            f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: {tag}\n",
            **(more or {}),
        }
        files[f"{info}/RECORD"] = "".join(map(_line, files, files.values())) + f"{info}/RECORD,,\n"
        with zipfile.ZipFile(wheel, "w") as archive:
            for path, text in files.items():
                archive.writestr(path, text)
        self.publish(wheel.name, name, wheel.read_bytes(), hashed=hashed, yanked=yanked)
        return wheel

    def publish(self, file: str, name: str, data: bytes, *, hashed: bool = True, yanked: str = "") -> None:
        """Publish a file.

        Args:
            file: Its name.
            name: The distribution's name.
            data: Its content.
            hashed: Whether the index tells its hash.
            yanked: Why its author has withdrawn it.
        """
        (self.folder / file).write_bytes(data)
        page = self._page(name)
        page.parent.mkdir(parents=True, exist_ok=True)
        anchor = f"#sha256={hashlib.sha256(data).hexdigest()}" if hashed else ""
        withdrawn = f' data-yanked="{yanked}"' if yanked else ""
        with page.open("a") as listing:
            listing.write(f'<a href="/{file}{anchor}"{withdrawn}>{file}</a>\n')

    def forget(self, name: str) -> None:
        """Take everything of a name off the index.

        Args:
            name: The distribution's name.
        """
        self._page(name).unlink()

    def ask_for(self, login: str) -> str:
        """Answer from now on only those who log in.

        Args:
            login: Name and password, with a colon between them.

        Returns:
            The address with both.
        """
        self.login = base64.b64encode(login.encode()).decode()
        return self.url.replace("://", f"://{login}@")

    def _page(self, name: str) -> Path:
        return self.folder / "simple" / re.sub(r"[-_.]+", "-", name).lower() / "index.html"


def _line(path: str, text: str) -> str:
    """Write a wheel's file down as RECORD has it."""
    digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
    return f"{path},sha256={digest},{len(text.encode())}\n"


class _Quiet(SimpleHTTPRequestHandler):
    index: Index

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def end_headers(self) -> None:
        """Let nobody keep what may be another file the next time."""
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()

    def do_GET(self) -> None:
        """Send a file, to those who have logged in where that is asked for."""
        login = self.index.login
        if self.index.down:
            self.close_connection = True
            return
        if login and self.headers.get("Authorization") != f"Basic {login}":
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="packages"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        super().do_GET()


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    """Serve an empty package index, and make it the only one that pip, and so uv, is told of; caches begin empty."""
    folder = tmp_path / "index"
    (folder / "simple").mkdir(parents=True)
    kind = type("Handler", (_Quiet,), {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(kind, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}/simple"
    for name in [name for name in os.environ if name.startswith(("PIP_", "UV_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_INDEX_URL", url)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    monkeypatch.setenv("PIP_RETRIES", "0")
    kind.index = made = Index(folder, url)  # type: ignore[attr-defined]
    yield made
    server.shutdown()
    server.server_close()
    thread.join()
