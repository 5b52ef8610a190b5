"""What the form lists without asking odd objects anything, and the line of the magic that deploys the same."""

from __future__ import annotations

import functools
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import DBSCAN
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from jupyter_deploy.adapters import form, magic, models, weight
from jupyter_deploy.adapters.form import Asked, Wanted
from jupyter_deploy.adapters.handle import Endpoint
from jupyter_deploy.adapters.models import Found

X = np.arange(40.0).reshape(20, 2)
Y = np.arange(20) % 2
NEVER = 60.0  # seconds; longer than any of this takes


def find(**namespace: Any) -> Found:
    """Look at variables of a notebook whose classes are those of this module."""
    return models.find({"__name__": __name__, **namespace}, Path("/nowhere"), seconds=NEVER)


def fitted() -> Any:
    """Make a model."""
    return LogisticRegression().fit(X, Y)


class Proxy:
    """Fails whatever it is asked."""

    def __getattribute__(self, name: str) -> Any:
        raise SystemError(name)


class Generous:
    """Answers to any name, as a proxy of something far away does."""

    asked: list[str] = []

    def __getattr__(self, name: str) -> Any:
        self.asked.append(name)
        return lambda *_: None


class Failing:
    """Has a property of a model's name that raises."""

    @property
    def predict(self) -> Any:
        """Raise."""
        raise ZeroDivisionError


class Own:
    """Answers as a model does, without a framework."""

    def predict(self, rows: Any) -> Any:
        """Answer."""
        return rows


def test_models_are_told_with_what_they_can_do() -> None:
    """A fitted model comes with its endpoint's name, kind, methods and size."""
    (told,) = find(_hidden=fitted(), best_model=fitted(), threshold=0.5, title="models:/churn").candidates

    assert ("best_model", "best-model", "LogisticRegression", "") == (told.expression, told.name, told.kind, told.why)
    assert "predict_proba" in told.methods
    assert told.size > 0


def test_what_looks_like_a_model_says_why_not() -> None:
    """An unfitted one, one that cannot answer for new rows and a class of the notebook's own stand last, each with what to do."""
    found = find(raw=LogisticRegression(), clusters=DBSCAN().fit(X), Own=Own, model=fitted()).candidates
    told = {one.expression: one for one in found}

    assert "model" == found[0].expression
    assert ("`raw` is a LogisticRegression that has not been fitted.", "Run `raw.fit(X, y)` first, then deploy it.") == (
        told["raw"].why,
        told["raw"].hint,
    )
    assert told["clusters"].why.startswith("`clusters` is a DBSCAN, which has none of the methods predict,")
    assert "`Own` is the class Own, not an object of it." == told["Own"].why


def test_models_come_before_functions_and_the_newest_first() -> None:
    """What is deployed most often stands at the top."""

    def score(rows: Any) -> Any:
        return rows

    def plot() -> None: ...

    found = find(first=fitted(), own=Own(), half=functools.partial(score, 1), score=score, plot=plot).candidates

    assert ["half", "own", "first", "score"] == [one.expression for one in found]
    assert [("",), ("predict",)] == [one.methods for one in found[:2]]


def test_models_within_containers() -> None:
    """Models in a dict, a list or an object of the notebook's own are told by the expression that gives them."""
    shared = fitted()
    trainer = Failing()
    trainer.__dict__["model"] = fitted()
    found = find(models={"eu": fitted(), ("a", 1): fitted(), "us": shared}, more=[1, fitted()], trainer=trainer, shared=shared)

    assert {"models['eu']", "more[1]", "trainer.model", "shared"} == {one.expression for one in found.candidates}


def test_odd_objects_are_asked_nothing() -> None:
    """Whatever raises, or answers to any name, is passed over, and nothing of its own runs."""
    found = find(proxy=Proxy(), generous=Generous(), failing=Failing(), held={"proxy": Proxy(), "generous": Generous()})

    assert () == found.candidates
    assert [] == Generous.asked


def test_tables_are_rows_for_a_model() -> None:
    """Tables and arrays are offered as examples, and are no models."""
    assert ("y", "X") == find(X=pd.DataFrame(X), y=pd.Series(Y)).rows


def test_when_the_time_is_over() -> None:
    """What was not looked at any more is counted."""
    found = models.find({"model": fitted(), "other": fitted()}, Path("/nowhere"), seconds=-1)

    assert ((), 2) == (found.candidates, found.left_out)


def test_names_of_the_shell_are_left_out() -> None:
    """What IPython put there is none of the notebook's, unless it was bound anew."""
    own = fitted()

    assert () == models.find({"Out": own}, Path("/nowhere"), {"Out": own}).candidates
    assert 1 == len(models.find({"Out": own}, Path("/nowhere"), {"Out": None}, NEVER).candidates)


def test_the_handle_of_an_endpoint_is_no_model() -> None:
    """What a deploy gave back can be called, and is not offered to be deployed."""
    assert () == find(ep=Endpoint.__new__(Endpoint)).candidates


def test_sizes_follow_what_is_held() -> None:
    """A forest's trees, an array and the elements of a long list count."""
    until = time.monotonic() + NEVER
    forest = RandomForestClassifier(5, random_state=0).fit(X, Y)
    nodes = sum(tree.tree_.node_count for tree in forest.estimators_)

    assert weight.of(forest, until)[0] > nodes * 64
    assert 8_000_020 == weight.of(np.zeros(1_000_000), until)[0]
    assert 9_000_000 <= weight.of([1] * 1_000_000, until)[0] < 9_001_000


def test_a_size_has_an_end() -> None:
    """A chain without an end in sight is cut, and said to be at least so big."""
    chain: list[Any] = []
    for _ in range(weight.MOST_PARTS + 10):
        chain = [chain, object()]

    assert not weight.of(chain, time.monotonic() + NEVER)[1]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (Asked(expression="model"), "%deploy model"),
        (Asked(expression="models['eu']", name="churn"), "%deploy models['eu'] --name churn"),
        (Asked(expression="status"), "%deploy (status)"),
        (Asked(expression="make( 1 )"), "%deploy (make( 1 ))"),
        (Asked(expression="-model"), "%deploy (-model)"),
        (
            Asked(expression="m", example="X[:5, 1]", settings=Wanted(target="local", workers=4, memory=1_000_000, gpu=0)),
            "%deploy m --example (X[:5, 1]) --target local --workers 4 --memory 1000000 --gpu 0",
        ),
    ],
)
def test_the_line_that_deploys_the_same(asked: Asked, expected: str) -> None:
    """What was chosen in the form stands in the line, and the magic reads the same out of it."""
    line = form.line(asked)
    words = magic.words(line.removeprefix("%deploy "))

    assert expected == line
    assert asked.expression == words[0].removeprefix("(").removesuffix(")") or words[0] == f"({asked.expression})"
