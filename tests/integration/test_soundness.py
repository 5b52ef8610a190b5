"""`jupyter deploy agent verify` finds whatever is not as it should be, and changes nothing; no agent need run."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

import jupyter_deploy as jd
from jupyter_deploy.adapters import cli
from jupyter_deploy.agent.lifecycle import connect, wait_for_end
from jupyter_deploy.home import Home
from jupyter_deploy.soundness import examine
from tests.conftest import own_home


def model() -> Callable[[list[float]], list[float]]:
    """Make a model that stands in no module."""

    def double(rows: list[float]) -> list[float]:
        return [2 * row for row in rows]

    return double


@pytest.fixture(scope="module")
def kept() -> Iterator[Home]:
    """Give a home in which one release serves, with an agent that was stopped."""
    with own_home() as home:
        jd.deploy(model(), name="churn", example=[1.0, 2.0], wait=True)
        connect(home).stop()
        wait_for_end(home)
        yield home


@pytest.fixture
def home(kept: Home, tmp_path: Path) -> Iterator[Home]:
    """Give the same home again after each test."""
    copy = tmp_path / "home"
    shutil.copytree(kept.root, copy, symlinks=True, ignore=shutil.ignore_patterns("*.sock", "environments"))
    yield kept
    for one in kept.root.iterdir():
        if one.name != "environments":
            shutil.rmtree(one) if one.is_dir() else one.unlink()
    shutil.copytree(copy, kept.root, symlinks=True, dirs_exist_ok=True)


def sql(home: Home, *statements: str) -> None:
    """Change the store as no part of the product would."""
    with contextlib.closing(sqlite3.connect(home.store)) as db, db:
        for statement in statements:
            db.execute(statement)


def the(folder: Path, pattern: str) -> Path:
    """Give the one file of a folder whose path fits."""
    (found,) = (one for one in folder.rglob(pattern) if not one.name.startswith("."))
    return found


def flip(file: Path) -> None:
    """Flip a bit in the middle of a file that nobody else holds."""
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.unlink()
    file.write_bytes(data)


def ruin(file: Path) -> None:
    """Write something else over the store, whose newest pages lie in the file beside it."""
    file.with_name(f"{file.name}-wal").unlink(missing_ok=True)
    file.write_bytes(b"not a database" * 100)


def test_what_was_deployed_is_sound(home: Home) -> None:
    """Nothing is found, and what was looked at is told."""
    report = examine(home)

    assert (True, 1, 1, 3) == (report.sound, report.endpoints, report.releases, report.contents), report.flaws


def test_a_home_without_a_deploy_is_sound(tmp_path: Path) -> None:
    """Nothing was ever deployed, so nothing can be wrong; nothing is made either."""
    assert examine(Home(tmp_path)).sound
    assert [] == list(tmp_path.iterdir())


ORPHAN = "INSERT INTO stages (endpoint, number, name, started) VALUES ('x', 1, 'y', 0)"
HARMS: dict[str, tuple[Callable[[Home], object], str, str]] = {
    "a bit of the bundle's model": (lambda home: flip(the(home.bundles, "model.pkl")), "bundle ", "model.pkl of the bundle"),
    "a bit of the capture's model": (lambda home: flip(the(home.captures, "model.pkl")), "captures", "its digest should be"),
    "no bundle": (lambda home: shutil.rmtree(home.bundles), "bundle", "is damaged"),
    "no capture": (lambda home: shutil.rmtree(home.captures), "captures", "It is gone."),
    "half a bundle": (lambda home: (home.bundles / ".new-x").mkdir(), ".new-x", "half written"),
    "others may read the key": (lambda home: the(home.keys, "*.key").chmod(0o644), "churn.key", "Others may"),
    "others may enter": (lambda home: home.captures.chmod(0o755), "captures", "Others may"),
    "another key": (lambda home: the(home.keys, "*.key").write_text("jd_other\n"), "churn", "does not open it"),
    "no such capture": (lambda home: sql(home, "DELETE FROM contents WHERE kind = 'Capture'"), "capture", "has no capture"),
    "no such release": (lambda home: sql(home, "UPDATE endpoints SET answering = 9"), "churn", "churn@9 answers"),
    "a stage is skipped": (lambda home: sql(home, "DELETE FROM stages WHERE name = 'locked'"), "churn@1", "skips a stage"),
    "the journal without its end": (lambda home: sql(home, "UPDATE releases SET state = 'failed'"), "churn@1", "tell its end"),
    "an unverified release serves": (lambda home: sql(home, "UPDATE releases SET verified = 0"), "churn@1", "was not verified"),
    "an orphaned row": (lambda home: sql(home, ORPHAN), "store.sqlite", "refers to a row"),
    "no database": (lambda home: ruin(home.store), "store.sqlite", "cannot be read"),
    "another schema": (lambda home: sql(home, "PRAGMA user_version = 99"), "store.sqlite", "a newer version wrote it"),
    "a strange route": (
        lambda home: (home.router / "cds.json").write_text((home.router / "cds.json").read_text().replace("churn@1", "gone@3")),
        "router",
        "`gone@3`",
    ),
    "no routes": (lambda home: (home.router / "rds.json").write_text("{"), "router", "cannot be read"),
}  # fmt: skip


@pytest.mark.parametrize("harm", HARMS)
def test_whatever_is_wrong_is_found(home: Home, harm: str) -> None:
    """What is wrong is told with its place and what to do."""
    do, place, what = HARMS[harm]
    do(home)
    report = examine(home)

    assert any(place in flaw.place and what in flaw.what and flaw.hint for flaw in report.flaws), report.flaws


def test_the_command_tells_it_and_fails(home: Home) -> None:
    """For people as a table, for programs as JSON; exit code 1."""
    flip(the(home.bundles, "model.pkl"))
    run = CliRunner()
    told, read = run.invoke(cli.app, ["agent", "verify"]), run.invoke(cli.app, ["agent", "verify", "--json"])

    assert (1, 1) == (told.exit_code, read.exit_code)
    assert "model.pkl" in told.output
    assert [False, 1] == [json.loads(read.output)["sound"], len(json.loads(read.output)["flaws"])]


def test_an_environment_whose_python_is_gone_is_found(kept: Home) -> None:
    """What has to be made again is told."""
    python = the(kept.environments, "bin/python")
    aside = python.rename(python.with_name("python.aside"))
    try:
        assert ["This environment is not whole, or its Python is gone."] == [one.what for one in examine(kept).flaws]
    finally:
        aside.rename(python)
