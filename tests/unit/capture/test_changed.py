"""Modules beside the notebook: where the file differs from what the kernel has, it is told, for the file is deployed."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import pytest

SOURCE = '''"""A module."""
from dataclasses import dataclass
from functools import lru_cache, wraps

LIMIT = 0.5
WORDS = ["a", "b"]
SEEN = {}
COUNT = 0


def noted(function):
    @wraps(function)
    def inner(*args):
        global COUNT
        COUNT += 1
        SEEN[args] = 1
        return function(*args)
    return inner


@noted
def score(x, by=2):
    """Score."""
    return x > LIMIT and x * by in (1, 2, 3)


@lru_cache
def cached(x):
    return x


@dataclass
class Rule:
    least: float = 1.0

    STEP = 3

    def apply(self, x):
        return score(x) + cached(x) + self.least + self.STEP

    @property
    def shown(self):
        return [one for one in WORDS if one]


def unused(x):
    return x - 1


def rule(x):
    return Rule().apply(x), Rule().shown
'''


@pytest.fixture
def changed(session: Any, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Any:
    """Give a notebook that uses a module; its file may be written anew, and the findings be asked for."""
    name = f"changing_{abs(hash(request.node.name))}"
    file = session.folder / f"{name}.py"
    file.write_text(SOURCE)
    monkeypatch.syspath_prepend(str(session.folder))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    session.run(f"import {name} as rules\ndef f(x: float) -> float:\n    rules.rule(x)\n    return x\nf(1.0)")
    session.file, session.module = file, sys.modules[name]

    def told() -> list[str]:
        found = [one for one in session.capture("f").findings if one.kind == "module"]
        return [one.message.rpartition(": ")[2] for one in found]

    session.told = told
    yield session
    del sys.modules[name]


def test_unchanged_module(changed: Any) -> None:
    """A module that is as its file says is no finding, whatever it has counted and cached itself."""
    assert 0 < changed.module.COUNT
    assert [] == changed.told()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("x > LIMIT", "x >= LIMIT"),
        ("by=2", "by=3"),
        ("(1, 2, 3)", "(1, 2, 4)"),
    ],
)
def test_edited_function(changed: Any, old: str, new: str) -> None:
    """Code, constants and defaults of a function that is reached count, also below a decorator."""
    changed.file.write_text(SOURCE.replace(old, new))

    assert ["`score`."] == changed.told()


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("LIMIT = 0.5", "LIMIT = 0.6", "`LIMIT`."),
        ('["a", "b"]', '["a", "c"]', "`WORDS`."),
        ("STEP = 3", "STEP = 4", "`Rule.STEP`."),
        ("least: float = 1.0", "least: float = 2.0", "`Rule.least`."),
        ("if one]", "if one and one]", "`Rule.shown`."),
        ("cached(x) +", "cached(x) -", "`Rule.apply`."),
        ("def cached(x):\n    return x", "def cached(x):\n    return -x", "`cached`."),
        ("def cached(x):", "def stored(x):", "`cached`."),
    ],
)
def test_edited_value_or_method(changed: Any, old: str, new: str, expected: str) -> None:
    """Constants, class attributes, methods and properties count."""
    changed.file.write_text(SOURCE.replace(old, new))

    assert [expected] == changed.told()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"""Score."""', '"""Score, better."""'),
        ("LIMIT = 0.5", "# The limit.\nLIMIT = .5\n\n\n"),
        ("x - 1", "x - 2"),
        ("SEEN = {}", "SEEN = {}\nNEW = 5"),
    ],
    ids=["docstring", "comments and lines", "what is not reached", "something new"],
)
def test_edit_that_makes_no_difference(changed: Any, old: str, new: str) -> None:
    """Docstrings, comments, lines, and what the model does not reach do not count."""
    changed.file.write_text(SOURCE.replace(old, new))

    assert [] == changed.told()


def test_reload(changed: Any) -> None:
    """Once the module is imported anew it is as its file says."""
    changed.file.write_text(SOURCE.replace("x > LIMIT", "x >= LIMIT"))
    assert ["`score`."] == changed.told()

    importlib.reload(changed.module)

    assert [] == changed.told()


def test_value_that_the_notebook_set(changed: Any) -> None:
    """A constant that the notebook set, or a list that it added to, stays behind, so it is told."""
    changed.run("rules.LIMIT = 0.1")
    assert ["`LIMIT`."] == changed.told()

    changed.run("rules.LIMIT = 0.5\nrules.WORDS.append('c')\nrules.SEEN['x'] = 1")
    assert ["`WORDS`."] == changed.told()


def test_message(changed: Any) -> None:
    """It says that the file is what is deployed, and how to have both alike."""
    changed.file.write_text(SOURCE.replace("x > LIMIT", "x >= LIMIT").replace("0.5", "0.6"))
    name = changed.module.__name__

    (found,) = (one for one in changed.capture("f").findings if one.kind == "module")

    differs = "where it differs from what this kernel imported or set"
    assert f"{name}.py is deployed as it is on disk, {differs}: `score`, `LIMIT`." == found.message
    assert found.hint.startswith(f"`import importlib; importlib.reload({name})` or restart the kernel")
