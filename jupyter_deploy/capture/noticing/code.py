"""The code that a release will run, as syntax trees with the live values of the names in them.

It is the functions that the notebook defines and the model reaches and, of the modules beside the notebook, what runs when they are
imported and what any of that code names. Nothing of it is called.
"""

from __future__ import annotations

import ast
import builtins
import functools
import inspect
import linecache
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path, PurePath
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

from jupyter_deploy.capture.cells import Executed, Notebook
from jupyter_deploy.capture.pickling.objects import Reached

MISSING = object()
"""Stands for a value that only a run of the code would give."""
UNKNOWN = "\0"
"""Stands in a text for a part that only a run of the code would give."""
HERE = "\1"
"""Stands in a path for the notebook's folder, from which modules find what lies beside them."""

WRAPPERS = {
    staticmethod: "__func__", classmethod: "__func__", MethodType: "__func__", property: "fget", functools.cached_property: "func",
    functools.partial: "func", functools.partialmethod: "func", type(functools.lru_cache(len)): "__wrapped__",
}  # fmt: skip
_HAS_DOCSTRING = 0x4000000  # from Python 3.13 on; before, a function's first constant is its docstring or None
_LONGEST_CHAIN = 10
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_JOINS = {"join", "Path", "PurePath", "PosixPath", "str", "fspath", "abspath", "expanduser", "resolve", "absolute"}


class Piece:
    """Some code.

    Args:
        tree: The syntax tree.
        name: What people call it, such as `clean`.
        place: Where it stands, such as `cell 7` or `helpers.py`.
        live: Gives the live value of a global name, or `MISSING`.
    """

    def __init__(self, tree: ast.AST, name: str, place: str, live: Callable[[str], Any]) -> None:
        self.tree = tree
        self.name = name
        self.place = place
        self._live = live
        self._own = _bound(tree)

    def __str__(self) -> str:
        return f"`{self.name}` in {self.place}" if self.name else self.place

    def mentions(self) -> set[str]:
        """List the names and attributes that it holds."""
        found = {node.id for node in ast.walk(self.tree) if isinstance(node, ast.Name)}
        return found | {node.attr for node in ast.walk(self.tree) if isinstance(node, ast.Attribute)}

    def value(self, node: ast.AST | None, depth: int = 8) -> Any:
        """Find out what an expression stands for, as far as that is known without running anything.

        Args:
            node: The expression.
            depth: How deep to look.

        Returns:
            A value; a text may hold `UNKNOWN`; `MISSING` where nothing is known.
        """
        if depth == 0:
            return MISSING
        match node:
            case ast.Constant(value=value):
                return value
            case ast.Name(id=name):
                return self._named(name, depth)
            case ast.Attribute(value=owner, attr=name):
                return _attribute(self.value(owner, depth - 1), name)
            case ast.JoinedStr(values=values):
                return "".join(self._part(one, depth) for one in values)
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return _joined("", [self._text(left, depth), self._text(right, depth)])
            case ast.BinOp(left=left, op=ast.Div(), right=right):
                return _joined("/", [self._text(left, depth), self._text(right, depth)])
            case ast.Call(func=ast.Attribute(attr="cwd" | "getcwd"), args=[]):
                return "."
            case ast.Call(func=ast.Name(id="dirname") | ast.Attribute(attr="dirname"), args=[path]):
                return _attribute(self.value(path, depth - 1), "parent")
            case ast.Call(func=ast.Attribute(value=owner, attr="joinpath"), args=args):
                return _joined("/", [self._text(one, depth) for one in (owner, *args)])
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=args) if name in _JOINS:
                return _joined("/", [self._text(one, depth) for one in args]) if args else self._receiver(node, depth)
        return MISSING

    def _receiver(self, node: ast.Call, depth: int) -> Any:
        return self.value(node.func.value, depth - 1) if isinstance(node.func, ast.Attribute) else MISSING

    def _text(self, node: ast.AST, depth: int) -> str:
        value = self.value(node, depth - 1)
        return str(value) if isinstance(value, (str, PurePath)) else UNKNOWN

    def _part(self, node: ast.AST, depth: int) -> str:
        if not isinstance(node, ast.FormattedValue):
            return self._text(node, depth)
        value = self.value(node.value, depth - 1)
        return str(value) if isinstance(value, (str, int, PurePath)) and node.format_spec is None else UNKNOWN

    def _named(self, name: str, depth: int) -> Any:
        if name not in self._own:
            return self._live(name)
        bound = self._own[name]
        return self.value(bound, depth - 1) if isinstance(bound, ast.expr) else bound


def pieces(reached: Reached, notebook: Notebook, modules: Mapping[str, Path], beside: Path) -> list[Piece]:
    """List the code that a release will run.

    Args:
        reached: What the pickler met.
        notebook: The executed cells.
        modules: The modules beside the notebook that the model imports, with their files.
        beside: The notebook's folder.

    Returns:
        One piece a function of the notebook, one a statement, function or class of a module.
    """
    own = [piece for function in by_value(reached) for piece in _of_function(function, notebook)]
    met: list[FunctionType | type] = [*reached.functions, *reached.classes]
    named = {one.__qualname__.partition(".")[0] for one in met if one.__module__ in modules}
    return own + _of_modules(modules, beside, named.union(*(one.mentions() for one in own)))


def by_value(reached: Reached) -> list[FunctionType]:
    """List the functions that stand in no module that a release could import.

    Args:
        reached: What the pickler met.

    Returns:
        The functions, in the order met.
    """
    taken = {id(code) for _, code in reached.defined}
    return [one for one in reached.functions if id(one.__code__) in taken]


def unwrapped(value: Any) -> Iterator[Any]:
    """List what stands under a name, and what that wraps: a method's function, a partial's, a property's, a decorated one.

    Args:
        value: What stands there.

    Yields:
        It, and what is within, the outermost first.
    """
    for _ in range(_LONGEST_CHAIN):
        yield value
        if type(value) is not FunctionType and type(value) not in WRAPPERS:
            return
        value = getattr(value, WRAPPERS.get(type(value), "__wrapped__"), None)


def place_of(code: CodeType, notebook: Notebook) -> str:
    """Say where a function was defined, for people.

    Args:
        code: Its code.
        notebook: The executed cells.

    Returns:
        Such as `cell 7`, `helpers.py`, or `the notebook`.
    """
    cell = notebook.cell_of(code)
    if cell:
        return f"cell {cell.number}"
    name = PurePath(code.co_filename).name
    return "the notebook" if name.startswith("<") or "ipykernel_" in code.co_filename else name


def same_code(one: CodeType, other: CodeType) -> bool:
    """Say whether two functions do the same.

    Args:
        one: The one's code.
        other: The other's.

    Returns:
        Whether they do: their lines, docstrings and the order of sets in them do not count.
    """
    return bool(_outline(one) == _outline(other))


def tree_of(file: Path) -> ast.Module:
    """Parse a source file.

    Args:
        file: The file.

    Returns:
        Its tree; empty for a file that is gone or no Python.
    """
    try:
        return _parsed(file.read_bytes()) or ast.Module(body=[], type_ignores=[])
    except OSError:
        return ast.Module(body=[], type_ignores=[])


def _outline(code: CodeType) -> Any:
    constants = list(code.co_consts)
    documented = code.co_flags & _HAS_DOCSTRING if sys.version_info >= (3, 13) else not code.co_name.startswith("<")
    if documented and constants and isinstance(constants[0], (str, type(None))):
        constants[0] = None
    inner = [_outline(one) if isinstance(one, CodeType) else _constant(one) for one in constants]
    flags = code.co_flags & ~_HAS_DOCSTRING
    return code.co_name, code.co_code, code.co_names, code.co_varnames, code.co_freevars, code.co_argcount, flags, inner


def _constant(value: Any) -> Any:
    return sorted(map(repr, value)) if isinstance(value, frozenset) else repr(value)


def _of_function(function: FunctionType, notebook: Notebook) -> Iterator[Piece]:
    code = function.__code__
    cell = notebook.cell_of(code)
    tree = _parsed("".join(linecache.getlines(code.co_filename))) or (cell.tree if cell else None)
    name = "" if code.co_name.startswith("<") else function.__qualname__.rpartition(".<locals>.")[2]

    def live(name: str) -> Any:
        closed = dict(zip(code.co_freevars, function.__closure__ or (), strict=True))
        if name in closed:
            return _content(closed[name])
        return function.__globals__.get(name, getattr(builtins, name, MISSING))

    for node in _nodes(tree, code, cell):
        yield Piece(node, name, place_of(code, notebook), live)


def _nodes(tree: ast.Module | None, code: CodeType, cell: Executed | None) -> list[ast.AST]:
    line = code.co_firstlineno
    lines = {line, line + 1} if cell and cell.source.lstrip().startswith("%%") else {line}
    return [node for node in ast.walk(tree) if _begins(node, code.co_name) in lines] if tree else []


def _begins(node: ast.AST, name: str) -> int:
    """Say on which line a function of that name begins, decorators included; 0 for all else."""
    if isinstance(node, ast.Lambda):
        return node.lineno if name == "<lambda>" else 0
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name == name:
        return min([node.lineno, *(one.lineno for one in node.decorator_list)])
    return 0


@functools.lru_cache(maxsize=256)
def _parsed(source: str | bytes) -> ast.Module | None:
    try:
        return ast.parse(source) if source else None
    except (SyntaxError, ValueError):
        return None


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not bound yet
        return MISSING


def _of_modules(modules: Mapping[str, Path], beside: Path, mentioned: set[str]) -> list[Piece]:
    """List what runs when modules are imported and what is mentioned, directly or by what is mentioned."""
    found: list[Piece] = []
    waiting: list[Piece] = []
    for name, file in modules.items():
        for node in _imported(tree_of(file)):
            piece = Piece(node, getattr(node, "name", ""), file.name, _names_of(name, file, beside))
            (waiting if isinstance(node, _DEFINITIONS) else found).append(piece)
    mentioned = mentioned.union(*(one.mentions() for one in found))
    while now := [one for one in waiting if one.name in mentioned]:
        found += now
        waiting = [one for one in waiting if one.name not in mentioned]
        mentioned = mentioned.union(*(one.mentions() for one in now))
    return found


def _imported(tree: ast.Module) -> Iterator[ast.stmt]:
    """List the statements that an import runs: not those below `if __name__ == "__main__"`."""
    for node in tree.body:
        if not (isinstance(node, ast.If) and "__name__" in {one.id for one in ast.walk(node.test) if isinstance(one, ast.Name)}):
            yield node


def _names_of(module: str, file: Path, beside: Path) -> Callable[[str], Any]:
    near = file.resolve().is_relative_to(beside.resolve())

    def live(name: str) -> Any:
        if name == "__file__":
            return str(HERE / file.resolve().relative_to(beside.resolve())) if near else MISSING
        return getattr(sys.modules.get(module), name, getattr(builtins, name, MISSING))

    return live


def _bound(tree: ast.AST) -> dict[str, Any]:
    """List the names that some code binds itself: to an expression, to a module's value, or to what only a run would tell."""
    if not isinstance(tree, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
        return {}
    found: dict[str, Any] = {one.arg: MISSING for one in ast.walk(tree) if isinstance(one, ast.arg)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            found[name] = MISSING if name in found else node.value
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            found |= _imports(node)
    stored = [node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)]
    return found | {name: MISSING for name in stored if name not in found or stored.count(name) > 1}


def _imports(node: ast.Import | ast.ImportFrom) -> dict[str, Any]:
    if isinstance(node, ast.Import):
        names = {alias.asname or alias.name.partition(".")[0]: alias for alias in node.names}
        return {
            name: sys.modules.get(one.name if one.asname else one.name.partition(".")[0], MISSING) for name, one in names.items()
        }
    module = sys.modules.get(node.module or "") if not node.level else None
    return {one.asname or one.name: getattr(module, one.name, MISSING) for one in node.names}


def _attribute(owner: Any, name: str) -> Any:
    """Take an attribute without running anybody's code."""
    if isinstance(owner, PurePath | str) and name in ("parent", "name", "stem"):
        return getattr(PurePath(owner), name)
    if isinstance(owner, (ModuleType, type)):
        return inspect.getattr_static(owner, name, MISSING)
    return MISSING


def _joined(separator: str, parts: list[str]) -> Any:
    if all(part == UNKNOWN for part in parts):
        return MISSING
    return str(PurePath(*parts)) if separator else "".join(parts)
