"""What the notebook has put into packages, which a release has as they are installed: functions, methods and classes."""

from __future__ import annotations

import sys
from collections.abc import Container, Iterable, Iterator, Mapping
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, NamedTuple

from jupyter_deploy.capture.cells import Notebook
from jupyter_deploy.capture.noticing.code import WRAPPERS, place_of, unwrapped
from jupyter_deploy.values import Finding

SHOWN = 20
NOTEBOOK = "__main__"
_SKIPPED = (NOTEBOOK, "builtins", "jupyter_deploy", "IPython", "ipykernel")
_OF_EVERY_MODULE = ("__builtins__", "__loader__", "__spec__")


class Patch(NamedTuple):
    """Something foreign in a module.

    Attributes:
        path: Where it stands, dotted.
        value: What stands there.
    """

    path: str
    value: Any


def findings(modules: Iterable[str], notebook: Notebook, local: Mapping[str, Path]) -> list[Finding]:
    """List what the notebook, or a module beside it, has put into the packages that a model reaches.

    Args:
        modules: What the model and its rows need, dotted.
        notebook: The executed cells.
        local: The modules beside the notebook that the model imports.

    Returns:
        One finding a function, method or class.
    """
    tops = {name.partition(".")[0] for name in modules}.difference(_SKIPPED)
    ours, theirs = _Search({NOTEBOOK}), _Search({NOTEBOOK, *local})
    found: dict[int, Finding] = {}
    for name, module in sorted(dict(sys.modules).items()):  # a copy made in one go, for another thread may be importing
        if name.partition(".")[0] in tops and type(module) is ModuleType and len(found) < SHOWN:
            search, kept = (ours, "it is on disk") if name in local else (theirs, "it is installed")
            for patch in search.within(module):
                found.setdefault(id(patch.value), _finding(patch, notebook, kept))  # once, though others import it from there
    return list(found.values())


def _finding(patch: Patch, notebook: Notebook, kept: str) -> Finding:
    code = next((one.__code__ for one in unwrapped(patch.value) if isinstance(one, FunctionType)), None)
    package = patch.path.partition(".")[0]
    place = f", defined in {place_of(code, notebook)}," if code else ""
    return Finding(
        kind="patch",
        subject=patch.path,
        message=f"`{patch.path}`{place} stands in this kernel alone: a release has `{package}` as {kept}.",
        hint="Put the change into a function or subclass of your own that the model uses, and leave the module as it is.",
    )


def _public(module: str, value: type) -> str:
    """Name the module from which people import a class: the outermost around its own that has it."""
    parts = module.split(".")
    around = (".".join(parts[:depth]) for depth in range(1, len(parts)))
    return next((one for one in around if vars(sys.modules.get(one, sys)).get(value.__qualname__) is value), module)


class _Search:
    """Finds what is foreign in modules: every name of every module that is reached is asked, so what is at home is told at once.

    Args:
        foreign: The names of the modules that are not installed.
    """

    def __init__(self, foreign: Container[str]) -> None:
        self._foreign = foreign
        self._kinds: dict[type, str] = {FunctionType: "function", **dict.fromkeys(WRAPPERS, "wrapper")}

    def within(self, module: ModuleType) -> Iterator[Patch]:
        """List what is foreign in a module and its classes.

        Args:
            module: The module.

        Yields:
            Each, with its path.
        """
        name = module.__name__
        for attribute, value in self._foreign_ones(vars(module)):
            yield Patch(f"{name}.{attribute}", value)
        for value in list(vars(module).values()):
            if issubclass(type(value), type) and value.__module__ == name:  # an object may warn when its own class is asked for
                for attribute, inner in self._foreign_ones(vars(value)):
                    yield Patch(f"{_public(name, value)}.{value.__qualname__}.{attribute}", inner)

    def _foreign_ones(self, space: Mapping[str, Any]) -> list[tuple[str, Any]]:
        found, kinds = [], self._kinds
        for attribute, value in list(space.items()):
            kind = type(value)
            what = kinds.get(kind) or self._learn(kind)
            if what == "home" or (what == "function" and value.__globals__ is space):
                continue
            if self._is_foreign(value, what) and attribute not in _OF_EVERY_MODULE:
                found.append((attribute, value))
        return found

    def _is_foreign(self, value: Any, what: str) -> bool:
        if what == "class":
            return value.__module__ in self._foreign
        function = value if what == "function" else next((one for one in unwrapped(value) if type(one) is FunctionType), None)
        return what == "foreign" or (function is not None and function.__globals__.get("__name__") in self._foreign)

    def _learn(self, kind: type) -> str:
        what = "class" if issubclass(kind, type) else "foreign" if kind.__module__ in self._foreign else "home"
        self._kinds[kind] = what
        return what
