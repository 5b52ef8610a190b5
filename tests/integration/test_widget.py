"""What `%deploy` and `ep.metrics()` leave in a notebook, in a real kernel with a real agent behind it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbconvert import HTMLExporter

from jupyter_deploy.home import Home

SETUP = """
%load_ext jupyter_deploy
import sys, time
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
X, y = load_iris(return_X_y=True, as_frame=True)
model = LogisticRegression(max_iter=500).fit(X, y)
print("matplotlib" in sys.modules)
"""
FULL = {
    "text/html",
    "text/plain",
    "image/png",
    "application/vnd.jupyter.widget-view+json",
    "application/vnd.jupyterlab-deploy.view+json",
}
REFRESH = """
from jupyter_deploy.values import Sample, to_json
import json
sample = json.loads(to_json(Sample(at=time.time(), seconds=1.0, requests=10, split={"shown@1": 10})))
for _ in range(1000):
    ep._card._widget.send({"sample": sample})
"""


class Notebook:
    """A notebook in a running kernel."""

    def __init__(self, folder: Path) -> None:
        self.book = nbformat.v4.new_notebook()
        self.client = NotebookClient(self.book, kernel_name="python3", timeout=240, resources={"metadata": {"path": str(folder)}})

    def run(self, source: str) -> Any:
        """Run a cell at the notebook's end, and give it with its outputs."""
        self.book.cells.append(nbformat.v4.new_code_cell(source))
        self.client.execute_cell(self.book.cells[-1], len(self.book.cells) - 1)
        return self.book.cells[-1]


@pytest.fixture(scope="module")
def notebook(shared_home: Home, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Notebook]:
    """Give a notebook in which `shown` serves."""
    running = Notebook(tmp_path_factory.mktemp("notebook"))
    with running.client.setup_kernel():
        running.run(SETUP)
        running.run("ep = %deploy model --name shown\nep.wait(200);")
        yield running


def test_a_cell_that_waited_shows_one_line(notebook: Notebook) -> None:
    """`ep.wait()` in a cell below the widget does not draw a second one."""
    (output,) = notebook.run("ep.wait()").outputs

    assert {"text/plain"} == set(output.data)
    assert output.data["text/plain"].startswith("<Endpoint shown@1 · verified · ")


def test_the_output_holds_widget_card_picture_and_text(notebook: Notebook) -> None:
    """One output for a live page, one without a kernel, a mail and a terminal."""
    (output,) = notebook.book.cells[1].outputs

    assert set(output.data) == FULL
    assert "shown@1 · verified" in output.data["text/plain"]
    assert "figures of the last 5 min" in output.data["text/plain"]
    assert "data:image/png;base64," in output.data["text/html"]


def test_matplotlib_is_imported_late(notebook: Notebook) -> None:
    """Loading the extension and a cell that fits a model wait for no drawing library."""
    assert "False\n" == notebook.book.cells[0].outputs[0].text


def test_a_notebook_does_not_grow(notebook: Notebook) -> None:
    """After a thousand refreshes the file is as long as before, to the byte."""
    notebook.run(REFRESH)
    before = len(nbformat.writes(notebook.book))
    cell = notebook.run(REFRESH)
    after = len(nbformat.writes(notebook.book))

    assert [] == cell.outputs
    notebook.book.cells.pop()
    assert before == len(nbformat.writes(notebook.book)) < after


def test_metrics_and_plot(notebook: Notebook) -> None:
    """The figures are shown with the calls that were made; the plot is matplotlib's own."""
    notebook.run(
        "for _ in range(5): ep.predict(X)\nwhile sum(one.requests for one in ep.metrics().series.samples) < 5: time.sleep(0.1)"
    )
    shown = notebook.run("ep.metrics()")
    while set(shown.outputs[0].data) != FULL:  # the picture comes when it is drawn
        notebook.run("time.sleep(0.2)")
    plotted = notebook.run("ep.plot(3600)")

    assert "requests 5  rows 750  errors 0" in shown.outputs[0].data["text/plain"]
    assert "image/png" in plotted.outputs[0].data
    assert (
        "True\n" == notebook.run("import matplotlib.figure\nprint(isinstance(ep.plot(), matplotlib.figure.Figure))").outputs[0].text
    )


def test_the_export_shows_card_and_picture(notebook: Notebook, shared_home: Home) -> None:
    """A page that nbconvert makes tells the release and its figures, and no secret."""
    page, _ = HTMLExporter().from_notebook_node(notebook.book)

    assert "shown@1" in page
    assert 'alt="charts: figures of the last 5 min' in page
    assert (shared_home.keys / "shown.key").read_text().strip() not in page
