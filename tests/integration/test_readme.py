"""The Python of the README and of the tour is run as it stands, by a real kernel."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from jupyter_deploy.agent.lifecycle import connect
from jupyter_deploy.home import Home

ROOT = Path(__file__).parents[2]


def run(page: Path) -> None:
    """Run a page's Python blocks, each as one cell, in one kernel."""
    blocks = re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(block.strip()) for block in blocks])
    NotebookClient(notebook, timeout=240).execute()


@pytest.mark.slow
def test_readme_runs(home: Home) -> None:
    """The README's example deploys a model whose verified release answers."""
    run(ROOT / "README.md")

    (endpoint,) = connect(home, start=False).endpoints()
    assert ("model", "verified") == (endpoint.name, endpoint.state)


@pytest.mark.slow
def test_tour_runs(home: Home) -> None:
    """The tour runs from top to bottom, its assertions hold, and it cleans up behind itself."""
    run(ROOT / "docs" / "tour.md")

    assert [] == connect(home, start=False).endpoints()
