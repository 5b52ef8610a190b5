"""What the executed cells called a model on.

A call such as `model.predict(X_test)` is found in the syntax tree of a cell. Its argument is evaluated anew only where that runs no
code of its own: a name, an attribute, a subscript, a literal made of these, or a record, date or table made of them.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from jupyter_deploy.bentos.python.endpoint.hints import is_record
from jupyter_deploy.capture.cells import Executed, Notebook

_SAME_COLUMNS = ("copy", "head", "sample", "sort_values", "tail")
"""Methods of a table that give rows of the same table: the table itself stands for them, and nothing is called."""

_FITTING = ("fit", "fit_predict", "fit_transform", "partial_fit")
_LONGEST = 80

BACKWARD = frozenset({"inverse_transform"})
"""Methods that take what another method gives."""
ON_DEMAND = BACKWARD | {"apply", "kneighbors"}
"""Methods that few callers want, so that they are routes only where the notebook calls them."""

_CONTAINERS: dict[str, Any] = {one.__name__: one for one in (dict, list, tuple, set, frozenset, bool, int, float, str, bytes)}
_MAKERS = {
    *(("datetime", name) for name in ("date", "datetime", "time", "timedelta")), ("uuid", "UUID"), ("decimal", "Decimal"),
    ("fractions", "Fraction"), *(("pathlib", name) for name in ("Path", "PosixPath", "PurePath", "PurePosixPath")),
    *(("pandas", name) for name in ("Categorical", "DataFrame", "Series", "Timedelta", "Timestamp", "date_range", "to_datetime")),
    *(("numpy", name) for name in ("arange", "array", "asarray", "datetime64", "full", "linspace", "ones", "timedelta64", "zeros")),
    *(("torch", name) for name in ("arange", "as_tensor", "from_numpy", "full", "linspace", "ones", "tensor", "zeros")),
}  # fmt: skip

ASKED, SCORED, FITTED = 0, 1, 2
"""The model was called on data, scored on it, or fitted on it."""
LITERAL = 3
"""The model was called on values written into the call, which tell less than the data that it is meant for."""


class NotPlain(Exception):
    """An expression that would run code, or whose value is gone."""


class Call(NamedTuple):
    """A call of a model that was found in a cell, with the values that its arguments have now.

    Attributes:
        rank: How much it tells, the lowest the most: `ASKED`, `SCORED`, `FITTED`, or `LITERAL`.
        positional: The positional arguments.
        named: The named arguments.
        origin: The call itself, such as `model.predict(X_test)`.
        cell: The number of the cell that it was found in.
        method: The method that was called; empty where the model itself was.
    """

    rank: int
    positional: tuple[Any, ...]
    named: dict[str, Any]
    origin: str
    cell: int
    method: str = ""


class Search(NamedTuple):
    """What to look for.

    Attributes:
        model: The live model.
        expression: What the person called it.
        methods: Its methods; an empty name stands for calling it.
        namespace: The notebook's variables.
        own: Whether the methods are those of an author's own class, which may take what they like.
        served: What is asked in the model's place, if that is another object.
    """

    model: object
    expression: str
    methods: tuple[str, ...]
    namespace: Mapping[str, Any]
    own: bool = False
    served: Any = None

    @property
    def function(self) -> Any:
        """What is called: the method to show first, or the model itself."""
        asked = self.model if self.served is None else self.served
        return getattr(asked, self.methods[0]) if self.methods[0] else asked

    @property
    def translates(self) -> bool:
        """Whether what is asked takes other rows than the model itself, and tells them of a call."""
        return self.served is not self.model and callable(getattr(self.served, "rows_of", None))

    @property
    def called(self) -> bool:
        """Whether a call of the model itself is one of the method to show first."""
        return self.served is not self.model and getattr(self.served, "called", False) is True

    @property
    def by_name(self) -> bool:
        """Whether it may take several arguments by name, rather than rows alone."""
        return (self.own or "" in self.methods) and not self.translates


def find(search: Search, notebook: Notebook) -> list[Call]:
    """Find the calls of a model.

    Args:
        search: What to look for.
        notebook: Where to look.

    Returns:
        Those that tell most first; within each rank those of the method to show first, the newest first.
    """
    words = () if "" in search.methods or search.called else (*search.methods, "score", "fit")
    cells = (cell for cell in notebook.newest_first() if not words or any(word in cell.source for word in words))
    found = (call for cell in cells for call in _in_cell(search, cell))
    return sorted(found, key=lambda call: (call.rank, call.rank in (ASKED, LITERAL) and call.method != search.methods[0]))


def names(search: Search, notebook: Notebook) -> set[str]:
    """List the methods of a model that were called on anything, also on what is gone by now.

    Args:
        search: What to look for.
        notebook: Where to look.

    Returns:
        The methods' names.
    """
    cells = [cell for cell in notebook.newest_first() if any(one and one in cell.source for one in search.methods)]
    return {_method(node.func) for cell in cells for rank, node in _calls(search, cell.tree) if rank == ASKED}


def _in_cell(search: Search, cell: Executed) -> Iterator[Call]:
    nodes = list(_calls(search, cell.tree))
    for rank, node in sorted(nodes, key=lambda one: (one[1].lineno, one[1].col_offset), reverse=True):
        try:
            # of a fit or a score only the features matter: the answers that follow are no input
            wanted = node.args if rank == ASKED else node.args[:1]
            positional = tuple(evaluate(one, search.namespace) for one in wanted)
            pairs = {
                str(one.arg): evaluate(one.value, search.namespace) for one in node.keywords if rank == ASKED or one.arg == "X"
            }
        except NotPlain:
            continue
        if positional or pairs:
            literal = rank == ASKED and not any(_is_reference(one) for one in [*node.args, *(one.value for one in node.keywords)])
            shown = _shown(node, search.namespace)
            yield Call(LITERAL if literal else rank, positional, pairs, shown, cell.number, _method(node.func))


def _calls(search: Search, tree: ast.Module) -> Iterator[tuple[int, ast.Call]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and not any(isinstance(one, ast.Starred) for one in node.args):
            rank = _rank(search, node.func)
            if rank is not None and all(one.arg for one in node.keywords):
                yield rank, node
        elif isinstance(node, ast.Assign) and any(ast.unparse(one) == search.expression for one in node.targets):
            made = node.value  # `model = RandomForestClassifier().fit(X, y)`
            if isinstance(made, ast.Call) and isinstance(made.func, ast.Attribute) and made.func.attr == "fit":
                yield FITTED, made


def _rank(search: Search, called: ast.expr) -> int | None:
    if "" in search.methods:
        return ASKED if _is_model(search, called) else None
    ranks = {"score": SCORED, **dict.fromkeys(_FITTING, FITTED), **dict.fromkeys(search.methods, ASKED)}
    if isinstance(called, ast.Attribute) and called.attr in ranks and _is_model(search, called.value):
        return ranks[called.attr]
    return ASKED if search.called and _is_model(search, called) else None


def _method(called: ast.expr) -> str:
    return called.attr if isinstance(called, ast.Attribute) else ""


def _is_model(search: Search, node: ast.expr) -> bool:
    if ast.unparse(node) == search.expression:
        return True
    if isinstance(node, ast.Constant):
        return False
    try:
        return evaluate(node, search.namespace, made=False) is search.model
    except NotPlain:
        return False


def _shown(node: ast.Call, namespace: Mapping[str, Any]) -> str:
    """Write a call for people, without values that stand in it as literals."""
    parts = [_told(one, namespace) if _is_reference(one) else "…" for one in node.args]
    parts += [f"{one.arg}={ast.unparse(one.value) if isinstance(one.value, ast.Name) else '…'}" for one in node.keywords]
    function = node.func
    if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Call):
        name = f"….{function.attr}"
    else:
        name = ast.unparse(function)
    text = f"{name}({', '.join(parts)})"
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _told(node: ast.expr, namespace: Mapping[str, Any]) -> str:
    if isinstance(node, ast.Call) and _makes_data(node.func, namespace):
        return f"{ast.unparse(node.func)}(…)"
    return ast.unparse(node)


def evaluate(node: ast.expr, namespace: Mapping[str, Any], *, made: bool = True) -> Any:
    """Evaluate an expression that runs no code of its own.

    Args:
        node: The expression.
        namespace: The notebook's variables.
        made: Whether it may make records, dates, tables and arrays out of such expressions.

    Returns:
        Its value as it is now.

    Raises:
        NotPlain: If it is anything but names, attributes, subscripts and literals, or its evaluation fails.
    """
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _SAME_COLUMNS:
        node = node.func.value
    if not _is_plain(node, namespace if made else None):
        raise NotPlain(ast.unparse(node))
    code = compile(ast.Expression(node), "<argument>", "eval")
    try:
        return eval(code, {"__builtins__": _CONTAINERS}, namespace)  # noqa: S307 (names, attributes, subscripts and literals alone)
    except Exception as error:  # an attribute may be a property, a subscript may be missing: then this call is of no use
        raise NotPlain(ast.unparse(node)) from error


def _is_reference(node: ast.expr) -> bool:
    """Whether an expression refers to data rather than holding it."""
    return isinstance(node, (ast.Name, ast.Attribute, ast.Subscript, ast.Call))


def _is_plain(node: ast.expr | None, namespace: Mapping[str, Any] | None) -> bool:
    def plain(*parts: ast.expr | None) -> bool:
        return all(_is_plain(one, namespace) for one in parts)

    if node is None or isinstance(node, (ast.Name, ast.Constant)):
        return True
    if isinstance(node, ast.Attribute):
        return plain(node.value)
    if isinstance(node, ast.Subscript):
        return plain(node.value, node.slice)
    if isinstance(node, ast.Slice):
        return plain(node.lower, node.upper, node.step)
    if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
        return plain(*node.elts)
    if isinstance(node, ast.Dict):
        return None not in node.keys and plain(*node.keys, *node.values)
    if isinstance(node, ast.Call) and namespace is not None and all(one.arg for one in node.keywords):
        return plain(*node.args, *(one.value for one in node.keywords)) and _makes_data(node.func, namespace)
    return isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)) and isinstance(node.operand, ast.Constant)


def _makes_data(called: ast.expr, namespace: Mapping[str, Any]) -> bool:
    """Whether a call makes a record, a date, a table or the like, which a notebook writes down as others do a literal."""
    try:
        kind = evaluate(called, namespace, made=False)
    except NotPlain:
        return False
    name, module = getattr(kind, "__name__", ""), str(getattr(kind, "__module__", ""))
    if isinstance(kind, type) and (is_record(kind) or kind in _CONTAINERS.values()):
        return True
    return (module.partition(".")[0], name) in _MAKERS
