"""Texts in source code and in compiled functions, each with the name that it is given: a variable, an argument, a key."""

from __future__ import annotations

import ast
import dis
import re
from collections.abc import Iterator
from types import CodeType
from typing import NamedTuple

_CONFIGURED = re.compile(r"""["']?([A-Za-z_][\w.-]{2,60})["']?[ \t]*(?:=>|[:=])[ \t]*["']?([^\s"',;#]{4,200})""")

_SETTING = re.compile(r"\s*(?:$|[-#;\[]|(?:export\s+)?[\w.-]+\s*[:=])")


class Constant(NamedTuple):
    """A text within code.

    Attributes:
        name: What it is called there; empty where it has no name.
        value: The text.
        line: Its line, from 1.
    """

    name: str
    value: str
    line: int


def in_python(source: str) -> list[Constant]:
    """List the texts in Python.

    Args:
        source: The source.

    Returns:
        Every text, in no certain order; nothing where it is no Python.
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return []
    named = {id(value): (name, value) for node in ast.walk(tree) for name, value in _named(node) if value is not None}
    found = []
    for node in ast.walk(tree):
        text = _text(node)
        if text:
            found.append(Constant(named.get(id(node), ("", None))[0], text, getattr(node, "lineno", 1)))
    return found


def are_settings(text: str) -> bool:
    """Say whether a text is a file with settings rather than prose.

    Args:
        text: Any text.

    Returns:
        Whether it looks like JSON, or each of its lines assigns something.
    """
    if "=" not in text and ":" not in text:
        return False
    return text.lstrip()[:1] in ("{", "[") or all(_SETTING.match(line) for line in text.splitlines())


def in_settings(text: str) -> Iterator[Constant]:
    """List what a file with settings assigns: YAML, JSON, TOML, INI, `.env`.

    Args:
        text: Its content.

    Yields:
        Values that stand on one line with their name.
    """
    for number, line in enumerate(text.splitlines(), 1):
        for match in _CONFIGURED.finditer(line[:10_000]):
            yield Constant(match[1], match[2], number)


def in_code(code: CodeType) -> Iterator[tuple[str, str]]:
    """List the texts that a function gives a name, as far as its compiled code tells.

    Args:
        code: The function's code, without the functions within it.

    Yields:
        Name and text: of variables, of arguments of calls, of a dict's entries.
    """
    loaded: list[object] = []
    for step in dis.get_instructions(code):
        value = code.co_consts[step.arg or 0] if step.opname == "KW_NAMES" else step.argval  # which Python 3.11 does not resolve
        if step.opname in ("LOAD_CONST", "KW_NAMES"):
            if isinstance(value, tuple) and all(isinstance(one, str) for one in value):
                yield from ((name, one) for name, one in zip(value[::-1], loaded[::-1], strict=False) if isinstance(one, str))
            loaded.append(value)
            continue
        if step.opname.startswith("STORE_") and loaded and isinstance(loaded[-1], str) and isinstance(value, str):
            yield value, loaded[-1]
        loaded = []


def _named(node: ast.AST) -> Iterator[tuple[str, ast.expr | None]]:
    """List what a piece of syntax gives a name."""
    if isinstance(node, ast.Assign):
        for target in node.targets:
            yield from _pairs(target, node.value)
    elif isinstance(node, (ast.AnnAssign, ast.AugAssign, ast.NamedExpr)):
        yield _name(node.target), node.value
    elif isinstance(node, ast.keyword):
        yield node.arg or "", node.value
    elif isinstance(node, ast.Dict):
        yield from ((_text(key) or _name(key), value) for key, value in zip(node.keys, node.values, strict=True) if key)
    elif isinstance(node, ast.arguments):
        positional = [*node.posonlyargs, *node.args]
        yield from ((one.arg, value) for one, value in zip(positional[::-1], node.defaults[::-1], strict=False))
        yield from ((one.arg, value) for one, value in zip(node.kwonlyargs, node.kw_defaults, strict=True))
    elif isinstance(node, ast.Compare):
        yield from ((_name(node.left), one) for one in node.comparators)
    elif isinstance(node, ast.Call) and len(node.args) == 2:  # `setdefault("API_KEY", "…")`, `setattr` has a third
        yield _text(node.args[0]), node.args[1]
    elif isinstance(node, ast.Call) and len(node.args) == 3:
        yield _text(node.args[1]), node.args[2]


def _pairs(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(target, (ast.Tuple, ast.List)) and isinstance(value, (ast.Tuple, ast.List)):
        for one, its in zip(target.elts, value.elts, strict=False):
            yield from _pairs(one, its)
    else:
        yield _name(target), value


def _name(node: ast.AST) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Subscript(slice=key):
            return _text(key) or _name(key)
    return ""


def _text(node: ast.AST | None) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, (str, bytes)):
        return node.value if isinstance(node.value, str) else node.value.decode("latin-1")
    return ""
