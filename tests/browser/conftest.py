"""A real browser, the system's Chromium, in which nothing may leave this machine and nothing may go wrong unseen."""

from __future__ import annotations

import contextlib
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Dialog, Page, Request, expect, sync_playwright

from jupyter_deploy.home import Home
from tests.browser.lab import Lab, Notebook, running

NAMES = ("chromium", "chromium-browser", "google-chrome")
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
STATUS = re.compile(
    r"Failed to load resource: the server responded with a status of (4|503)"
)  # the browser's own note of what a test wants
Open = Callable[..., Page]
expect.set_options(timeout=30_000)  # milliseconds; a busy machine is no error


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Start the system's Chromium."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    assert found, f"None of {', '.join(NAMES)} is installed; `make browser-test` installs it on Debian."
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=found, args=list(QUIET))


@pytest.fixture
def trouble() -> list[str]:
    """Collect what must not happen: errors of a page's script or policy, dialogs, and requests that leave this machine."""
    return []


@pytest.fixture
def fresh(browser: Browser, trouble: list[str]) -> Iterator[Open]:
    """Give a function that opens an empty page in a profile of its own; fails the test if a page met trouble."""
    contexts = []

    def told(message: ConsoleMessage) -> None:
        if message.type == "error" and not STATUS.match(message.text):
            trouble.append(message.text)

    def asked(request: Request) -> None:
        if urlsplit(request.url).hostname not in {"127.0.0.1", None, ""}:
            trouble.append(request.url)

    def warned(dialog: Dialog) -> None:
        if dialog.type != "beforeunload":
            trouble.append(dialog.message)
        dialog.accept()

    def opened(width: int = 1200, height: int = 900, colours: str = "light", permissions: tuple[str, ...] = ()) -> Page:
        size = {"width": width, "height": height}
        context = browser.new_context(viewport=size, color_scheme=colours, permissions=list(permissions))
        contexts.append(context)
        context.on("console", told)
        context.on("weberror", lambda error: trouble.append(str(error.error)))
        context.on("request", asked)
        context.on("dialog", warned)
        return context.new_page()

    yield opened
    for context in contexts:
        context.close()
    assert [] == trouble


def barriers(page: Page, within: str = "body") -> list[str]:
    """List what keeps people with disabilities from using a part of a page, as axe-core sees it."""
    found = Axe().run(page, context=within).response["violations"]
    return [f"{one['id']}: {node['target']}" for one in found for node in one["nodes"]]


@pytest.fixture
def check_barriers() -> Callable[..., list[str]]:
    """Give the function that lists barriers."""
    return barriers


@pytest.fixture(scope="module")
def secret(shared_home: Home) -> Callable[[str], str]:
    """Give a function that reads the key of an endpoint's owner."""
    return lambda name: (shared_home.keys / f"{name}.key").read_text(encoding="ascii").strip()


@pytest.fixture(scope="module")
def lab(shared_home: Home, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Start JupyterLab for the tests of a module."""
    with running(tmp_path_factory.mktemp("jupyter"), tmp_path_factory.mktemp("notebooks")) as lab:
        yield lab


@pytest.fixture
def open_notebook(fresh: Open, lab: Lab) -> Callable[..., Notebook]:
    """Give a function that opens a notebook, a new one if need be, in a browser of its own."""
    return lambda name, **look: Notebook.open(fresh(**look), lab, name)


@pytest.fixture
def serve(home: Home, tmp_path: Path) -> Iterator[Callable[..., Lab]]:
    """Give a function that starts a JupyterLab for one test; asked for before `fresh`, it ends after the browser has left."""
    with contextlib.ExitStack() as ending:
        yield lambda *options, **how: ending.enter_context(running(tmp_path / "jupyter", tmp_path, *options, **how))
