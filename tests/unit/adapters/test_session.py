"""What is known of the caller's session, and what a spare should import."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from jupyter_deploy import errors
from jupyter_deploy.adapters import session, warm
from jupyter_deploy.adapters.python import _expression


def module(name: str, file: str | None) -> ModuleType:
    """Make a module."""
    made = ModuleType(name)
    made.__file__ = file
    return made


def test_the_callers_names_are_found() -> None:
    """Inside a function its own names stand in front of the module's."""
    model = object()
    known = session.of_caller(sys._getframe())

    assert "model" == session.name_of(model, known.namespace)
    assert "pytest" in known.namespace
    assert Path.cwd() == known.folder


def test_a_model_without_a_name() -> None:
    """Without a variable the name is needed, and the capture is lent a variable that hides none of the caller's."""
    known = session.Session({"best_model": 1}, (), Path())
    model: Any = object()

    expression, lent = _expression(model, "best-model", known)

    assert ("best_model_", model, 1) == (expression, lent.namespace[expression], lent.namespace["best_model"])
    with pytest.raises(errors.BadInput, match="has no name"):
        _expression(model, None, known)


def test_a_misspelt_example() -> None:
    """An example that does not exist is named, with what comes near."""
    with pytest.raises(errors.UnknownName) as caught:
        session.evaluate("X_tset[:5]", {"X_test": 1}, "--example")

    assert "There is no variable `X_tset` (--example `X_tset[:5]`).\nDid you mean `X_test`?" == str(caught.value)


@pytest.mark.parametrize("told", ["variable", "environment"])
def test_the_notebooks_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: str) -> None:
    """VS Code tells it in a variable, Jupyter's server in the environment."""
    monkeypatch.setenv("JPY_SESSION_NAME", str(tmp_path / "a.ipynb") if told == "environment" else "relative.ipynb")

    assert tmp_path == session.folder_of({"__vsc_ipynb_file__": str(tmp_path / "a.ipynb")} if told == "variable" else {})


def test_a_spare_imports_what_models_need() -> None:
    """Public modules of installed packages are chosen, two parts deep; the notebook's tools and the standard library are not."""
    installed = (
        "sklearn", "sklearn.ensemble", "sklearn.ensemble.forest", "sklearn._loss", "_private", "ipykernel.comm", "jupyter_client",
        "matplotlib.pyplot",
    )  # fmt: skip
    files = dict.fromkeys(installed, "/env/site-packages/x.py")
    files |= {"json": "/usr/lib/python3/json.py", "own": "/home/ada/own.py", "stranger": "/env/site-packages-of-others/x.py"}
    modules = {name: module(name, file) for name, file in files.items()}

    got = warm.third_party({**modules, "builtin": module("builtin", None), "none": None}, ["/env/site-packages"])

    assert ("sklearn", "sklearn.ensemble") == got


def test_times_and_failures_of_cells(tmp_path: Path) -> None:
    """The recorder notes when each cell began, and the line at which one failed; nothing of silent code."""
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    running = InteractiveShell(ipython_dir=str(tmp_path), config=Config({"HistoryManager": {"enabled": False}}))
    recorder = session.Recorder(running)
    recorder.start()
    before = time.time()

    failing = "b = 2\nc = (\n    missing\n)\nd = 3"
    for source in ("a = 1", failing, "def f():\n    return 1 / 0\nf()", "not python", "%nonsense_magic"):
        running.run_cell(source, store_history=True)
    running.run_cell("1 / 0", store_history=False)
    recorder.stop()
    running.run_cell("1 / 0", store_history=True)

    times = dict(list(recorder.history.times.items())[1:])  # the first one is of the cell that runs
    assert [1, 2, 3, 4, 5] == sorted(times)
    assert all(before <= at <= time.time() for at in times.values())
    failed = recorder.history.failed
    assert (3, 3) == (failed[2], failed[3])
    assert failed[4] <= 1  # a syntax error: nothing of the cell ran
    assert {1} == set(times) - set(failed)
