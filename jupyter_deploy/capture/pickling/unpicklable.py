"""Which attribute cannot leave the kernel, and what to do about it; looked for only after pickling has failed."""

from __future__ import annotations

import io
import re
import threading
import types
import weakref
from collections.abc import Callable, Iterator
from itertools import islice, pairwise
from typing import NamedTuple

from jupyter_deploy import errors
from jupyter_deploy.capture.pickling.paths import parts
from jupyter_deploy.capture.pickling.reached import is_own

Attempt = Callable[[object], "Exception | None"]
"""Pickles an object into nothing; returns why it failed, or None."""

_CONNECTIONS = (
    "asyncpg", "duckdb", "mysql", "oracledb", "psycopg", "psycopg2", "pymongo", "pymysql", "pyodbc", "pyspark", "redis",
    "snowflake", "sqlalchemy", "sqlite3",
)  # fmt: skip
_OPEN = re.compile(r"\w*(Channel|Client|Connection|Connector|Cursor|Engine|Session|Socket|Transport)(Context)?")
"""Classes of libraries whose objects hold something open."""

_MANY = 64  # parts that are tried together before one by one
_LAZY = "it when it is first needed."
_OF_THIS_PROCESS = {
    "asyncio": ("a part of an event loop", "Make"),
    "concurrent": ("a pool of workers, or what it works on", "Start"),
    "ctypes": ("memory of this process", "Make"),
    "_ctypes": ("memory of this process", "Make"),
    "multiprocessing": ("shared with other processes", "Start"),
    "queue": ("a queue of threads", "Make"),
    "select": ("a list of open files", "Make"),
    "selectors": ("a list of open files", "Make"),
    "socket": ("an open network connection", "Open"),
    "_socket": ("an open network connection", "Open"),
    "ssl": ("an open network connection", "Open"),
    "_ssl": ("an open network connection", "Open"),
}
"""What belongs to the process that made it, by the family of its class; and what to do when it is needed elsewhere."""


class _Met(NamedTuple):
    """A part that fails by itself: the way to it, the part, and how it fails."""

    path: str
    obj: object
    error: Exception


def explain(obj: object, name: str, error: Exception, attempt: Attempt) -> errors.NotPicklable:
    """Find what could not be pickled.

    Args:
        obj: The object whose pickling failed.
        name: What the person called it.
        error: How it failed.
        attempt: Pickles a part by itself.

    Returns:
        The error to raise; it names the path of the attribute and what to do.
    """
    if isinstance(error.__cause__, RecursionError):
        return errors.NotPicklable(
            f"`{name}` cannot be taken out of the kernel: it nests too deeply to be pickled.",
            "Raise the limit with `import sys; sys.setrecursionlimit(10_000)` and deploy again.",
        )
    first = _Met(name, obj, error)
    way = _search(first, attempt, {}) or [first]
    last = way[-1]
    what, advice = _describe(last.obj)
    reason = "" if what else f": {type(last.error).__name__}: {last.error}".rstrip(". ")
    message = f"`{last.path}` cannot be taken out of the kernel: it is {what or _kind(last.obj)}{reason}."
    return errors.NotPicklable(message, f"{advice} {_leave_out(way, also=bool(advice))}".strip())


def _search(met: _Met, attempt: Attempt, seen: dict[int, object]) -> list[_Met] | None:
    """Go down to the innermost part that fails by itself; None where everything that fails leads back to where we were."""
    seen[id(met.obj)] = met.obj
    returns = False
    for step, part, failure in () if _is_whole(met.obj) else _failing(parts(met.obj), attempt):
        if id(part) in seen:
            returns = True
            continue
        found = _search(_Met(met.path + step, part, failure), attempt, seen)
        if found:
            return [met, *found]
        returns = True
    return None if returns else [met]


def _failing(steps: Iterator[tuple[str, object]], attempt: Attempt) -> Iterator[tuple[str, object, Exception]]:
    while block := list(islice(steps, _MANY)):
        if attempt([part for _, part in block]) is not None:
            for step, part in block:
                failure = attempt(part)
                if failure is not None:
                    yield step, part, failure


def _is_whole(obj: object) -> bool:
    """Whether nobody put together by hand what an object consists of."""
    kind = type(obj)
    return kind in weakref.ProxyTypes or bool(not isinstance(obj, type) and not is_own(kind) and _describe(obj)[0])


def _kind(obj: object) -> str:
    kind = type(obj)
    name = kind.__qualname__ if kind.__module__ in ("builtins", "__main__") else f"{kind.__module__}.{kind.__qualname__}"
    return f"an object of the class {name}"


def _describe(obj: object) -> tuple[str, str]:
    """Say what an object is, and what to do about it; nothing of one that is not known."""
    kind = type(obj)
    family = kind.__module__.partition(".")[0]
    if family == "weakref":
        return "a weak reference", "Keep the object itself, or make the reference anew when it is first needed."
    if isinstance(obj, (types.GeneratorType, types.AsyncGeneratorType, types.CoroutineType)):
        return f"a running {kind.__name__}", "Keep a list of its values, or the function that makes it, instead."
    if isinstance(obj, io.IOBase) or family in ("mmap", "tempfile", "_csv") or kind.__name__ == "ZipFile":
        return "an open file", "Read what the model needs into a variable and keep that; a file's path may not exist where it runs."
    if isinstance(obj, threading.Thread) or (family == "subprocess" and hasattr(obj, "pid")):
        return "a running thread" if family == "threading" else "a running process", f"Start {_LAZY}"
    if isinstance(obj, (types.FrameType, types.TracebackType)):
        return "a part of running code", "Keep what the model needs of it instead."
    if family in ("_thread", "threading"):
        what = "data of a thread" if kind.__name__ == "_local" else "a lock of a thread"
        return what, f"Each worker needs one of its own: make {_LAZY}"
    if family in _CONNECTIONS:
        return "an open database connection", "Keep the address, and connect when the model is first called."
    if family in _OF_THIS_PROCESS:
        what, verb = _OF_THIS_PROCESS[family]
        return what, f"{verb} {_LAZY}"
    if _OPEN.fullmatch(kind.__name__) and not is_own(kind):
        return "an open connection", f"Open {_LAZY}"
    return "", ""


def _leave_out(way: list[_Met], *, also: bool) -> str:
    """Say where the author can leave a part out: at the nearest object of a class that is their own."""
    for around, part in reversed(list(pairwise(way))):
        attribute = part.path[len(around.path) :].removeprefix(".")
        if is_own(type(around.obj)) and part.path[len(around.path)] == "." and attribute.isidentifier():
            return (
                f"{'Or leave' if also else 'Leave'} it out: give the class of `{around.path}` a method `__getstate__` that returns "
                f"`{{**self.__dict__, {attribute!r}: None}}`."
            )
    return "Make it inside the function that uses it, so that nothing of it has to be taken along."
