"""What the pickler meets on its way: modules, functions, classes."""

from __future__ import annotations

import importlib.util
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import PurePath
from types import CodeType, FunctionType, ModuleType
from typing import Any

_LIBRARIES = tuple({sysconfig.get_paths()[key] for key in ("stdlib", "platstdlib")})
IMPORTING = frozenset({"import_module", "__import__"})
"""Functions that import the module whose name they are given."""
MOST_HELD = 1_000  # in `Reached.held`
MOST_REDUCED = 50_000  # in `Reached.reduced`


class Reached:
    """What the pickler met on its way.

    Attributes:
        modules: Every module that must be there when the pickle is loaded or used, dotted, in the order met; whether an object of
            it was met, rather than an import in a function, which may never have run.
        defined: What was pickled by value: qualified name and code of functions; classes stand with their methods.
        functions: Every function, whether it was pickled by value or by name.
        classes: Every class, and that of every object.
        reduced: By their ids, at most `MOST_REDUCED` objects that are no plain values or containers, with function, arguments and
            state of their reduction.
        held: Paths, and at most `MOST_HELD` objects of classes that no installed package defines.
        size: How large the pickle is, in bytes.
    """

    def __init__(self) -> None:
        self.modules: dict[str, bool] = {}
        self.defined: list[tuple[str, CodeType]] = []
        self.functions: list[FunctionType] = []
        self.classes: dict[type, bool] = {}
        self.reduced: dict[int, tuple[object, tuple[Any, ...]]] = {}
        self.held: list[object] = []
        self.size = 0

    def meet(self, obj: object) -> None:
        """Note an object of whatever kind.

        Args:
            obj: The object.
        """
        if isinstance(obj, FunctionType):
            self.functions.append(obj)
        kind = obj if isinstance(obj, type) else type(obj)
        if kind not in self.classes:
            self.classes[kind] = is_own(kind)
        if self.classes[kind] and kind is not obj and len(self.held) < MOST_HELD:
            self.held.append(obj)

    def reduction(self, obj: object, reduced: object) -> None:
        """Note how an object is pickled.

        Args:
            obj: The object.
            reduced: A reduction as in `object.__reduce__`.
        """
        if isinstance(reduced, tuple) and len(self.reduced) < MOST_REDUCED:
            self.reduced[id(obj)] = obj, reduced[:3]  # the rest are iterators, which can be gone through once

    def module(self, name: object, *, met: bool = True) -> None:
        """Note a module.

        Args:
            name: Its dotted name; anything that is no text is ignored, since objects may say what they like of themselves.
            met: Whether an object of it was met.
        """
        if isinstance(name, str):
            self.modules[name] = self.modules.get(name, False) or met

    def function(self, function: FunctionType) -> None:
        """Note a function that is pickled by value, and what it imports while it runs.

        Args:
            function: The function.
        """
        self.defined.append((function.__qualname__, function.__code__))
        for name in imports(function.__code__):
            self.module(name, met=False)


def imports(code: CodeType) -> list[str]:
    """List the modules that a function imports while it runs.

    Args:
        code: The function's code; functions within it are looked at too.

    Returns:
        Dotted names.
    """
    import dis

    found = []
    for step in dis.get_instructions(code):
        if step.opname == "IMPORT_NAME":
            found.append(str(step.argval))
        elif step.opname == "IMPORT_FROM" and found and f"{found[-1]}.{step.argval}" in sys.modules:
            found.append(f"{found[-1]}.{step.argval}")
    if IMPORTING & set(code.co_names):
        found += [one for one in code.co_consts if isinstance(one, str) and _is_module(one)]
    for one in code.co_consts:
        if isinstance(one, CodeType):
            found += imports(one)
    return [name for name in found if name]


def addressed(code: CodeType, values: Iterable[object]) -> list[ModuleType]:
    """List the modules that a function addresses as attributes of packages, such as `xml.dom` where it names `xml`.

    Args:
        code: The function's code; functions and comprehensions within it are looked at too, as cloudpickle does not.
        values: What its globals and its closure hold.

    Returns:
        Those that are imported now, in order of name.
    """
    names = set(_names(code))
    packages = tuple(f"{one.__name__}." for one in values if isinstance(one, ModuleType) and hasattr(one, "__path__"))
    found = sorted(name for name in list(sys.modules) if packages and name.startswith(packages))
    modules = ((name, sys.modules.get(name)) for name in found if _is_named(name, packages, names))
    return [module for _, module in modules if isinstance(module, ModuleType)]


def _is_named(module: str, packages: Iterable[str], names: set[str]) -> bool:
    return any(module.startswith(one) and names.issuperset(module[len(one) :].split(".")) for one in packages)


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for one in code.co_consts:
        if isinstance(one, CodeType):
            yield from _names(one)


def _is_module(name: str) -> bool:
    """Whether a text names a module that can be imported; nothing is imported to see."""
    top = name.partition(".")[0]
    if not all(part.isidentifier() for part in name.split(".")):
        return False
    return top in sys.modules or importlib.util.find_spec(top) is not None


def foreign_bases(kind: type) -> list[str]:
    """List the modules of bases from other packages, which its own package need not require: scikit-learn's for LightGBM."""
    own = str(kind.__module__).partition(".")[0]
    return [str(base.__module__) for base in kind.__mro__ if str(base.__module__).partition(".")[0] != own]


def is_own(kind: type) -> bool:
    """Say whether objects of a class may hold what their author put there.

    Args:
        kind: The class.

    Returns:
        Whether it is a path, or a class of the notebook or of a module that is not installed.
    """
    if issubclass(kind, PurePath):
        return True
    module = sys.modules.get(str(kind.__module__))
    file = getattr(module, "__file__", None) or ""
    installed = "site-packages" in file or "dist-packages" in file or file.startswith(_LIBRARIES)
    return kind.__module__ == "__main__" or bool(file and not installed)
