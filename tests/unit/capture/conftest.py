"""A notebook session in plain Python, and a fresh interpreter that answers the golden rows of what was captured from it."""

from __future__ import annotations

import json
import linecache
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jupyter_deploy.capture import capture
from jupyter_deploy.values import Capture

ROOT = Path(__file__).parents[3]

REPLAY = """
import json, sys
from pathlib import Path
from jupyter_deploy.bentos.python.endpoint import codec, model

loaded = model.load(Path(sys.argv[1]))
differing = []
for one in loaded.golden:
    got = json.loads(loaded.methods[one.method](codec.to_json({"rows": one.rows})))["predictions"]
    if got != one.answers:
        differing.append([one.method, got, one.answers])
print(json.dumps(differing))
"""


class Session:
    """Runs cells as a kernel does: one namespace, called `__main__`, and the source of every cell kept for tracebacks.

    Args:
        folder: The notebook's folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.namespace: dict[str, Any] = {"__name__": "__main__"}
        self.cells: list[tuple[int, str]] = []

    def run(self, *sources: str) -> Session:
        """Execute cells, one after the other."""
        for source in sources:
            number = len(self.cells) + 1
            name = f"/tmp/ipykernel_{id(self)}/{number}.py"
            linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
            exec(compile(source, name, "exec", dont_inherit=True), self.namespace)
            self.cells.append((number, source))
        return self

    def capture(self, expression: str, **options: Any) -> Capture:
        """Capture a model into a folder of its own."""
        taken = self.folder / f"capture-{len(list(self.folder.glob('capture-*')))}"
        return capture(expression, self.namespace, name="m", folder=taken, cells=self.cells, beside=self.folder, **options)


@pytest.fixture
def session(tmp_path: Path) -> Session:
    """Give a test a notebook of its own."""
    return Session(tmp_path)


@pytest.fixture
def replay(tmp_path: Path) -> Callable[[Capture], list[Any]]:
    """Answer the golden rows in a fresh interpreter, which knows nothing of the notebook's folder; gives the rows that differ."""

    def run(taken: Capture) -> list[Any]:
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir(exist_ok=True)
        done = subprocess.run(
            [sys.executable, "-c", REPLAY, taken.folder], cwd=elsewhere, env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert "" == done.stderr or done.returncode == 0, done.stderr
        differing: list[Any] = json.loads(done.stdout)
        return differing

    return run
