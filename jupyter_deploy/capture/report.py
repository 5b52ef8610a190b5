"""What a capture takes along, the way that reached it, and how big it is.

Sizes are reckoned from the live objects: numbers, texts and arrays as they are written, a little for each object around them. What
the model's file holds beyond that is the model's own.
"""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from pathlib import Path
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

from jupyter_deploy.capture import packages
from jupyter_deploy.capture.pickling import paths
from jupyter_deploy.capture.pickling.reached import Reached
from jupyter_deploy.values import Taken

MOST = 200  # things that are told one by one
MOST_PARTS = 20_000  # parts of a model that are looked at
ALIKE = 1_000  # elements from which on the first ones stand for all of a container
PROBED = 50  # elements that stand for all
WORTH = 10_000  # bytes of data within an object that are told by themselves

_SCALARS = (bool, int, float, complex, type(None))
_TEXTS = (str, bytes, bytearray)
_CONTAINERS = (dict, frozenset, list, set, tuple)
_SPELLED = (FunctionType, MethodType, type, functools.partial, property, type(functools.lru_cache(len)))
_DATA = ("numpy", "pandas", "polars", "pyarrow", "scipy", "torch")
_OBJECT = 20  # bytes, about, to write an object or a container without its content


class _Part:
    """One object that is taken along.

    Args:
        path: The way to it.
        obj: The object.
        around: What it was reached from.
        kind: What to call it if it is told by itself; empty where it is a part of what is around it.
    """

    def __init__(self, path: str, obj: object, around: _Part | None, kind: str) -> None:
        self.path, self.obj, self.around, self.kind = path, obj, around, kind
        self.size = own_size(obj)
        self.within = False  # of data that is told by itself

    @property
    def is_data(self) -> bool:
        """Whether it is told by itself, as data."""
        return self.kind != "" and self.around is not None and _is_data(self.obj)


def of_objects(model: object, name: str, kind: str, reached: Reached) -> list[Taken]:
    """Tell a model's functions, classes and data.

    Args:
        model: The live object.
        name: What the person called it.
        kind: The model's kind.
        reached: What its pickle met.

    Returns:
        The model, without what follows; then functions, classes, variables and large data.
    """
    parts = list(_walk(_Part(name, model, None, kind), reached))
    for one in reversed(parts):  # from the leaves up
        if not one.kind and one.around is not None:
            one.around.size += one.size
    total = sum(one.size for one in parts if one.kind)
    for one in parts:  # from the root down, so that a table is told rather than the arrays in it
        one.within = one.around is not None and (one.around.within or one.around.is_data)
        if not one.kind and not one.within and one.size >= _worth(one, total, reached) and _is_data(one.obj):
            _tell(one)
    return [Taken(path=one.path, kind=one.kind, size=one.size) for one in parts if one.kind]


def _worth(part: _Part, total: int, reached: Reached) -> int:
    """Say from which size on data is told by itself: what a library's own model has learnt, only if it is much of the whole."""
    around = part.around
    while around is not None and isinstance(around.obj, _CONTAINERS):
        around = around.around
    is_own = around is not None and (isinstance(around.obj, (type, FunctionType)) or reached.classes.get(type(around.obj), False))
    return WORTH if is_own else max(WORTH, total // 5)


def _tell(part: _Part) -> None:
    """Tell a part by itself, and take its size off what is around it."""
    part.kind, around = type(part.obj).__name__, part.around
    while around is not None:
        around.size -= part.size
        around = None if around.kind else around.around


def of_files(name: str, files: Mapping[str, Path], ways: Mapping[str, Sequence[str]]) -> list[Taken]:
    """Tell the files of local modules.

    Args:
        name: What the person called the model.
        files: Where each lies, by its path in the capture.
        ways: For each local module, the modules through which it was reached, itself last.

    Returns:
        One for each file.
    """
    found = []
    for path, file in files.items():
        top = path.partition("/")[0].partition(".")[0]
        way = " → ".join([name, *(f"import {one}" for one in ways.get(top, (top,)))])
        inner = f": {path.partition('/')[2]}" if "/" in path else ""
        kind = "module file" if file.name.endswith(packages.CODE) else "data file"
        found.append(Taken(path=f"{way}{inner}", kind=kind, size=file.stat().st_size))
    return found


def complete(taken: Iterable[Taken], size: int) -> tuple[Taken, ...]:
    """Bring what was taken into an order, and let the model's own size be what its file holds beyond the rest.

    Args:
        taken: What was taken, the model first.
        size: The size of the model's file in bytes; of what is not pickled, the whole of it.

    Returns:
        The biggest first; what is too much is summed up at the end.
    """
    model, *others = taken
    within = sum(one.size for one in others if not one.kind.endswith(" file"))
    whole = Taken(path=model.path, kind=model.kind, size=max(size - within, model.size))
    first, rest = _split(sorted([whole, *others], key=lambda one: (-one.size, one.path)))
    return (*first, *([Taken(path=f"{len(rest)} more", kind="", size=sum(one.size for one in rest))] if rest else []))


def _split(taken: list[Taken]) -> tuple[list[Taken], list[Taken]]:
    return taken[:MOST], taken[MOST:]


def _walk(root: _Part, reached: Reached) -> Iterator[_Part]:
    waiting, seen = deque([root]), {id(root.obj): root.obj}
    while waiting:
        part = waiting.popleft()
        yield part
        for step, obj in _steps(part.obj, reached):
            if len(seen) >= MOST_PARTS:
                break
            if isinstance(obj, _SCALARS) or (isinstance(obj, _TEXTS) and len(obj) < WORTH):
                part.size += own_size(obj)
            elif id(obj) not in seen and not paths.is_named(obj):
                seen[id(obj)] = obj
                waiting.append(_Part(part.path + step, obj, part, _told(part, step, obj)))


def _told(around: _Part, step: str, obj: object) -> str:
    """Say what to call a part that is told by itself: a function, a class, or a variable of a function."""
    if isinstance(obj, type):
        return "class"
    if isinstance(obj, FunctionType):
        return "" if isinstance(around.obj, (type, property, classmethod, staticmethod)) else "function"  # a method
    if isinstance(around.obj, FunctionType) and step.startswith(" → ") and not isinstance(obj, (CodeType, ModuleType)):
        return type(obj).__name__
    return ""


def _is_data(obj: object, depth: int = 3) -> bool:
    """Whether an object is a table, an array, a text, or a container of such or of numbers."""
    if isinstance(obj, _CONTAINERS):
        inner: Iterable[object] = obj.values() if isinstance(obj, dict) else obj
        return depth > 0 and all(isinstance(one, _SCALARS) or _is_data(one, depth - 1) for one in islice(inner, PROBED))
    return isinstance(obj, _TEXTS) or type(obj).__module__.partition(".")[0] in _DATA


def _steps(obj: Any, reached: Reached) -> Iterable[tuple[str, object]]:
    known = reached.reduced.get(id(obj))
    if isinstance(obj, _CONTAINERS):
        inner = () if _alike(obj) else paths.parts(dict(obj) if isinstance(obj, dict) else obj)
        return chain(inner, ((f".{name}", value) for name, value in getattr(obj, "__dict__", {}).items()))
    if isinstance(obj, _SPELLED):
        return ((step, one) for step, one in paths.parts(obj) if step != " → its code")  # which is of its own size
    if known is None or _nbytes(obj) is not None:  # not to be asked again how it is pickled
        return ()
    return paths.of_reduced(obj, known[1])


def _alike(obj: Any) -> bool:
    """Whether a container is so large, and its first elements so plain, that they stand for all."""
    if len(obj) < ALIKE:
        return False
    first = islice(obj.items() if isinstance(obj, dict) else ((one,) for one in obj), PROBED)
    return all(isinstance(one, (*_SCALARS, *_TEXTS)) for pair in first for one in pair)


def own_size(obj: Any) -> int:
    """Reckon how many bytes of a pickle are an object's own.

    Args:
        obj: The object.

    Returns:
        About so many, without its parts; for a large container of plain values, with them.
    """
    if isinstance(obj, _SCALARS):
        return 1 if obj is None or isinstance(obj, bool) else _number_size(obj)
    if isinstance(obj, _TEXTS):
        return len(obj) + 3
    if isinstance(obj, FunctionType):
        return _code_size(obj.__code__)
    if isinstance(obj, _CONTAINERS) and _alike(obj):
        first = list(islice(obj.items() if isinstance(obj, dict) else ((one,) for one in obj), PROBED))
        distinct = {id(one): one for pair in first for one in pair}  # what comes again is written as a reference
        again = sum(map(len, first)) - len(distinct)
        return _OBJECT + len(obj) * (2 * again + sum(map(own_size, distinct.values()))) // len(first)
    nbytes = _nbytes(obj)
    return _OBJECT if nbytes is None else _OBJECT + nbytes


def _number_size(number: complex) -> int:
    if not isinstance(number, int):
        return 9
    return (
        2 if 0 <= number < 1 << 8 else 3 if 0 <= number < 1 << 16 else 5 if abs(number) < 1 << 31 else 3 + number.bit_length() // 8
    )


def _nbytes(obj: Any) -> int | None:
    """Read the size of an array of numbers."""
    if type(obj).__module__.partition(".")[0] not in ("numpy", "torch") or getattr(getattr(obj, "dtype", None), "hasobject", False):
        return None
    size = getattr(obj, "nbytes", None)
    return size if isinstance(size, int) else None


def _code_size(code: CodeType) -> int:
    texts = sum(len(one) + 2 for one in (*code.co_names, *code.co_varnames, *code.co_consts) if isinstance(one, _TEXTS))
    inner = sum(_code_size(one) for one in code.co_consts if isinstance(one, CodeType))
    return 150 + len(code.co_code) + len(code.co_linetable) + texts + inner
