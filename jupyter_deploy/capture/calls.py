"""What the executed cells called a model on.

A call such as `model.predict(X_test)` is found in the syntax tree of a cell. Its argument is evaluated anew only where that runs no
code of its own: a name, an attribute, a subscript, or a literal made of these.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from jupyter_deploy.capture.cells import Executed, Notebook

_SAME_COLUMNS = ("copy", "head", "sample", "sort_values", "tail")
"""Methods of a table that give rows of the same table: the table itself stands for them, and nothing is called."""

_FITTING = ("fit", "fit_predict", "fit_transform", "partial_fit")
_LONGEST = 80


class NotPlain(Exception):
    """An expression that would run code, or whose value is gone."""


class Call(NamedTuple):
    """A call of a model that was found in a cell, with the values that its arguments have now.

    Attributes:
        rank: 0 for a call of one of the model's methods, 1 for one that scores it, 2 for one that fits it.
        positional: The positional arguments.
        named: The named arguments.
        origin: Where it was found, such as `cell 7: model.predict(X_test)`.
    """

    rank: int
    positional: tuple[Any, ...]
    named: dict[str, Any]
    origin: str


class Search(NamedTuple):
    """What to look for.

    Attributes:
        model: The live model.
        expression: What the person called it.
        methods: Its methods; an empty name stands for calling it.
        namespace: The notebook's variables.
    """

    model: object
    expression: str
    methods: tuple[str, ...]
    namespace: Mapping[str, Any]


def find(search: Search, notebook: Notebook) -> list[Call]:
    """Find the calls of a model.

    Args:
        search: What to look for.
        notebook: Where to look.

    Returns:
        Calls of its methods first, then those that score it, then those that fit it; the newest first within each.
    """
    found = (call for cell in notebook.newest_first() for call in _in_cell(search, cell))
    return sorted(found, key=lambda call: call.rank)


def _in_cell(search: Search, cell: Executed) -> Iterator[Call]:
    nodes = list(_calls(search, cell.tree))
    for rank, node in sorted(nodes, key=lambda one: (one[1].lineno, one[1].col_offset), reverse=True):
        try:
            # of a fit or a score only the features matter: the answers that follow are no input
            wanted = node.args if rank == 0 else node.args[:1]
            positional = tuple(evaluate(one, search.namespace) for one in wanted)
            pairs = {str(one.arg): evaluate(one.value, search.namespace) for one in node.keywords if rank == 0 or one.arg == "X"}
        except NotPlain:
            continue
        if positional or pairs:
            yield Call(rank, positional, pairs, f"cell {cell.number}: {_shown(node)}")


def _calls(search: Search, tree: ast.Module) -> Iterator[tuple[int, ast.Call]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and not any(isinstance(one, ast.Starred) for one in node.args):
            rank = _rank(search, node.func)
            if rank is not None and all(one.arg for one in node.keywords):
                yield rank, node
        elif isinstance(node, ast.Assign) and any(ast.unparse(one) == search.expression for one in node.targets):
            made = node.value  # `model = RandomForestClassifier().fit(X, y)`
            if isinstance(made, ast.Call) and isinstance(made.func, ast.Attribute) and made.func.attr == "fit":
                yield 2, made


def _rank(search: Search, called: ast.expr) -> int | None:
    if "" in search.methods:
        return 0 if _is_model(search, called) else None
    if not isinstance(called, ast.Attribute) or not _is_model(search, called.value):
        return None
    if called.attr in search.methods:
        return 0
    return {"score": 1, **dict.fromkeys(_FITTING, 2)}.get(called.attr)


def _is_model(search: Search, node: ast.expr) -> bool:
    if ast.unparse(node) == search.expression:
        return True
    if isinstance(node, ast.Constant):
        return False
    try:
        return evaluate(node, search.namespace) is search.model
    except NotPlain:
        return False


def _shown(node: ast.Call) -> str:
    """Write a call for people, without values that stand in it as literals."""
    parts = [ast.unparse(one) if isinstance(one, (ast.Name, ast.Attribute, ast.Subscript, ast.Call)) else "…" for one in node.args]
    parts += [f"{one.arg}={ast.unparse(one.value) if isinstance(one.value, ast.Name) else '…'}" for one in node.keywords]
    function = node.func
    if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Call):
        name = f"….{function.attr}"
    else:
        name = ast.unparse(function)
    text = f"{name}({', '.join(parts)})"
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def evaluate(node: ast.expr, namespace: Mapping[str, Any]) -> Any:
    """Evaluate an expression that runs no code of its own.

    Args:
        node: The expression.
        namespace: The notebook's variables.

    Returns:
        Its value as it is now.

    Raises:
        NotPlain: If it is anything but names, attributes, subscripts and literals, or its evaluation fails.
    """
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _SAME_COLUMNS:
        node = node.func.value
    if not _is_plain(node):
        raise NotPlain(ast.unparse(node))
    code = compile(ast.Expression(node), "<argument>", "eval")
    try:
        return eval(code, {"__builtins__": {}}, namespace)  # noqa: S307 (names, attributes, subscripts and literals alone)
    except Exception as error:  # an attribute may be a property, a subscript may be missing: then this call is of no use
        raise NotPlain(ast.unparse(node)) from error


def _is_plain(node: ast.expr | None) -> bool:
    if node is None or isinstance(node, (ast.Name, ast.Constant)):
        return True
    if isinstance(node, ast.Attribute):
        return _is_plain(node.value)
    if isinstance(node, ast.Subscript):
        return _is_plain(node.value) and _is_plain(node.slice)
    if isinstance(node, ast.Slice):
        return all(map(_is_plain, (node.lower, node.upper, node.step)))
    if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
        return all(map(_is_plain, node.elts))
    if isinstance(node, ast.Dict):
        return all(key is not None and _is_plain(key) for key in node.keys) and all(map(_is_plain, node.values))
    return isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)) and isinstance(node.operand, ast.Constant)
