"""Modules beside the notebook whose file says otherwise than what the kernel has imported: the file is what a release has.

A file edited after its import differs in the code of functions; a value that the notebook has set in a module differs from what its
source assigns. Comments, docstrings and line numbers make no difference, and only what the model reaches is compared.
"""

from __future__ import annotations

import ast
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePath
from types import CodeType, FunctionType, ModuleType
from typing import Any

from jupyter_deploy.capture.noticing.code import Piece, same_code, tree_of, unwrapped
from jupyter_deploy.values import Finding

_FUNCTION = 0x2  # CO_NEWLOCALS: the code of a function, and not of a class
_PLAIN = (str, bytes, int, float, complex, bool, type(None))
_CHANGES = {
    "add", "append", "clear", "discard", "extend", "insert", "pop", "popitem", "remove", "reverse", "setdefault", "sort", "update",
}  # fmt: skip


def findings(pieces: Iterable[Piece], modules: Mapping[str, Path]) -> list[Finding]:
    """List what differs between a live module and its file.

    Args:
        pieces: The code that a release will run.
        modules: The modules beside the notebook that the model imports, with their files.

    Returns:
        One finding a module.
    """
    mentioned = set[str]().union(*(one.mentions() | {one.name} for one in pieces))
    found = []
    for name, file in modules.items():
        live = sys.modules.get(name)
        differing = [one for one in _differing(live, file) if {*one.split(".")} & mentioned] if live else []
        found += [_finding(name, file, differing)] if differing else []
    return found


def _finding(module: str, file: Path, differing: list[str]) -> Finding:
    shown = ", ".join(f"`{one}`" for one in differing[:5]) + (f" and {len(differing) - 5} more" if len(differing) > 5 else "")
    return Finding(
        kind="module",
        subject=module,
        message=f"{file.name} is deployed as it is on disk, where it differs from what this kernel imported or set: {shown}.",
        hint=f"`import importlib; importlib.reload({module})` or restart the kernel, run the cells that use it, and deploy again.",
    )


def _differing(live: ModuleType, file: Path) -> Iterator[str]:
    try:
        codes = list(_codes(compile(file.read_bytes(), str(file), "exec", dont_inherit=True), ""))
    except (SyntaxError, ValueError, OSError):  # a release will say so when it imports it
        return
    tree, many = tree_of(file), Counter(name for name, _ in codes)
    written, defaults = dict(codes), dict(_defaults(tree.body, ""))
    for name, function in _functions(vars(live), live, file, set()):
        if many[name] == 0 or (many[name] == 1 and not _same(function, written[name], defaults.get(name, ()))):
            yield name
    yield from _values(vars(live), tree.body, _changed(tree), "")


def _codes(code: CodeType, path: str) -> Iterator[tuple[str, CodeType]]:
    """List the functions that a module's code defines, also those of its classes."""
    for one in code.co_consts:
        if isinstance(one, CodeType) and not one.co_name.startswith("<"):
            if one.co_flags & _FUNCTION:
                yield path + one.co_name, one
            else:
                yield from _codes(one, f"{path}{one.co_name}.")


def _functions(space: Mapping[str, Any], module: ModuleType, file: Path, seen: set[type]) -> Iterator[tuple[str, FunctionType]]:
    """List the functions of a live module that its file defined, also below decorators and in its classes."""
    for value in list(space.values()):
        if isinstance(value, type):
            if value.__module__ == module.__name__ and value not in seen:
                seen.add(value)
                yield from _functions(vars(value), module, file, seen)
            continue
        for one in unwrapped(value):
            if isinstance(one, FunctionType) and one.__globals__ is vars(module) and _defined_in(one, file):
                yield one.__qualname__, one


def _defined_in(function: FunctionType, file: Path) -> bool:
    """Whether a function stands in a file as such: neither made by another one, under whatever name, nor by a dataclass."""
    code, name = function.__code__, function.__qualname__
    return "<" not in name and code.co_name == name.rpartition(".")[2] and PurePath(code.co_filename).name == file.name


def _same(function: FunctionType, written: CodeType, defaults: tuple[Any, ...]) -> bool:
    live = function.__defaults__ or ()
    known = [(one, other) for one, other in zip(live, defaults, strict=False) if _is_plain(one) and _is_plain(other)]
    return same_code(function.__code__, written) and len(live) == len(defaults) and all(one == other for one, other in known)


def _defaults(body: Iterable[ast.stmt], path: str) -> Iterator[tuple[str, tuple[Any, ...]]]:
    for node in body:
        if isinstance(node, ast.ClassDef):
            yield from _defaults(node.body, f"{path}{node.name}.")
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield path + node.name, tuple(_literal(one) for one in node.args.defaults)


def _literal(node: ast.expr) -> Any:
    """Read a literal; what is none comes back as a node, which nothing plain equals."""
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError):
        return node


def _values(space: Mapping[str, Any], body: Iterable[ast.stmt], changed: Counter[str], path: str) -> Iterator[str]:
    """List the constants that a source assigns once and the live module or class has otherwise."""
    for node in body:
        if isinstance(node, ast.ClassDef) and isinstance(space.get(node.name), type):
            yield from _values(vars(space[node.name]), node.body, changed, f"{path}{node.name}.")
        for name, value in _assigned(node):
            written, live = _literal(value), space.get(name, value)
            if changed[name] == 1 and _is_plain(written) and _is_plain(live) and written != live:
                yield path + name


def _assigned(node: ast.stmt) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
        yield node.targets[0].id, node.value
    elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
        yield node.target.id, node.value


def _changed(tree: ast.Module) -> Counter[str]:
    """Count for each name where the module itself binds it, declares it global, or may change it in place."""
    found: Counter[str] = Counter()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            found[node.id] += 1
        elif isinstance(node, ast.Global):
            found.update(node.names)
        elif isinstance(node, (ast.Attribute, ast.Subscript)) and isinstance(node.value, ast.Name):
            found[node.value.id] += not isinstance(node.ctx, ast.Load) or getattr(node, "attr", "") in _CHANGES
    return found


def _is_plain(value: Any) -> bool:
    """Whether a value can be written as a literal and be compared; an empty container may be there to be filled."""
    if type(value) in (list, tuple, set, frozenset):
        return bool(value) and all(_is_plain(one) for one in value)
    if type(value) is dict:
        return bool(value) and all(_is_plain(one) for one in (*value, *value.values()))
    return type(value) in _PLAIN
