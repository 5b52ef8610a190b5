"""A notebook session in plain Python, and a fresh interpreter that answers the golden rows of what was captured from it."""

from __future__ import annotations

import ast
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
from jupyter_deploy.bentos.python.endpoint import codec
from jupyter_deploy.bentos.python.endpoint.contract import Contract, Golden, Manifest
import importlib, msgspec

folder = Path(sys.argv[1])
manifest = msgspec.json.decode((folder / "manifest.json").read_bytes(), type=Manifest)
if manifest.sources:
    sys.path.insert(0, str(folder / manifest.sources))
for module in manifest.preload:
    importlib.import_module(module)
loader = importlib.import_module(f"jupyter_deploy.bentos.python.endpoint.loaders.{manifest.loader}")
model = loader.load(folder / manifest.model)
contract = msgspec.json.decode((folder / "contract.json").read_bytes(), type=Contract)
differing = []
for one in msgspec.json.decode((folder / "golden.json").read_bytes(), type=list[Golden]):
    method = contract.method(one.method)
    argument = codec.decode_rows(codec.to_json({"rows": one.rows}), method.input)
    function = getattr(model, method.attribute) if method.attribute else model
    answer = [function(**row) for row in argument] if method.input.kind == "arguments" else function(argument)
    got = json.loads(codec.to_json(codec.encode_answer(answer, method.output)))
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
            exec(compile(ast.parse(source), name, "exec"), self.namespace)
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
