"""Capture in real kernels: what leaves them loads in a fresh interpreter, and is the same from two of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.manager import KernelManager

ROOT = Path(__file__).parents[2]

CELLS = (
    "%config IPCompleter.greedy = False\nimport numpy as np, prices_beside\nfrom sklearn.linear_model import LinearRegression",
    "X = np.arange(12.0).reshape(6, 2)\ninner = LinearRegression().fit(X, X.sum(axis=1))\nKNOWN = {'a', 'b', 'c', 'd'}",
    "def rounded(values):\n    assert 'a' in KNOWN and 'z' not in {'x', 'y'}\n    return [round(float(one), 2) for one in values]",
    (
        "%%time\nclass Priced:\n    def __init__(self, inner):\n        self.inner, self.seen = inner, {'p', 'q', 'r'}\n"
        "    def predict(self, rows):\n        return rounded(prices_beside.taxed(self.inner.predict(rows)))\n"
        "model = Priced(inner)"
    ),
    "answers = model.predict(X)\nprint(answers)",
)
CAPTURE = """
from pathlib import Path
from jupyter_deploy import capture as captures
history = get_ipython().history_manager.input_hist_raw
taken = captures.capture(
    "model", globals(), name="priced", folder=Path({folder!r}), cells=list(enumerate(history))[1:-1], beside=Path.cwd()
)
from jupyter_deploy.values import to_json
print("CAPTURE", to_json(taken).decode())
"""
LOAD = """
import json, pickle, sys
from pathlib import Path
folder = Path(sys.argv[1])
sys.path.insert(0, str(folder / "sources"))
model = pickle.loads((folder / "model" / "model.pkl").read_bytes())
(golden,) = json.loads((folder / "golden.json").read_text())
import numpy as np
assert golden["answers"] == model.predict(np.array(golden["rows"])), "the answers differ"
try:
    model.predict(None)
except Exception:
    import traceback
    print(traceback.format_exc())
"""


class Kernel:
    """A real kernel that runs in a notebook's folder."""

    def __init__(self, folder: Path) -> None:
        self._manager = KernelManager()
        self._manager.start_kernel(cwd=str(folder), env={**os.environ, "PYTHONPATH": str(ROOT)})
        self._client = self._manager.client()
        self._client.start_channels()
        self._client.wait_for_ready(timeout=60)

    def run(self, source: str) -> str:
        """Execute a cell; gives what it printed."""
        printed: list[str] = []

        def show(message: dict[str, Any]) -> None:
            content = message["content"]
            printed.append(content.get("text") or "\n".join(content.get("traceback", [])))

        reply = self._client.execute_interactive(source, timeout=120, output_hook=show)
        assert "ok" == reply["content"]["status"], "".join(printed)
        return "".join(printed)

    def end(self) -> None:
        """Shut it down."""
        self._client.stop_channels()
        self._manager.shutdown_kernel(now=True)


def captured(notebook: Path, folder: Path, runs: int) -> dict[str, Any]:
    """Run the notebook in a kernel of its own, once or again and again, and capture the model there."""
    kernel = Kernel(notebook)
    try:
        for source in CELLS * runs:
            kernel.run(source)
        printed = kernel.run(CAPTURE.format(folder=str(folder)))
    finally:
        kernel.end()
    value: dict[str, Any] = json.loads(printed.partition("CAPTURE ")[2])
    return value


@pytest.fixture(scope="module")
def twice(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[dict[str, Any]]]:
    """Capture the same notebook in two kernels; in the second one its cells ran twice."""
    place = tmp_path_factory.mktemp("capture")
    notebook = place / "notebook"
    notebook.mkdir()
    (notebook / "prices_beside.py").write_text("import numpy as np\n\ndef taxed(values):\n    return np.asarray(values) * 1.19\n")
    yield [captured(notebook, place / name, runs) for name, runs in (("first", 1), ("second", 2))]


def test_same_digest(twice: list[dict[str, Any]]) -> None:
    """The same notebook in two kernels gives the same digest, also where its cells ran again; how often, the provenance tells."""
    first, second = twice
    assert ([4, 3], [9, 8]) == (first["provenance"]["cells"], second["provenance"]["cells"])

    assert first["digest"] == second["digest"]
    assert first["folder"] != second["folder"]


def test_where_it_came_from(twice: list[dict[str, Any]]) -> None:
    """The capture tells the cells, the kernel, and the modules without the notebook's own."""
    taken = twice[0]
    cells = json.loads((Path(taken["folder"]) / "cells.json").read_text())

    assert [(CELLS[3], "defines Priced, assigns model"), (CELLS[2], "defines rounded")] == [
        (one["source"], one["why"]) for one in cells
    ]
    assert "cell 5: model.predict(X)" == taken["golden_origin"]
    assert {"predict": 6} == taken["golden"]
    assert "numpy" in taken["modules"]
    assert "sklearn.linear_model._base" in taken["modules"]
    assert not {"prices_beside", "IPython", "ipykernel"} & {one.partition(".")[0] for one in taken["modules"]}
    assert str(Path(taken["folder"]).parent / "notebook") not in taken["path"]


def test_loads_elsewhere(twice: list[dict[str, Any]], tmp_path: Path) -> None:
    """A fresh interpreter without the notebook's folder loads the model, answers the same, and names the cell in a traceback."""
    done = subprocess.run(
        [sys.executable, "-IB", "-c", LOAD, twice[0]["folder"]], capture_output=True, text=True, check=False, cwd=tmp_path
    )

    assert 0 == done.returncode, done.stderr
    priced = json.loads((Path(twice[0]["folder"]) / "cells.json").read_text())[0]["id"]
    assert f'File "<cell {priced}>", line' in done.stdout


def test_no_trace_of_the_machine(twice: list[dict[str, Any]]) -> None:
    """No path of the kernel's machine stands in any file of the capture."""
    folder = Path(twice[0]["folder"])
    held = b"".join(one.read_bytes() for one in folder.rglob("*") if one.is_file())

    assert str(folder.parent).encode() not in held
    assert b"ipykernel" not in held
