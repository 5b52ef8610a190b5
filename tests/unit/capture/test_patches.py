"""What a notebook has put into packages is told: a release has the packages as they are installed."""

from __future__ import annotations

import gc
import sys
from types import ModuleType
from typing import Any

import pytest
from sklearn.linear_model import LinearRegression
from sklearn.preprocessing import StandardScaler

from jupyter_deploy.capture.cells import Notebook
from jupyter_deploy.capture.noticing import patches

FIT = """
import numpy as np
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
X = np.arange(12.0).reshape(6, 2)
model = make_pipeline(StandardScaler(), LinearRegression()).fit(X, X.sum(axis=1))
model.predict(X)
"""


def told(session: Any) -> list[tuple[str, str]]:
    """Capture the model; give what was found."""
    return [(one.subject, one.message) for one in session.capture("model").findings if one.kind == "patch"]


def message(path: str, place: str, package: str) -> str:
    """Say what a finding says."""
    return f"`{path}`{place} stands in this kernel alone: a release has `{package}` as it is installed."


def test_packages_as_they_are(session: Any) -> None:
    """A model of packages that nobody touched has no such finding."""
    session.run(FIT, "def predict(self, X):\n    return 0", "class StandardScaler:\n    pass")

    assert [] == told(session)


WRAPPED = """
import functools
@functools.wraps(LinearRegression.predict)
def mine(self, X):
    return X.sum(axis=1)
LinearRegression.predict = mine
"""
PARTIAL = """
import functools
def mine(self, X, scale):
    return X.sum(axis=1)
LinearRegression.predict = functools.partialmethod(mine, scale=2)
"""


@pytest.mark.parametrize("change", ["LinearRegression.predict = lambda self, X: X.sum(axis=1)", WRAPPED, PARTIAL])
def test_replaced_method(session: Any, monkeypatch: pytest.MonkeyPatch, change: str) -> None:
    """A method is named as people import its class, with the cell that replaced it."""
    session.run(FIT)
    monkeypatch.setattr(LinearRegression, "predict", LinearRegression.predict)
    session.run(change)

    path = "sklearn.linear_model.LinearRegression.predict"
    assert [(path, message(path, ", defined in cell 2,", "sklearn"))] == told(session)


def test_inherited_method(session: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A method that a class inherits is found where it was replaced."""
    session.run(FIT)
    base = next(one for one in LinearRegression.__mro__ if "_decision_function" in vars(one))
    monkeypatch.setattr(base, "_decision_function", base._decision_function)
    session.run("def decide(self, X):\n    return X.sum(axis=1)")
    base._decision_function = session.namespace["decide"]

    assert [f"sklearn.linear_model._base.{base.__qualname__}._decision_function"] == [path for path, _ in told(session)]


def test_replaced_function_and_class(session: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Functions and classes of modules count, each once, and so does what was added."""
    import numpy as np
    import sklearn.preprocessing

    session.run(FIT)
    monkeypatch.setattr(np, "log1p", np.log1p)
    monkeypatch.setattr(np, "added", None, raising=False)
    monkeypatch.setattr(sklearn.preprocessing, "StandardScaler", StandardScaler)
    session.run(
        "import sklearn.preprocessing\nclass Mine:\n    pass\nnp.log1p = lambda x: x\nnp.added = np.log1p\n"
        "sklearn.preprocessing.StandardScaler = Mine\nnp.pi"
    )

    found = told(session)

    assert {"numpy.log1p", "sklearn.preprocessing.StandardScaler"} == {path for path, _ in found}
    assert message("sklearn.preprocessing.StandardScaler", "", "sklearn") in [text for _, text in found]


def test_module_beside_the_notebook(session: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A function of a module beside the notebook that a cell replaced is told too: the file is what is deployed."""
    (session.folder / "patched_here.py").write_text("def inner(x):\n    return x\ndef outer(x):\n    return inner(x)\n")
    monkeypatch.syspath_prepend(str(session.folder))
    session.run("import patched_here\ndef model(x: float) -> float:\n    return patched_here.outer(x)\nmodel(1.0)")
    assert [] == told(session)

    session.run("patched_here.inner = lambda x: -x")

    ((_, text),) = told(session)
    assert (
        "`patched_here.inner`, defined in cell 2, stands in this kernel alone: a release has `patched_here` as it is on disk."
        == text
    )


def test_another_thread_may_import_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    """A module that comes while they are looked through, as happens while a kernel warms up, is no error."""
    names, before = iter(range(10_000)), gc.get_threshold()

    def came(*_: object) -> None:
        monkeypatch.setitem(sys.modules, f"jd_coming_{next(names)}", ModuleType("coming"))

    gc.callbacks.append(came)  # what a collection runs in the middle of a loop is what lets another thread run there
    gc.set_threshold(5)
    try:
        found = patches.findings(["json"], Notebook(()), {})
    finally:
        gc.set_threshold(*before)
        gc.callbacks.remove(came)

    assert [] == found
