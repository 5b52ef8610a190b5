"""Which variables of a session look like models, told without asking an odd object anything.

Every notebook holds proxies that answer to any name, properties that raise and tables of many gigabytes. So only an object's type
is looked at, as it stands in its classes; the object itself is asked when a framework has taken its type, and is a model then.
Sizes are reckoned and never found by pickling. All of it ends in time, and says how much it left out.
"""

from __future__ import annotations

import functools
import inspect
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path, PurePath
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

from jupyter_deploy import errors, plugins
from jupyter_deploy.adapters import weight
from jupyter_deploy.adapters.warm import TOOLS
from jupyter_deploy.capture.variable import describe
from jupyter_deploy.frameworks.base import DATA, METHODS, Framework
from jupyter_deploy.values import Value, suggest_name

SECONDS = 1.0  # for all of it
WEIGHED = 0.1  # seconds for the size of one of them
HELD = 20  # models of one container that are told one by one
LOOKED_AT = 200  # elements of a container
ROWS = ("DataFrame", "LazyFrame", "Series", "Table", "csr_array", "csr_matrix", "matrix", "ndarray")
LAST_RESORT = "callable"
OURS = __name__.partition(".")[0]  # such as the handle of an endpoint, which can be called as its model can
PLAIN = (bool, bytearray, bytes, complex, float, int, str, type(None), BuiltinFunctionType, ModuleType, PurePath)
CONTAINERS = (dict, list, tuple)


class Candidate(Value, frozen=True, kw_only=True):
    """A variable that looks like a model.

    Attributes:
        expression: What gives it, such as `model` or `models['eu']`.
        name: What its endpoint would be called.
        kind: What it is, for people.
        methods: Its methods that callers could call; a function's is empty.
        size: About how many bytes it has; at least so many where it holds something that cannot be weighed.
        whole: Whether that is all of it.
        why: Why it cannot be deployed; empty where it can.
        hint: What to do about it.
    """

    expression: str
    name: str
    kind: str
    methods: tuple[str, ...] = ()
    size: int = 0
    whole: bool = True
    why: str = ""
    hint: str = ""


class Found(Value, frozen=True, kw_only=True):
    """What was found in a session.

    Attributes:
        candidates: What looks like a model: what can be deployed first, models before functions, the newest first.
        rows: Variables with data that a model may take.
        left_out: How many variables were not looked at, because the time was over.
    """

    candidates: tuple[Candidate, ...]
    rows: tuple[str, ...]
    left_out: int = 0


def find(namespace: Mapping[str, Any], folder: Path, hidden: Mapping[str, Any] | None = None, seconds: float = SECONDS) -> Found:
    """Look for models among a session's variables.

    Args:
        namespace: The session's variables.
        folder: The notebook's folder; what its modules define counts as the notebook's own.
        hidden: What the shell itself put there.
        seconds: For all of it.

    Returns:
        What was found.
    """
    until = time.monotonic() + seconds
    found: list[Candidate] = []
    rows: list[str] = []
    own = [
        (name, value)
        for name, value in reversed(list(namespace.items()))
        if isinstance(name, str) and not name.startswith("_") and not (hidden and hidden.get(name, hidden) is value)
    ]
    search = _Search(str(namespace.get("__name__", "__main__")), folder.resolve(), {id(value) for _, value in own})
    looked_at = 0
    for name, value in own:
        if time.monotonic() > until:
            break
        looked_at += 1
        if _is_rows(type(value)):
            rows.append(name)
        else:
            found += search.look(name, value, until)
    return Found(candidates=tuple(sorted(found, key=_rank)), rows=tuple(rows), left_out=len(own) - looked_at)


class _Search:
    """Looks at one variable after the other.

    Args:
        module: The name of the module in which the notebook's own classes and functions are.
        folder: The notebook's folder.
        variables: The ids of what variables hold, which a container need not tell again.
    """

    def __init__(self, module: str, folder: Path, variables: set[int]) -> None:
        self._module = module
        self._variables = variables
        self._folder = folder
        self._frameworks = [(name, plugins.load("frameworks", name)()) for name in plugins.names("frameworks")]

    def look(self, name: str, value: Any, until: float) -> Iterator[Candidate]:
        """Tell of a variable, or of the models that it holds."""
        try:
            if self._is_one(value):
                yield self._tell(name, value, until)
            else:
                held = ((f"{name}{step}", one) for step, one in self._held(value) if self._is_held(one))
                yield from (self._tell(path, one, until) for path, one in islice(held, HELD))
        except Exception:  # anything may be in a notebook; what cannot even be looked at is no model
            return

    def _is_one(self, value: Any) -> bool:
        """Say whether a value looks like a model, by its type alone."""
        kind = type(value)
        if issubclass(kind, PLAIN) or _in(kind, (*DATA, OURS)):
            return False
        if issubclass(kind, type):
            return self._is_own(value) and _has_method(value)
        if issubclass(kind, FunctionType):
            return self._is_own(value) and _takes_something(value)
        return self._framework(value) is not None or _has_method(kind) or self._is_callable(kind)

    def _is_held(self, value: Any) -> bool:
        return id(value) not in self._variables and not issubclass(type(value), type) and self._is_one(value)

    def _framework(self, value: Any) -> Framework | None:
        """Find the framework that takes a value; those that come with us know it by its class."""
        kind, built_in = type(value), plugins.BUILT_IN["frameworks"]
        asked = ((one, framework) for one, framework in self._frameworks if one != LAST_RESORT)
        return next((framework for one, framework in asked if framework.accepts(kind if one in built_in else value)), None)

    def _is_callable(self, kind: type) -> bool:
        if not _has(kind, "__call__"):
            return False
        library = kind.__module__.partition(".")[0]
        return issubclass(kind, functools.partial) or self._is_own(kind) or library not in (TOOLS | sys.stdlib_module_names)

    def _is_own(self, value: Any) -> bool:
        """Say whether a class or function is the notebook's, or of a module beside it."""
        if value.__module__ == self._module:
            return True
        file = getattr(sys.modules.get(value.__module__), "__file__", None)
        return isinstance(file, str) and Path(file).resolve().is_relative_to(self._folder) and "site-packages" not in file

    def _held(self, value: Any) -> Iterable[tuple[str, Any]]:
        """List what a container, or an object of the notebook's own class, holds."""
        kind = type(value)
        if kind is dict:
            return ((f"[{key!r}]", one) for key, one in islice(value.items(), LOOKED_AT) if type(key) in (str, int))
        if kind in CONTAINERS:
            return ((f"[{at}]", one) for at, one in enumerate(islice(value, LOOKED_AT)))
        if issubclass(kind, (type, FunctionType)) or not self._is_own(kind):
            return ()
        return (
            (f".{name}", one) for name, one in islice((weight.attributes(value) or {}).items(), LOOKED_AT) if name.isidentifier()
        )

    def _tell(self, expression: str, value: Any, until: float) -> Candidate:
        framework = self._framework(value)
        plain = framework is None
        framework = framework or dict(self._frameworks)[LAST_RESORT]
        kind = type(value).__name__ if plain and not issubclass(type(value), FunctionType) else describe(value)
        kind = f"class {value.__name__}" if issubclass(type(value), type) else kind
        known: dict[str, Any] = {"expression": expression, "name": suggest_name(expression), "kind": kind}
        try:
            if not plain or issubclass(type(value), type):
                framework.check(value, expression)
            methods = _methods(type(value)) if plain else framework.methods(value)
        except errors.DeployError as error:
            return Candidate(**known, why=error.message, hint=error.hint)
        except Exception as error:  # a framework's own object, in whatever state the notebook left it
            return Candidate(**known, why=f"It cannot be looked at: {type(error).__name__}: {error}.", hint="Run its cell again.")
        size, whole = weight.of(value, min(until, time.monotonic() + WEIGHED))
        return Candidate(**known, methods=methods, size=size, whole=whole)


def _rank(one: Candidate) -> tuple[bool, bool, bool]:
    return bool(one.why), one.kind.startswith(("function ", "class ")), not one.expression.isidentifier()


def _in(kind: type, libraries: tuple[str, ...]) -> bool:
    return kind.__module__.partition(".")[0] in libraries


def _is_rows(kind: type) -> bool:
    return _in(kind, DATA) and kind.__name__ in ROWS


def _has_method(kind: type) -> bool:
    return any(_has(kind, method) for method in METHODS)


def _has(kind: type, name: str) -> bool:
    """Say whether the objects of a class have a method, without asking the class, which may have one of its own."""
    return callable(next((vars(base)[name] for base in kind.__mro__ if name in vars(base)), None))


def _methods(kind: type) -> tuple[str, ...]:
    """List the methods of what no framework takes, by its class alone."""
    return tuple(one for one in METHODS if _has(kind, one)) or ("",)


def _takes_something(function: FunctionType) -> bool:
    code = function.__code__
    return bool(code.co_argcount + code.co_kwonlyargcount or code.co_flags & (inspect.CO_VARARGS | inspect.CO_VARKEYWORDS))
