"""Golden rows decide whether a release may serve."""

from __future__ import annotations

import json
from typing import Any

import pytest

from jupyter_deploy import errors
from jupyter_deploy.release import explain, verify
from jupyter_deploy.values import Golden

GOLDEN = [Golden(method="predict", rows=[[1.0], [2.0]], answers=[0, 1])]


def answering(status: int, body: Any) -> Any:
    """Make a caller that always gets one answer."""
    return lambda path, sent: (status, json.dumps(body).encode())


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
