"""Whether a value that went to JSON and back is still of its own kind; where it is not, a person should know."""

from __future__ import annotations

from typing import Any

from jupyter_deploy.bentos.python.endpoint.dtypes import family


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


def _elements(own: Any, got: Any) -> str:
    if hasattr(own, "dtype") and getattr(own, "ndim", 0) > 0:
        return difference(own, got)
    return "" if _plain(own) == _plain(got) else f"it holds {type(got).__name__} instead of {type(own).__name__}"


def _cells(where: str, own: Any, got: Any) -> str:
    if family(str(own.dtype)) != family(str(got.dtype)):
        return f"{where} is of {got.dtype} instead of {own.dtype}"
    if own.dtype.kind != "O" or not hasattr(own, "tolist") or str(own.dtype) != "object":
        return ""
    flat = (one.ravel().tolist() if hasattr(one, "ravel") else one.tolist() for one in (own, got))
    pairs = zip(*flat, strict=False)
    found = next(((one, other) for one, other in pairs if _plain(one) != _plain(other)), None)
    return f"{where} holds {type(found[1]).__name__} instead of {type(found[0]).__name__}" if found else ""


def _plain(value: Any) -> type:
    """Take numpy's numbers and texts for Python's, and a tuple, whose parts are read alike, for a list."""
    kind = list if type(value) is tuple else type(value)
    return type(value.item()) if kind.__module__ == "numpy" and hasattr(value, "item") and getattr(value, "ndim", 1) == 0 else kind
