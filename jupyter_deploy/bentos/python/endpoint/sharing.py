"""Whether workers share one loaded model by fork, or each loads its own, because a fork of what was loaded would not work.

A forked child has none of its parent's threads and none of its parent's GPU contexts; libraries that started some while the model
was loaded wait in the child for threads that are not there.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable

from . import devices, threads

APART = frozenset({"jax", "jaxlib", "keras", "tensorflow"})  # libraries that start threads as soon as they compute
_GRAPHICS = ("/dev/nvidia", "/dev/kfd")


def before_load(modules: Iterable[str], gpus: bool) -> str:
    """Say why a model must be loaded in each worker, where that is known before it is loaded.

    Args:
        modules: The modules that the model needs.
        gpus: Whether each worker has a GPU.

    Returns:
        The reason; empty where there is none.
    """
    if gpus:
        return "each has a GPU of its own"
    found = sorted(APART.intersection(one.partition(".")[0] for one in modules))
    return f"{found[0]} cannot be forked once it has computed" if found else ""


def after_load() -> str:
    """Say why this process, which has loaded a model, must not be forked.

    Returns:
        The reason; empty where there is none.
    """
    torch = sys.modules.get("torch")
    cuda = getattr(torch, "cuda", None)
    if cuda is not None and cuda.is_initialized():
        return "PyTorch has opened a GPU"
    if any(one.startswith(_GRAPHICS) for one in devices.opened()):
        return "a GPU is open"
    found = threads.others()
    return f"loading it has started the threads {', '.join(dict.fromkeys(found))}" if found else ""
