"""What is taken along is told with the way that reached it and its size; nothing unrelated comes along."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jupyter_deploy.capture import report
from jupyter_deploy.capture.pickling import objects
from jupyter_deploy.values import Taken

NOTEBOOK = """
import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
STOPWORDS = ["a", "the"] * 1000
TABLE = pd.DataFrame({"a": range(2000), "b": ["x"] * 2000})
UNRELATED = np.zeros((1000, 1000, 10))
class Neighbour:
    TABLE = UNRELATED
def unrelated(): return UNRELATED
def clean(x):
    return x * TABLE["a"].mean() + len(STOPWORDS)
class Model:
    RATES = {number: number * 0.5 for number in range(3000)}
    def __init__(self, inner, history):
        self.inner, self.history = inner, history
    def predict(self, X):
        return self.inner.predict(clean(X))
X = np.array([[1.0, 2.0], [3.0, 1.0], [2.0, 2.0]])
pipe = make_pipeline(FunctionTransformer(clean), LogisticRegression()).fit(X, [0, 1, 0])
model = Model(pipe, X.repeat(1000, axis=0))
"""


def by_path(taken: tuple[Taken, ...]) -> dict[str, tuple[str, int]]:
    return {one.path: (one.kind, one.size) for one in taken}


def test_ways(session: Any) -> None:
    """Functions, classes, variables and large data are told by the way to them, the biggest first, with sizes that add up."""
    taken = session.run(NOTEBOOK).capture("model", example=np.ones((2, 2)))
    told = by_path(taken.taken)

    model = "model → its class"
    kinds = {
        "model": "Model", model: "class", f"{model}.RATES": "dict", "model.history": "ndarray",
        f"{model}.predict → clean": "function", f"{model}.predict → clean → TABLE": "DataFrame",
        f"{model}.predict → clean → STOPWORDS": "list",
    }  # fmt: skip
    assert kinds == {path: kind for path, (kind, _) in told.items()}
    sizes = [one.size for one in taken.taken]
    assert sorted(sizes, reverse=True) == sizes
    written = (Path(taken.folder) / "model" / "model.pkl").stat().st_size
    assert 0.9 * written < sum(sizes) < 1.1 * written
    assert 48_000 <= told["model.history"][1] <= 48_100


def test_the_way_through_a_pipeline(session: Any) -> None:
    """The way goes through a pipeline's steps and a function's variables as a person would write it."""
    taken = session.run(NOTEBOOK).capture("pipe", example=np.ones((2, 2)))

    assert "pipe.steps[0][1].func → TABLE" in by_path(taken.taken)


def test_nothing_unrelated(session: Any) -> None:
    """Large variables that the model does not use stay in the kernel, as do their neighbours in functions and classes."""
    taken = session.run(NOTEBOOK).capture("model", example=np.ones((2, 2)))

    assert taken.size < 1_000_000 < session.namespace["UNRELATED"].nbytes
    assert not any("nrelated" in one.path.lower() or "Neighbour" in one.path for one in taken.taken)


def test_what_a_library_learnt(session: Any) -> None:
    """Of a library's own model, what it learnt is told by itself only if it is much of the whole."""
    session.run(
        "import numpy as np\nfrom sklearn.neighbors import KNeighborsClassifier\n"
        "from sklearn.ensemble import RandomForestClassifier\n"
        "X = np.random.default_rng(0).normal(size=(2000, 4))\ny = (X[:, 0] > 0).astype(int)\n"
        "near = KNeighborsClassifier(algorithm='brute').fit(X, y)\nforest = RandomForestClassifier(8, random_state=0).fit(X, y)"
    )

    assert {"near", "near._fit_X", "near._y"} >= set(by_path(session.capture("near").taken)) > {"near"}
    assert {"forest"} == set(by_path(session.capture("forest").taken))


def test_files(session: Any) -> None:
    """Files of modules beside the notebook are told with the imports that lead to them."""
    (session.folder / "first_beside.py").write_text("import second_beside\ndef f(x):\n    return second_beside.g(x)\n")
    (session.folder / "second_beside.py").write_text("def g(x):\n    return x\n")
    import sys

    sys.path.insert(0, str(session.folder))
    try:
        session.run("import first_beside\ndef model(rows):\n    return [first_beside.f(one) for one in rows]")
        taken = session.capture("model", example=[1, 2])
    finally:
        sys.path.remove(str(session.folder))
        del sys.modules["first_beside"], sys.modules["second_beside"]

    told = by_path(taken.taken)
    assert ("module file", 61) == told["model → import first_beside"]
    assert "module file" == told["model → import first_beside → import second_beside"][0]


@pytest.mark.parametrize("count", [200, 5_000])
def test_most(count: int) -> None:
    """Of very many things the biggest are told, and the rest is summed up."""
    taken = [Taken(path="model", kind="Model", size=0), *(Taken(path=f"f{n}", kind="function", size=n) for n in range(count))]
    told = report.complete(taken, 0)

    assert report.MOST + 1 == len(told)
    assert sum(range(count)) == sum(one.size for one in told)
    assert f"{count + 1 - report.MOST} more" == told[-1].path


def test_cycles_and_crowds() -> None:
    """Objects that hold themselves and containers of very many are gone through once, and not in full."""
    around: list[Any] = [{"number": number} for number in range(100_000)]
    around.append(around)
    reached = objects.Reached()

    (told,) = report.of_objects(around, "model", "list", reached)

    assert ("model", "list") == (told.path, told.kind)
