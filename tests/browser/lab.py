"""A real JupyterLab with this project's extensions, and what a person does in its notebooks."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import nbformat
from playwright.sync_api import Locator, Page, expect

EXTENSIONS = ("jupyterlab-deploy", "@jupyter-widgets", "anywidget")  # CatBoost's needs one that is not installed
PANEL = "jupyterlab-deploy-panel"
MODULES = {"LabApp": "jupyterlab", "JupyterNotebookApp": "notebook"}
SETUP = """%load_ext jupyter_deploy
import time
from pathlib import Path
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
X, y = load_iris(return_X_y=True, as_frame=True)
model = LogisticRegression(max_iter=500).fit(X, y)
expected = model.predict(X)"""
BUSY = "while not Path('go').exists(): time.sleep(0.05)"
READY = """async () => {  // JupyterLab may drop what is sent while it connects, so something harmless is sent until it is answered
  const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds, false));
  for (;;) {
    const kernel = window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel;
    if (kernel?.connectionStatus === 'connected') {
      const answered = kernel.requestExecute({ code: '', silent: true }).done.then(() => true, () => false);
      if (await Promise.race([answered, pause(2000)])) return;
    }
    await pause(100);
  }
}"""
KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}}
PATIENCE = 120_000.0  # milliseconds until a release must have ended


class Lab(NamedTuple):
    """A running JupyterLab."""

    url: str
    token: str
    folder: Path
    process: subprocess.Popen[bytes]


@contextlib.contextmanager
def running(own: Path, folder: Path, *options: str, server_part: bool = True, env: dict[str, str] | None = None) -> Iterator[Lab]:
    """Start JupyterLab with folders of its own, at a port that it chooses.

    Args:
        own: Where its configuration and its log lie.
        folder: The notebooks.
        options: More options of its command line.
        server_part: Whether the server's part of this project is enabled.
        env: More environment variables.

    Yields:
        The running JupyterLab.
    """
    enabled = {"ServerApp": {"jpserver_extensions": {"jupyter_deploy": server_part}}}
    _write(own / "config" / "jupyter_server_config.json", json.dumps(enabled))
    quiet = own / "config" / "lab" / "user-settings" / "@jupyterlab" / "apputils-extension" / "notification.jupyterlab-settings"
    _write(quiet, '{"fetchNews": "false", "checkForUpdates": false}')  # a question about news would lie over the panel
    extensions = f"--LabApp.labextensions_path={_extensions(own / 'labextensions')}"
    with started(Path(sys.executable), "LabApp", own, folder, extensions, *options, env=env) as lab:
        yield lab


@contextlib.contextmanager
def started(
    python: Path, application: str, own: Path, folder: Path, *options: str, env: dict[str, str] | None = None
) -> Iterator[Lab]:
    """Start what an environment has of Jupyter, with the extensions that are installed in it.

    Args:
        python: The environment's interpreter.
        application: `LabApp` or `JupyterNotebookApp`.
        own: Where its configuration and its log lie.
        folder: The notebooks.
        options: More options of its command line.
        env: More environment variables.

    Yields:
        The running server.
    """
    places = {f"JUPYTER_{name}_DIR": str(own / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")}
    token = secrets.token_hex(16)
    arguments = (
        "--ServerApp.port=0",
        "--LabApp.news_url=None",
        f"--{application}.expose_app_in_browser=True",
        f"--notebook-dir={folder}",
        *options,
    )
    command = [str(python), "-m", MODULES[application], "--allow-root", "--no-browser", "--ip=127.0.0.1", *arguments]
    own.mkdir(parents=True, exist_ok=True)
    with (own / "log").open("w") as log:
        server = subprocess.Popen(
            command, cwd=folder, env={**os.environ, **places, "JUPYTER_TOKEN": token, **(env or {})}, stdout=log, stderr=log
        )
    try:
        yield Lab(_address(server, own / "log"), token, folder, server)
    finally:
        server.terminate()
        server.wait(30)


def _extensions(folder: Path) -> Path:
    """Choose which extensions the browser loads; as copies, for one may be built again meanwhile."""
    for name in EXTENSIONS:
        found = Path(sys.prefix, "share", "jupyter", "labextensions", name)
        assert found.exists(), f"{found} is missing; `make setup` puts it there."
        shutil.copytree(found, folder / name)
    return folder


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _address(server: subprocess.Popen[bytes], log: Path) -> str:
    """Wait until the server says where it listens."""
    end = time.monotonic() + 60
    while time.monotonic() < end and server.poll() is None:
        if found := re.search(r"(http://127\.0\.0\.1:\d+\S*)/(?:lab|tree)", log.read_text()):
            return found[1]
        time.sleep(0.1)
    raise AssertionError(f"Jupyter did not start: {log.read_text()}")


class Notebook:
    """A notebook that is open in the browser."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.cells = page.locator(".jp-Notebook .jp-CodeCell")

    def wait(self) -> None:
        """Wait until the kernel takes cells."""
        expect(self.page.locator("#jupyterlab-splash")).to_have_count(0, timeout=60_000)
        self.page.evaluate(READY)

    def type(self, at: int, source: str) -> Locator:
        """Write a cell and run it with Shift+Enter.

        Args:
            at: Which cell; the one after the last is there already.
            source: Its source.

        Returns:
            The cell.
        """
        cell = self.cells.nth(at)
        cell.locator(".cm-content").click()
        expect(cell.locator(".cm-focused")).to_have_count(1)
        self.page.keyboard.insert_text(source)
        expect(cell.locator(".cm-content")).to_contain_text(source.splitlines()[-1])
        self.page.keyboard.press("Shift+Enter")
        return cell

    def run(self, at: int, source: str) -> Locator:
        """Write a cell, run it and wait for its end.

        Args:
            at: Which cell.
            source: Its source.

        Returns:
            The cell.
        """
        cell = self.type(at, source)
        self.ended(cell)
        return cell

    def ended(self, cell: Locator) -> None:
        """Wait until a cell has run."""
        expect(cell.locator(".jp-InputPrompt")).to_contain_text("]", timeout=PATIENCE)
        expect(cell.locator(".jp-InputPrompt")).not_to_contain_text("*", timeout=PATIENCE)
        expect(cell.locator(".jp-InputPrompt")).not_to_have_text("[ ]:", timeout=PATIENCE)

    def theme(self, name: str) -> None:
        """Choose JupyterLab's theme."""
        self.page.evaluate("theme => window.jupyterapp.commands.execute('apputils:change-theme', { theme })", name)
        expect(self.page.locator(f'body[data-jp-theme-name="{name}"]')).to_have_count(1)

    def save(self) -> None:
        """Save the notebook."""
        self.page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")

    @classmethod
    def open(cls, page: Page, lab: Lab, name: str) -> Notebook:
        """Open a notebook, a new one if need be, and wait until its kernel takes cells.

        Args:
            page: The browser's page.
            lab: The running JupyterLab.
            name: The notebook's file.

        Returns:
            The notebook.
        """
        path = lab.folder / name
        if not path.exists():
            nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("")], metadata=KERNEL), path)
        page.goto(f"{lab.url}/lab/tree/{name}?token={lab.token}&reset")
        notebook = cls(page)
        notebook.wait()
        return notebook


def end_kernels(lab: Lab) -> None:
    """End every kernel of a JupyterLab.

    Args:
        lab: The running JupyterLab.
    """
    with httpx.Client(headers={"Authorization": f"token {lab.token}"}, trust_env=False) as server:
        for kernel in server.get(f"{lab.url}/api/kernels").json():
            server.delete(f"{lab.url}/api/kernels/{kernel['id']}").raise_for_status()


def show(page: Page, lab: Lab) -> Page:
    """Open JupyterLab without a notebook, and wait until it is there.

    Args:
        page: The browser's page.
        lab: The running JupyterLab.

    Returns:
        The page.
    """
    page.goto(f"{lab.url}/lab?token={lab.token}&reset")
    page.wait_for_function("window.jupyterapp")
    page.evaluate("window.jupyterapp.restored.then(() => null)")
    expect(page.locator("#jupyterlab-splash")).to_have_count(0, timeout=60_000)
    return page


def panel(page: Page) -> Locator:
    """Open the sidebar's panel, as a click on its tab does.

    Args:
        page: The browser's page, with JupyterLab.

    Returns:
        The panel.
    """
    found = page.locator(f"#{PANEL}")
    if not found.is_visible():
        page.locator(f'.jp-SideBar [data-id="{PANEL}"]').click()
    expect(found).to_be_visible()
    return found
