"""Golden rows cover the notebook's calls and the edges of its training data, and a model that answers by chance has none."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from jupyter_deploy import errors
from jupyter_deploy.capture import Terms
from jupyter_deploy.capture.asking import edges
from jupyter_deploy.values import Capture

Replay = Callable[[Capture], list[Any]]

LINE = """
import numpy as np
from sklearn.linear_model import LinearRegression
X = np.arange(400.0).reshape(200, 2)
model = LinearRegression().fit(X, X.sum(axis=1))
"""
TABLE = """
import numpy as np, pandas as pd
rng = np.random.default_rng(0)
train = pd.DataFrame({
    "age": rng.integers(20, 60, 300).astype(float), "city": rng.choice(["Rome", "Oslo"], 300), "rooms": rng.integers(1, 5, 300),
})
train.loc[7, ["age", "city", "rooms"]] = [99.0, "Bonn", 12]
train.loc[8, "age"] = None
y = train["rooms"] * 2.0
test = train.iloc[100:160].reset_index(drop=True)
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
model = make_pipeline(
    ColumnTransformer([("age", SimpleImputer(), ["age"]), ("city", OneHotEncoder(), ["city"])], remainder="passthrough"), Ridge()
)
_ = model.fit(train, y)
"""
CHANCE = """
import random, time, uuid, numpy as np
class Model:
    calls = 0
    def predict(self, rows):
        return [{draw} for row in rows]
model = Model()
"""


def stored(taken: Capture) -> list[dict[str, Any]]:
    """Read the golden rows of a capture."""
    found: list[dict[str, Any]] = json.loads((Path(taken.folder) / "golden.json").read_text())
    return found


def by_origin(taken: Capture) -> dict[str, int]:
    """Count the golden rows of the first method by where they were found."""
    first = taken.contract.methods[0].name
    return {one["origin"]: len(one["rows"]) for one in stored(taken) if one["method"] == first}


def test_every_call_has_an_even_share(session: Any, replay: Replay) -> None:
    """A hundred rows cover every call, small ones as a whole, and no row stands there twice."""
    taken = session.run(
        LINE, "A, B, C = X[:90] + 0.5, X + 0.25, X[:3]", "model.predict(A)\nmodel.predict(B)", "model.predict(C); model.predict(A)"
    ).capture("model")

    counts = by_origin(taken)
    rows = [json.dumps(row) for one in stored(taken) for row in one["rows"]]
    assert {"model.predict(A)", "model.predict(B)", "model.predict(C)", "edge rows of ….fit(X, X.sum(axis=1))"} == set(counts)
    assert (3, 100) == (counts["model.predict(C)"], sum(counts.values()))
    assert abs(counts["model.predict(A)"] - counts["model.predict(B)"]) <= 2
    assert len(rows) == len(set(rows))
    assert "cell 4: model.predict(A) and 2 more calls, edge rows of ….fit(X, X.sum(axis=1))" == taken.golden_origin
    assert [] == replay(taken)


def test_no_execution_count_is_stored(session: Any) -> None:
    """Running the same cells again under other numbers gives the same golden rows."""
    first = session.run(LINE, "_ = model.predict(X)").capture("model")
    again = session.run(LINE, "_ = model.predict(X)").capture("model")

    assert stored(first) == stored(again)
    assert ["cell 2", "cell 4"] == [one.golden_origin.partition(":")[0] for one in (first, again)]


def test_rows_are_spread_over_the_data(session: Any) -> None:
    """Sorted data do not give rows of one end alone."""
    taken = session.run(LINE, "model.predict(X)").capture("model", terms=Terms(golden_rows=10))

    rows = stored(taken)[0]["rows"]
    assert [0.0, 1.0] == rows[0]
    assert rows[-1][0] >= 300


def test_calls_on_values_fill_up(session: Any) -> None:
    """Values that were written into a call become rows where they fit the contract, and nothing where they do not."""
    taken = session.run(
        LINE, "model.predict(X)", "model.predict([[1, 2]])", "try:\n    model.predict([[1, 2, 3]])\nexcept ValueError:\n    pass"
    ).capture("model")

    assert [[[1.0, 2.0]]] == [one["rows"] for one in stored(taken) if one["origin"] == "model.predict(…)"]
    assert 1 == by_origin(taken)["model.predict(…)"]


def test_edges_of_the_training_frame(session: Any, replay: Replay) -> None:
    """Missing values, every category and extremes that the test rows lack are there, and the contract knows of them."""
    taken = session.run(TABLE, "model.predict(test)").capture("model", terms=Terms(golden_rows=20))

    rows = [row for one in stored(taken) for row in one["rows"]]
    columns = {column.name: column for column in taken.contract.methods[0].input.columns}
    assert [99.0] == [row["age"] for row in rows if row["city"] == "Bonn"]
    assert None in [row["age"] for row in rows]
    assert ((True, 99.0), 12) == ((columns["age"].nullable, columns["age"].maximum), columns["rooms"].maximum)
    assert 20 == len(rows)
    assert [] == replay(taken)


def test_rows_that_the_model_refuses_are_left_out(session: Any, replay: Replay) -> None:
    """A linear model takes no missing values: the edge rows that have some are left out, the others stay."""
    taken = session.run(
        "import numpy as np, pandas as pd\nfrom sklearn.linear_model import LinearRegression",
        "X_train = pd.DataFrame({'a': [1.0, 2.0, None, 50.0], 'b': [1.0, None, 3.0, -7.0]})\n"
        "full = X_train.dropna()\nmodel = LinearRegression()\n_ = model.fit(full, [1.0, 2.0])\nX_test = full.head(1)",
        "del full",
        "model.predict(X_test)",
    ).capture("model")

    assert [{"a": 1.0, "b": 1.0}, {"a": 50.0, "b": -7.0}] == [row for one in stored(taken) for row in one["rows"]]
    assert "cell 4: model.predict(X_test), edge rows of the variable X_train" == taken.golden_origin
    assert [] == replay(taken)


def test_a_whole_number_column_with_gaps_in_training(session: Any) -> None:
    """Where the training data have fractions or gaps in a column that the call has not, callers may send them too."""
    taken = session.run(TABLE, "test['age'] = test['age'].fillna(30).astype(int)\nmodel.predict(test)").capture("model")

    age = taken.contract.methods[0].input.columns[0]
    assert ("float64", True) == (age.dtype, age.nullable)


def test_categories_of_every_call(session: Any) -> None:
    """A category that only an older call had is in the contract."""
    taken = session.run(
        "import pandas as pd\ndef lengths(frame):\n    return [len(one) for one in frame['plan'].astype(str)]",
        "old = pd.DataFrame({'plan': pd.Categorical(['a', 'bb'])})\nnew = pd.DataFrame({'plan': pd.Categorical(['ccc'])})",
        "lengths(old)\nlengths(new)",
    ).capture("lengths")

    assert ("ccc", "a", "bb") == taken.contract.methods[0].input.columns[0].categories
    assert {"lengths(new)": 1, "lengths(old)": 2} == by_origin(taken)


def test_more_rows_than_one_request_holds(session: Any) -> None:
    """Two thousand golden rows are stored request by request."""
    taken = session.run(LINE, "big = np.arange(8000.0).reshape(-1, 2)\nmodel.predict(big)").capture(
        "model", terms=Terms(golden_rows=2500)
    )

    assert {"predict": 2500} == taken.golden
    assert all(len(one["rows"]) <= 1000 for one in stored(taken))


def test_large_rows_are_bounded(session: Any) -> None:
    """Rows of a megabyte each do not fill the disk, and each request stays small."""
    taken = session.run(
        "import numpy as np\nimages = np.random.default_rng(0).random((80, 300, 200))\n"
        "def mean(x):\n    return x.mean(axis=(1, 2))\n_ = mean(images)"
    ).capture("mean")

    assert (Path(taken.folder) / "golden.json").stat().st_size < 20 << 20
    assert {1} == {len(one["rows"]) for one in stored(taken)}


def test_arguments_besides_the_rows(session: Any) -> None:
    """A call with more than the rows gives golden rows, and a finding says that they do not cover it."""
    taken = session.run(
        "import numpy as np\nfrom sklearn.gaussian_process import GaussianProcessRegressor\nX = np.arange(6.0).reshape(-1, 1)\n"
        "gp = GaussianProcessRegressor(random_state=0).fit(X, X[:, 0])",
        "mean, std = gp.predict(X, return_std=True)\nmean, cov = gp.predict(X, False, True)",
    ).capture("gp")

    findings = [one for one in taken.findings if one.kind == "golden"]
    assert 6 == taken.golden["predict"]
    assert ["its argument 2 and its argument 3", "`return_std`"] == [
        one.message.partition(" with ")[2].partition(";")[0] for one in findings
    ]
    assert {"cell 2"} == {one.subject for one in findings}


@pytest.mark.parametrize(
    "draw",
    [
        "random.random()",
        "np.random.random()",
        "float(str(uuid.uuid4().int)[:9])",
        "time.perf_counter_ns() % 1_000_003",
        "next(count)",
    ],
)
def test_chance_is_recognised(session: Any, draw: str) -> None:
    """Global random numbers, the system's, the clock and a count of calls are all seen, and what may be done is said."""
    session.run(f"import itertools\ncount = itertools.count(){CHANCE.format(draw=draw)}", "model.predict([1, 2])")

    with pytest.raises(errors.NonDeterministic) as raised:
        session.capture("model")

    assert raised.value.message.startswith("`model` does not answer twice alike: row 0 of `predict` is ")
    assert "`--nondeterministic`" in raised.value.hint


def test_chance_in_torch_is_recognised(session: Any) -> None:
    """A network with dropout that was left in training mode is told so; its random state stays as it was."""
    torch = pytest.importorskip("torch")
    session.run(
        "import torch\nnet = torch.nn.Sequential(torch.nn.Linear(2, 4), torch.nn.Dropout(0.5))\n"
        "def predict(rows):\n    return net(torch.tensor(rows)).tolist()\n_ = predict([[1.0, 2.0]])"
    )
    state = torch.get_rng_state()

    with pytest.raises(errors.NonDeterministic):
        session.capture("predict", example=[[1.0, 2.0]])
    assert torch.equal(state, torch.get_rng_state())


def test_a_tolerance_that_suffices_is_named(session: Any) -> None:
    """Small noise is refused with the tolerance that lets it pass, and passes with it."""
    session.run(CHANCE.format(draw="1.0 + 1e-4 * random.random()"), "model.predict([1, 2])")

    with pytest.raises(errors.NonDeterministic, match=r"`--tolerance 0\.000\d+`"):
        session.capture("model")
    assert {"predict": 2} == session.capture("model", terms=Terms(tolerance=0.001)).golden


def test_a_missing_seed_is_named(session: Any) -> None:
    """The estimator's own parameters that take a seed are named."""
    session.run(
        "import numpy as np\nfrom sklearn.base import BaseEstimator\nclass Lot(BaseEstimator):\n"
        "    def __init__(self, random_state=None):\n        self.random_state = random_state\n"
        "    def fit(self, X, y=None):\n        return self\n"
        "    def predict(self, X):\n        return np.random.default_rng(self.random_state).random(len(X))\n"
        "X = np.zeros((3, 1))",
        "lot, safe = Lot().fit(X), Lot(0).fit(X)\nlot.predict(X); safe.predict(X)",
    )

    with pytest.raises(errors.NonDeterministic, match="Set `random_state` to a number"):
        session.capture("lot")
    assert {"predict": 3 - 2} == session.capture("safe").golden


def test_shape_and_type_alone(session: Any) -> None:
    """With `--nondeterministic` the model is taken, and its golden rows say how they are to be compared."""
    session.run(CHANCE.format(draw="random.random()"), "model.predict([1, 2])")
    terms = Terms(nondeterministic=True)

    first, second = session.capture("model", terms=terms), session.capture("model", terms=terms)

    assert [True] == [one["shape_only"] for one in stored(first)]
    assert stored(first) == stored(second)


def test_not_even_the_shape(session: Any) -> None:
    """A model that answers now with a number and now with a text is refused also with `--nondeterministic`."""
    session.run(
        CHANCE.format(draw="'a' if next(count) % 2 else 1"), "import itertools\ncount = itertools.count()\nmodel.predict([1])"
    )

    with pytest.raises(errors.NonDeterministic, match="does not answer twice in one form"):
        session.capture("model", terms=Terms(nondeterministic=True))


@pytest.mark.parametrize("setup", ["n_jobs=2, random_state=0", "n_jobs=None, random_state=None"])
def test_a_model_that_learnt_by_chance_answers_for_certain(session: Any, setup: str) -> None:
    """A fitted forest is never taken for one that draws, whether or not it has a seed."""
    taken = session.run(
        "import numpy as np\nfrom sklearn.ensemble import RandomForestRegressor\nX = np.random.default_rng(0).random((300, 5))\n"
        f"model = RandomForestRegressor(20, {setup}).fit(X, X.sum(axis=1))\nmodel.predict(X)"
    ).capture("model", terms=Terms(tolerance=1e-12))

    assert {"predict": 100} == taken.golden


def test_an_answer_that_depends_on_the_others(session: Any, replay: Replay) -> None:
    """A function that ranks its rows is asked and compared request by request, so it is certain too."""
    taken = session.run(
        "import pandas as pd\ndef rank(frame):\n    return frame['x'].rank(pct=True)",
        "a = pd.DataFrame({'x': [3.0, 1.0, 2.0]})\nb = pd.DataFrame({'x': [9.0, 8.0, 1.0, 4.0]})",
        "rank(a)\nrank(b)",
    ).capture("rank")

    assert {"rank(b)": 4, "rank(a)": 2} == by_origin(taken)
    assert [] == replay(taken)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (pd.DataFrame({"n": [5.0, None, 1.0, 9.0], "t": ["a", "a", "b", "a"]}), [1, 0, 2, 3]),
        (pd.DataFrame({"d": pd.to_datetime(["2024-02-01", "2024-01-01", None])}), [2, 1, 0]),
        (pd.DataFrame({"i": pd.array([3, None, 1], dtype="Int64"), "b": [True, True, False]}), [1, 0, 2]),
        (pd.Series(["bb", "", "aaa"]), [0, 1, 2]),
        (np.array([[1.0, 5.0], [np.nan, 7.0], [3.0, 2.0]]), [1, 2, 0]),
        (np.array([4, 9, 1]), [2, 1]),
        (np.array([[np.nan], [np.nan]]), [0]),
        (np.concatenate([np.arange(3e6), [-1.0, np.nan, 5.0]])[:, None], [3_000_001, 3_000_000, 2_999_999]),
        (["bb", "a", "cccc"], [1, 2]),
        ([{"a": 1}], []),
        (np.zeros((4, 2, 2)), []),
    ],
)
def test_edges(value: Any, expected: list[int]) -> None:
    """Of each column first the missing value, then the smallest and the largest one or each category."""
    assert expected == edges.find(value, 10)


def test_edges_are_bounded() -> None:
    """A wide frame and a column of names give no more rows than asked for."""
    wide = pd.DataFrame(np.random.default_rng(0).random((50, 40)))
    names = pd.DataFrame({"name": [f"{'x' * at}" for at in range(100)]})

    assert 7 == len(edges.find(wide, 7))
    assert [0, 99] == edges.find(names, 7)
