"""Executed cells are read as Python, whatever IPython adds to it."""

from __future__ import annotations

import ast
import json
import pathlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from jupyter_deploy.capture.asking.calls import NotPlain, Search, evaluate, find
from jupyter_deploy.capture.cells import Notebook, without_magics


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("%matplotlib inline\nx = 1", "pass\nx = 1"),
        ("if a:\n    !ls\nelse:\n    %time f()", "if a:\n    pass\nelse:\n    pass"),
        ("ep = %deploy model\nfiles = !ls", "ep = None\nfiles = None"),
        ("x?\nmodel.predict??\n?x\ny = 2", "pass\npass\npass\ny = 2"),
        ("%%time\nmodel.predict(X)", "\nmodel.predict(X)"),
        ("%%bash\necho model", ""),
        ("z = 5 %\\\n    3", "z = 5 %\\\n    3"),
        ("", ""),
    ],
)
def test_without_magics(source: str, expected: str) -> None:
    """What is not Python is blanked out, and the lines keep their numbers."""
    assert expected == without_magics(source)


def test_cells_of_a_model(session: Any) -> None:
    """The cells that define what a model reaches, and the newest one that assigns it, are recorded; others are not."""
    session.run(
        "unrelated = 1", "@(lambda f: f)\ndef clean(rows):\n    return rows", "model = None",
        "class Model:\n    def predict(self, rows):\n        return clean(rows)",
        "model, other = Model(), 2", "print(model)",
    )  # fmt: skip
    taken = session.capture("model", example=[1])

    cells = json.loads((Path(taken.folder) / "cells.json").read_text())
    sources = [source for _, source in session.cells]
    assert [(sources[3], "defines Model"), (sources[1], "defines clean"), (sources[4], "assigns model")] == [
        (one["source"], one["why"]) for one in cells
    ]


def test_redefined_function(session: Any) -> None:
    """Of a cell that was changed and run again, the source that is live is recorded."""
    session.run("def model(rows):\n    return rows", "def model(rows):\n    return [x + 1 for x in rows]", "old = 3")
    taken = session.capture("model", example=[1])

    (cell,) = json.loads((Path(taken.folder) / "cells.json").read_text())
    assert session.cells[1][1] == cell["source"]


def test_cells_that_ran_again(session: Any) -> None:
    """However often cells ran, a cell has one name, and counts as it ran last."""
    once = Notebook([(1, "a = 1"), (2, "b = 2")])
    twice = Notebook([(1, "a = 1"), (2, "b = 2"), (3, "a = 1"), (4, "c = 3"), (5, "b = 2")])

    assert [3, 4, 5] == [cell.number for cell in twice.cells]
    assert [cell.id for cell in once.cells] == [cell.id for cell in twice.cells if cell.source != "c = 3"]
    assert (5,) == twice.numbers(once.sources("b", []))


def search(namespace: dict[str, Any], methods: tuple[str, ...] = ("predict", "predict_proba")) -> Search:
    return Search(namespace["model"], "model", methods, namespace)


class Model:
    """Stands for a model; it is never called."""


@pytest.mark.parametrize(
    ("source", "positional"),
    [
        ("model.predict(X)", (1,)),
        ("print(sum(model.predict_proba(data['a'])))", ([1, 2, 3],)),
        ("model.predict(data['a'][:2])", ([1, 2],)),
        ("model.predict(data['a'][-1])", (3,)),
        ("model.predict([[1.5, 2], [3, -4]])", ([[1.5, 2], [3, -4]],)),
        ("model.predict([[X, 2]])", ([[1, 2]],)),
        ("holder[0].predict(X)", (1,)),
        ("%time model.predict(gone)\nfor _ in []:\n    y = model.predict(X)", (1,)),
        ("model.predict(data['a'].copy())", ([1, 2, 3],)),
        ("model.predict(pathlib.Path('a'))", (Path("a"),)),
        ("model.predict(pd.to_datetime('2024-01-01'))", (pd.Timestamp(2024, 1, 1),)),
        ("model.predict(np.full(2, 1).shape)", ((2,),)),
        ("model.score(X, 'labels')", (1,)),
        ("model = Model().fit(X, 'labels')", (1,)),
    ],
)
def test_calls_are_found(source: str, positional: tuple[Any, ...]) -> None:
    """A call is found where the argument is a name, an attribute, a subscript, a literal of these, or data made of them."""
    model = Model()
    around = {"model": model, "holder": [model], "X": 1, "data": {"a": [1, 2, 3]}, "np": np, "pd": pd, "pathlib": pathlib}
    found = find(search(around), Notebook([(1, source)]))

    assert [positional] == [call.positional for call in found]


@pytest.mark.parametrize(
    "source",
    [
        "model.predict(load())", "model.predict(gone)", "model.predict(X + 1)", "model.predict(*X)", "model.predict(**X)",
        "other.predict(X)",
        "model.predict()", "model.unknown(X)", "model.predict([x for x in X])", "model.predict(X if X else X)", "predict(X)",
        "model.predict(data['b'])", "%%bash\nmodel.predict(X)", "def (",
    ],
)  # fmt: skip
def test_calls_that_are_not_evaluated(source: str) -> None:
    """Nothing that would run code, whose variable is gone, or that calls something else is found."""
    assert [] == find(search({"model": Model(), "other": Model(), "X": 1, "data": {}}), Notebook([(1, source)]))


def test_newest_call_first() -> None:
    """Calls come newest first; those that score or fit come after those that ask."""
    cells = [
        (1, "model.fit(X, y)"),
        (2, "model.predict(X)"),
        (3, "model.predict(Y); model.predict(X[0]); model.predict(5)"),
        (4, "model.score(X, y)"),
    ]
    found = find(search({"model": Model(), "X": [1], "Y": 2, "y": 0}), Notebook(cells))

    assert [
        (3, "model.predict(X[0])"), (3, "model.predict(Y)"), (2, "model.predict(X)"), (4, "model.score(X, y)"),
        (1, "model.fit(X, y)"), (3, "model.predict(…)"),
    ] == [(call.cell, call.origin) for call in found]  # fmt: skip


def test_literals_are_not_shown() -> None:
    """Where a call holds its input as a literal, the origin does not repeat it."""
    (call,) = find(search({"model": Model()}), Notebook([(7, "model.predict(['a secret'])")]))

    assert (7, "model.predict(…)") == (call.cell, call.origin)


def test_evaluating_runs_nothing() -> None:
    """An expression with a call in it is refused before anything of it runs."""
    ran: list[int] = []
    with pytest.raises(NotPlain):
        evaluate(ast.parse("data[ran.append(1)]", mode="eval").body, {"data": {}, "ran": ran})

    assert [] == ran
