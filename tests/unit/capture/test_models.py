"""Models of real libraries leave the kernel, and answer elsewhere as they did there."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jupyter_deploy import errors
from jupyter_deploy.values import Capture

from .conftest import REPLAY, ROOT, Session

Replay = Callable[[Capture], list[Any]]

DATA = """
import numpy as np, pandas as pd
rng = np.random.default_rng(0)
X = rng.normal(size=(80, 3))
y = (X[:, 0] + X[:, 1] > 0).astype(int)
X_test = X[:7]
df = pd.DataFrame(X, columns=["age", "größe", "x y"])
df_test = df.head(9)
mixed = pd.DataFrame({"age": X[:, 0], "city": np.where(y, "Köln", "Ulm")})
"""
WRITTEN = """
# --- xgboost classifier: frame predict predict_proba
import xgboost
model = xgboost.XGBClassifier(n_estimators=4).fit(df, y)
# --- xgboost regressor: array predict
import xgboost
model = xgboost.XGBRegressor(n_estimators=4).fit(X, y)
# --- xgboost booster of a table: frame predict
import xgboost
model = xgboost.train({}, xgboost.DMatrix(df, y), 4)
model.predict(xgboost.DMatrix(df))
# --- xgboost booster of an array: array predict
import xgboost
model = xgboost.train({}, xgboost.DMatrix(X, y), 4)
# --- xgboost booster of categories: frame predict
cats = mixed.assign(city=mixed.city.astype('category'))
cats_test = cats.head()
import xgboost
model = xgboost.train({}, xgboost.DMatrix(cats, y, enable_categorical=True), 4)
# --- lightgbm classifier: array predict predict_proba
import lightgbm
model = lightgbm.LGBMClassifier(n_estimators=4, verbose=-1).fit(X, y)
# --- lightgbm booster of a table: frame predict
import lightgbm
named = df.rename(columns={'x y': 'z'})
model = lightgbm.train({'verbose': -1}, lightgbm.Dataset(named, y), 4)
# --- lightgbm booster of an array: array predict
import lightgbm
model = lightgbm.train({'verbose': -1}, lightgbm.Dataset(X, y), 4)
# --- catboost classifier: frame predict predict_proba
import catboost
model = catboost.CatBoostClassifier(iterations=4, random_seed=0, verbose=0, allow_writing_files=False,
                                    cat_features=['city']).fit(mixed, y)
# --- catboost regressor: array predict
import catboost
model = catboost.CatBoostRegressor(iterations=4, random_seed=0, verbose=0, allow_writing_files=False).fit(X, y)
# --- onnx classifier: array predict predict_proba
import onnxruntime
from skl2onnx import to_onnx
from sklearn.linear_model import LogisticRegression
made = to_onnx(LogisticRegression().fit(X, y), X.astype('float32'))
model = onnxruntime.InferenceSession(made.SerializeToString())
# --- onnx regressor as a model: array predict
from skl2onnx import to_onnx
from sklearn.linear_model import LinearRegression
model = to_onnx(LinearRegression().fit(X, y), X[:1])
# --- onnx of a table: frame predict predict_proba
from skl2onnx import to_onnx
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
mixed = mixed.astype({'age': 'float32'})
from sklearn.compose import ColumnTransformer
from sklearn.preprocessing import OneHotEncoder
pre = ColumnTransformer([('n', 'passthrough', ['age']), ('o', OneHotEncoder(), ['city'])])
fitted = make_pipeline(pre, LogisticRegression()).fit(mixed, np.where(y, 'ja', 'nein'))
model = to_onnx(fitted, mixed[:1])
# --- onnx file: array predict predict_proba
from skl2onnx import to_onnx
from sklearn.linear_model import LogisticRegression
model = here / 'modell.onnx'
made = to_onnx(LogisticRegression().fit(X, y), X[:1], options={'zipmap': False})
_ = model.write_bytes(made.SerializeToString())
"""
"""How each is made, with what it accepts and methods that it has."""


def models() -> dict[str, tuple[str, str, set[str]]]:
    """Read the models: how each is made, what it accepts, and its methods."""
    _, *parts = re.split(r"^# --- (.+)\n", WRITTEN, flags=re.MULTILINE)
    found = {}
    for head, source in zip(parts[::2], parts[1::2], strict=True):
        name, _, expected = head.partition(": ")
        kind, *methods = expected.split()
        found[name] = source, kind, set(methods)
    return found


MODELS = models()
INSTALLED = [name for name in MODELS if importlib.util.find_spec(name.partition(" ")[0])]


@pytest.fixture(scope="module")
def taken(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Capture, Capture]]:
    """Capture each twice, fitted anew in between."""
    found = {}
    for name in INSTALLED:
        session = Session(tmp_path_factory.mktemp("notebook"))
        session.namespace["here"] = session.folder
        both = [session.run(DATA, MODELS[name][0]).capture("model") for _ in range(2)]
        found[name] = both[0], both[1]
    return found


@pytest.fixture(scope="module")
def differing(taken: dict[str, tuple[Capture, Capture]], tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Any]]:
    """Answer the golden rows of all of them in one fresh interpreter."""
    code = f"import sys\nfor folder in sys.argv[1:]:\n    sys.argv[1:] = [folder]\n    exec({REPLAY!r})"
    done = subprocess.run(
        [sys.executable, "-c", code, *(first.folder for first, _ in taken.values())], cwd=tmp_path_factory.mktemp("elsewhere"),
        env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert 0 == done.returncode, done.stderr
    return dict(zip(taken, map(json.loads, done.stdout.splitlines()), strict=True))


@pytest.mark.parametrize("name", INSTALLED)
def test_answers_elsewhere(taken: dict[str, tuple[Capture, Capture]], differing: dict[str, list[Any]], name: str) -> None:
    """Each is captured with what the notebook holds for it, and answers its golden rows in a fresh interpreter."""
    first, _ = taken[name]

    assert {MODELS[name][1]} == {method.input.kind for method in first.contract.methods}
    assert MODELS[name][2] <= set(first.golden)
    assert 5 <= min(first.golden.values())
    assert [] == differing[name]


@pytest.mark.parametrize("name", [name for name in INSTALLED if not name.startswith("catboost")])
def test_fitted_again(taken: dict[str, tuple[Capture, Capture]], name: str) -> None:
    """Fitted again with the same seed, it is the same capture; CatBoost writes the time and a random number into a model."""
    first, second = taken[name]

    assert first.digest == second.digest


def test_onnx_of_two_tensors(session: Any, replay: Replay) -> None:
    """A model of several tensors takes an object of them for each row, and answers with one of its outputs."""
    pytest.importorskip("onnx")
    session.run(
        "import numpy as np, onnx\nfrom onnx import TensorProto, helper\n"
        "def tensor(name, *shape):\n    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)\n"
        "nodes = [helper.make_node('Add', ['a', 'b'], ['sum']), helper.make_node('Mul', ['a', 'b'], ['product'])]\n"
        "given, answered = ([tensor(name, None, 2) for name in names] for names in (('a', 'b'), ('sum', 'product')))\n"
        "graph = helper.make_graph(nodes, 'g', given, answered)\n"
        "model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 13)], ir_version=8)"
    )
    taken = session.capture("model", example=[{"a": [1.0, 2.0], "b": [3.0, 4.0]}, {"a": [5.0, 6.0], "b": [7.0, 8.0]}])

    assert {"predict": 2} == taken.golden
    assert [] == replay(taken)


def test_onnx_of_one_row_at_a_time(session: Any, replay: Replay) -> None:
    """A model whose batch is one row answers several."""
    pytest.importorskip("onnx")
    session.run(
        "import numpy as np\nfrom onnx import TensorProto, helper\n"
        "x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, (1, 2)) for name in 'xy')\n"
        "graph = helper.make_graph([helper.make_node('Neg', ['x'], ['y'])], 'g', [x], [y])\n"
        "model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 13)], ir_version=8)\n"
        "X = np.arange(6.0).reshape(3, 2)"
    )
    taken = session.capture("model")

    assert {"predict": 3} == taken.golden
    assert [] == replay(taken)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("import pathlib\nmodel = pathlib.Path('nowhere.onnx')", "There is no file nowhere.onnx."),
        ("import xgboost\nmodel = xgboost.Booster()", "`model` is a Booster that has not been fitted."),
        ("import catboost\nmodel = catboost.CatBoostRegressor()", "`model` is a CatBoostRegressor that has not been fitted."),
        ("import catboost\nmodel = catboost.CatBoostRegressor", "`model` is the class CatBoostRegressor, not a fitted model."),
        ("import onnxruntime\nmodel = onnxruntime.InferenceSession", "`model` is the class InferenceSession, not a model."),
    ],
)
def test_refused(session: Any, source: str, message: str) -> None:
    """What has not been fitted, or is no model, is refused as what it is."""
    pytest.importorskip(source.split()[1])
    with pytest.raises(errors.NotDeployable) as raised:
        session.run(source).capture("model")

    assert message == raised.value.message


def test_onnx_file_that_is_none(session: Any, tmp_path: Path) -> None:
    """A file that ONNX Runtime does not load is refused with its reason."""
    pytest.importorskip("onnxruntime")
    (tmp_path / "model.onnx").write_bytes(b"nothing of the kind")
    session.namespace["model"] = tmp_path / "model.onnx"

    with pytest.raises(errors.NotDeployable, match="ONNX Runtime does not load `model`: "):
        session.capture("model")
