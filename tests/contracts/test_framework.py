"""What every framework must do, run on every one that is installed."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jupyter_deploy import errors, plugins
from jupyter_deploy.capture.pickling import objects
from jupyter_deploy.frameworks.base import Framework


def line(x: list[float]) -> list[float]:
    """Stands for a model that is a function."""
    return [2 * one for one in x]


def fitted() -> Any:
    """Fit a small model of scikit-learn's."""
    from sklearn.linear_model import LinearRegression

    return LinearRegression().fit([[0.0], [1.0]], [0.0, 2.0])


def classifier(library: str) -> Callable[[], Any]:
    """Fit a small model of a library that has an interface like scikit-learn's."""

    def make() -> Any:
        rows, labels = [[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1]
        if library == "catboost":
            import catboost

            return catboost.CatBoostClassifier(iterations=2, verbose=0, allow_writing_files=False).fit(rows, labels)
        if library == "xgboost":
            import numpy
            import xgboost

            return xgboost.train({}, xgboost.DMatrix(numpy.array(rows), labels), 2)
        import lightgbm
        import numpy

        return lightgbm.train({"verbose": -1, "min_data_in_leaf": 1}, lightgbm.Dataset(numpy.array(rows), labels), 2)

    return make


def session() -> Any:
    """Make a session of ONNX Runtime that negates its input."""
    import onnxruntime
    from onnx import TensorProto, helper

    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, (None, 1)) for name in "xy")
    graph = helper.make_graph([helper.make_node("Neg", ["x"], ["y"])], "g", [x], [y])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    return onnxruntime.InferenceSession(model.SerializeToString())


MODELS: dict[str, tuple[Callable[[], Any], Any]] = {
    "sklearn": (fitted, [[3.0]]),
    "callable": (lambda: line, [3.0]),
    **{library: (classifier(library), [[3.0], [0.0]]) for library in ("catboost", "lightgbm", "xgboost")},
    "onnx": (session, [[3.0]]),
}
"""A model of each framework, and something to call it on; a third party's framework is tested by the third party."""


@pytest.fixture(params=sorted(set(plugins.names("frameworks")) & set(MODELS)))
def framework(request: pytest.FixtureRequest) -> Framework:
    """Give a test each framework."""
    if request.param not in ("callable", "sklearn"):
        pytest.importorskip(request.param)
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
    served = framework.serve(model)
    assert all(callable(getattr(served, method) if method else served) for method in methods)
    assert len(methods) == len(set(methods)) > 0


def test_refuses_a_class(framework: Framework) -> None:
    """A class in place of an object of it is refused, with what to write instead."""
    kind = Path if framework.name == "callable" else type(MODELS[framework.name][0]())
    assert framework.accepts(kind)
    with pytest.raises(errors.NotDeployable, match=f"`model` is the class {kind.__name__}") as raised:
        framework.check(kind, "model")

    assert f"model = {kind.__name__}(" in raised.value.hint


def test_what_it_saves_can_be_loaded(framework: Framework, tmp_path: Path) -> None:
    """What it saves is loaded by its loader, and answers like the original."""
    make, rows = MODELS[framework.name]
    model = make()
    saved = framework.save(model, tmp_path, objects.dump)
    loader = importlib.import_module(f"jupyter_deploy.bentos.python.endpoint.loaders.{saved.loader}")
    loaded = loader.load(tmp_path / saved.file)

    method = framework.methods(model)[0]
    served: Any = framework.serve(model)
    expected = getattr(served, method)(rows) if method else served(rows)
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
        "print([one for one in ('sklearn', 'numpy', 'pandas', 'bentoml', 'xgboost', 'onnxruntime') if one in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])

    assert "[]\n" == done.stdout
