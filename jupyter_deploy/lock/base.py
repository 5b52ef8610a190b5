"""What turns requirements into a lock; pip-tools and uv give the same file."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol


class Locker(Protocol):
    """A resolver that writes `pip-compile`'s format."""

    name: str

    def compile(self, requirements: list[str], constraints: list[str], python: Path, folder: Path) -> str:
        """Resolve requirements to exact versions with hashes.

        Args:
            requirements: What is asked for, one requirement a line.
            constraints: Versions to keep to, should the distribution be needed.
            python: The interpreter to resolve for.
            folder: An empty folder to work in.

        Returns:
            The lock, with hashes, without an index's address.

        Raises:
            Unsolvable: If there is no solution.
            LockFailed: If there is no network, or a hash is missing; the message says which requirement is meant.
        """
        ...
