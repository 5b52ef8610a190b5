"""Golden rows decide: equal kinds, near floats, everything else exact."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_deploy import errors
from jupyter_deploy.release import explain, same, verify
from jupyter_deploy.values import Golden

GOLDEN = [Golden(method="predict", rows=[[1.0], [2.0]], answers=[0, 1])]
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


def answering(status: int, body: Any) -> Any:
    """Make a caller that always gets one answer."""
    return lambda path, sent: (status, json.dumps(body).encode())


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


def test_equal_answers_pass() -> None:
    """No difference is found where the release answers as the notebook did."""
    assert [] == verify(GOLDEN, answering(200, {"predictions": [0, 1]}), 1e-6)


def test_a_wrong_row_is_found_and_named() -> None:
    """The difference says method, row, expected and got; the message counts."""
    differences = verify(GOLDEN, answering(200, {"predictions": [0, 2]}), 1e-6)

    assert [("predict", 1, "1", "2")] == [(one.method, one.row, one.expected, one.got) for one in differences]
    assert "1 of 2 golden answers differ" in explain(differences, GOLDEN, 1e-6).message


def test_a_missing_answer_is_a_difference() -> None:
    """Fewer answers than rows are not silently accepted."""
    assert 1 == len(verify(GOLDEN, answering(200, {"predictions": [0]}), 1e-6))


def test_an_error_refuses_the_release() -> None:
    """A release that answers 500 is refused with the answer's own words."""
    with pytest.raises(errors.Refused, match="with 500: the model failed"):
        verify(GOLDEN, answering(500, {"detail": "the model failed"}), 1e-6)


def test_without_golden_rows_nothing_is_asked() -> None:
    """No rows, no call, no difference."""
    assert [] == verify([], answering(500, {}), 1e-6)
