"""Each example notebook is executed by a real kernel, and what it deploys ends verified."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from jupyter_deploy.agent.lifecycle import connect
from jupyter_deploy.home import Home

EXAMPLES = Path(__file__).parents[2] / "examples"
NOTEBOOKS = sorted(path for path in EXAMPLES.rglob("*.ipynb") if ".ipynb_checkpoints" not in path.parts)


def cell(notebook: nbformat.NotebookNode, id: str) -> nbformat.NotebookNode:
    """Find a cell by its id."""
    return next(one for one in notebook.cells if one.id == id)


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_example_ends_verified(home: Home, path: Path) -> None:
    """Run from top to bottom, an example deploys its model, and the verified release answers as the notebook's model does."""
    notebook = nbformat.read(path, as_version=4)

    NotebookClient(notebook, timeout=240, resources={"metadata": {"path": str(path.parent)}}).execute()

    assert "True" == cell(notebook, "call").outputs[-1]["data"]["text/plain"]
    (endpoint,) = connect(home, start=False).endpoints()
    assert ("verified", 1, True) == (endpoint.state, endpoint.answering, endpoint.releases[0].verified)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_example_is_kept_without_outputs(path: Path) -> None:
    """An example is kept as its author wrote it: valid, without outputs and without execution counts."""
    notebook = nbformat.read(path, as_version=4)

    nbformat.validate(notebook)
    assert {((), None)} == {(tuple(one.outputs), one.execution_count) for one in notebook.cells if one.cell_type == "code"}
