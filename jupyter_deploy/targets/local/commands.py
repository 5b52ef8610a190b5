"""What a release parent is told as it starts: a pure function of what is to be started, in the worker's own words."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from jupyter_deploy.targets.base import Launch
from jupyter_deploy.values import Options

SILENCE = 5.0  # seconds without a sign of life after which a worker is replaced


def start(launch: Launch, folder: Path, hidden: Iterable[Path], gpus: tuple[str, ...], apart: str) -> dict[str, Any]:
    """Say what an environment parent must fork.

    Args:
        launch: What to start.
        folder: The folder of its sockets.
        hidden: Folders with other endpoints' and the agent's files.
        gpus: The GPUs of its workers.
        apart: Why each worker must load a model of its own; empty where that is not known.

    Returns:
        The command.
    """
    options = launch.options
    return {
        "do": "release", "release": f"{launch.endpoint}@{launch.number}", "state": launch.state, "folder": launch.folder,
        "runtime": str(folder), "workers": launch.workers, "keys": launch.keys, "log": launch.log,
        "network": options.network or launch.state == "preview",  # a preview may do what its kernel may do
        "limits": limits(options), "silence": SILENCE, "environment": launch.environment,
        "isolated": options.isolation or launch.packages != "", "packages": launch.packages, "hidden": [*map(str, hidden)],
        "batched": launch.batched, "gpus": gpus, "apart": apart,
    }  # fmt: skip


def limits(options: Options) -> dict[str, Any]:
    """Say what a worker takes and for how long.

    Args:
        options: The deploy's options.

    Returns:
        The fields of the worker's `Limits`.
    """
    return {
        "body": options.body_limit, "rows": options.row_limit, "body_seconds": options.body_deadline, "deadline": options.deadline,
        "queue": options.queue, "batch": options.batch, "memory": options.memory, "threads": options.threads,
        "strict": options.strict,
    }  # fmt: skip
