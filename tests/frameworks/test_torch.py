"""Modules of PyTorch: what is written of them, and how they answer."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from jupyter_deploy import errors
from jupyter_deploy.bentos.python.endpoint import model as endpoint
from jupyter_deploy.capture import capture
from jupyter_deploy.values import Capture

if importlib.util.find_spec("torch") is None:
    pytest.skip("PyTorch is not installed", allow_module_level=True)

import torch
from safetensors.torch import load_file

from jupyter_deploy.bentos.python.endpoint import weights

NET = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = self.again = nn.Linear(3, 3)
        self.drop = nn.Dropout(0.5)
        self.register_buffer("mean", torch.full((3,), 0.5))
        self.scale = torch.tensor(2.0)

    def forward(self, x):
        return self.again(self.drop(self.first(x - self.mean))) * self.scale

torch.manual_seed(0)
X = torch.randn(5, 3)
"""


def take(code: str, folder: Path, call: str = "model(X)", **options: Any) -> tuple[Capture, dict[str, Any]]:
    """Run two cells, and capture the model of the first, which the second calls."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for cell in (code, call):
        exec(cell, namespace)
    taken = capture("model", namespace, name="net", folder=folder, cells=[(1, code), (2, call)], beside=folder.parent, **options)
    return taken, namespace


def ask(folder: Path, *rows: Any) -> Any:
    """Load what was captured and ask it as a worker does."""
    answer = endpoint.load(folder).methods["predict"](json.dumps({"rows": rows}).encode())
    return json.loads(answer)["predictions"]


@pytest.mark.parametrize("dtype", [getattr(torch, name) for name in weights.DTYPES if hasattr(torch, name)], ids=str)
def test_tensors_lie_in_a_file_that_safetensors_reads(tmp_path: Path, dtype: Any) -> None:
    """What is written is read by the format's own library, and by the worker's reader, bit by bit."""
    tensors = {
        "matrix": torch.arange(6).reshape(2, 3).to(dtype), "one": torch.ones((), dtype=torch.int8),
        "turned": torch.arange(6).reshape(2, 3).to(dtype).T, "none": torch.empty((0, 2), dtype=dtype),
    }  # fmt: skip
    weights.write(tensors, tmp_path / "file")
    for found in (load_file(tmp_path / "file"), weights.read(tmp_path / "file")):
        assert tensors.keys() == found.keys()
        for name, tensor in tensors.items():
            assert tensor.dtype == found[name].dtype
            assert torch.equal(tensor.double(), found[name].double())


def test_a_class_of_a_cell_is_served_in_evaluation_mode(tmp_path: Path) -> None:
    """A module keeps shared layers, buffers and tensors of its own; what is in training mode is said, and left as it is."""
    taken, namespace = take(f"{NET}model = Net()\n", tmp_path / "taken")
    model = namespace["model"]
    tensors = load_file(tmp_path / "taken" / "model" / "module" / "weights.safetensors")
    loaded = endpoint.load(tmp_path / "taken").methods["predict"]._function.module

    assert model.training
    assert {"first.weight", "first.bias", "mean"} < tensors.keys()
    assert 4 == len(tensors)
    assert loaded.first is loaded.again
    assert ["in training mode" in one.message for one in taken.findings] == [True]
    expected = model.eval()(torch.ones(1, 3)).tolist()
    assert expected == ask(tmp_path / "taken", [1, 1, 1.0])


def test_nothing_warns_of_what_is_ours(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    """The memory of a tensor within a function is written without PyTorch's warning about a class that is not the author's."""
    take(f"{NET}net = Net().eval()\ndef model(x):\n    return net(x).detach()", tmp_path / "taken")

    assert [] == [str(one.message) for one in recwarn if "TypedStorage" in str(one.message)]


@pytest.mark.parametrize("code", ["model = Net()", "net = Net().eval()\ndef model(x):\n    return net(x).detach()"])
def test_the_same_module_gives_the_same_digest(tmp_path: Path, code: str) -> None:
    """Two captures of modules that were made the same have one digest, also within a function."""
    digests = {take(f"{NET}{code}\n", tmp_path / name)[0].digest for name in "ab"}
    assert 1 == len(digests)


@pytest.mark.parametrize(
    ("code", "call"),
    [
        ("model = nn.Sequential(nn.Linear(3, 2), nn.Sigmoid()).eval()", "model(X)"),
        ("model = torch.compile(nn.Sequential(nn.Linear(3, 2)).eval(), backend='eager')", "X"),
        ("model = torch.jit.trace(nn.Sequential(nn.Linear(3, 2)).eval(), X)", "model(X)"),
        ("net = nn.Linear(3, 2)\ndef model(x):\n    with torch.no_grad():\n        return net(x).argmax(1)", "model(X)"),
        ("X = torch.randn(4, 2, 6, 6)\nmodel = nn.Conv2d(2, 3, 3).eval()", "model(X)"),
        ("X = torch.randint(0, 9, (4, 5))\nmodel = nn.Embedding(9, 3).eval()", "model(X)"),
        ("model = nn.Linear(3, 2).to(torch.bfloat16)\nX = X.to(torch.bfloat16)", "model(X)"),
    ],
    ids=["sequential", "compiled", "traced", "function", "images", "tokens", "bfloat16"],
)  # fmt: skip
def test_answers_as_the_notebook_does(tmp_path: Path, code: str, call: str) -> None:
    """Each kind of module takes tensors, comes out of its files, and gives tensors to whoever reads its answers."""
    taken, namespace = take(f"{NET}{code}\n", tmp_path / "taken", call)
    method = taken.contract.methods[0]
    with torch.no_grad():
        expected = namespace["model"](namespace["X"])

    assert ("torch", "torch") == (method.input.library, method.output.library)
    got = torch.tensor(ask(tmp_path / "taken", *namespace["X"].tolist()))
    assert torch.allclose(expected.to(got.dtype), got, rtol=1e-5)


def test_several_tensors_are_named_arguments(tmp_path: Path) -> None:
    """A module of two inputs and two outputs is called with both by name."""
    code = (
        f"{NET}class Two(nn.Module):\n    def forward(self, ids, dense):\n"
        "        return {'sum': ids.sum(1), 'mean': dense.mean(1)}\n"
        "model, ids, dense = Two(), torch.ones((2, 4), dtype=torch.long), torch.ones(2, 3)\n"
    )
    taken, _ = take(code, tmp_path / "taken", "model(ids, dense)")

    assert ["ids", "dense"] == [one.name for one in taken.contract.methods[0].input.columns]
    assert [{"sum": [3], "mean": [1.5]}] == ask(tmp_path / "taken", {"ids": [[1, 2, 0, 0]], "dense": [[1, 2, 1.5]]})


def test_layers_without_sizes_are_refused(tmp_path: Path) -> None:
    """A lazy layer that has met no data yet is refused before anything is written."""
    with pytest.raises(errors.NotDeployable, match="do not know their sizes"):
        take(f"{NET}model = nn.LazyLinear(2)\n", tmp_path / "taken", "X")
