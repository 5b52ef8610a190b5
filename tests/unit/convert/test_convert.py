"""What is converted answers as the model does, on rows that nobody asked before; what cannot be exact stays as it is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest

from jupyter_deploy.bentos.python.endpoint.loaders import compiled
from jupyter_deploy.capture import capture

pytestmark = pytest.mark.compile
SCRIPTS = Path(compiled.__file__).parents[2]
CONVERT = """
import json, sys
from convert import converting, measuring
from pathlib import Path
measuring.SECONDS = 0.0
for asked in json.load(sys.stdin):
    out = Path(asked["out"])
    (out / "report.json").write_text(json.dumps(converting.convert(asked, out)))
"""
CHANCE = np.random.default_rng(0)
ROWS = CHANCE.normal(size=(200, 6))
OTHER = CHANCE.normal(size=(300, 6))
LABELS = np.where(ROWS[:, 0] + ROWS[:, 1] > 0, "yes", "no")
THREE = np.digitize(ROWS[:, 0], [-0.5, 0.5])
TABLE = pd.DataFrame(
    {
        "age": CHANCE.normal(40, 9, 200), "rooms": CHANCE.integers(0, 5, 200), "city": CHANCE.choice(["Rome", "Oslo", "Bonn"], 200),
        "plan": pd.Categorical(CHANCE.choice(list("abc"), 200)),
    }
)  # fmt: skip
GAPS = TABLE[["age", "rooms"]].assign(age=TABLE.age.where(TABLE.age > 30))
TEXTS = ["good film", "bad film", "great fun", "dull plot", "nice and good", "awful, boring"] * 5


class Case(NamedTuple):
    """A model, rows to capture it with, and which of its methods are exact in ONNX; further ones may be, by luck of rounding."""

    model: Any
    rows: Any
    compiled: set[str]


def cases() -> dict[str, Callable[[], Case]]:
    """List the models."""
    import lightgbm
    import xgboost
    from sklearn import cluster, compose, decomposition, ensemble, linear_model, pipeline, preprocessing, svm, tree
    from sklearn.feature_extraction.text import TfidfVectorizer

    made = pipeline.make_pipeline
    columns = compose.ColumnTransformer(
        [
            ("numbers", preprocessing.StandardScaler(), ["age", "rooms"]),
            ("words", preprocessing.OneHotEncoder(handle_unknown="ignore"), ["city", "plan"]),
        ]
    )
    chances, three = {"predict", "predict_proba"}, {"predict", "predict_proba", "predict_log_proba"}
    old, logistic = TABLE.age > 40, linear_model.LogisticRegression()
    return {
        "logistic": lambda: Case(linear_model.LogisticRegression().fit(ROWS, LABELS), ROWS, {*chances, "decision_function"}),
        "booleans": lambda: Case(logistic.fit(ROWS, LABELS == "yes"), ROWS, {*chances, "decision_function"}),
        "forest": lambda: Case(ensemble.RandomForestClassifier(30, random_state=0).fit(ROWS, LABELS), ROWS, three),
        "shallow": lambda: Case(ensemble.RandomForestClassifier(9, max_depth=3, random_state=0).fit(ROWS, THREE), ROWS, three),
        "numbers": lambda: Case(ensemble.RandomForestRegressor(30, random_state=0).fit(ROWS, ROWS[:, :2]), ROWS, {"predict"}),
        "tree": lambda: Case(tree.DecisionTreeClassifier(max_depth=3).fit(ROWS, THREE), ROWS, three),
        "gradients": lambda: Case(
            ensemble.GradientBoostingClassifier(n_estimators=20).fit(ROWS, THREE), ROWS, {*three, "decision_function"}
        ),
        "histograms": lambda: Case(
            ensemble.HistGradientBoostingClassifier(max_iter=20).fit(ROWS, LABELS), ROWS, {*chances, "decision_function"}
        ),
        "gaps": lambda: Case(ensemble.HistGradientBoostingRegressor(max_iter=20).fit(GAPS, TABLE.age), GAPS, {"predict"}),
        "columns": lambda: Case(
            made(columns, linear_model.LogisticRegression()).fit(TABLE, old), TABLE, {*chances, "decision_function"}
        ),
        "vectors": lambda: Case(svm.SVC().fit(ROWS, THREE), ROWS, {"predict"}),
        "clusters": lambda: Case(cluster.KMeans(3, n_init=1, random_state=0).fit(ROWS), ROWS, {"predict", "transform"}),
        "axes": lambda: Case(
            made(preprocessing.StandardScaler(), decomposition.PCA(2)).fit(ROWS), ROWS, {"transform"}
        ),
        "texts": lambda: Case(made(TfidfVectorizer(), linear_model.LogisticRegression()).fit(TEXTS, ["a", "b"] * 15), TEXTS, set()),
        "xgboost": lambda: Case(xgboost.XGBClassifier(n_estimators=9).fit(ROWS, THREE), ROWS, chances),
        "lightgbm": lambda: Case(
            lightgbm.LGBMClassifier(n_estimators=9, verbose=-1).fit(ROWS, LABELS), ROWS, {*chances, "decision_function"}
        ),
        "booster": lambda: Case(
            lightgbm.train({"objective": "binary", "verbose": -1}, lightgbm.Dataset(ROWS, LABELS == "yes"), 9), ROWS, {"predict"},
        ),
    }  # fmt: skip


class Converted(NamedTuple):
    """What became of a case."""

    case: Case
    report: list[dict[str, Any]]
    folder: Path


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Converted]]:
    """Capture every model as a notebook would, and convert them all in one fresh process."""
    root = tmp_path_factory.mktemp("convert")
    made, asked = {name: case() for name, case in cases().items()}, []
    for name, case in made.items():
        folder = root / name / "capture"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            capture("model", {"model": case.model, "rows": case.rows}, name=name, folder=folder, example=case.rows)
        (root / name / "out").mkdir()
        framework = json.loads((folder / "manifest.json").read_bytes())["framework"]
        asked.append(
            {
                "folder": str(folder), "out": str(root / name / "out"), "converter": framework, "tolerance": 1e-6, "speedup": 0.0,
                "quantize": name == "logistic", "quantize_tolerance": 0.01,
            }
        )  # fmt: skip
    env = {**os.environ, "PYTHONPATH": str(SCRIPTS)}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CONVERT],
        input=json.dumps(asked),
        text=True,
        env=env,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    yield {
        name: Converted(case, json.loads((root / name / "out" / "report.json").read_bytes()), root / name / "out" / "onnx")
        for name, case in made.items()
    }


@pytest.mark.parametrize("name", cases())
def test_methods_that_can_be_exact_are_compiled(name: str, converted: dict[str, Converted]) -> None:
    """Every method that ONNX can answer exactly is compiled, and the report says of the others why not."""
    case, report, folder = converted[name]
    plan = json.loads((folder / "plan.json").read_bytes()) if report[0]["folder"] else {"routines": []}

    assert case.compiled <= {one["attribute"] for one in plan["routines"]}
    assert report[0]["whole"] == ("as it is" not in report[0]["reason"] and "as they are" not in report[0]["reason"])


@pytest.mark.parametrize("name", ["logistic", "forest", "shallow", "numbers", "gradients", "histograms", "lightgbm"])
def test_compiled_methods_answer_rows_that_nobody_asked_before(name: str, converted: dict[str, Converted]) -> None:
    """Answers to fresh rows, extreme ones too, are the model's own, of the same kind."""
    case, _, folder = converted[name]
    methods = compiled.methods_of(compiled.plan_of(folder), folder)

    for rows in (OTHER, OTHER * 100, np.zeros((3, 6))):
        for attribute, method in methods.items():
            expected, got = getattr(case.model, attribute)(rows), method(rows)
            assert (expected.shape, expected.dtype.kind in "OU") == (got.shape, got.dtype.kind in "OU")
            if expected.dtype.kind == "f":
                np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-9)
            else:
                assert expected.tolist() == got.tolist()


def test_rows_of_a_table_need_no_data_frame(converted: dict[str, Converted]) -> None:
    """A compiled method takes decoded rows as they are, and data frames too, with the same answers."""
    case, _, folder = converted["columns"]
    predict = compiled.methods_of(compiled.plan_of(folder), folder)["predict"]

    expected = case.model.predict(TABLE).tolist()

    assert expected == predict(TABLE).tolist()
    assert expected == predict(predict.of_rows([tuple(row) for row in TABLE.itertuples(index=False)])).tolist()


def test_missing_values_take_the_branch_that_they_take_in_the_model(converted: dict[str, Converted]) -> None:
    """A forest that was trained with missing values answers them alike in ONNX."""
    case, _, folder = converted["gaps"]
    predict = compiled.methods_of(compiled.plan_of(folder), folder)["predict"]

    np.testing.assert_allclose(predict(GAPS), case.model.predict(GAPS), rtol=1e-9)


def test_words_are_not_compiled_where_they_are_split_otherwise(converted: dict[str, Converted]) -> None:
    """A vectorizer whose graph splits or lowers some texts otherwise stays as it is, with the reason."""
    (report,) = converted["texts"].report

    assert "" == report["folder"]
    assert "stay as they are" in report["reason"]


def test_a_graph_that_differs_is_not_taken(converted: dict[str, Converted]) -> None:
    """Logarithms of probabilities that are nearly 0 differ in ONNX, so that this method stays with the model, with the reason."""
    report = converted["logistic"].report[0]

    assert not report["whole"]
    assert "`predict_log_proba` stays as it is: answers differ by up to" in report["reason"]


def test_quantising_says_why_it_changes_nothing(converted: dict[str, Converted]) -> None:
    """A graph in double precision has nothing to quantise, and the report says so."""
    _, smaller = converted["logistic"].report

    assert "ONNX Runtime, int8" == smaller["engine"]
    assert "" == smaller["folder"]
    assert "single precision" in smaller["reason"]
