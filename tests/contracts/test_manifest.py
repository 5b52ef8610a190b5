"""`manifest.json` and its neighbours are the contract between the kernel, which writes them, and the worker, which reads them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from jupyter_deploy import bentos
from jupyter_deploy.bentos.python.endpoint import schema
from jupyter_deploy.bentos.python.endpoint.contract import Contract, Golden, Manifest
from jupyter_deploy.capture import capture
from jupyter_deploy.values import from_json, to_json

READ = """
import builtins, json, sys
from pathlib import Path

house, importing = [], builtins.__import__

def watched(name, *rest, **named):
    if name.partition(".")[0] == "jupyter_deploy":
        house.append(name)
    return importing(name, *rest, **named)

builtins.__import__ = watched
import msgspec
from endpoint import schema
from endpoint.contract import Contract, Golden, Manifest
from endpoint.model import load

folder = Path(sys.argv[1])
kinds = {"manifest": Manifest, "contract": Contract, "golden": list[Golden]}
read = {name: msgspec.json.decode((folder / f"{name}.json").read_bytes(), type=kind) for name, kind in kinds.items()}
model = load(folder)
golden = read["golden"][0]
answer = model.methods[golden.method](msgspec.json.encode({"rows": golden.rows}))
told = schema.document(read["contract"])
print(msgspec.json.encode({**read, "house": house, "document": told, "answers": json.loads(answer)["predictions"]}).decode())
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give what the kernel writes of a fitted model."""
    from sklearn.linear_model import LinearRegression

    model = LinearRegression().fit([[0.0], [1.0]], [0.0, 2.0])
    taken = capture("model", {"model": model}, name="line", folder=tmp_path / "taken", example=[[1.0], [4.0]])
    return Path(taken.folder)


def read(folder: Path) -> dict[str, Any]:
    """Read a folder as a worker does: with the bundle's own package and nothing of the house."""
    done = subprocess.run(
        [sys.executable, "-c", READ, str(folder)], capture_output=True, text=True, check=False,
        env={"PYTHONPATH": str(Path(bentos.__file__).parent / "python")},
    )  # fmt: skip
    assert 0 == done.returncode, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_both_sides_read_the_same(folder: Path) -> None:
    """What the kernel wrote, the agent and the worker read alike; the worker without any module of the house."""
    kinds = {"manifest": Manifest, "contract": Contract, "golden": list[Golden]}
    expected = {name: json.loads(to_json(from_json((folder / f"{name}.json").read_bytes(), kind))) for name, kind in kinds.items()}

    got = read(folder)

    assert expected == {name: got[name] for name in kinds}
    assert [] == got["house"]


def test_the_contract_is_a_schema_on_both_sides(folder: Path) -> None:
    """`contract.json` is a JSON schema that says what the contract in it says, and the worker tells the same one."""
    written = json.loads((folder / "contract.json").read_bytes())

    Draft202012Validator.check_schema(written)
    assert written == json.loads(to_json(schema.document(from_json((folder / "contract.json").read_bytes(), Contract))))
    assert written == read(folder)["document"]


def test_the_worker_answers_the_golden_rows(folder: Path) -> None:
    """The model that the manifest names gives the notebook's answers."""
    got = read(folder)

    assert [2.0, 8.0] == pytest.approx(got["answers"])
    assert got["golden"][0]["answers"] == got["answers"]
