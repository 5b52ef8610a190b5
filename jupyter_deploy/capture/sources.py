"""Which modules a model needs: those of installed packages by name, those beside the notebook as source files."""

from __future__ import annotations

import ast
import importlib.util
import shutil
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Mapping
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import BuiltinFunctionType, FunctionType, MappingProxyType, ModuleType
from typing import Any, NamedTuple

from jupyter_deploy import errors
from jupyter_deploy.capture import packages
from jupyter_deploy.capture.pickling.reached import IMPORTING
from jupyter_deploy.languages import installed as installed_here
from jupyter_deploy.values import Finding

_SITE = ("site-packages", "dist-packages")
TAKEN = ("endpoint", "service")
"""Modules that stand in every bundle; a worker that has imported them never sees another one of the name."""
_OWN = ("__main__", "__mp_main__", "builtins", "jupyter_deploy")


class Sources(NamedTuple):
    """What a model imports.

    Attributes:
        installed: Modules of installed packages, dotted, in order of name.
        files: The files of local modules that go along: their path within the capture's folder for them, and where each lies.
        modules: The local modules that the model imports, dotted, with the file of each.
        left_out: Findings about data files of local packages that are too large to go along.
        ways: For each top-level local module, the modules through which it is imported, itself last.
        absent: Top-level modules that the code names and that the kernel does not have either.
        in_place: Folders of projects that are installed in place, and that go along as wheels.
    """

    installed: tuple[str, ...]
    files: Mapping[str, Path]
    modules: Mapping[str, Path] = MappingProxyType({})
    absent: tuple[str, ...] = ()
    in_place: tuple[Path, ...] = ()
    ways: Mapping[str, tuple[str, ...]] = MappingProxyType({})
    left_out: tuple[Finding, ...] = ()

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What a person should know of them."""
        if not self.absent:
            return self.left_out
        named = ", ".join(f"`{one}`" for one in self.absent)
        message = f"The model's code names {named}, which the kernel does not have either: what needs it fails as it does there."
        hint = "Nothing, where the code can do without."
        return (*self.left_out, Finding(kind="package", subject=self.absent[0], message=message, hint=hint))


def find(modules: Iterable[str], beside: Path | None) -> Sources:
    """Find the source files of local modules, and the installed modules that all of it imports.

    A local module is one that belongs neither to Python nor to an installed package: it lies beside the notebook, or somewhere
    else on the module path. A project that is installed in place, editable, counts as installed. What local modules and such
    projects import is followed.

    Args:
        modules: The modules that the model reaches, dotted.
        beside: The notebook's folder.

    Returns:
        What was found.

    Raises:
        NotDeployable: If a local module has the name of one that stands in every bundle.
    """
    search = _Search(beside)
    search.follow(modules)
    return search.found()


class _Search:
    """Follows what modules import.

    Args:
        beside: The notebook's folder.
    """

    def __init__(self, beside: Path | None) -> None:
        self._beside = beside
        self._in_place = _InPlace()
        self._roots: dict[str, Path | None] = {}
        self._importer: dict[str, str] = {}
        self._followed: set[str] = set()
        self._installed: set[str] = set()
        self._absent: set[str] = set()

    def follow(self, modules: Iterable[str]) -> None:
        waiting = [(name, "") for name in modules]
        while waiting:
            name, importer = waiting.pop()
            if name not in self._followed:
                self._followed.add(name)
                top = name.partition(".")[0]
                self._importer.setdefault(top, importer)
                waiting += [(one, top) for one in self._further(name, top)]

    def _further(self, name: str, top: str) -> Iterable[str]:
        if top not in self._roots:
            self._roots[top] = _local_root(top, self._beside)
        root = self._roots[top]
        if root is not None:
            _check_name(top, root)
            if self._in_place.holds(top, root):
                self._installed.add(name)
            return _followed(root, name)
        if _is_installed(name, top):
            self._installed.add(name)
        elif not (top in _OWN or top in sys.stdlib_module_names):
            self._absent.add(top)
        return ()

    def found(self) -> Sources:
        local = {top: root for top, root in self._roots.items() if root}
        packed = {top: root for top, root in local.items() if self._in_place.holds(top, root)}
        left_out: list[Finding] = []
        files = dict(sorted(pair for top, root in local.items() if top not in packed for pair in _taken(top, root, left_out)))
        return Sources(
            installed=tuple(sorted(self._installed)), files=files, modules=dict(_modules(self._followed, self._roots)),
            absent=tuple(sorted(self._absent)), in_place=tuple(packed.values()), ways={top: self._way(top) for top in local},
            left_out=tuple(left_out),
        )  # fmt: skip

    def _way(self, top: str) -> tuple[str, ...]:
        importer = self._importer.get(top)
        return (*self._way(importer), top) if importer else (top,)


def _check_name(top: str, root: Path) -> None:
    if top in TAKEN:
        raise errors.NotDeployable(
            f"The model's code imports `{top}` from {root}, but every bundle has a module of its own called `{top}`.",
            f"Rename yours, such as `my_{top}`, restart the kernel, and deploy again.",
        )


def copy(files: Mapping[str, Path], folder: Path) -> None:
    """Copy what was found.

    Args:
        files: `Sources.files`.
        folder: Where to copy to; made only if there is something to copy.
    """
    for path, file in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)


def of_notebook(namespace: Mapping[str, Any]) -> tuple[str, ...]:
    """List what a notebook has imported by itself.

    Args:
        namespace: The notebook's variables.

    Returns:
        Top-level modules, without Python's own, in order of name.
    """
    values = [value for name, value in dict(namespace).items() if not name.startswith("_")]
    names = [one.__name__ if isinstance(one, ModuleType) else getattr(one, "__module__", None) for one in values if _is_named(one)]
    tops = {name.partition(".")[0] for name in names if isinstance(name, str)}
    return tuple(sorted(tops - set(_OWN) - set(sys.stdlib_module_names)))


def _is_named(value: object) -> bool:
    """Whether a value is a module, or what a module defines: whose attributes are safe to look at."""
    return isinstance(value, (ModuleType, type, FunctionType, BuiltinFunctionType))


class _InPlace:
    """Knows which modules belong to projects that are installed in place; looks them up when it is first asked."""

    def __init__(self) -> None:
        self._found: dict[str, Path] | None = None

    def holds(self, top: str, root: Path) -> bool:
        """Whether a top-level module, by the file or folder that it was found in, belongs to such a project."""
        if self._found is None:
            self._found = {}
            for name, place in installed_here.in_place(sys.path).items():
                path, inner = Path(place).resolve(), name.count(".")
                self._found[name.partition(".")[0]] = path.parents[inner - 1] if inner else path
        path = self._found.get(top, root.parent)
        return path.parent == root.parent and path.name.partition(".")[0] == root.name.partition(".")[0]


def _modules(names: Iterable[str], roots: Mapping[str, Path | None]) -> Iterator[tuple[str, Path]]:
    for name in sorted(names):
        top, *inner = name.split(".")
        root = roots.get(top)
        for depth in range(len(inner) + 1):
            file = _file(root, inner[:depth]) if root else None
            if file is not None and file.suffix == ".py":
                yield ".".join([top, *inner[:depth]]), file


def _local_root(top: str, beside: Path | None) -> Path | None:
    """Find the file or package folder of a local top-level module; None for all other modules."""
    if top in _OWN:
        return None
    place = _place(_spec(top))
    if place is None or any(part in _SITE for part in place.parts):
        return None
    near = beside is not None and place.is_relative_to(beside.resolve())
    if not near and (top in sys.stdlib_module_names or _of_python(place)):
        return None
    return place


def _spec(top: str) -> ModuleSpec | None:
    module = sys.modules.get(top)
    spec = getattr(module, "__spec__", None)
    if isinstance(spec, ModuleSpec):
        return spec
    if module is not None:
        file = getattr(module, "__file__", None)
        return ModuleSpec(top, None, origin=file) if file else None
    try:
        return importlib.util.find_spec(top)  # of a top-level name: imports nothing
    except (ImportError, ValueError):
        return None


def _place(spec: ModuleSpec | None) -> Path | None:
    if spec is None or spec.origin in ("built-in", "frozen"):
        return None
    if spec.submodule_search_locations:
        return Path(next(iter(spec.submodule_search_locations))).resolve()
    place = Path(spec.origin or "")
    return place.resolve() if place.is_file() else None


def _of_python(place: Path) -> bool:
    paths = sysconfig.get_paths()
    return any(place.is_relative_to(Path(paths[key]).resolve()) for key in ("stdlib", "platstdlib", "purelib", "platlib"))


def _is_installed(name: str, top: str) -> bool:
    if top in _OWN or top in sys.stdlib_module_names:
        return False
    return name in sys.modules or _spec(top) is not None


def _followed(root: Path, name: str) -> Iterator[str]:
    """List what a local module and the packages around it import."""
    parts = name.split(".")
    for depth in range(1, len(parts) + 1):
        file = _file(root, parts[1:depth])
        if file is not None and file.suffix == ".py":
            package = ".".join(parts[:depth] if file.name == "__init__.py" else parts[: depth - 1])
            yield from imported(file, package)


def _file(root: Path, inner: list[str]) -> Path | None:
    if root.is_file():
        return None if inner else root
    base = root.joinpath(*inner)
    return next((one for one in (base / "__init__.py", base.with_name(f"{base.name}.py")) if one.is_file()), None)


def imported(file: Path, package: str) -> list[str]:
    """List the modules that a source file names in its import statements.

    Args:
        file: The file.
        package: The package that it belongs to, for relative imports; empty for a module by itself.

    Returns:
        Absolute dotted names, some of which may be attributes of modules rather than modules; nothing for a file that is no Python.
    """
    try:
        tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError, OSError):
        return []
    found: list[str] = []
    for node in _executed(tree):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node, package)
            found += [base, *(f"{base}.{alias.name}" for alias in node.names if _names_module(base, alias.name, package))]
        elif isinstance(node, ast.Call):
            found.append(_by_function(node, package))
    return [name for name in found if name]


def _by_function(call: ast.Call, package: str) -> str:
    """Name the module of `importlib.import_module("name")`; nothing of any other call."""
    called = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
    named = call.args[0] if called in IMPORTING and call.args else None
    if not isinstance(named, ast.Constant) or not isinstance(named.value, str):
        return ""
    level = len(named.value) - len(named.value.lstrip("."))
    return _absolute(ast.ImportFrom(named.value[level:] or None, [], level), package)


def _executed(tree: ast.AST) -> Iterator[ast.AST]:
    """Walk a tree past blocks that only type checkers read."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            yield from (inner for other in node.orelse for inner in (other, *_executed(other)))
            continue
        yield node
        yield from _executed(node)


def _absolute(node: ast.ImportFrom, package: str) -> str:
    if not node.level:
        return node.module or ""
    around = package.split(".")[: len(package.split(".")) - node.level + 1]
    return ".".join([*around, *([node.module] if node.module else [])])


def _names_module(base: str, name: str, package: str) -> bool:
    """Whether `from base import name` may import a module; always looked into within the same package."""
    same_package = bool(package) and base.partition(".")[0] == package.partition(".")[0]
    return name != "*" and (same_package or f"{base}.{name}" in sys.modules)


def _taken(top: str, root: Path, left_out: list[Finding]) -> Iterator[tuple[str, Path]]:
    if root.is_file():
        yield top + root.name[root.name.index(".") :], root  # an extension module's suffix has more than one part
        return
    taken, too_large = packages.files(root)
    left_out += packages.findings(top, root, too_large)
    yield from ((f"{top}/{file.relative_to(root).as_posix()}", file) for file in taken)
