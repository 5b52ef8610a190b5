"""The files of a local package: its source, and the data files beside it that its code may open."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

from jupyter_deploy.values import Finding

LARGEST = 50 * 1024 * 1024
"""A data file of more bytes is left out."""
ALL = 200 * 1024 * 1024
"""The data files of a package have at most so many bytes together; the small ones come first."""
MOST = 2_000
"""A package has at most so many data files that go along."""
SHOWN = 5  # of what is left out
CODE = (".py", *EXTENSION_SUFFIXES)
_FOLDERS = ("__pycache__", "node_modules")
_FILES = (".ipynb", ".pyc", ".pyo", ".swp", "~")


def files(root: Path) -> tuple[list[Path], list[Path]]:
    """List what goes along with a package.

    Args:
        root: The package's folder.

    Returns:
        The files that go along; no notebooks, caches, hidden files, virtual environments or links that lead out of the package,
        and of a folder that is no package but holds modules its code alone. Then those that are too large.
    """
    code: list[Path] = []
    data: list[Path] = []
    for file in _inside(root):
        (code if file.name.endswith(CODE) else data).append(file)
    if not (root / "__init__.py").exists():
        return code, []
    taken, left_out, whole = list(code), list[Path](), 0
    for size, file in sorted((file.stat().st_size, file) for file in data):
        whole += size
        (taken if size <= LARGEST and whole <= ALL and len(taken) < len(code) + MOST else left_out).append(file)
    return taken, left_out


def findings(top: str, root: Path, left_out: list[Path]) -> Iterator[Finding]:
    """Say what was too large to go along.

    Args:
        top: The package's name.
        root: Its folder.
        left_out: What `files` left out.

    Yields:
        One finding a file, for the largest ones.
    """
    for file in sorted(left_out, key=lambda one: -one.stat().st_size)[:SHOWN]:
        path = f"{top}/{file.relative_to(root).as_posix()}"
        size = f"{file.stat().st_size / 1e6:,.0f} MB"
        limits = f"at most {LARGEST >> 20} MB a file, {ALL >> 20} MB and {MOST:,} files a package do"
        message = f"`{path}` ({size}) does not go along with the package that it lies in: of data files, {limits}."
        yield Finding(kind="file", subject=path, message=message, hint=f"Add `--include {path}` if the model needs it to answer.")


def _inside(root: Path) -> Iterator[Path]:
    inside = root.resolve()
    for place, folders, names in os.walk(root):
        here = Path(place)
        folders[:] = sorted(
            one for one in folders if not one.startswith((".", *_FOLDERS)) and not (here / one / "pyvenv.cfg").exists()
        )
        for name in sorted(names):
            file = here / name
            if not name.startswith(".") and not name.endswith(_FILES) and file.is_file() and file.resolve().is_relative_to(inside):
                yield file
