"""What was installed is compared with what is there, without reading more than needed."""

from __future__ import annotations

import base64
import hashlib
import os
from pathlib import Path

import pytest

from jupyter_deploy.lock.records import altered, installer, rows


@pytest.fixture
def info(tmp_path: Path) -> Path:
    """Install a package of two modules, as pip does."""
    files = {"thing/__init__.py": b"A = 1\n", "thing/b, c.py": b"B = 2\n", "thing/data.txt": b"3\n"}
    folder = tmp_path / "thing-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Name: thing\nVersion: 1.0\n")
    lines = []
    for path, data in files.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(data)
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        lines.append(f'"{path}",sha256={digest},{len(data)}\n')
    (folder / "RECORD").write_text("".join([*lines, "thing-1.0.dist-info/RECORD,,\n"]))
    return folder


def later(file: Path) -> None:
    """Let a file have been written after everything else."""
    os.utime(file, (file.stat().st_mtime + 3600, file.stat().st_mtime + 3600))


def test_names_are_read_as_written(info: Path) -> None:
    """A name with a comma in it is one name, and a line without a hash is a file too."""
    assert ["thing/__init__.py", "thing/b, c.py", "thing/data.txt", "thing-1.0.dist-info/RECORD"] == [
        one.path for one in rows(info)
    ]
    assert ("", "") == rows(info)[-1][1:]


def test_nothing_is_altered_after_an_installation(info: Path, tmp_path: Path) -> None:
    """What was only touched, what is gone, and what is no Python is not altered."""
    later(tmp_path / "thing/__init__.py")
    (tmp_path / "thing/b, c.py").unlink()
    (tmp_path / "thing/data.txt").write_text("patched")

    assert [] == altered(info)


@pytest.mark.parametrize("text", ["A = 1 + 1\n", "A = 2\n"])
def test_edits_are_found(info: Path, tmp_path: Path, text: str) -> None:
    """A file of another size, and one of the same size that is newer than its metadata, are found."""
    file = tmp_path / "thing/__init__.py"
    file.write_text(text)
    later(file)

    assert ["thing/__init__.py"] == altered(info)


def test_conda_changes_its_own_files(info: Path, tmp_path: Path) -> None:
    """Conda writes paths into files after it has listed them, so nothing is said of those."""
    (info / "INSTALLER").write_text("conda\n")
    (tmp_path / "thing/__init__.py").write_text("A = 'a longer text'\n")

    assert ("conda", []) == (installer(info), altered(info))


def test_no_list_is_no_error(tmp_path: Path) -> None:
    """What has neither metadata nor a list, such as a system's package, is passed by."""
    assert ([], [], "") == (rows(tmp_path), altered(tmp_path), installer(tmp_path))
