"""Tensors of PyTorch's and TensorFlow's: arrays for whoever reads rows and answers, tensors for a model that was called so."""

from __future__ import annotations

import importlib
import sys
from typing import Any

from .contract import Library

LIBRARIES: dict[str, Library] = {"torch": "torch", "tensorflow": "tensorflow"}
"""By the first part of a class's module."""


def library_of(value: Any) -> Library | None:
    """Say whose tensor a value is.

    Args:
        value: Anything.

    Returns:
        The library; None where the value is no tensor.
    """
    if not (hasattr(value, "numpy") and hasattr(value, "dtype")):
        return None
    return LIBRARIES.get(type(value).__module__.partition(".")[0])


def plain(value: Any) -> Any:
    """Give a tensor as an array.

    Args:
        value: A tensor on whichever device, or anything else.

    Returns:
        numpy's array of it, of 32 bits where numpy has no such short floats; anything else as it is.
    """
    library = library_of(value)
    if library is None:
        return value
    if library == "tensorflow":
        made = value.numpy()
        return made.astype("float32") if getattr(made, "dtype", None) is not None and made.dtype.kind == "V" else made
    value = value.detach().cpu()
    if str(value.dtype).startswith(("torch.bfloat16", "torch.float8")):
        value = value.float()
    return value.resolve_conj().resolve_neg().numpy()


def made(array: Any, library: str) -> Any:
    """Make a tensor.

    Args:
        array: One of numpy's.
        library: Whose tensor it shall be.

    Returns:
        The tensor; the array itself where that library has no tensors or is not installed.
    """
    if library not in LIBRARIES or library_of(array) is not None:
        return array
    try:
        owner: Any = sys.modules.get(library) or importlib.import_module(library)
    except ImportError:
        return array
    if library == "tensorflow":
        return owner.convert_to_tensor(array)
    return owner.from_numpy(array if array.flags.writeable and array.flags.c_contiguous else array.copy())
