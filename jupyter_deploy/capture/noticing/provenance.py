"""Where a capture came from: who, when, on which machine, in which kernel, from which notebook, at which git revision."""

from __future__ import annotations

import os
import platform
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jupyter_deploy import people, process
from jupyter_deploy.values import Provenance

PATIENCE = 0.5  # seconds for git, from the capture's begin
MOST_DIRTY = 50
_QUIET = {"GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0"}


class Revision(threading.Thread):
    """Asks git about a folder while the capture goes on.

    Args:
        folder: The notebook's folder.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(name="git", daemon=True)
        self._folder = folder
        self._end = time.monotonic() + PATIENCE
        self._found: tuple[str, tuple[str, ...]] = "", ()

    def run(self) -> None:
        """Ask; without git, outside of a repository, or in one that git distrusts, nothing is found."""
        revision = self._git("rev-parse", "--verify", "HEAD").strip()
        self._found = revision, ()
        self._found = revision, changed(self._git("status", "--porcelain=v1", "-z", "--", "."))

    def _git(self, *arguments: str) -> str:
        left = max(0.01, self._end - time.monotonic())
        asked = process.run(["git", "-C", str(self._folder), *arguments], env={**os.environ, **_QUIET}, timeout=left)
        return asked.output if asked.code == 0 else ""

    def found(self) -> tuple[str, tuple[str, ...]]:
        """Wait for the rest of git's time.

        Returns:
            The commit and the files that differ from it; empty where git did not say.
        """
        self.join(max(0.0, self._end - time.monotonic()))
        return self._found


def ask(folder: Path) -> Revision:
    """Begin to ask git about a folder.

    Args:
        folder: The notebook's folder.

    Returns:
        What is asked, on its way.
    """
    revision = Revision(folder)
    revision.start()
    return revision


def changed(status: str) -> tuple[str, ...]:
    """Read what `git status --porcelain=v1 -z` says.

    Args:
        status: Its output.

    Returns:
        The files that differ from the commit, at most `MOST_DIRTY`.
    """
    found = []
    entries = iter(status.split("\0"))
    for entry in entries:
        found.append(entry[3:])
        if entry[:1] in ("R", "C"):
            next(entries, "")  # where it was before
    return tuple(one for one in found if one)[:MOST_DIRTY]


def describe(notebook: str, revision: Revision, cells: tuple[int, ...]) -> Provenance:
    """Put together where a capture comes from.

    Args:
        notebook: The notebook's name.
        revision: What git says.
        cells: The execution counts of the cells that the capture came from.

    Returns:
        The provenance.
    """
    commit, dirty = revision.found()
    kernel = f"{platform.python_implementation()} {platform.python_version()}, {sys.executable}"
    return Provenance(
        user=people.named(os.environ.get("JUPYTERHUB_USER", "")),
        host=platform.node(),
        at=time.time(),
        notebook=notebook,
        kernel=kernel,
        revision=commit,
        dirty=dirty,
        cells=cells,
    )


def notebook_file(namespace: Mapping[str, Any], beside: Path) -> Path | None:
    """Find the notebook's file.

    Args:
        namespace: The notebook's variables, where some front ends leave its path.
        beside: The notebook's folder.

    Returns:
        The file; None where nobody told the kernel, or it has been moved since.
    """
    told = namespace.get("__vsc_ipynb_file__") or namespace.get("__session__") or os.environ.get("JPY_SESSION_NAME")
    if not isinstance(told, str) or not told:
        return None
    file = beside / Path(told)
    near = file if file.is_file() else beside / file.name
    return near if near.is_file() else None
