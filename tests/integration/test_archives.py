"""A release's history and changes, and its bundle on another home: exported, checked, imported."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

import jupyter_deploy as jd
from jupyter_deploy import archive, bundle
from jupyter_deploy.bentos.python.endpoint import landlock
from jupyter_deploy.home import Home, digest_of, digest_of_file
from jupyter_deploy.lock import format as locks
from jupyter_deploy.values import Bundle
from tests.conftest import own_home

ROOT = Path(__file__).parents[2]
FRAME, TARGET = load_iris(return_X_y=True, as_frame=True)


def cli(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command without a terminal."""
    command = [sys.executable, "-c", "from jupyter_deploy.adapters.cli import main; main()", *arguments]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=env, timeout=280)


def answer(*arguments: str) -> Any:
    """Run a command that succeeds, and read its JSON."""
    done = cli(*arguments, "--json")
    assert (0, "") == (done.returncode, "" if done.returncode == 0 else done.stdout + done.stderr)
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def model(shared_home: Home) -> LogisticRegression:
    """Deploy a model, then another one with another setting."""
    for strength in (1.0, 0.01):
        model = LogisticRegression(C=strength, max_iter=500).fit(FRAME, TARGET)
        jd.deploy(model, name="iris", example=FRAME, wait=True, preview=False, workers=2 if strength == 1.0 else 1)
    return model


@pytest.fixture(scope="module")
def exported(model: LogisticRegression, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Export what answers."""
    file = tmp_path_factory.mktemp("archive") / "iris.tar"
    assert str(file) == answer("export", "iris", "--out", str(file))["file"]
    return file


@pytest.fixture
def elsewhere() -> Iterator[Home]:
    """Change to a home that knows nothing of the first one."""
    with own_home() as home:
        yield home


def test_history(model: LogisticRegression) -> None:
    """It tells in order what was done, to which release, and by whom."""
    events = answer("history", "iris")

    done = [(event["action"], event["subject"]) for event in events if "@" in event["subject"]]
    assert [(what, f"iris@{number}") for number in (1, 2) for what in ("deploy", "verified", "serving")] == done
    assert all(event["who"] for event in events)


def test_diff(model: LogisticRegression) -> None:
    """It tells the golden answers and the settings that changed, and nothing that did not."""
    found = answer("diff", "iris@1", "iris@2")

    assert ("iris@1", "iris@2", True) == (found["old"], found["new"], found["model"])
    assert [{"name": "workers", "before": "2", "after": "1"}] == found["settings"]
    assert [] == [*found["packages"], *found["contract"]]
    changed = {one["method"]: (one["rows"], one["changed"]) for one in found["golden"]}
    assert (100, 100) == changed["predict_proba"]
    assert "predict_proba: 100 of 100 common rows answered otherwise" in cli("diff", "iris").stdout


def test_diff_of_a_release_that_is_not_there(model: LogisticRegression) -> None:
    """An unknown release, two endpoints and what names no release are told apart."""
    unknown, mixed, odd = cli("diff", "iris@7"), cli("diff", "iris@1", "other@2"), cli("diff", "@1")

    assert "There is no release `iris@7`" in unknown.stderr
    assert "of two endpoints" in mixed.stderr
    assert "`@1` names no release" in odd.stderr


def test_exported_twice_alike(exported: Path, tmp_path: Path) -> None:
    """The same release gives the same bytes again."""
    answer("export", "iris", "--out", str(tmp_path / "again.tar"))

    assert exported.read_bytes() == (tmp_path / "again.tar").read_bytes()


def test_imported_elsewhere(exported: Path, model: LogisticRegression, elsewhere: Home) -> None:
    """Under another name and on another home it is verified, and then answers as the notebook's model does."""
    checked = answer("check", str(exported))
    imported = answer("import", str(exported), "--name", "other", "--yes")

    assert ("serving", "serving") == (checked["state"], imported["state"])
    assert checked["bundle"] == imported["bundle"]
    other = jd.Endpoint("other")
    np.testing.assert_allclose(model.predict_proba(FRAME), other.predict_proba(FRAME), rtol=1e-6)
    assert ["other"] == [endpoint["name"] for endpoint in answer("list")]


def test_a_changed_archive_is_refused(exported: Path, tmp_path: Path, elsewhere: Home) -> None:
    """One byte that was changed is enough, for a check and for an import; no endpoint is made."""
    data = bytearray(exported.read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / "changed.tar").write_bytes(data)
    checked, imported = cli("check", str(tmp_path / "changed.tar")), cli("import", str(tmp_path / "changed.tar"), "--yes")

    assert (1, 1) == (checked.returncode, imported.returncode)
    assert "This archive is refused" in checked.stderr
    assert "This archive is refused" in imported.stderr
    assert [] == list(elsewhere.staging.iterdir())


def hostile(file: Path, folder: Path, told: Path) -> Path:
    """Add a wheel to an archive that tries to write a file whenever it runs, and to run at each start of its environment."""
    found = archive.read(file, folder / "bundle")
    source = folder / "bundle" / "src"
    tries = f"import contextlib\nwith contextlib.suppress(OSError):\n    open({str(told)!r}, 'a').write(__file__)\n"
    members = {
        "evil/__init__.py": tries,
        "sitecustomize.py": tries,
        "msgspec.pth": "import evil",
        "evil-0.1.data/data/pyvenv.cfg": f"home = {folder}\n",
        "evil-0.1.dist-info/METADATA": "Metadata-Version: 2.1\nName: evil\nVersion: 0.1\n",
        "evil-0.1.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }  # fmt: skip
    wheel = source / "wheels" / "evil-0.1-py3-none-any.whl"
    wheel.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(wheel, "w") as packed:
        for name, text in members.items():
            packed.writestr(name, text)
        packed.writestr("evil-0.1.dist-info/RECORD", "".join(f"{name},,\n" for name in [*members, "evil-0.1.dist-info/RECORD"]))
    entry = locks.Entry("evil", "0.1", "evil==0.1", (f"sha256:{digest_of_file(wheel).hex()}",))
    text = locks.write(sorted([*locks.parse(found.lock.text), entry]))
    (source / "requirements.txt").write_text(text)
    manifest = msgspec.json.decode((source / "manifest.json").read_bytes())
    (source / "manifest.json").write_bytes(msgspec.json.encode({**manifest, "preload": [*manifest["preload"], "evil"]}))
    bundle.link(source, folder / "capture", without=bundle.ADDED)
    capture = msgspec.structs.replace(found.capture, digest=digest_of(folder / "capture"))
    digest, description = bundle.measure(folder / "bundle"), folder / "bundle" / "bento.yaml"
    description.write_text(description.read_text().replace(found.bundle[:12], digest[:12]))
    made = Bundle(digest=digest, folder=str(folder / "bundle"), tag=f"iris:{digest[:12]}", size=0)
    lock = msgspec.structs.replace(found.lock, text=text)
    archive.write(folder / "evil.tar", made, capture, lock, found.options, found.provenance)
    return folder / "evil.tar"


@pytest.mark.skipif(landlock.version() < landlock.FILES, reason="this system has no Landlock")
def test_hostile_packages_are_isolated(exported: Path, tmp_path: Path, elsewhere: Home) -> None:
    """What an archive's packages do at Python's start and on import is done in isolation."""
    told = tmp_path / "told"
    done = cli("check", str(hostile(exported, tmp_path, told)))

    assert not told.exists()
    assert 0 == done.returncode, done.stdout + done.stderr


def test_importing_is_asked_for(exported: Path, elsewhere: Home) -> None:
    """Without a terminal to ask in, nothing is imported unless that is said."""
    done = cli("import", str(exported))

    assert 2 == done.returncode
    assert "--yes" in done.stderr
    assert [] == list(elsewhere.staging.iterdir())
