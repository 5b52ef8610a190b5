"""The way to each part of an object, as a person would write it: `model.steps[0][1].func → headers['Authorization']`.

What is followed is what a pickle takes along: attributes, elements, closures, defaults, and those globals that a function names.
"""

from __future__ import annotations

import enum
import functools
import inspect
import pickle
import sys
import types
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

from cloudpickle.cloudpickle import _extract_code_globals, _should_pickle_by_reference

from jupyter_deploy.capture.pickling import constants

_WHOLE = (
    "asyncio",
    "concurrent",
    "multiprocessing",
    "queue",
    "subprocess",
    "tempfile",
    "threading",
)  # nobody put a lock there by hand
_OF_EVERY_CLASS = ("__dict__", "__weakref__", "__annotate_func__", "_abc_impl")
_CACHED = type(functools.lru_cache(len))
_PLAIN = (str, bytes, bytearray, int, float, complex, bool, type(None))


def walk(obj: object, path: str, most: int = 1_000_000) -> Iterator[tuple[str, object]]:
    """List everything that a pickle of an object takes along, the nearest first.

    Args:
        obj: The object.
        path: What the person called it.
        most: After how many parts to end.

    Yields:
        Each part with the shortest way to it, texts and numbers with every way; what a pickle only names, such as a function of
        a package, is left out.
    """
    waiting = deque([(path, obj)])
    seen: dict[int, object] = {}
    while waiting and len(seen) < most:
        path, obj = waiting.popleft()
        if isinstance(obj, _PLAIN):
            yield path, obj
        elif id(obj) not in seen and not is_named(obj):
            seen[id(obj)] = obj  # held, so that no other object gets its id
            yield path, obj
            waiting.extend((path + step, part) for step, part in parts(obj))


def parts(obj: object) -> Iterator[tuple[str, object]]:
    """List what is pickled along with an object.

    Args:
        obj: The object.

    Yields:
        Each part, with the step from the object to it.
    """
    if isinstance(obj, (list, tuple)):
        fields = getattr(obj, "_fields", None)
        names = fields if isinstance(fields, tuple) and len(fields) == len(obj) else None
        yield from ((f".{names[number]}" if names else f"[{number}]", one) for number, one in enumerate(obj))
    elif type(obj) is dict:
        yield from ((f"[{key!r}]", one) for key, one in obj.items())
        yield from ((" → a key", key) for key in obj)
    elif isinstance(obj, (set, frozenset)):
        yield from ((" → an element", one) for one in obj)
    elif isinstance(obj, types.FunctionType):
        yield from _parts_of_function(obj)
    elif isinstance(obj, types.CodeType):
        yield from _parts_of_code(obj)
    elif isinstance(obj, types.MethodType):
        yield from ((".__self__", obj.__self__), (".__func__", obj.__func__))
    elif isinstance(obj, functools.partial):
        yield from ((".func", obj.func), (".args", obj.args), (".keywords", obj.keywords))
    elif isinstance(obj, property):
        yield from ((f".{name}", getattr(obj, name)) for name in ("fget", "fset", "fdel"))
    elif isinstance(obj, _CACHED):
        yield ".__wrapped__", getattr(obj, "__wrapped__", None)
    elif isinstance(obj, enum.Enum):
        yield from ((" → its class", type(obj)), (".value", obj.value))
    elif isinstance(obj, type):
        own = {name: one for name, one in vars(obj).items() if name not in _OF_EVERY_CLASS}
        yield from ((f".{name}", getattr(one, "__func__", one)) for name, one in own.items())
        yield from ((f" → {base.__name__}", base) for base in obj.__bases__)
    elif isinstance(obj, memoryview):
        yield " → its bytes", obj.tobytes()
    elif not isinstance(obj, types.ModuleType):
        cells = _cells(obj)
        yield from _parts_of_instance(obj) if cells is None else cells


def is_named(obj: object) -> bool:
    """Say whether a pickle holds no more of an object than its name.

    Args:
        obj: Any object.

    Returns:
        Whether it is a module, or a class or function that stands in one.
    """
    if is_open(obj):
        return True
    if isinstance(obj, types.ModuleType):
        return not hasattr(obj, "__dict__") or bool(_should_pickle_by_reference(obj))
    plain = isinstance(obj, (type, types.FunctionType)) and not isinstance(obj, types.GenericAlias)  # a `list[int]` of Python 3.10
    return plain and bool(_should_pickle_by_reference(obj))


def is_open(obj: object) -> bool:
    """Say whether an object is what IPython puts in the place of `open` in a notebook, which a release needs as little as IPython.

    Args:
        obj: Any object.

    Returns:
        Whether a pickle is to hold Python's own `open` instead.
    """
    if not isinstance(obj, types.FunctionType):
        return False
    return obj is getattr(sys.modules.get("IPython.core.interactiveshell"), "_modified_open", None)


def _parts_of_function(function: types.FunctionType) -> Iterator[tuple[str, object]]:
    yield from ((f" → {name}", value) for name, value in inspect.getclosurevars(function).nonlocals.items())
    used = _extract_code_globals(function.__code__)  # the very names that cloudpickle takes along
    yield from ((f" → {name}", function.__globals__[name]) for name in used if name in function.__globals__)
    yield from ((f" → {name}", value) for name, value in defaults(function))
    yield from ((f".{name}", one) for name, one in vars(function).items())
    yield ".__annotations__", function.__annotations__
    yield from _parts_of_code(function.__code__)


def defaults(function: types.FunctionType) -> list[tuple[str, object]]:
    """List the defaults of a function.

    Args:
        function: The function.

    Returns:
        Name and value of each.
    """
    code, values = function.__code__, function.__defaults__ or ()
    positional = code.co_varnames[: code.co_argcount]
    return [*zip(positional[len(positional) - len(values) :], values, strict=False), *(function.__kwdefaults__ or {}).items()]


def _parts_of_code(code: types.CodeType) -> Iterator[tuple[str, object]]:
    called = {value: name for name, value in constants.in_code(code)}
    for one in code.co_consts:
        name = called.get(one) if isinstance(one, str) else None
        yield (f" → {name}" if name else " → its code"), one


def _cells(obj: Any) -> list[tuple[str, object]] | None:
    """List the cells of a table, a column or an array, none where they are numbers; None for all else."""
    kind = type(obj)
    match f"{kind.__module__.partition('.')[0]}.{kind.__name__}":
        case "numpy.ndarray":
            return _numbered(obj.ravel().tolist() if obj.dtype.kind in "OSUV" else ())
        case "pandas.DataFrame":
            columns = [(f"[{name!r}]", obj.iloc[:, number]) for number, name in enumerate(obj.columns)]
            return [*columns, (".columns", obj.columns), (".index", obj.index)]
        case "pandas.Series" | "polars.Series":
            return [*_numbered(_texts(obj)), *([(".index", obj.index)] if hasattr(obj, "index") else [])]
        case "pandas.Categorical":
            return [(".categories", obj.categories)]
        case "pandas.Index" | "pandas.CategoricalIndex" | "pandas.MultiIndex":
            return _numbered(_texts(obj))
        case "polars.DataFrame":
            return [(f"[{one.name!r}]", one) for one in obj.get_columns()]
    return None


def _texts(column: Any) -> Iterable[object]:
    return column.to_list() if str(column.dtype).lower() in ("object", "str", "string", "category") else ()


def _numbered(values: Iterable[object]) -> list[tuple[str, object]]:
    return [(f"[{number}]", one) for number, one in enumerate(values)]


def _parts_of_instance(obj: object) -> Iterator[tuple[str, object]]:
    if type(obj).__module__.partition(".")[0] in _WHOLE:
        return
    try:
        reduced = obj.__reduce_ex__(pickle.HIGHEST_PROTOCOL)
    except Exception:  # the object's own code, which may raise anything: then the object itself is what fails  # noqa: BLE001
        return
    if isinstance(reduced, tuple):
        yield from of_reduced(obj, reduced)


def of_reduced(obj: object, reduced: tuple[Any, ...]) -> Iterator[tuple[str, object]]:
    """List what is pickled along with an object of which it is known how it is pickled.

    Args:
        obj: The object.
        reduced: What its `__reduce_ex__` gave.

    Yields:
        Each part, with the step from the object to it.
    """
    yield " → its class", type(obj)
    state = reduced[2] if len(reduced) > 2 else None
    for one in state if isinstance(state, tuple) else (state,):
        if isinstance(one, dict):
            yield from ((f".{name}", value) for name, value in one.items())
        else:
            yield " → its state", one
    yield from _numbered(_listed(reduced, 3))
    yield from ((f"[{key!r}]", one) for key, one in _listed(reduced, 4))
    yield " → what it is made from", reduced[1]


def _listed(reduced: tuple[Any, ...], place: int) -> list[Any]:
    return list(reduced[place]) if len(reduced) > place and reduced[place] is not None else []
