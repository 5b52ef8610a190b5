"""Which GPUs this machine has, and which of them a release gets: one for each of its workers.

The releases of one endpoint share GPUs, because the newer one must be loaded before the older one may end; no two endpoints do.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Sequence

from jupyter_deploy import errors, process

PATIENCE = 20.0  # seconds; the driver may have to wake up
_GPU = re.compile(r"GPU \d+: .*\(UUID: (GPU-[\w-]+)\)")
_PART = re.compile(r"\s+MIG .*\(UUID: (MIG-[^)]+)\)")


def present() -> list[str]:
    """List the GPUs of this machine that this process may use.

    Returns:
        Their ids, in the driver's order; a GPU that is cut into parts stands there as its parts.
    """
    try:
        finished = process.run(["nvidia-smi", "-L"], timeout=PATIENCE)
    except OSError:
        return []
    return visible(listed(finished.output), os.environ.get("CUDA_VISIBLE_DEVICES")) if finished.code == 0 else []


def listed(text: str) -> list[str]:
    """Read what `nvidia-smi -L` prints.

    Args:
        text: Its output.

    Returns:
        The ids of GPUs, and of their parts in place of one that has some.
    """
    found: list[list[str]] = []
    for line in text.splitlines():
        if whole := _GPU.match(line):
            found.append([whole[1]])
        elif part := _PART.match(line):
            found[-1].append(part[1])
    return [one for whole, *parts in found for one in parts or [whole]]


def visible(ids: Sequence[str], allowed: str | None) -> list[str]:
    """Keep to what this process was allowed, as CUDA does.

    Args:
        ids: Every id.
        allowed: The value of `CUDA_VISIBLE_DEVICES`, places or beginnings of ids; None where it is not set.

    Returns:
        The ids that it names, up to the first that there is not.
    """
    if allowed is None:
        return [*ids]
    found = []
    for name in filter(None, (one.strip() for one in allowed.split(","))):
        at = [int(name)] if name.isdigit() else [place for place, one in enumerate(ids) if one.startswith(name)]
        if len(at) != 1 or at[0] >= len(ids):
            break
        found.append(ids[at[0]])
    return found


def place(launch: str, wanted: int, ids: Sequence[str], taken: Collection[str], own: Collection[str]) -> tuple[str, ...]:
    """Choose the GPUs of a release.

    Args:
        launch: The launch's id, for the message.
        wanted: How many it asks for.
        ids: Those of the machine.
        taken: Those of other endpoints.
        own: Those of other releases of its endpoint; they are shared where no other ones are free.

    Returns:
        As many ids as are wanted.

    Raises:
        ReleaseFailed: If there are too few.
    """
    free = [one for one in ids if one not in taken]
    if len(free) < wanted:
        there = f"this machine has {len(ids)}" if ids else "this machine has none that `nvidia-smi` lists"
        used = f", of which other endpoints use {len(ids) - len(free)}" if len(ids) > len(free) else ""
        raise errors.ReleaseFailed(
            f"The release {launch} could not be started: it asks for {wanted} GPU{'s' * (wanted > 1)}, and {there}{used}.",
            "Deploy it with a smaller `gpu`, or remove an endpoint that uses one.",
        )
    return tuple(sorted(free, key=lambda one: one in own)[:wanted])
