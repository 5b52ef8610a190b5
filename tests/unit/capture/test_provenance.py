"""Where a capture came from is told truly, and what cannot be known is empty."""

from __future__ import annotations

import getpass
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from jupyter_deploy.capture.noticing import provenance


def git(folder: Path, *arguments: str) -> str:
    """Run git in a folder."""
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
    done = subprocess.run(["git", "-C", str(folder), *who, *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def asked(folder: Path) -> tuple[str, tuple[str, ...]]:
    """Ask git about a folder as a capture does."""
    return provenance.ask(folder).found()


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give git all the time that a busy machine may need."""
    monkeypatch.setattr(provenance, "PATIENCE", 30.0)


def test_who_when_and_where(session: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A capture knows its user, host, time, kernel and the counts of the cells that it came from."""
    monkeypatch.setenv("JUPYTERHUB_USER", "ada@example.com")
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    before = time.time()
    session.run("scratch = 1", "def f(x: float) -> float:\n    return x", "f(1.0)")

    told = session.capture("f").provenance

    assert f"ada@example.com ({getpass.getuser()})" == told.user
    assert platform.node() == told.host
    assert before <= told.at <= time.time()
    assert f"{platform.python_implementation()} {platform.python_version()}, {sys.executable}" == told.kernel
    assert ((2,), "", "", ()) == (told.cells, told.notebook, told.revision, told.dirty)


@pytest.mark.usefixtures("patient")
def test_revision_and_changed_files(tmp_path: Path) -> None:
    """The commit and what differs from it below the notebook's folder are told, with the names as they are."""
    books = tmp_path / "books"
    books.mkdir()
    git(tmp_path, "init", "-q")
    assert ("", ()) == asked(books)
    for name in ("kept.py", "old.py", "edited.py", "with space.py"):
        (books / name).write_text(f"{name}\n" * 9)
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "first")
    assert (git(tmp_path, "rev-parse", "HEAD"), ()) == asked(books)

    (books / "edited.py").write_text("otherwise")
    (books / "with space.py").write_text("otherwise")
    (books / "Übung.ipynb").write_text("{}")
    (tmp_path / "above.py").write_text("")
    git(tmp_path, "mv", "books/old.py", "books/new.py")

    revision, dirty = asked(books)

    assert git(tmp_path, "rev-parse", "HEAD") == revision
    assert {"books/edited.py", "books/with space.py", "books/Übung.ipynb", "books/new.py"} == set(dirty)


@pytest.mark.usefixtures("patient")
def test_without_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Outside of a repository, without git, or where git distrusts the folder nothing is told, and nothing fails."""
    assert ("", ()) == asked(tmp_path)
    (tmp_path / ".git").write_text("gitdir: /nowhere")
    assert ("", ()) == asked(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert ("", ()) == asked(tmp_path)


def test_git_that_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A git that does not answer in time is given up."""
    slow = tmp_path / "git"
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(provenance, "PATIENCE", 0.2)

    assert ("", ()) == asked(tmp_path)


def test_many_changed_files() -> None:
    """At most 50 files are named."""
    assert 50 == len(provenance.changed("".join(f" M file{number}\0" for number in range(80))))


@pytest.mark.parametrize(
    ("variables", "environment", "expected"),
    [
        ({}, "", None),
        ({}, "{folder}/nb.ipynb", "nb.ipynb"),
        ({}, "books/nb.ipynb", "nb.ipynb"),
        ({}, "{folder}/gone.ipynb", None),
        ({"__vsc_ipynb_file__": "{folder}/nb.ipynb"}, "", "nb.ipynb"),
        ({"__session__": "{folder}/nb.ipynb"}, "{folder}/gone.ipynb", "nb.ipynb"),
        ({"__vsc_ipynb_file__": 3}, "", None),
    ],
)
def test_notebook_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, Any], environment: str, expected: str | None
) -> None:
    """The file is found where VS Code or Jupyter named it and it is still there."""
    (tmp_path / "nb.ipynb").write_text("{}")
    monkeypatch.setenv("JPY_SESSION_NAME", environment.replace("{folder}", str(tmp_path)))
    names = {
        name: value.replace("{folder}", str(tmp_path)) if isinstance(value, str) else value for name, value in variables.items()
    }

    found = provenance.notebook_file(names, tmp_path)

    assert expected == (found.name if found else None)
