"""How many threads the model's own libraries may use, so that the workers of one machine do not fight for its cores.

Whoever forks must have one thread, so everything is loaded with one, and each worker raises the number after its fork.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import threading
import time
from functools import cache
from pathlib import Path
from typing import Any

LIBRARIES = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "NUMBA_NUM_THREADS", "RAYON_NUM_THREADS",
    "POLARS_MAX_THREADS", "TF_NUM_INTRAOP_THREADS", "LOKY_MAX_CPU_COUNT",
)  # fmt: skip
"""What libraries read as they are imported or first used; the last one is what joblib takes `n_jobs=-1` for."""
NO_LOSS = ("jemalloc_bg_thd", "polars-ooc-")
"""Threads that libraries start as they are imported and a forked child does without: tidiers of memory and of files."""
PATIENCE = 0.2  # seconds for a thread that has ended to be gone from the system's list


def each(wanted: int, workers: int) -> int:
    """Say how many threads the libraries of one worker may use.

    Args:
        wanted: What the author asks for; 0 stands for an equal share of the cores.
        workers: How many workers there are.

    Returns:
        The number, at least 1.
    """
    return wanted or max(1, cores() // workers)


def cores() -> int:
    """Count the cores that this process may use.

    Returns:
        Their number, at least 1; a container's share of processor time counts as so many whole ones.
    """
    found = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with contextlib.suppress(OSError, ValueError):
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        found = min(found, int(quota) // int(period)) if quota != "max" else found
    return max(1, found)


def use(count: int) -> None:
    """Let the libraries of this process, just forked, use so many threads.

    Args:
        count: How many.
    """
    os.environ.update(dict.fromkeys(LIBRARIES, str(count)))  # for what is imported later
    here()
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(count)


def here() -> None:
    """Let the calling thread use as many as `use` has said: OpenMP keeps a number for each thread."""
    count = int(os.environ.get(LIBRARIES[0], "1"))
    if count > 1:  # what was loaded has one
        try:
            _pools().limit(limits=count)
        except ImportError:
            return


@cache
def _pools() -> Any:
    """What was loaded that has threads; looked for once, before the fork, since that takes long."""
    return importlib.import_module("threadpoolctl").ThreadpoolController()


def look() -> None:
    """Look for what was loaded that has threads, so that each worker need not."""
    with contextlib.suppress(ImportError):
        _pools()


def others() -> list[str]:
    """List the threads of this process beside the calling one, whoever started them, which a forked child has not and would miss.

    Returns:
        Their names, as the system has them.
    """
    end = time.monotonic() + PATIENCE
    while (found := _listed()) and time.monotonic() < end:
        time.sleep(0.005)
    return found


def _listed() -> list[str]:
    try:
        tasks = [one for one in Path("/proc/self/task").iterdir() if int(one.name) != threading.get_native_id()]
        names = [(one / "comm").read_text().strip() for one in tasks]
        return sorted(one for one in names if not one.startswith(NO_LOSS))
    except OSError:  # no such folder, or one has ended meanwhile
        return [one.name for one in threading.enumerate() if one is not threading.current_thread()]
