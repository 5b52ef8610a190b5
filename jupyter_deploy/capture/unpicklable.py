"""Which attribute cannot leave the kernel, and what to do about it; looked for only after pickling has failed."""

from __future__ import annotations

import io
import threading
import types
from collections.abc import Callable

from jupyter_deploy import errors
from jupyter_deploy.capture.paths import parts

Attempt = Callable[[object], "Exception | None"]
"""Pickles an object into nothing; returns why it failed, or None."""

_CONNECTIONS = (
    "asyncpg", "duckdb", "mysql", "oracledb", "psycopg", "psycopg2", "pymongo", "pymysql", "pyodbc", "redis", "snowflake",
    "sqlalchemy", "sqlite3",
)  # fmt: skip


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
    path, culprit, error = _search(obj, name, error, attempt, {}) or (name, obj, error)
    what, advice = _describe(culprit, path)
    reason = "" if what else f": {type(error).__name__}: {error}".rstrip(". ")
    return errors.NotPicklable(f"`{path}` cannot be taken out of the kernel: it is {what or _kind(culprit)}{reason}.", advice)


def _search(
    obj: object, path: str, error: Exception, attempt: Attempt, seen: dict[int, object]
) -> tuple[str, object, Exception] | None:
    """Go down to the innermost part that fails by itself; None where everything that fails leads back to where we were."""
    seen[id(obj)] = obj
    returns = False
    for step, part in parts(obj):
        if id(part) in seen:
            returns = True
            continue
        failure = attempt(part)
        if failure is not None:
            found = _search(part, path + step, failure, attempt, seen)
            if found:
                return found
            returns = True
    return None if returns else (path, obj, error)


def _kind(obj: object) -> str:
    kind = type(obj)
    name = kind.__qualname__ if kind.__module__ in ("builtins", "__main__") else f"{kind.__module__}.{kind.__qualname__}"
    return f"an object of the class {name}"


def _describe(obj: object, path: str) -> tuple[str, str]:
    """Say what an object is, and what to do about it."""
    place = _leave_out(path)
    family = type(obj).__module__.partition(".")[0]
    if isinstance(obj, (types.GeneratorType, types.AsyncGeneratorType, types.CoroutineType)):
        return f"a running {type(obj).__name__}", "Keep a list of its values, or the function that makes it, instead."
    if isinstance(obj, io.IOBase):
        return "an open file", "Read what the model needs into a variable and keep that; a file's path may not exist where it runs."
    if isinstance(obj, threading.Thread) or (family == "subprocess" and hasattr(obj, "pid")):
        return f"a running {type(obj).__name__.lower()}", f"Start it when it is first needed. {place}"
    if family in ("_thread", "threading"):
        return "a lock of a thread", f"Each worker needs a lock of its own: make it when it is first needed. {place}"
    if family in ("socket", "_socket", "ssl", "_ssl"):
        return "an open network connection", f"Open it when it is first needed. {place}"
    if family in _CONNECTIONS:
        return "an open database connection", f"Keep the address, and connect when the model is first called. {place}"
    if family == "weakref":
        return "a weak reference", f"Keep the object itself, or make the reference anew when it is first needed. {place}"
    return "", place


def _leave_out(path: str) -> str:
    owner, dot, attribute = path.rpartition(".")
    if not dot or not attribute.isidentifier():
        return "Make it inside the function that uses it, so that nothing of it has to be taken along."
    return (
        f"Or leave it out: give the class of `{owner}` a method `__getstate__` that returns "
        f"`{{**self.__dict__, {attribute!r}: None}}`."
    )
