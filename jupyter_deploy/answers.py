"""When two answers of a model are the same."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

ABSOLUTE = 1e-3  # of the relative tolerance: so that 1e-17 equals 0 where probabilities are compared


def same(expected: Any, got: Any, tolerance: float, scale: float = ABSOLUTE) -> bool:
    """Compare an answer with the notebook's.

    Args:
        expected: The notebook's answer, as JSON.
        got: The release's answer, as JSON.
        tolerance: Relative tolerance of floats.
        scale: How large a float is, at the least, that the tolerance is relative to.

    Returns:
        Whether they are the same: kinds equal, floats near, everything else equal.
    """
    if isinstance(expected, list) and isinstance(got, list):
        return len(expected) == len(got) and all(same(a, b, tolerance, scale) for a, b in zip(expected, got, strict=True))
    if isinstance(expected, dict) and isinstance(got, dict):
        return expected.keys() == got.keys() and all(same(expected[name], got[name], tolerance, scale) for name in expected)
    if isinstance(expected, float) and isinstance(got, float):
        return math.isclose(expected, got, rel_tol=tolerance, abs_tol=tolerance * scale)
    return type(expected) is type(got) and bool(expected == got)


def alike(expected: Any, got: Any) -> bool:
    """Compare the shape and the kinds of two answers, not their values.

    Args:
        expected: The notebook's answer, as JSON.
        got: The release's answer, as JSON.

    Returns:
        Whether they have the same shape, the same keys and the same JSON types.
    """
    if isinstance(expected, list) and isinstance(got, list):
        return len(expected) == len(got) and all(map(alike, expected, got))
    if isinstance(expected, dict) and isinstance(got, dict):
        return expected.keys() == got.keys() and all(alike(expected[name], got[name]) for name in expected)
    return type(expected) is type(got)


def largest(answer: Any) -> float:
    """Find the largest float of an answer.

    Args:
        answer: The answer, as JSON.

    Returns:
        Its absolute value; 0 where there is none.
    """
    if isinstance(answer, list | dict):
        return max(map(largest, answer.values() if isinstance(answer, dict) else answer), default=0.0)
    return abs(answer) if isinstance(answer, float) else 0.0


def needed(expected: Any, got: Any) -> float | None:
    """Say which tolerance would make two answers the same.

    Args:
        expected: One answer, as JSON.
        got: Another one.

    Returns:
        The smallest relative tolerance; None where no tolerance does, since more than floats differs.
    """
    if isinstance(expected, list) and isinstance(got, list):
        return _worst(map(needed, expected, got)) if len(expected) == len(got) else None
    if isinstance(expected, dict) and isinstance(got, dict):
        return _worst(needed(expected[name], got[name]) for name in expected) if expected.keys() == got.keys() else None
    if isinstance(expected, float) and isinstance(got, float):
        return abs(expected - got) / max(abs(expected), abs(got), ABSOLUTE)
    return 0.0 if same(expected, got, 0.0) else None


def _worst(tolerances: Iterable[float | None]) -> float | None:
    worst = 0.0
    for one in tolerances:
        if one is None:
            return None
        worst = max(worst, one)
    return worst
