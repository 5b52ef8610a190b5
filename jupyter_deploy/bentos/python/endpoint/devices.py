"""On which device a model computes: the worker's own GPU where its release was given some, else the processor.

Which GPU a worker has, the agent decides before its model is loaded; loaders move what they load to `device()`. A model is never
left on the processor in silence where a GPU was asked for: its worker does not become ready.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

CPU, CUDA = "cpu", "cuda"
PROCESSOR_ONLY = frozenset({"catboost", "lightgbm", "sklearn", "statsmodels", "xgboost"})
"""Frameworks whose models are served on the processor alone; what others do with a GPU is seen as they warm up."""
_CHOSEN = "JD_DEVICE"
_GPU = re.compile(r"/dev/nvidia\d+")  # the driver's other devices are also opened by whoever only asks


def choose(gpu: str) -> None:
    """Give this process one GPU, or none, before anything in it looks for one.

    Args:
        gpu: As `CUDA_VISIBLE_DEVICES` has it; empty for none.
    """
    os.environ["CUDA_VISIBLE_DEVICES"] = gpu
    os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"] = "1"  # else a library that asks whether there is a GPU opens it, before the fork
    os.environ["TF_FORCE_GPU_ALLOW_GROWTH"] = (
        "true"  # else TensorFlow takes all of it, which an older release of the endpoint shares
    )
    os.environ["BENTOML_DISABLE_GPU_ALLOCATION"] = "True"
    os.environ[_CHOSEN] = CUDA if gpu else CPU


def device() -> str:
    """Say where a loader puts its model.

    Returns:
        `cpu` or `cuda`; there is only one GPU to be seen.
    """
    return os.environ.get(_CHOSEN, CPU)


def check(framework: str) -> None:
    """Refuse a GPU for a model that would not use it.

    Args:
        framework: The framework's name.

    Raises:
        RuntimeError: If its models compute on the processor alone.
    """
    if framework in PROCESSOR_ONLY:
        raise RuntimeError(f"a model of {framework} computes on the processor alone; deploy it without `gpu`")


def check_used() -> None:
    """Refuse a worker whose model was given a GPU, has answered, and has not opened it.

    Raises:
        RuntimeError: If it has not.
    """
    if device() == CUDA and not any(_GPU.fullmatch(one) for one in opened()):
        raise RuntimeError(
            "the model has a GPU and computes on the processor all the same; deploy it without `gpu`, or move it there"
        )


def opened() -> list[str]:
    """List what files, devices and sockets this process has open.

    Returns:
        Their names; empty where the system does not say.
    """
    try:
        links = list(Path("/proc/self/fd").iterdir())
    except OSError:
        return []
    return [str(one.readlink()) for one in links if os.path.lexists(one)]
