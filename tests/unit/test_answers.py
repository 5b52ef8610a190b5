"""Two answers are the same where kinds are equal, floats near, and everything else exact."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_deploy.answers import alike, needed, same

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(json_values)
def test_an_answer_is_the_same_as_itself(answer: Any) -> None:
    """Whatever JSON a model gives, its own copy passes."""
    assert same(answer, json.loads(json.dumps(answer)), 1e-6)


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=1e-3, max_value=1e12))
def test_floats_may_differ_by_the_tolerance_and_no_more(number: float) -> None:
    """Half the tolerance passes, twice the tolerance does not."""
    assert same(number, number * (1 + 0.5e-6), 1e-6)
    assert not same(number, number * (1 + 2e-6) + 2e-9, 1e-6)


@pytest.mark.parametrize(
    ("expected", "got"),
    [(1, 2), (1, 1.0), (1, True), ("a", "b"), (None, 0.0), ([1], [1, 2]), ({"a": 1}, {"b": 1}), (1.0, None), (0.5, math.inf)],
)
def test_other_kinds_and_values_differ(expected: Any, got: Any) -> None:
    """Labels, texts, truth values and shapes must be equal."""
    assert not same(expected, got, 1e-6)


@given(json_values)
def test_an_answer_is_alike_itself_and_needs_no_tolerance(answer: Any) -> None:
    """Whatever JSON a model gives, its own copy has its shape and needs no tolerance."""
    assert alike(answer, json.loads(json.dumps(answer)))
    assert 0.0 == needed(answer, json.loads(json.dumps(answer)))


@pytest.mark.parametrize(
    ("expected", "got", "as_it_is"),
    [
        (1, 2, True), (0.5, 0.7, True), ("a", "b", True), ([1.0, 2.0], [3.0, 4.0], True), ({"a": "x"}, {"a": "y"}, True),
        (1, 1.0, False), (1, True, False), (None, 0.0, False), ([1], [1, 2], False), ({"a": 1}, {"b": 1}, False), ([1], 1, False),
    ],
)  # fmt: skip
def test_shape_and_type_without_values(expected: Any, got: Any, as_it_is: bool) -> None:
    """Values do not matter; kinds, keys and lengths do."""
    assert as_it_is == alike(expected, got)


@given(st.floats(min_value=-1e9, max_value=1e9), st.floats(min_value=-1e9, max_value=1e9))
def test_the_needed_tolerance_suffices(expected: float, got: float) -> None:
    """A little more than the needed tolerance makes two numbers the same."""
    tolerance = needed([expected], [got])

    assert tolerance is not None
    assert same([expected], [got], tolerance * 1.001 + 1e-12)


@pytest.mark.parametrize(("expected", "got"), [(1, 2), ("a", "b"), ([1.0], [1.0, 2.0]), ([1.0, 1], [1.1, 2]), ({"a": 1}, {"b": 1})])
def test_no_tolerance_helps(expected: Any, got: Any) -> None:
    """Where more than floats differs there is no tolerance that would do."""
    assert needed(expected, got) is None
