"""Registries are ordered, load lazily, and refuse two of one name."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_deploy import errors, plugins


def third_party(folder: Path, name: str) -> None:
    """Install a distribution that declares a framework."""
    info = folder / "third_party-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: third-party\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[jupyter_deploy.frameworks]\n{name} = pathlib:Path\n")


@pytest.fixture(autouse=True)
def fresh() -> None:
    """Forget what other tests have looked up."""
    plugins.names.cache_clear()
    plugins.load.cache_clear()


def test_the_last_resort_is_asked_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A third party's framework comes before the one that takes anything callable."""
    third_party(tmp_path, "mine")
    monkeypatch.syspath_prepend(str(tmp_path))

    *_, mine, last = plugins.names("frameworks")
    assert ("mine", "callable") == (mine, last)
    assert Path is plugins.load("frameworks", "mine")


def test_two_of_one_name_are_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is replaced silently; both are named."""
    third_party(tmp_path, "sklearn")
    monkeypatch.syspath_prepend(str(tmp_path))

    with pytest.raises(errors.Conflict, match="Two frameworks are called `sklearn`"):
        plugins.names("frameworks")


def test_an_unknown_name_brings_the_nearest() -> None:
    """A misspelt locker is answered with the right one."""
    with pytest.raises(errors.UnknownName, match="Did you mean `pip-tools`"):
        plugins.load("lockers", "piptools")
