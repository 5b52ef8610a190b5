"""When workers may share a loaded model by fork, and when each must load its own; on which device it computes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import jupyter_deploy.bentos.python
from jupyter_deploy.bentos.python.endpoint import devices, memory, sharing, threads

PYTHON = Path(jupyter_deploy.bentos.python.__file__).parent


@pytest.mark.parametrize(
    ("modules", "gpus", "expected"),
    [
        (("sklearn", "numpy"), False, ""), (("keras",), False, "keras cannot be forked once it has computed"),
        (("callable", "tensorflow.keras.layers"), False, "tensorflow cannot be forked once it has computed"),
        (("torch",), True, "each has a GPU of its own"), (("torch",), False, ""),
    ],
)  # fmt: skip
def test_what_is_known_before_the_load(modules: tuple[str, ...], gpus: bool, expected: str) -> None:
    """Some libraries are known not to survive a fork, and a GPU never does."""
    assert expected == sharing.before_load(modules, gpus)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("", ""),
        (
            "import threading; threading.Thread(target=threading.Event().wait, daemon=True).start()",
            "loading it has started the threads",
        ),
        ("import threading; one = threading.Thread(target=int); one.start(); one.join()", ""),
    ],
)
def test_what_is_seen_after_the_load(code: str, expected: str) -> None:
    """Threads that run once the model is loaded are seen; those that have ended are not."""
    told = subprocess.run(
        [sys.executable, "-c", f"{code}\nfrom endpoint import sharing\nprint(sharing.after_load())"],
        env={**os.environ, "PYTHONPATH": str(PYTHON), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        check=True, capture_output=True, text=True,
    )  # fmt: skip

    assert (expected != "") == (told.stdout.strip() != "")
    assert told.stdout.startswith(expected)


def test_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model computes on the processor unless its worker was given a GPU, which must then be opened."""
    for name in ("CUDA_VISIBLE_DEVICES", "JD_DEVICE", "BENTOML_DISABLE_GPU_ALLOCATION", *devices_set()):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    assert "cpu" == devices.device()
    devices.choose("GPU-1")
    assert ("cuda", "GPU-1") == (devices.device(), os.environ["CUDA_VISIBLE_DEVICES"])
    with pytest.raises(RuntimeError, match="computes on the processor all the same"):
        devices.check_used()
    devices.choose("")
    devices.check_used()

    assert ("cpu", "") == (devices.device(), os.environ["CUDA_VISIBLE_DEVICES"])


def devices_set() -> tuple[str, ...]:
    """Name what else is set with a device."""
    return ("PYTORCH_NVML_BASED_CUDA_CHECK", "TF_FORCE_GPU_ALLOW_GROWTH")


@pytest.mark.parametrize("framework", sorted(devices.PROCESSOR_ONLY))
def test_frameworks_without_gpu(framework: str) -> None:
    """A GPU for a model that would not use it is refused before it is loaded."""
    with pytest.raises(RuntimeError, match=f"a model of {framework} computes on the processor alone"):
        devices.check(framework)
    devices.check("torch")


def test_threads_are_shared_out() -> None:
    """Each worker gets what was asked for, else its share of the cores, and never none."""
    assert [5, 1, threads.cores()] == [threads.each(5, 2), threads.each(0, 1 << 20), threads.each(0, 1)]


def test_memory_of_a_process() -> None:
    """What a process has of its own is no more than what it has, and a limit above it lets it be."""
    pid = os.getpid()
    assert 0 < memory.own(pid) <= memory.resident(pid)

    assert [0, 0] == [memory.Gauge(limit).above(pid) for limit in (0, 1 << 50)]
    assert memory.Gauge(1 << 20).above(pid) > 1 << 20
    assert [0, 0] == [memory.resident(0), memory.own(0)]


def test_gauge_rests_after_a_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    """Large memory takes long to count, so it is not counted again at once."""
    monkeypatch.setattr(memory, "SHARE", 1e9)
    gauge = memory.Gauge(1 << 20)
    assert gauge.above(os.getpid()) > 0

    assert 0 == gauge.above(os.getpid())
    gauge.forget(os.getpid())
    assert gauge.above(os.getpid()) > 0
