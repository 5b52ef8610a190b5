"""Whether a value that went to JSON and back is still of its own kind; where it is not, a person should know."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from jupyter_deploy.answers import same
from jupyter_deploy.bentos.python.endpoint import codec
from jupyter_deploy.bentos.python.endpoint.dtypes import family

_CLOSE = 1e-6  # relative tolerance of floats


def difference(own: Any, got: Any) -> str:
    """Say how a value differs in kind from what it was.

    Args:
        own: The value as the notebook has it.
        got: The value as JSON gives it back.

    Returns:
        Such as `column `at` holds str instead of Timestamp`; empty where it is of its own kind.
    """
    if type(own) is not type(got):
        return f"it is a {type(got).__name__} instead of a {type(own).__name__}"
    if hasattr(own, "columns") and hasattr(own, "iloc"):
        columns = ((f"column `{name}`", own.iloc[:, at], got.iloc[:, at]) for at, name in enumerate(own.columns))
        return next((found for where, one, other in columns if (found := _cells(where, one, other))), "")
    if hasattr(own, "dtype"):
        return _cells("it", own, got)
    if isinstance(own, dict):
        own, got = list(own.values()), list(got.values())
    if isinstance(own, list | tuple):
        pairs = zip(own, got, strict=False)
        return next((found for one, other in pairs if (found := _elements(one, other))), "")
    return ""


def of_index(ask: Callable[[Any], Any], rows: Any) -> str:
    """Say whether a model reads the index of its rows, which no request carries.

    Args:
        ask: Asks the model.
        rows: What the notebook called it with.

    Returns:
        That it does, and what to do; empty where it answers alike without the index, or not even with it.
    """
    if not hasattr(rows, "reset_index"):
        return ""
    try:
        own = _sent(ask(rows))
    except Exception:  # noqa: BLE001 (the model's own code, which may raise anything)
        return ""
    try:
        alike = same(own, _sent(ask(rows.reset_index(drop=True))), _CLOSE)
    except Exception:  # noqa: BLE001 (as above)
        alike = False
    return "" if alike else "the model reads the index of its rows, which no request carries; make it a column with `reset_index()`"


def _sent(answer: Any) -> Any:
    return json.loads(codec.to_json(codec.encode_answer(answer)))


def _elements(own: Any, got: Any) -> str:
    if hasattr(own, "dtype") and getattr(own, "ndim", 0) > 0:
        return difference(own, got)
    return "" if _plain(own) == _plain(got) else f"it holds {type(got).__name__} instead of {type(own).__name__}"


def _cells(where: str, own: Any, got: Any) -> str:
    if family(str(own.dtype)) != family(str(got.dtype)):
        return f"{where} is of {got.dtype} instead of {own.dtype}"
    if str(own.dtype) != "object" or not hasattr(own, "tolist"):
        return ""
    flat = (one.ravel().tolist() if hasattr(one, "ravel") else one.tolist() for one in (own, got))
    pairs = zip(*flat, strict=False)
    found = next(((one, other) for one, other in pairs if _plain(one) != _plain(other)), None)
    return f"{where} holds {type(found[1]).__name__} instead of {type(found[0]).__name__}" if found else ""


def _plain(value: Any) -> type:
    """Take numpy's numbers and texts for Python's, and a tuple, whose parts are read alike, for a list."""
    kind = list if type(value) is tuple else type(value)
    return type(value.item()) if kind.__module__ == "numpy" and hasattr(value, "item") and getattr(value, "ndim", 1) == 0 else kind
