"""Where a deploy is hit: all of it with FAULTS=all, else a sample of FAULTS points for each table, drawn with FAULTS_SEED."""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from typing import NamedTuple, TypeVar

from jupyter_deploy.values import STAGES

T = TypeVar("T")

AMOUNT = os.environ.get("FAULTS") or "12"
SEED = int(os.environ.get("FAULTS_SEED") or random.SystemRandom().randrange(10**6))


class Call(NamedTuple):
    """One system call of the thread that deploys: its name, and which one of that name, from 1."""

    name: str
    number: int


class Point(NamedTuple):
    """The beginning (`call`) or end (`return`) of one of the product's functions."""

    module: str
    function: str
    event: str


class Victim(NamedTuple):
    """One process, killed when a stage has begun."""

    process: str
    stage: str


# How many of each a deploy makes, and of how many of them one is tried.
CALLS = {
    "openat": (800, 20), "pwrite64": (160, 6), "connect": (100, 5), "sendto": (95, 5), "mkdir": (72, 5), "fsync": (69, 4),
    "write": (16, 2), "chmod": (14, 2), "rename": (8, 1), "clone3": (6, 1), "link": (5, 1), "flock": (3, 1), "vfork": (1, 1),
}  # fmt: skip
SYSTEM_CALLS = [Call(name, number) for name, (most, every) in CALLS.items() for number in range(1, most + 1, every)]

FUNCTIONS = {
    "deployer": ("deploy", "_take", "_known", "_begin"),
    "walk": ("run", "_preview", "_lock", "_environment", "_bundle", "_verify", "_serve", "_settle"),
    "bundle": ("build", "settle"),
    "release": ("verify",),
    "traffic": ("start", "preview", "serve", "apply", "_take_over", "tidy"),
    "targets.local.target": ("switch", "stop"),
    "targets.local.workers": ("start", "_fork", "stop"),
    "targets.local.parents": ("_spawn",),
    "targets.local.envoy": ("apply", "_write"),
}
FAILPOINTS = [Point(module, name, event) for module, names in FUNCTIONS.items() for name in names for event in ("call", "return")]

EVERYWHERE = ("worker", "release parent", "environment parent", "router")
VICTIMS = [
    *(Victim(process, stage) for process in EVERYWHERE for stage in STAGES[1:]),
    *(Victim(process, stage) for process in ("new worker", "new release parent") for stage in ("preview", "verified")),
    *(Victim("uv", stage) for stage in ("locked", "environment") for _ in range(3)),
]


def some(points: Sequence[T], share: float = 1.0) -> list[T]:
    """Draw a sample.

    Args:
        points: Every point of a table.
        share: How many of the points of a sample belong to this table, as a multiple.

    Returns:
        The points to try, in their order.
    """
    if AMOUNT == "all":
        return list(points)
    chosen = random.Random(SEED).sample(range(len(points)), min(len(points), round(int(AMOUNT) * share)))
    return [points[number] for number in sorted(chosen)]
