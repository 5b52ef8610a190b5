"""What a kernel's language must be able to do to be deployed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from jupyter_deploy.values import Capture, Finding, Lock


class Language(Protocol):
    """One language with its packages, environments and worker."""

    name: str
    kernels: tuple[str, ...]
    """The `language` values of the kernelspecs that it takes."""

    def lock(self, capture: Capture, locker: str, folder: Path) -> Lock:
        """Lock what the captured code imports, at the kernel's versions.

        Args:
            capture: The capture.
            locker: Which locker to use.
            folder: Where finished locks are kept, so that an unchanged one is not made again.

        Returns:
            The lock.

        Raises:
            LockFailed: If it cannot be made.
        """
        ...

    def extend(self, capture: Capture, lock: Lock, packages: Sequence[str], folder: Path) -> Lock:
        """Lock more packages on top of a lock, all of whose own stay as they are.

        Args:
            capture: The capture, for its interpreter.
            lock: The lock.
            packages: The names of the packages.
            folder: Where finished locks are kept, so that the same one is not made again.

        Returns:
            The lock; the same one where there is nothing to add.

        Raises:
            LockFailed: If they do not go together, or no index can be reached.
        """
        ...

    def lock_elsewhere(self, lock: Lock, platform: str) -> Lock:
        """Lock the same for another machine.

        Args:
            lock: The lock of this machine.
            platform: The other's system and processor, such as `linux/arm64`.

        Returns:
            The lock.

        Raises:
            BadInput: If there is no such platform.
            LockFailed: If something does not run there; the message names all of it.
        """
        ...

    def interpreter(self, version: str) -> str:
        """Find an interpreter on this machine, for bundles that were made elsewhere.

        Args:
            version: Its version, such as `3.11`.

        Returns:
            Its path.

        Raises:
            LockFailed: If there is none.
        """
        ...

    def environment(self, capture: Capture, lock: Lock, folder: Path) -> Path:
        """Make a clean environment out of a lock, or find the one that is there.

        Args:
            capture: The capture, for the interpreter's version.
            lock: The lock.
            folder: Where environments are kept, each in a folder named by its lock's digest.

        Returns:
            The environment's interpreter.

        Raises:
            EnvironmentFailed: If it cannot be made.
        """
        ...

    def look(self, capture: Capture, lock: Lock, folder: Path) -> tuple[Finding, ...]:
        """Say what a person should know of a finished environment.

        Args:
            capture: The capture.
            lock: The lock.
            folder: Where environments are kept.

        Returns:
            The findings.
        """
        ...
