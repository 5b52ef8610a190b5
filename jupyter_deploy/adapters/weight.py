"""About how many bytes an object has, reckoned without calling any code of its own and in bounded time."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any

MOST_PARTS = 50_000
PROBED = 100  # elements of a long container that stand for the others
OVERHEAD = 20  # bytes of an object without its content
_NUMBERS = (bool, complex, float, int, type(None))
_TEXTS = (bytearray, bytes, str)
_PLAIN = (*_NUMBERS, *_TEXTS)
_CONTAINERS = (dict, frozenset, list, set, tuple)
_APART = (BuiltinFunctionType, CodeType, FunctionType, ModuleType, type)  # not a part of what refers to it
_FOREIGN = ("_ctypes", "ctypes")  # only the library that made them knows what they point to
_CLOCK = 256  # parts between two looks at the clock
_NODE = 64  # bytes of one node of scikit-learn's trees

Looked = tuple[float | None, Iterable[Any], float]  # own bytes, parts, for how many each plain one of them stands


def of(value: object, until: float) -> tuple[int, bool]:
    """Reckon how big an object is.

    Args:
        value: The object.
        until: When to stop, by the monotonic clock.

    Returns:
        Bytes, and whether that is all of it: not where the time is over, or where it holds what only a library can weigh.
    """
    waiting, seen, looked_at, total, whole = deque([value]), {id(value)}, 0, 0.0, True
    while waiting:
        looked_at += 1
        if len(seen) > MOST_PARTS or (looked_at % _CLOCK == 0 and time.monotonic() > until):
            return int(total), False
        own, parts, factor = _look(waiting.popleft())
        whole, total = whole and own is not None, total + (own or 0)
        for part in parts:
            if issubclass(type(part), _PLAIN):
                total += factor * _plain(part)
            elif id(part) not in seen:
                seen.add(id(part))
                waiting.append(part)
    return int(total), whole


def attributes(value: object) -> dict[str, Any] | None:
    """Read an object's own attributes, past whatever its class does when it is asked for them.

    Args:
        value: The object.

    Returns:
        The attributes; None where it has no dictionary.
    """
    try:
        found = object.__getattribute__(value, "__dict__")
    except Exception:  # a class may define this name too
        return None
    return found if type(found) is dict else None


def _look(value: Any) -> Looked:
    kind = type(value)
    library = kind.__module__.partition(".")[0]
    if issubclass(kind, _PLAIN):
        return _plain(value), (), 1
    if issubclass(kind, _APART):
        return OVERHEAD, (), 1
    if issubclass(kind, _CONTAINERS):
        return _container(value, next(one for one in _CONTAINERS if issubclass(kind, one)))
    if library == "pandas":
        return _table(value), (), 1
    if library in ("numpy", "torch") and isinstance(size := getattr(value, "nbytes", None), int):
        return OVERHEAD + size, (), 1
    if (kind.__module__, kind.__name__) == ("sklearn.tree._tree", "Tree"):
        return value.node_count * _NODE + value.value.nbytes, (), 1
    if library in _FOREIGN:
        return None, (), 1
    if (known := attributes(value)) is not None:
        return OVERHEAD, known.values(), 1
    small = library == "numpy" or library in sys.stdlib_module_names
    return OVERHEAD if small or "__slots__" in kind.__dict__ else None, (), 1


def _container(value: Any, base: Any) -> Looked:
    """Tell a container's elements; the first ones of a long one stand for all where they are plain."""
    first = list(islice(_elements(value, base), PROBED))
    count = base.__len__(value) * (2 if base is dict else 1)
    if count > PROBED and all(issubclass(type(one), _PLAIN) for one in first):
        return OVERHEAD, first, count / PROBED
    if count > MOST_PARTS:
        return None, first, 1
    return OVERHEAD, list(_elements(value, base)), 1


def _elements(value: Any, base: Any) -> Iterator[Any]:
    if base is dict:
        return (one for pair in dict.items(value) for one in pair)
    found: Iterator[Any] = base.__iter__(value)
    return found


def _plain(value: Any) -> int:
    return len(value) + 3 if issubclass(type(value), _TEXTS) else 9


def _table(value: Any) -> float | None:
    """Read a table's size without a look at the objects in it."""
    try:
        usage = value.memory_usage(deep=False)
        return float(usage.sum() if hasattr(usage, "sum") else usage)
    except Exception:  # another library's object, in whatever state
        return None
