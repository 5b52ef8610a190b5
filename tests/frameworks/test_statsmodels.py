"""Results of statsmodels: what they are asked, and what of them is written."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("statsmodels.api")

import numpy as np
import pandas as pd

from jupyter_deploy import errors
from jupyter_deploy.answers import same
from jupyter_deploy.bentos.python.endpoint import codec
from jupyter_deploy.bentos.python.endpoint import model as endpoint
from jupyter_deploy.capture import capture
from jupyter_deploy.values import Capture, Golden, from_json

CELL = """
import numpy as np
import pandas as pd
import statsmodels.api as sm
import statsmodels.formula.api as smf
from statsmodels.tsa.api import VAR, ExponentialSmoothing
from statsmodels.tsa.ar_model import AutoReg
from statsmodels.tsa.arima.model import ARIMA
from statsmodels.tsa.statespace.sarimax import SARIMAX

numbers = np.random.default_rng(0)
homes = pd.DataFrame({"area": numbers.gamma(9, 10, 80), "age": numbers.integers(1, 90, 80)})
homes["city"] = numbers.choice(["Rome", "Oslo"], 80)
homes["price"] = 3 * homes.area - homes.age + numbers.normal(size=80)
homes["dear"] = (homes.price + 50 * numbers.normal(size=80) > homes.price.median()).astype(int)
design = sm.add_constant(homes[["area", "age"]])
months = pd.date_range("2020-01-01", periods=48, freq="MS")
sales = pd.Series(np.cumsum(numbers.normal(size=48)), index=months)
"""
REGRESSIONS = {
    "least squares": "sm.OLS(homes.price, design).fit()",
    "of arrays": "sm.OLS(homes.price.values, design.values).fit()",
    "generalised": "sm.GLM(homes.dear, design, family=sm.families.Binomial()).fit()",
    "formula": 'smf.ols("price ~ np.log(area) + age + C(city)", homes).fit()',
    "logit by formula": 'smf.logit("dear ~ area + city", homes).fit(disp=0)',
}
FORECASTS = {
    "arima": "ARIMA(sales, order=(1, 1, 0)).fit()",
    "of periods": 'ARIMA(sales.to_period("M"), order=(1, 0, 0)).fit()',
    "of an array": "ARIMA(sales.values, order=(1, 0, 0)).fit()",
    "smoothing": 'ExponentialSmoothing(sales, trend="add").fit()',
    "autoregression": "AutoReg(sales, 2).fit()",
    "vector": 'VAR(pd.DataFrame({"a": sales, "b": sales[::-1].values})).fit(1)',
}


def session(model: str) -> dict[str, Any]:
    """Run a notebook that fits a model."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(f"{CELL}\nmodel = {model}", namespace)
    return namespace


def take(namespace: dict[str, Any], folder: Path, *cells: str, **options: Any) -> Capture:
    """Capture the variable `model`."""
    return capture("model", namespace, name="price", folder=folder, cells=list(enumerate(cells, 1)), **options)


def answers_alike(folder: Path) -> None:
    """Load what was captured and hold its answers against the notebook's."""
    loaded = endpoint.load(folder)
    golden = from_json((folder / "golden.json").read_bytes(), list[Golden])
    assert golden
    for one in golden:
        answer = json.loads(loaded.methods[one.method](codec.to_json({"rows": one.rows})))["predictions"]
        assert same(one.answers, answer, 1e-9)


@pytest.mark.parametrize("name", REGRESSIONS)
def test_regressions_predict_without_their_training_data(name: str, tmp_path: Path) -> None:
    """Regressions find their columns in the notebook, and what is loaded without the training data predicts alike."""
    namespace = session(REGRESSIONS[name])
    example = {"example": namespace["design"].to_numpy()} if name == "of arrays" else {}
    taken = take(namespace, tmp_path, **example)

    assert "cloudpickle without its training data" == taken.saved
    assert ["predict"] == [one.name for one in taken.contract.methods]
    assert ["without_data.pkl"] == [one.name for one in (tmp_path / "model").iterdir()]
    answers_alike(tmp_path)
    assert hasattr(namespace["model"].model, "exog")
    assert namespace["model"].model.exog is not None


def test_a_formula_takes_its_variables(tmp_path: Path) -> None:
    """The contract has the columns that stand in the formula, with their own types, and no other."""
    taken = take(session(REGRESSIONS["formula"]), tmp_path)

    columns = {one.name: one.dtype.partition("[")[0] for one in taken.contract.methods[0].input.columns}
    assert {"area": "float64", "age": "int64"} == {name: columns[name] for name in ("area", "age")}
    assert {"area", "age", "city"} == set(columns)


def test_a_formula_with_code_of_the_notebook_is_refused(tmp_path: Path) -> None:
    """A formula is read anew where it is loaded, so a function of the notebook would not be there."""
    namespace = session("None")
    exec('def log(x):\n    return np.log(x)\nmodel = smf.ols("price ~ log(area)", homes).fit()', namespace)
    with pytest.raises(errors.NotPicklable, match=r"Their formula is `price ~ log\(area\)`") as raised:
        take(namespace, tmp_path)

    assert "make a column" in raised.value.hint


@pytest.mark.parametrize("name", FORECASTS)
def test_time_series_forecast_by_steps(name: str, tmp_path: Path) -> None:
    """A forecast is called with its steps, as in the notebook, and tells the index of each."""
    taken = take(session(FORECASTS[name]), tmp_path, "model.forecast(3)", "model.forecast(steps=6)")

    method = taken.contract.methods[0]
    assert ("forecast", "arguments", "steps") == (method.name, method.input.kind, method.input.columns[0].name)
    assert 2 == taken.golden["forecast"]
    answers_alike(tmp_path)


def test_a_forecast_is_that_of_the_notebook(tmp_path: Path) -> None:
    """Dates and values are those of the results' own method, and intervals come with `get_forecast`."""
    namespace = session(FORECASTS["arima"])
    taken = take(namespace, tmp_path, "model.forecast(3)")
    found = endpoint.load(tmp_path).methods
    (rows,) = json.loads(found["forecast"](b'{"rows": [{"steps": 3}]}'))["predictions"]
    (told,) = json.loads(found["get_forecast"](b'{"rows": [{"steps": 3}]}'))["predictions"]

    expected = namespace["model"].forecast(3)
    assert [*map(str, expected.index)] == [str(pd.Timestamp(one["at"])) for one in rows]
    assert np.allclose(expected, [one["forecast"] for one in rows], rtol=1e-9)
    assert {"at", "mean", "mean_se", "mean_ci_lower", "mean_ci_upper"} == set(told[0])
    assert "cloudpickle" == taken.saved


def test_exogenous_variables_are_arguments(tmp_path: Path) -> None:
    """A model with exogenous variables takes those of each step."""
    namespace = session("SARIMAX(sales, order=(1, 0, 0), exog=np.arange(48.0)).fit(disp=0)")
    namespace["later"] = np.array([[48.0], [49.0]])
    take(namespace, tmp_path, "model.forecast(2, exog=later)")

    answers_alike(tmp_path)


def test_a_model_without_results_is_refused() -> None:
    """What was made and not fitted is refused, with what to write."""
    namespace = session("sm.OLS(homes.price, design)")
    with pytest.raises(errors.NotDeployable, match="OLS, that has not been fitted") as raised:
        capture("model", namespace, name="price", folder=Path())

    assert "`results = model.fit()`" in raised.value.hint
