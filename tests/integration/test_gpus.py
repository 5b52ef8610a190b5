"""Releases on GPUs: on made-up ones that a driver's tool of our own lists, and, marked `gpu`, on those of this machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jupyter_deploy import errors
from jupyter_deploy.targets.local import gpus
from tests.serving import Machine, machine

LOOKED_AT = ("CUDA_VISIBLE_DEVICES", "BENTOML_DISABLE_GPU_ALLOCATION", "JD_DEVICE")


@pytest.fixture
def made() -> Iterator[Machine]:
    """Give a target on which nothing runs."""
    with machine() as one:
        yield one


@pytest.fixture
def count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Give a function that lets this machine seem to have some GPUs."""

    def seem(number: int) -> None:
        lines = "".join(f"GPU {one}: NVIDIA H100 (UUID: GPU-{one})\\n" for one in range(number))
        (tmp_path / "nvidia-smi").write_text(f"#!/bin/sh\nprintf '{lines}'\n")
        (tmp_path / "nvidia-smi").chmod(0o755)

    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return seem


def seeing() -> Any:
    """Make a model that tells its worker's environment, and has no golden rows, so that it does not warm up."""

    class Seeing:
        def predict(self, rows: list[str]) -> list[str]:
            import os

            return [os.environ.get(row, "") for row in rows]

    return Seeing()


def begin(made: Machine, number: int, **options: Any) -> str:
    """Start a release that can do without a real GPU."""
    launch = made.launch(number, seeing(), **options)
    (Path(launch.folder) / "golden.json").unlink()
    made.target.start(launch)
    return launch.id


def test_one_worker_a_gpu(made: Machine, count: Any) -> None:
    """A release on two GPUs has two workers, each of which sees one of them and has loaded its own model; others see none."""
    count(2)
    launch = begin(made, 1, gpu=2, workers=5)
    health = made.target.status()[launch]
    (seen, allocation, device), none = made.predict(launch, *LOOKED_AT), begin(made, 2)

    assert (("GPU-0", "GPU-1"), 2) == (health.gpus, len(health.workers))
    assert "loaded in each worker, because each has a GPU of its own" == health.sharing
    assert (True, "True", "cuda") == (seen in health.gpus, allocation, device)
    assert ((), "shared by fork") == (made.target.status()[none].gpus, made.target.status()[none].sharing)
    assert ["", "True", "cpu"] == made.predict(
        begin(made, 2), "CUDA_VISIBLE_DEVICES", "BENTOML_DISABLE_GPU_ALLOCATION", "JD_DEVICE"
    )


def test_gpus_stay_with_their_release(made: Machine, count: Any) -> None:
    """The next agent knows which GPUs are taken; a newer release gets the others first, and shares where there are too few."""
    count(3)
    first = begin(made, 1, gpu=2)
    made.again()
    second = begin(made, 2, gpu=2)

    assert [("GPU-0", "GPU-1"), ("GPU-2", "GPU-0")] == [made.target.status()[one].gpus for one in (first, second)]
    made.target.stop(first)
    third = begin(made, 3, gpu=1)
    assert ("GPU-1",) == made.target.status()[third].gpus


def test_too_few_gpus(made: Machine, count: Any) -> None:
    """A release that asks for more GPUs than there are does not start, and nothing of it is left."""
    count(1)
    with pytest.raises(
        errors.ReleaseFailed, match=r"churn@1-preview could not be started: it asks for 2 GPUs, and this machine has 1\."
    ):
        begin(made, 1, gpu=2)

    assert {} == made.target.status()


def test_model_that_stays_on_the_processor(made: Machine, count: Any) -> None:
    """A model that answers its golden rows without opening its GPU does not become ready, and the reason is told."""
    count(1)
    with pytest.raises(errors.ReleaseFailed, match="the model has a GPU and computes on the processor all the same"):
        made.start(1, gpu=1)

    assert {} == made.target.status()


def doubled(folder: Path) -> Path:
    """Write a graph of ONNX that doubles."""
    from onnx import TensorProto, helper, save

    tensors = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None]) for name in ("x", "y")]
    graph = helper.make_graph([helper.make_node("Add", ["x", "x"], ["y"])], "doubled", tensors[:1], tensors[1:])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8)
    save(made, str(folder / "doubled.onnx"))
    return folder / "doubled.onnx"


def test_onnx_runtime_without_cuda(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A graph is never run on the processor in silence where its worker has a GPU."""
    from jupyter_deploy.bentos.python.endpoint.loaders import onnx

    file = doubled(tmp_path)
    assert [2.0, 4.0] == onnx.load(file).predict([1.0, 2.0]).tolist()
    monkeypatch.setenv("JD_DEVICE", "cuda")
    with pytest.raises(RuntimeError, match="this ONNX Runtime computes on the processor alone"):
        onnx.load(file)


def multiplying() -> Any:
    """Make a model that multiplies on its GPU and tells where."""

    class Multiplying:
        def predict(self, rows: list[float]) -> list[float]:
            import torch

            return [3.0 * one for one in torch.tensor(rows, device="cuda").tolist()]

    return Multiplying()


@pytest.mark.gpu
def test_real_gpu(made: Machine) -> None:
    """On a machine with a GPU a model computes there, and its worker is replaced like any other."""
    pytest.importorskip("torch")
    assert gpus.present()
    launch = made.launch(1, multiplying(), gpu=1, start_deadline=300.0)
    made.target.start(launch)

    assert [3.0, 6.0] == made.predict(launch.id, 1.0, 2.0)
    assert 1 == len(made.target.status()[launch.id].workers)
