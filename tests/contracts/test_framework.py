"""What every framework must do, run on every one that is installed."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from jupyter_deploy import errors, plugins
from jupyter_deploy.capture import objects
from jupyter_deploy.frameworks.base import Framework


def line(x: list[float]) -> list[float]:
    """Stands for a model that is a function."""
    return [2 * one for one in x]


def fitted() -> Any:
    """Fit a small model of scikit-learn's."""
    from sklearn.linear_model import LinearRegression

    return LinearRegression().fit([[0.0], [1.0]], [0.0, 2.0])


MODELS = {"sklearn": (fitted, [[3.0]]), "callable": (lambda: line, [3.0])}
"""A model of each framework, and something to call it on; a third party's framework is tested by the third party."""


@pytest.fixture(params=sorted(set(plugins.names("frameworks")) & set(MODELS)))
def framework(request: pytest.FixtureRequest) -> Framework:
    """Give a test each framework."""
    made: Framework = plugins.load("frameworks", request.param)()
    assert request.param == made.name
    return made


def test_every_framework_has_a_model_here() -> None:
    """Each built-in framework is tested."""
    assert set(MODELS) == set(plugins.BUILT_IN["frameworks"])


def test_takes_its_models(framework: Framework) -> None:
    """It accepts its model, finds nothing wrong with it, and knows a method to call."""
    model = MODELS[framework.name][0]()

    assert framework.accepts(model)
    framework.check(model, "model")
    methods = framework.methods(model)
    assert all(callable(getattr(model, method) if method else model) for method in methods)
    assert len(methods) == len(set(methods)) > 0


def test_refuses_a_class(framework: Framework) -> None:
    """A class in place of an object of it is refused, with what to write instead."""
    kind = type(fitted()) if framework.name == "sklearn" else Path
    with pytest.raises(errors.NotDeployable, match=f"`model` is the class {kind.__name__}") as raised:
        framework.check(kind, "model")

    assert f"model = {kind.__name__}(" in raised.value.hint


def test_what_it_saves_can_be_loaded(framework: Framework, tmp_path: Path) -> None:
    """What it saves is loaded by its loader, and answers like the original."""
    make, rows = MODELS[framework.name]
    model = make()
    saved = framework.save(model, tmp_path, objects.dump)
    loader = importlib.import_module(f"jupyter_deploy.bentos.python.endpoint.loaders.{framework.loader}")
    loaded = loader.load(tmp_path / saved)

    method = framework.methods(model)[0]
    expected = getattr(model, method)(rows) if method else model(rows)
    got = getattr(loaded, method)(rows) if method else loaded(rows)
    assert list(expected) == list(got)


def test_knows_input_or_says_so(framework: Framework) -> None:
    """It tells the input that its model knows, or nothing."""
    known = framework.contract(MODELS[framework.name][0]())

    assert known is None or known.kind in ("frame", "array", "series", "list")


def test_imports_nothing_heavy(framework: Framework) -> None:
    """Being asked about a plain object imports no library of models."""
    module = type(framework).__module__
    code = (
        f"import sys, {module} as module\nmodule.{type(framework).__name__}().accepts(object())\n"
        "print([one for one in ('sklearn', 'numpy', 'pandas', 'bentoml') if one in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])

    assert "[]\n" == done.stdout
