"""`%deploy` in JupyterLab, as a person at its keyboard sees it."""

from __future__ import annotations

import os
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import nbformat
import pytest
from nbconvert import HTMLExporter
from playwright.sync_api import Locator, Page, expect

from jupyter_deploy.home import Home

SETUP = """%load_ext jupyter_deploy
import time
from pathlib import Path
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
X, y = load_iris(return_X_y=True, as_frame=True)
model = LogisticRegression(max_iter=500).fit(X, y)
expected = model.predict(X)"""
MOODY = """import os
class Moody:
    def predict(self, rows):
        return [float(os.getpid()) for _ in range(len(rows))]
moody = Moody()"""
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


def state(cell: Locator) -> Locator:
    """Find the card's word for how the release is."""
    return cell.get_by_role("status")


@pytest.fixture(scope="module")
def lab(shared_home: Home, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Start JupyterLab with folders of its own, at a port that it chooses."""
    own, folder = tmp_path_factory.mktemp("jupyter"), tmp_path_factory.mktemp("notebooks")
    places = {f"JUPYTER_{name}_DIR": str(own / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")}
    token = secrets.token_hex(16)
    arguments = (
        f"--IdentityProvider.token={token}",
        "--ServerApp.port=0",
        "--LabApp.news_url=None",
        "--LabApp.expose_app_in_browser=True",
        f"--LabApp.labextensions_path={own}",  # none; CatBoost's needs one that is not installed
        f"--notebook-dir={folder}",
    )
    command = [sys.executable, "-m", "jupyterlab", "--allow-root", "--no-browser", "--ip=127.0.0.1", *arguments]
    with (own / "log").open("w") as log:
        server = subprocess.Popen(command, env={**os.environ, **places}, stdout=log, stderr=log)
    try:
        yield Lab(_address(server, own / "log"), token, folder)
    finally:
        server.terminate()
        server.wait(30)


def _address(server: subprocess.Popen[bytes], log: Path) -> str:
    """Wait until the server says where it listens."""
    end = time.monotonic() + 60
    while time.monotonic() < end and server.poll() is None:
        if found := re.search(r"(http://127\.0\.0\.1:\d+)/lab", log.read_text()):
            return found[1]
        time.sleep(0.1)
    raise AssertionError(f"JupyterLab did not start: {log.read_text()}")


@pytest.fixture
def open_notebook(fresh: Callable[..., Page], lab: Lab) -> Callable[..., Notebook]:
    """Give a function that opens a notebook, a new one if need be, in a browser of its own."""

    def opened(name: str) -> Notebook:
        path, page = lab.folder / name, fresh()
        if not path.exists():
            nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("")], metadata=KERNEL), path)
        page.goto(f"{lab.url}/lab/tree/{name}?token={lab.token}&reset")
        notebook = Notebook(page)
        notebook.wait()
        return notebook

    return opened


def test_the_card_from_preview_to_verified(
    open_notebook: Callable[..., Notebook], lab: Lab, secret: Callable[[str], str], check_barriers: Callable[..., list[str]]
) -> None:
    """One card, which changes while the next cell runs; saved and opened again it still stands there, without a secret."""
    notebook = open_notebook("iris.ipynb")
    notebook.run(0, SETUP)
    card = notebook.type(1, "ep = %deploy model --name iris")
    busy = notebook.type(2, BUSY)

    expect(state(card)).to_have_text("● iris@1 · verified", timeout=PATIENCE)
    expect(busy.locator(".jp-InputPrompt")).to_have_text("[*]:")
    (lab.folder / "go").touch()
    notebook.ended(busy)
    expect(card.get_by_role("list", name="stages")).to_have_count(1)
    expect(card.get_by_role("listitem")).to_have_count(7)
    expect(card.get_by_label("done")).to_have_count(7)
    for theme in ("JupyterLab Dark", "JupyterLab Light"):
        notebook.theme(theme)
        assert [] == check_barriers(
            notebook.page, ".jp-RenderedHTMLCommon [role=status], .jp-RenderedHTMLCommon ol, .jp-RenderedHTMLCommon table"
        )

    notebook.save()
    again = open_notebook("iris.ipynb")
    expect(state(again.cells.nth(1))).to_have_text("● iris@1 · verified")
    again.page.set_viewport_size({"width": 600, "height": 900})
    frame = again.cells.nth(1).get_by_role("list", name="stages").locator("xpath=..")
    assert frame.evaluate("card => card.scrollWidth <= card.clientWidth")  # what is wide scrolls within
    saved = (lab.folder / "iris.ipynb").read_text()
    assert secret("iris") not in saved
    page, _ = HTMLExporter().from_filename(str(lab.folder / "iris.ipynb"))
    assert "iris@1" in page
    assert secret("iris") not in page


def test_refusals_and_mistakes(open_notebook: Callable[..., Notebook]) -> None:
    """A refused release shows its rows; a mistake is told in three lines, an error of a call with the caller's own line."""
    notebook = open_notebook("moody.ipynb")
    notebook.run(0, SETUP)
    card = notebook.run(1, f"{MOODY}\nep = %deploy moody --example X.head(3)")
    typo = notebook.run(2, "%deploy modle")
    call = notebook.run(3, "ep.predict(X.drop(columns='petal width (cm)'))")

    expect(state(card)).to_have_text("● moody@1 · refused", timeout=PATIENCE)
    expect(card).to_contain_text("3 of 3 golden answers differ from the notebook's")
    expect(card.get_by_role("table").first).to_contain_text("notebook answered")
    expect(typo.locator(".jp-OutputArea")).to_contain_text("Did you mean `model`")
    assert 3 == len(typo.locator(".jp-OutputArea").inner_text().strip().splitlines())
    expect(call.locator(".jp-OutputArea")).to_contain_text("petal width (cm): missing")
    expect(call.locator(".jp-OutputArea")).not_to_contain_text("calls.py")
