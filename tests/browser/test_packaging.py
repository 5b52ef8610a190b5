"""The wheel as `pip install` puts it into an environment of its own, beside JupyterLab and Notebook and without Node."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import nbformat
import pytest
from playwright.sync_api import Page, expect

from jupyter_deploy import __version__
from jupyter_deploy.home import Home
from tests.browser.lab import KERNEL, PANEL, PATIENCE, Lab, Notebook, started

ROOT = Path(__file__).parents[2]
FRONT = ("share/jupyter/labextensions/", "jupyter_deploy/adapters/widgets/static/")  # what runs in a browser, as the wheel has it
LARGEST = 1_000_000  # bytes
NOTEBOOKS_OWN = "Cannot read properties of undefined (reading 'schema')"  # as it opens a document, also without this project
MODEL = """%load_ext jupyter_deploy
def twice(rows: list[float]) -> list[float]:
    return [2 * row for row in rows]

expected = twice([1.0, 2.0])"""


class Installed(NamedTuple):
    """An environment with the wheel in it."""

    python: Path
    env: dict[str, str]

    def run(self, *words: str) -> str:
        """Run a program of the environment, and give all that it says."""
        command = [str(self.python.parent / words[0]), *words[1:]]
        told = subprocess.run(command, cwd=self.python.parent, env=self.env, check=True, text=True, capture_output=True)
        return re.sub(r"\x1b\[\d+m", "", told.stdout + told.stderr)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Install the wheel with what it asks for, JupyterLab and Notebook; nothing of it can find Node."""
    folder = tmp_path_factory.mktemp("installed")
    python = folder / "bin" / "python"
    uv = [shutil.which("uv", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])) or "uv"]
    subprocess.run([*uv, "venv", "--quiet", "--python", sys.executable, str(folder)], check=True)
    wanted = [str(wheel), "ipykernel", "jupyterlab", "notebook", "--constraint", str(ROOT / "requirements" / "browser.txt")]
    subprocess.run([*uv, "pip", "install", "--quiet", "--python", str(python), *wanted], check=True)
    home = str(tmp_path_factory.mktemp("home"))
    places = {f"JUPYTER_{name}_DIR": f"{home}/{name.lower()}" for name in ("CONFIG", "DATA", "RUNTIME")}
    env = {**os.environ, **places, "PATH": str(python.parent), "PYTHONPATH": ""}
    assert (None, None) == (shutil.which("node", path=env["PATH"]), shutil.which("npm", path=env["PATH"]))
    return Installed(python, env)


@pytest.fixture
def open_jupyter(
    installed: Installed, shared_home: Home, tmp_path: Path, fresh: Callable[..., Page]
) -> Iterator[Callable[[str, str], Page]]:
    """Give a function that starts an application of the environment and opens a page of it."""

    def opened(application: str, path: str) -> Page:
        server = started(installed.python, application, tmp_path / "jupyter", tmp_path, env=installed.env)
        lab: Lab = running.enter_context(server)
        page: Page = fresh()
        running.callback(page.close)  # before the server ends, which is no trouble of the page's
        page.goto(f"{lab.url}{path}?token={lab.token}")
        return page

    with contextlib.ExitStack() as running:
        yield opened


def test_the_browsers_part_is_small(wheel: Path) -> None:
    """All that a browser may load takes less than a megabyte, before it is compressed, and none of it is a source."""
    parts = [one for one in zipfile.ZipFile(wheel).infolist() if any(folder in one.filename for folder in FRONT)]
    names = {Path(one.filename).name for one in parts}

    assert {"install.json", "metrics.js", "package.json", "plugin.json"} <= names
    assert [] == [name for name in names if name.endswith((".map", ".ts", ".tsx"))]
    assert LARGEST >= sum(one.file_size for one in parts)


def test_jupyter_finds_both_parts(installed: Installed) -> None:
    """`jupyter labextension list` and `jupyter server extension list` say OK, each with this version."""
    front = installed.run("jupyter", "labextension", "list")
    back = installed.run("jupyter", "server", "extension", "list")

    assert re.search(rf"jupyterlab-deploy v{re.escape(__version__)} enabled OK \(python, jupyterlab-deploy\)", front), front
    assert re.search(rf"jupyter_deploy {re.escape(__version__)} OK", back), back
    assert "jupyter_deploy enabled" in back


@pytest.mark.parametrize(
    ("other", "told"), [("0.0.1", f"Restart Jupyter; if that changes nothing: pip install jupyterlab-deploy=={__version__}"),
                        ("99.0.0", "Reload it; if that changes nothing: pip install --force-reinstall jupyterlab-deploy")],
)  # fmt: skip
def test_a_server_of_another_version_is_told_of_once(
    installed: Installed, open_jupyter: Callable[[str, str], Page], other: str, told: str
) -> None:
    """A page and a server that were installed at different times: one notification says what to do."""
    with another_version(installed, other):
        page = open_jupyter("LabApp", "/lab")
        notice = page.get_by_role("alert").filter(has_text="Deploy: this page has version")

        expect(notice).to_contain_text(f"{__version__}, the server {other}. {told}")
        expect(notice).to_have_count(1)
        expect(notice.get_by_role("button", name="Reload")).to_have_count(1 if other > __version__ else 0)


@contextlib.contextmanager
def another_version(installed: Installed, version: str) -> Iterator[None]:
    """Let the server's part be that of another version for a while."""
    (code,) = installed.python.parents[1].glob("lib/python*/site-packages/jupyter_deploy/__init__.py")
    text = code.read_text(encoding="utf-8")
    code.unlink()  # it may be a link to the installer's cache
    code.write_text(text.replace(f'"{__version__}"', f'"{version}"'), encoding="utf-8")
    try:
        yield
    finally:
        code.write_text(text, encoding="utf-8")


def test_notebook_has_panel_and_button(open_jupyter: Callable[[str, str], Page], tmp_path: Path, trouble: list[str]) -> None:
    """The same wheel in Notebook: a cell deploys, its widget shows it, the panel lists it, and the toolbar has the button."""
    cells = [nbformat.v4.new_code_cell(text) for text in (MODEL, "ep = %deploy twice")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=KERNEL), tmp_path / "plain.ipynb")
    page = open_jupyter("JupyterNotebookApp", "/notebooks/plain.ipynb")
    notebook = Notebook(page)
    notebook.wait()
    page.evaluate("window.jupyterapp.commands.execute('notebook:run-all-cells')")
    notebook.ended(notebook.cells.nth(1))

    expect(page.locator('.jp-NotebookPanel-toolbar [data-command="jupyterlab-deploy:deploy"]')).to_be_visible()
    page.get_by_role("menuitem", name="View").click()
    page.locator(".lm-Menu-item").filter(has_text="Right Sidebar").hover()
    page.locator(".lm-Menu-item").filter(has_text="Show Endpoints").click()
    expect(page.locator(f"#{PANEL}")).to_be_visible()
    expect(page.locator(f"#{PANEL}").get_by_role("list", name="Endpoints")).to_contain_text("verified", timeout=PATIENCE)
    trouble[:] = [one for one in trouble if one != NOTEBOOKS_OWN]
