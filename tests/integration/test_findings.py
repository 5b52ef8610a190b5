"""What a capture tells, in a real kernel with a real agent: patches, files, variables, cells and where it all came from."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from jupyter_deploy.home import Home

SECRET = "a-value-that-stays-out-of-bundles"
SETUP = f"""
%load_ext jupyter_deploy
import os
import numpy as np
import tools_beside
from sklearn.linear_model import LinearRegression
os.environ["SHIFT_NAME"] = {SECRET!r}
X = np.arange(20.0).reshape(10, 2)
"""
FUNCTION = """
def price(x: float) -> float:
    base = float(open("data/base.txt").read()) + float(open("../shared/more.txt").read())
    return x + base + tools_beside.words() + len(os.environ["SHIFT_NAME"][:3])
price(1.0)
"""
TOOLS = """
from pathlib import Path
WORDS = (Path(__file__).parent / "words.txt").read_text().split()
def words():
    return len(WORDS)
"""
OPTIONS = "--include data --include ../shared/more.txt --include words.txt --env SHIFT_NAME"


class Kernel:
    """A notebook that JupyterLab opened: the kernel is told its file, which is saved from time to time."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.book = nbformat.v4.new_notebook()
        self.client = NotebookClient(
            self.book, kernel_name="python3", timeout=240, resources={"metadata": {"path": str(file.parent)}}
        )

    def run(self, source: str, *, fails: bool = False) -> str:
        """Run a cell at the notebook's end; give what it shows, without colours."""
        cell = nbformat.v4.new_code_cell(source.strip(), metadata={"tags": ["raises-exception"] if fails else []})
        self.book.cells.append(cell)
        self.client.execute_cell(cell, len(self.book.cells) - 1)
        texts = [text for output in cell.outputs for text in _texts(output)]
        return re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(texts))

    def save(self, *replaced: tuple[str, str]) -> None:
        """Save the notebook, with texts in it replaced as somebody who edits it does."""
        text = nbformat.writes(self.book)
        for old, new in replaced:
            assert old in text
            text = text.replace(old, new)
        self.file.write_text(text, encoding="utf-8")

    def told(self, expression: str) -> dict[str, Any]:
        """Say what a deploy would take along."""
        plan: dict[str, Any] = json.loads(self.run(f"%deploy {expression} --dry-run --json"))
        return plan


def _texts(output: Any) -> Iterator[str]:
    if output.output_type == "stream" and output.name == "stdout":
        yield output.text
    elif output.output_type == "error":
        yield "\n".join(output.traceback)
    elif "data" in output:
        yield output.data.get("text/plain", "")


@pytest.fixture(scope="module")
def kernel(shared_home: Home, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """Give a notebook in a folder with data and a module."""
    root = tmp_path_factory.mktemp("project")
    for path, content in {
        "books/data/base.txt": "10", "shared/more.txt": "5", "books/words.txt": "one two", "books/tools_beside.py": TOOLS,
    }.items():  # fmt: skip
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(content)
    running = Kernel(root / "books" / "Übung.ipynb")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JPY_SESSION_NAME", str(running.file))
        with running.client.setup_kernel():
            running.run(SETUP)
            running.run(FUNCTION)
            yield running


def test_what_is_not_declared_is_told(kernel: Kernel) -> None:
    """Files and variables that the function and its module need are told, in JSON and in the plan that people read."""
    plan = kernel.told("price")

    expected = {("file", "data/base.txt"), ("file", "../shared/more.txt"), ("file", "words.txt"), ("environment", "SHIFT_NAME")}
    assert expected == {(one["kind"], one["subject"]) for one in plan["findings"]}
    assert "! file: `data/base.txt` (2 bytes) is not taken along; `price` in cell 2 opens it." in kernel.run(
        "%deploy price --dry-run"
    )
    assert ("Übung.ipynb", [2]) == (plan["provenance"]["notebook"], plan["provenance"]["cells"])


def test_declared_files_and_variables_reach_the_release(kernel: Kernel, shared_home: Home) -> None:
    """Preview and verified release open the files by the notebook's paths and read the variable, whose value is in no bundle."""
    kernel.run(f"ep = %deploy price {OPTIONS}\nep.wait(200)")

    assert "21.0" == kernel.run("print(ep.predict(x=1.0))").split("\n")[0]
    release = json.loads(kernel.run("%deploy status price --json"))["releases"][0]
    assert ("serving", []) == (release["state"], [one for one in release["findings"] if one["kind"] in ("file", "environment")])
    kept = [*shared_home.captures.rglob("*"), *shared_home.bundles.rglob("*"), *shared_home.releases.rglob("*.log")]
    holding = [file for file in kept if file.is_file() and SECRET.encode() in file.read_bytes()]
    assert [] == holding


def test_patched_library_is_refused_and_named(kernel: Kernel) -> None:
    """Where the notebook has replaced a method, answers differ: the release is refused, with rows and the patch."""
    kernel.run("model = LinearRegression().fit(X, X.sum(axis=1))")
    kernel.run("def doubled(self, rows):\n    return 2 * self._decision_function(rows)\nLinearRegression.predict = doubled")
    kernel.run("model.predict(X)")

    shown = kernel.run("%deploy model --wait", fails=True)

    assert "model@1 is refused: 10 of 10 golden answers differ from the notebook's" in shown
    patch = r"`sklearn\.linear_model\.LinearRegression\.predict`, defined in cell \d+, stands in this kernel alone"
    assert re.search(rf"What was found before may be the reason: {patch}", shown)
    assert re.search(rf"! patch: {patch}", kernel.run("%deploy status model"))


def test_edited_cell_is_told_once_it_is_saved(kernel: Kernel) -> None:
    """A saved notebook that makes the same is silent; after an edit that is saved and did not run, the cell is named."""
    kernel.save()
    assert [] == [one for one in kernel.told("price")["findings"] if one["kind"] == "cell"]

    kernel.save(("x + base", "x - base"))
    found = [one for one in kernel.told("price")["findings"] if one["kind"] == "cell"]

    assert ["cell 2"] == [one["subject"] for one in found]
    assert "Cell 2, which made `price`, stands otherwise in the saved notebook" in found[0]["message"]
