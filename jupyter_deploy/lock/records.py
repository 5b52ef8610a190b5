"""What an installer wrote down of a distribution's files, and whether they are still what it installed."""

from __future__ import annotations

import base64
import csv
import hashlib
import os
from pathlib import Path
from typing import NamedTuple

SLACK = 2.0  # seconds by which an installer's last file may be newer than its first


class Row(NamedTuple):
    """One installed file.

    Attributes:
        path: Its path relative to the folder of packages, with slashes.
        digest: Its hash as it was installed, `algorithm=value`; empty where the installer wrote none.
        size: Its size in bytes as it was installed; empty where the installer wrote none.
    """

    path: str
    digest: str
    size: str


def rows(folder: Path) -> list[Row]:
    """Read the list of a distribution's files.

    Args:
        folder: Its metadata, `….dist-info`.

    Returns:
        Its files; none where there is no list.
    """
    try:
        text = (folder / "RECORD").read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [Row(*[*line, "", ""][:3]) for line in csv.reader(text.splitlines()) if line]


def installer(folder: Path) -> str:
    """Say what installed a distribution.

    Args:
        folder: Its metadata.

    Returns:
        Such as `pip`, `uv` or `conda`; empty where nothing says so.
    """
    file = folder / "INSTALLER"
    return file.read_text(encoding="utf-8", errors="replace").strip() if file.is_file() else ""


def altered(folder: Path) -> list[str]:
    """Find Python files that are no longer what was installed.

    Only what has another size, or is newer than the metadata beside it, is read. What conda installed is left out, because conda
    itself changes files after the list is written.

    Args:
        folder: The distribution's metadata.

    Returns:
        Paths relative to the folder of packages.
    """
    try:
        since = (folder / "METADATA").stat().st_mtime + SLACK
    except OSError:
        return []
    if installer(folder) == "conda":
        return []
    site = str(folder.parent)
    return [
        row.path for row in rows(folder) if row.path.endswith(".py") and row.digest and _differs(f"{site}/{row.path}", row, since)
    ]


def _differs(file: str, row: Row, since: float) -> bool:
    try:
        facts = os.stat(file)  # noqa: PTH116 (thousands of files: a Path for each would double the time)
    except OSError:
        return False  # what is gone cannot be imported
    if row.size and facts.st_size != int(row.size):
        return True
    return facts.st_mtime > since and _hash(Path(file), row.digest.partition("=")[0]) not in ("", row.digest)


def _hash(file: Path, algorithm: str) -> str:
    """Hash a file as the list has it; empty where the algorithm is unknown."""
    if algorithm not in hashlib.algorithms_guaranteed:
        return ""
    value = hashlib.new(algorithm, file.read_bytes()).digest()
    return f"{algorithm}={base64.urlsafe_b64encode(value).rstrip(b'=').decode()}"
