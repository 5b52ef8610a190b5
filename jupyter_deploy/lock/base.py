"""What turns requirements into a lock; pip-tools and uv give the same file."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple, Protocol

from jupyter_deploy import errors


class Elsewhere(NamedTuple):
    """Another machine to lock for.

    Attributes:
        platform: Its system and processor, such as `linux/arm64`.
        python: Its Python, such as `3.11`.
    """

    platform: str
    python: str


class Resolved(NamedTuple):
    """What a locker found.

    Attributes:
        text: The lock, with hashes, without an index's address.
        yanked: The reason of each distribution whose version its author has withdrawn from the index.
        built: The distributions that have no wheel for another machine, so that they would be built there from their sources.
    """

    text: str
    yanked: dict[str, str] = {}
    built: tuple[str, ...] = ()


class NotOnIndex(errors.Unsolvable):
    """The index lacks a version that was asked for; whoever asked may know where else to get it.

    Args:
        message: What is wrong.
        hint: What to do next.
        missing: The canonical names of what it lacks.
    """

    def __init__(self, message: str, hint: str, missing: tuple[str, ...]) -> None:
        super().__init__(message, hint)
        self.missing = missing


class Locker(Protocol):
    """A resolver that writes `pip-compile`'s format."""

    name: str

    def compile(
        self, requirements: list[str], constraints: list[str], python: Path, folder: Path, elsewhere: Elsewhere | None = None
    ) -> Resolved:
        """Resolve requirements to exact versions with hashes.

        Args:
            requirements: What is asked for, one requirement a line; a wheel of this machine stands as `name @ file://…`.
            constraints: Versions to keep to, should the distribution be needed.
            python: The interpreter to resolve for.
            folder: An empty folder to work in.
            elsewhere: Another machine to resolve for.

        Returns:
            What was found.

        Raises:
            NotOnIndex: If the index lacks a version that is asked for, or a file of it that fits.
            Unsolvable: If there is no solution.
            LockFailed: If there is no network, or a hash is missing; the message says which requirement is meant. Or if it can
                lock for no other machine.
        """
        ...
