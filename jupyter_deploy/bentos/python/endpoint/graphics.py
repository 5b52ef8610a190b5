"""What a worker's GPU is doing, as NVIDIA's own library tells it; nothing is loaded where the worker has none."""

from __future__ import annotations

import ctypes
import functools
import os
from typing import Any

from . import devices

LIBRARY = "libnvidia-ml.so.1"


class _Memory(ctypes.Structure):
    _fields_ = (("total", ctypes.c_ulonglong), ("free", ctypes.c_ulonglong), ("used", ctypes.c_ulonglong))


class _Use(ctypes.Structure):
    _fields_ = (("gpu", ctypes.c_uint), ("memory", ctypes.c_uint))


def used() -> tuple[float, float] | None:
    """Say what this worker's GPU is doing.

    Returns:
        Bytes of its memory in use, and which share of the last second it computed; None where there is no GPU, or it does not tell.
    """
    if devices.device() == devices.CPU:
        return None
    found = _opened(os.environ.get("CUDA_VISIBLE_DEVICES", ""))
    memory, use = _Memory(), _Use()
    if found is None:
        return None
    library, handle = found
    failed = library.nvmlDeviceGetMemoryInfo(handle, ctypes.byref(memory))
    failed |= library.nvmlDeviceGetUtilizationRates(handle, ctypes.byref(use))
    return None if failed else (float(memory.used), use.gpu / 100)


def free() -> int:
    """Ask how much memory is free on this worker's GPU.

    Returns:
        Bytes.

    Raises:
        OSError: If there is no GPU, or it does not tell.
    """
    found, memory = _opened(os.environ.get("CUDA_VISIBLE_DEVICES", "")), _Memory()
    if found is None or found[0].nvmlDeviceGetMemoryInfo(found[1], ctypes.byref(memory)):
        raise OSError("the GPU's driver does not tell how much memory is free")
    return int(memory.free)


@functools.cache
def _opened(gpu: str) -> tuple[Any, ctypes.c_void_p] | None:
    handle = ctypes.c_void_p()
    try:
        library = ctypes.CDLL(LIBRARY)
        if library.nvmlInit_v2():
            return None
        if gpu.isdigit():
            failed = library.nvmlDeviceGetHandleByIndex_v2(ctypes.c_uint(int(gpu)), ctypes.byref(handle))
        else:
            failed = library.nvmlDeviceGetHandleByUUID(gpu.encode(), ctypes.byref(handle))
    except (OSError, AttributeError):
        return None
    return None if failed else (library, handle)
