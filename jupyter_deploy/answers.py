"""When two answers of a model are the same."""

from __future__ import annotations

import math
from typing import Any

ABSOLUTE = 1e-3  # of the relative tolerance: so that 1e-17 equals 0 where probabilities are compared


def same(expected: Any, got: Any, tolerance: float) -> bool:
    """Compare an answer with the notebook's.

    Args:
        expected: The notebook's answer, as JSON.
        got: The release's answer, as JSON.
        tolerance: Relative tolerance of floats.

    Returns:
        Whether they are the same: kinds equal, floats near, everything else equal.
    """
    if isinstance(expected, list) and isinstance(got, list):
        return len(expected) == len(got) and all(same(a, b, tolerance) for a, b in zip(expected, got, strict=True))
    if isinstance(expected, dict) and isinstance(got, dict):
        return expected.keys() == got.keys() and all(same(expected[name], got[name], tolerance) for name in expected)
    if isinstance(expected, float) and isinstance(got, float):
        return math.isclose(expected, got, rel_tol=tolerance, abs_tol=tolerance * ABSOLUTE)
    return type(expected) is type(got) and bool(expected == got)
