"""What every language must do, asked of each of them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from jupyter_deploy import errors, plugins
from jupyter_deploy.languages.base import Language
from jupyter_deploy.values import Capture, Contract, Input, Method, Output

METHOD = Method(name="predict", input=Input(kind="list"), output=Output(kind="list"))
MODULES = {"python": "joblib"}
"""Something that code of each language may reach; a third party's language is tested by the third party."""


@pytest.fixture(params=sorted(set(plugins.names("languages")) & set(MODULES)))
def language(request: pytest.FixtureRequest) -> Language:
    """Give each language in turn."""
    made: Language = plugins.load("languages", request.param)()
    assert request.param == made.name
    return made


def capture(folder: Path, language: Language, interpreter: str = sys.executable) -> Capture:
    """Make a capture that reaches a module."""
    return Capture(
        endpoint="demo", variable="model", kind="Model", digest="0" * 64, folder=str(folder), size=0, golden={}, golden_origin="",
        contract=Contract(methods=(METHOD,)), modules=(MODULES[language.name],), language=language.name,
        interpreter=interpreter, path=tuple(sys.path[1:]), language_version="3.11.7",
    )  # fmt: skip


def test_every_language_is_tested_here() -> None:
    """Each built-in language has a module to reach."""
    assert set(MODULES) == set(plugins.BUILT_IN["languages"])


def test_no_kernel_belongs_to_two_languages() -> None:
    """A kernel's language decides who takes it."""
    taken = [kernel for name in plugins.names("languages") for kernel in plugins.load("languages", name).kernels]

    assert len(taken) == len(set(taken)) > 0


@pytest.mark.slow
def test_lock_and_environment_are_made_once(language: Language, tmp_path: Path) -> None:
    """The same capture gives the same lock and interpreter again, and both hold what the code reaches."""
    reached, locks, environments = capture(tmp_path, language), tmp_path / "locks", tmp_path / "environments"

    lock = language.lock(reached, "uv", locks)
    program = language.environment(reached, lock, environments)

    assert lock == language.lock(reached, "uv", locks)
    assert program == language.environment(reached, lock, environments)
    assert MODULES[language.name] in {one.name for one in lock.packages}
    assert program.is_relative_to(environments / lock.digest)
    assert program.exists()


def test_a_kernel_that_is_gone_is_told(language: Language, tmp_path: Path) -> None:
    """Where the kernel's interpreter does not exist any more, the lock fails with an error that names it."""
    gone = capture(tmp_path, language, interpreter=str(tmp_path / "gone"))

    with pytest.raises(errors.LockFailed, match="gone"):
        language.lock(gone, "uv", tmp_path / "locks")
