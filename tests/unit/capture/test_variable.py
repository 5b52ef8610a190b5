"""What is captured loads in another interpreter and answers there as it did in the notebook."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jupyter_deploy import errors
from jupyter_deploy.capture import Terms
from jupyter_deploy.home import digest_of, size_of
from jupyter_deploy.values import Capture

Replay = Callable[[Capture], list[Any]]

TABLE = """
import pandas as pd
df = pd.DataFrame({
    "age": [23.0, 35.5, None, 51.0, 62.25, 44.0], "city": ["Rome", "Oslo", "Rome", None, "Bonn", "Oslo"],
    "plan": pd.Categorical(["a", "b", "a", "c", "b", "a"]), "member": [True, False, True, True, False, False],
})
y = [0, 1, 0, 1, 1, 0]
"""
MIXED = """
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
model = make_pipeline(
    ColumnTransformer([
        ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), ["age"]),
        ("words", OneHotEncoder(handle_unknown="ignore"), ["city", "plan", "member"]),
    ]),
    LogisticRegression(),
).fit(df, y)
"""
LINE = """
import numpy as np
from sklearn.linear_model import LinearRegression
X = np.arange(12.0).reshape(6, 2)
model = LinearRegression().fit(X, X.sum(axis=1))
"""


def test_pipeline_on_mixed_table(session: Any, replay: Replay) -> None:
    """A pipeline on numbers, texts, categories and missing values answers as in the notebook, labels and probabilities."""
    taken = session.run(TABLE, MIXED, "model.predict(df)").capture("model")

    assert {"predict": 6, "predict_proba": 6, "predict_log_proba": 6, "decision_function": 6} == taken.golden
    assert "cell 3: model.predict(df)" == taken.golden_origin
    assert "Pipeline: ColumnTransformer, LogisticRegression" == taken.kind
    assert ["age", "city", "plan", "member"] == [column.name for column in taken.contract.methods[0].input.columns]
    assert (0, 1) == taken.contract.methods[1].output.classes
    assert [] == replay(taken)


def test_text_pipeline(session: Any, replay: Replay) -> None:
    """A pipeline on texts takes a list of them."""
    taken = session.run(
        "from sklearn.feature_extraction.text import TfidfVectorizer\nfrom sklearn.naive_bayes import MultinomialNB\n"
        "from sklearn.pipeline import make_pipeline\n"
        "texts = ['good stuff', 'bad thing', 'good thing', 'so bad']\n"
        "model = make_pipeline(TfidfVectorizer(), MultinomialNB()).fit(texts, ['+', '-', '+', '-'])",
        "model.predict(['what a good day', 'oh no, bad'])",
    ).capture("model")

    assert "list" == taken.contract.methods[0].input.kind
    assert "cell 1: ….fit(texts, …) and 1 more call" == taken.golden_origin
    assert [] == replay(taken)


def test_series_of_texts(session: Any, replay: Replay) -> None:
    """A pipeline that was called on a column takes a column."""
    taken = session.run(
        "import pandas as pd\nfrom sklearn.feature_extraction.text import CountVectorizer\nfrom sklearn.linear_model import Ridge\n"
        "from sklearn.pipeline import make_pipeline\n"
        "df = pd.DataFrame({'text': ['a cat', 'a dog', 'two cats'], 'n': [1.0, 1.0, 2.0]})\n"
        "model = make_pipeline(CountVectorizer(), Ridge()).fit(df['text'], df['n'])",
        "model.predict(df['text'])",
    ).capture("model")

    assert "series" == taken.contract.methods[0].input.kind
    assert [] == replay(taken)


def test_rows_that_json_changes(session: Any) -> None:
    """A model whose answer changes when its rows come as JSON is not deployed on those rows, and the message says which row."""
    session.run(
        "import numpy as np\nclass Endless:\n    def predict(self, X):\n        return [int(row[0] == np.inf) for row in X]",
        "model = Endless()\nX = np.array([['a'], [np.inf]], dtype=object)",
    )

    with pytest.raises(errors.NoContract, match="row 1 is answered otherwise when it comes as JSON"):
        session.capture("model", example=session.namespace["X"])


def test_function_around_model(session: Any, replay: Replay) -> None:
    """A function that closes over a model, and a helper of another cell, take both along."""
    taken = session.run(
        LINE,
        "def rounded(values):\n    return np.round(values, DIGITS)\nDIGITS = 2",
        "def make(inner):\n"
        "    def estimate(rows):\n        return rounded(inner.predict(rows) * 1.5).tolist()\n    return estimate",
        "price = make(model)\nprice(X[:4])",
    ).capture("price")

    assert {"predict": 4} == taken.golden
    assert "" == taken.contract.methods[0].attribute
    assert "function estimate" == taken.kind
    why = {one["source"]: one["why"] for one in json.loads((Path(taken.folder) / "cells.json").read_text())}
    sources = [source for _, source in session.cells]
    assert {sources[1]: "defines rounded", sources[2]: "defines make", sources[3]: "assigns price"} == why
    assert [] == replay(taken)


def test_class_from_a_cell(session: Any, replay: Replay) -> None:
    """A class from a cell travels with its base class, the functions that it uses and what they import while they run."""
    taken = session.run(
        "from dataclasses import dataclass\nimport enum\nclass Side(enum.Enum):\n    LOW = 'low'\n    HIGH = 'high'",
        "def side(x):\n    import statistics\n    return Side.HIGH if x > statistics.mean([1, 2]) else Side.LOW",
        "class Base:\n    def predict(self, rows):\n        return [self.one(row) for row in rows]\n"
        "@dataclass\nclass Threshold(Base):\n"
        "    shift: float = 0.5\n    def one(self, row):\n        return side(row + self.shift).value",
        "model = Threshold()\nmodel.predict([0.5, 1.0, 2.5])",
    ).capture("model")

    answers = json.loads((Path(taken.folder) / "golden.json").read_text())[0]["answers"]
    assert ["low", "low", "high"] == answers
    assert [] == replay(taken)


def test_module_beside_the_notebook(session: Any, replay: Replay, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module beside the notebook, and a package with relative imports that it uses, travel as source files."""
    package = session.folder / "features_of_it"
    (package / "__pycache__").mkdir(parents=True)
    (package / "__pycache__" / "old.py").write_text("")
    (package / "__init__.py").write_text("from .scale import scaled\n")
    (package / "scale.py").write_text("from . import constants\nimport numpy\ndef scaled(x):\n    return x * constants.TIMES\n")
    (package / "constants.py").write_text("TIMES = 3\n")
    (session.folder / "cleaning_of_it.py").write_text(
        "import features_of_it\ndef clean(rows):\n    return [features_of_it.scaled(x) for x in rows]\n"
    )
    monkeypatch.syspath_prepend(str(session.folder))
    taken = session.run(
        "import cleaning_of_it", "def model(rows):\n    return cleaning_of_it.clean(rows)", "model([1, 2])"
    ).capture("model")

    files = sorted(one.relative_to(taken.folder).as_posix() for one in (Path(taken.folder) / "sources").rglob("*.py"))
    assert [
        "sources/cleaning_of_it.py", "sources/features_of_it/__init__.py", "sources/features_of_it/constants.py",
        "sources/features_of_it/scale.py",
    ] == files  # fmt: skip
    assert "numpy" in taken.modules
    assert not [one for one in taken.modules if one.endswith("_of_it")]
    assert [] == replay(taken)


def test_named_arguments(session: Any, replay: Replay) -> None:
    """A function of several arguments is called once a row, with every call of the notebook as a golden row."""
    taken = session.run(
        "def price(rooms, city, garden=False):\n    return rooms * 100.5 + len(city) + 50 * garden",
        "price(3, 'Rome')\nprice(2, city='Oslo', garden=True)",
    ).capture("price")

    assert ["rooms", "city", "garden"] == [column.name for column in taken.contract.methods[0].input.columns]
    assert {"predict": 2} == taken.golden
    assert [] == replay(taken)


@pytest.mark.parametrize("example", [(3, "Rome"), {"rooms": 3, "city": "Rome"}, [{"rooms": 3, "city": "Rome"}]])
def test_example_of_arguments(session: Any, example: Any) -> None:
    """A tuple, a dict and a list of dicts all say what a function of several arguments takes."""
    taken = session.run("def price(rooms, city):\n    return rooms + len(city)").capture("price", example=example)

    golden = json.loads((Path(taken.folder) / "golden.json").read_text())
    assert [{"method": "predict", "rows": [{"rooms": 3, "city": "Rome"}], "answers": [7], "origin": "the given example"}] == golden


def test_partial_and_bound_method(session: Any, replay: Replay) -> None:
    """A partial function and a bound method can be deployed like the function itself."""
    session.run(
        "import functools\nclass Scorer:\n    by = 2\n    def score(self, rows):\n        return [self.by * x for x in rows]\n"
        "def scale(by, rows):\n    return [by * x for x in rows]",
        "partial = functools.partial(scale, 5)\nscorer = Scorer()",
    )

    assert [] == replay(session.capture("partial", example=[1, 2]))
    assert [] == replay(session.capture("scorer.score", example=[1, 2]))
    assert [] == replay(session.capture("lambda rows: partial(rows)", example=[1, 2]))


def test_what_the_model_knows(session: Any) -> None:
    """Without a call in a cell, a live table with the model's columns is found."""
    session.run(TABLE, "from sklearn.linear_model import Ridge\nX_test = df[['age']].fillna(0)", "m = Ridge().fit(X_test, y)")
    session.cells.clear()

    assert "the variable X_test" == session.capture("m").golden_origin


def test_made_up_row(session: Any, replay: Replay) -> None:
    """Where no data is left, the contract comes from the model's own feature names."""
    session.run(TABLE, "from sklearn.linear_model import Ridge\nm = Ridge().fit(df[['age']].fillna(0), y)\ndel df")
    session.cells.clear()

    taken = session.capture("m")

    assert [("age", "float64", None)] == [(one.name, one.dtype, one.minimum) for one in taken.contract.methods[0].input.columns]
    assert [] == replay(taken)


def test_fit_tells_the_features(session: Any) -> None:
    """Where nothing but the fit is seen, its data are the golden rows."""
    taken = session.run(LINE).capture("model")

    assert "cell 1: ….fit(X, X.sum(axis=1))" == taken.golden_origin


def test_golden_rows_are_bounded(session: Any) -> None:
    """No more golden rows are kept than asked for."""
    assert {"predict": 2} == session.run(LINE, "model.predict(X)").capture("model", terms=Terms(golden_rows=2)).golden


def test_manifest_and_capture(session: Any) -> None:
    """The folder holds what the layout says, and the capture names it by its content."""
    taken = session.run(LINE, "model.predict(X)").capture("model")
    folder = Path(taken.folder)

    assert ["cells.json", "contract.json", "golden.json", "manifest.json", "model"] == sorted(one.name for one in folder.iterdir())
    assert digest_of(folder) == taken.digest
    assert size_of(folder) == taken.size
    manifest = json.loads((folder / "manifest.json").read_text())
    assert ("m", "sklearn", "cloudpickle", "model/model.pkl", "") == tuple(
        manifest[key] for key in ("endpoint", "framework", "loader", "model", "sources")
    )
    assert "sklearn.linear_model._base" in manifest["preload"]
    assert "sklearn.linear_model._base" in taken.modules


def test_asking_does_not_disturb(session: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Asking for golden answers leaves random numbers, data and output of the notebook as they were."""
    session.run(
        "import random, numpy as np\nrandom.seed(1)\nnp.random.seed(1)\nrows = [[1.0], [2.0]]",
        "def model(rows):\n    print('asked')\n    rows.append(random.random() + np.random.random())\n    return rows[:2]",
    )
    session.capture("model", example=session.namespace["rows"])

    session.run(
        "got = random.random(), np.random.random()\n"
        "random.seed(1)\nnp.random.seed(1)\nexpected = random.random(), np.random.random()"
    )
    assert session.namespace["expected"] == session.namespace["got"]
    assert [[1.0], [2.0]] == session.namespace["rows"]
    assert "" == capsys.readouterr().out


def test_method_that_fails_is_left_out(session: Any) -> None:
    """A method that does not answer has no route, which is told; the others have."""
    taken = session.run(
        "class Model:\n    def predict(self, rows):\n        return rows\n"
        "    def transform(self, rows):\n        raise NotImplementedError('later')",
        "model = Model()\nmodel.predict([1, 2])",
    ).capture("model")

    assert ["predict"] == [method.name for method in taken.contract.methods]
    told = "`model.transform` is left out: cell 2: model.predict(…): NotImplementedError: later."
    assert [("contract", "model.transform", told)] == [(one.kind, one.subject, one.message) for one in taken.findings]


@pytest.mark.parametrize(
    ("expression", "kind", "message", "hint"),
    [
        ("modle", errors.UnknownName, "There is no variable `modle` in this notebook.", "Did you mean `model`?"),
        (
            "model.stepz", errors.UnknownName,
            "`model.stepz` cannot be evaluated: 'LinearRegression' object has no attribute 'stepz'.", "",
        ),
        ("model +", errors.BadInput, "`model +` is not a Python expression.", "Give a variable, such as `%deploy model`."),
        ("[][1]", errors.BadInput, "`[][1]` cannot be evaluated: IndexError: list index out of range", ""),
        (
            "Ridge", errors.NotDeployable, "`Ridge` is the class Ridge, not a fitted model.",
            "Fit one first, `model = Ridge().fit(X, y)`, then deploy `model`.",
        ),
        (
            "fresh", errors.NotDeployable, "`fresh` is a Ridge that has not been fitted.",
            "Run `fresh.fit(X, y)` first, then deploy it.",
        ),
        (
            "count", errors.NotDeployable, "`count` is an int, which cannot be called.",
            "A fitted model, an object with a method such as `predict`, or a function can be deployed.",
        ),
        (
            "free", errors.NoContract,
            "Nothing says what `free` accepts: no executed cell calls `free(X_test)` with a variable that still exists.",
            "Give some rows as an example: `%deploy free --example X_test`, or run `free(X_test)` in a cell and deploy again.",
        ),
        (
            "lambda x: x", errors.NoContract,
            ("Nothing says what `lambda x: x` accepts: "
             "no executed cell calls `(lambda x: x)(X_test)` with a variable that still exists."),
            ("Give some rows as an example: `%deploy lambda x: x --example X_test`, "
             "or run `(lambda x: x)(X_test)` in a cell and deploy again."),
        ),
    ],
)  # fmt: skip
def test_refusals(session: Any, expression: str, kind: type[errors.DeployError], message: str, hint: str) -> None:
    """What cannot be deployed is refused with what is wrong and what to do."""
    session.run(LINE, "from sklearn.linear_model import Ridge\nfresh = Ridge()\ncount = 3\ndef free(rows):\n    return rows")

    with pytest.raises(kind) as raised:
        session.capture(expression)

    assert kind is type(raised.value)
    assert message == raised.value.message
    assert hint == raised.value.hint


def test_data_that_cannot_be_used(session: Any) -> None:
    """What was found in the notebook and could not be used is named once each, with the reason."""
    session.run("data = [1j]\ndef same(rows):\n    return rows", "same(data)")

    with pytest.raises(errors.NoContract) as raised:
        session.capture("same")

    expected = (
        "Nothing says what `same` accepts: what the notebook holds could not be used:\n"
        "  cell 2: same(data) cannot be written as JSON: JSON cannot hold a builtins.complex"
    )
    assert raised.value.message.startswith(expected)


@pytest.mark.parametrize(("answer", "given"), [("None", "None"), ("len(rows)", "one int"), ("rows[:1]", "1 answers")])
def test_one_answer_a_row(session: Any, answer: str, given: str) -> None:
    """A model that does not give one answer a row is refused with what it gave instead."""
    session.run(f"class Odd:\n    def predict(self, rows):\n        return {answer}\nmodel = Odd()")

    with pytest.raises(errors.NoContract, match=f"`model` does not take the given example: it gave {given} (for|to) 3 rows"):
        session.capture("model", example=["a", "b", "c"])


def test_example_that_does_not_fit(session: Any) -> None:
    """An example that the model does not take is refused with the model's own reason."""
    with pytest.raises(errors.NoContract, match=r"`model` does not take the given example: ValueError: Expected 2D array"):
        session.run(LINE).capture("model", example=[1.0, 2.0])


def test_name_that_is_gone(session: Any) -> None:
    """A function that needs a name that does not exist any more says which."""
    session.run("def helper(x):\n    return x\ndef model(rows):\n    return helpr(rows)")

    with pytest.raises(errors.NotDeployable, match=r"`model` fails when it is called: name 'helpr' is not defined") as raised:
        session.capture("model", example=[1])
    assert "Did you mean `helper`?" == raised.value.hint


def test_call_with_a_variable_that_is_gone(session: Any) -> None:
    """A call whose variable was deleted is passed over for an older one whose variable is there."""
    session.run(LINE, "A = X[:3]\nB = X[:2]", "model.predict(A)", "model.predict(B)", "del B")

    assert "cell 3: model.predict(A), edge rows of ….fit(X, X.sum(axis=1))" == session.capture("model").golden_origin


def test_values_without_names_come_last(session: Any) -> None:
    """A table with the model's columns is taken before values that were written into a newer call."""
    session.run(TABLE, "from sklearn.linear_model import Ridge\nX_test = df[['age']].fillna(0)\nm = Ridge().fit(X_test, y)")
    session.run("m.predict([[3.0]])")
    session.cells.pop(1)

    assert "the variable X_test and 1 more call" == session.capture("m").golden_origin


def test_a_table_for_a_call(session: Any, replay: Replay) -> None:
    """A function of plain arguments that returns a table gives a table for each call."""
    session.run("import pandas as pd\ndef forecast(days=3):\n    return pd.DataFrame({'day': range(days)})", "forecast(days=2)")
    taken = session.capture("forecast")

    assert ("list", "frame") == (taken.contract.methods[0].output.kind, taken.contract.methods[0].output.each.kind)
    assert [] == replay(taken)


@pytest.mark.parametrize("answer", ["rows.sort_values('a')['a']", "rows.set_index('a')", "rows[rows['a'] > 1]"])
def test_an_answer_in_another_order(session: Any, answer: str) -> None:
    """A model whose answers are told apart by an index alone is refused: a caller counts rows."""
    session.run(f"import pandas as pd\ndef model(rows):\n    return {answer}\nX = pd.DataFrame({{'a': [3, 1, 2], 'b': [1, 2, 3]}})")

    with pytest.raises(errors.NoContract, match="its answer has an index of its own"):
        session.capture("model", example=session.namespace["X"])


def test_one_answer_for_all(session: Any, replay: Replay) -> None:
    """A function that gives one answer to a whole list is called once a row, with the list as its argument."""
    taken = session.run("def total(values):\n    return sum(values)", "total([1, 2, 3])").capture("total")

    assert "arguments" == taken.contract.methods[0].input.kind
    assert {"predict": 1} == taken.golden
    assert [] == replay(taken)
