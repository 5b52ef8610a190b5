"""What a variable was made by: cells followed statement by statement, each name bound to what made it, without running anything.

Two ways to run the same cells make the same variable if every name that leads to it was bound by the same statement to the same
things. That is told by a digest of each value: of its statement's text and of the digests of all that the statement used. Cells
that have nothing to do with the variable, comments, and cells that ran twice to the same effect make no difference.

It is an estimate, and on the quiet side: what a function does to its arguments is not seen, only what a statement itself binds,
assigns into, or calls by one of the names below.
"""

from __future__ import annotations

import ast
import functools
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

_ADDS = frozenset({"add", "append", "discard", "extend", "insert", "partial_fit", "pop", "remove", "reverse", "setdefault"})
_SETS = frozenset({"clear", "compile", "load_state_dict", "set_params", "sort", "update"})
"""Calls that make no difference when they are repeated."""
_RENEWS = frozenset({"fit", "fit_predict", "fit_transform", "manual_seed", "seed"})
"""Calls after which it makes no difference how the same was called before."""
_COMPOUND = (ast.For, ast.AsyncFor, ast.While, ast.If, ast.With, ast.AsyncWith, ast.Try)


class Statement(NamedTuple):
    """What one statement at the top of a cell does to names.

    Attributes:
        text: What it says, without comments and layout.
        reads: The names that it uses when it runs.
        later: The names that the functions in it use when they are called.
        binds: The names that it binds anew.
        changes: The names whose values it may change in place.
        renews: Those of them for which earlier statements that renew them no longer count.
        again: Whether running it twice in a row differs from running it once.
    """

    text: str
    reads: frozenset[str]
    later: frozenset[str]
    binds: frozenset[str]
    changes: frozenset[str]
    renews: frozenset[str]
    again: bool


@dataclass(frozen=True, eq=False)
class Made:
    """A value, by what made it.

    Attributes:
        statement: The statement that bound or changed it.
        name: The name under which it stood then.
        cell: The cell's place in the order of running.
        uses: What the statement used, by name; under its own name what it was before it was changed.
        later: The names that are looked up when it is called.
        digest: Equal for values that were made alike.
    """

    statement: Statement
    name: str
    cell: int
    uses: Mapping[str, Made]
    later: frozenset[str]
    digest: str = field(init=False)

    def __post_init__(self) -> None:
        parts = [self.name, self.statement.text, *(f"{name}={self.uses[name].digest}" for name in sorted(self.uses))]
        object.__setattr__(self, "digest", hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest())

    def all(self) -> list[Made]:
        """List it and everything that led to it, each once."""
        found: dict[int, Made] = {}
        waiting = [self]
        while waiting:
            one = waiting.pop()
            if id(one) not in found:
                found[id(one)] = one
                waiting += one.uses.values()
        return list(found.values())


class Lineage:
    """What each name was made by, after some cells."""

    def __init__(self) -> None:
        self._names: dict[str, Made] = {}

    def run(self, source: str, cell: int) -> None:
        """Follow a cell.

        Args:
            source: Its source; IPython's own lines are blanked out.
            cell: Its place in the order of running.
        """
        for statement in statements(source):
            self._do(statement, cell)

    def of(self, expression: str) -> Made:
        """Say what an expression would be made by now.

        Args:
            expression: A variable or any expression.

        Returns:
            The value.
        """
        read = next(iter(statements(expression)), _NOTHING)
        return Made(read, "", -1, *self._used(read.reads | read.later))

    def _used(self, names: Iterable[str]) -> tuple[dict[str, Made], frozenset[str]]:
        """Look names up, and those that functions among them look up when they are called."""
        uses: dict[str, Made] = {}
        waiting = list(names)
        later: frozenset[str] = frozenset()
        while waiting:
            name = waiting.pop()
            made = self._names.get(name)
            if made is not None and name not in uses:
                uses[name] = made
                later |= made.later
                waiting += made.later
        return uses, later

    def _do(self, statement: Statement, cell: int) -> None:
        used, later = self._used(statement.reads)
        uses = {name: one for name, one in ((name, _before(one, statement)) for name, one in used.items()) if one is not None}
        for name in (*statement.binds, *statement.changes):
            self._names[name] = Made(statement, name, cell, uses, later | statement.later)


def _before(made: Made, statement: Statement) -> Made | None:
    """Say what a statement starts from: where it only repeats or renews a change, what was there before that change."""
    before: Made | None = made
    while before is not None and before.name in statement.changes and before.name in before.statement.changes:
        repeated = not statement.again and before.statement.text == statement.text
        if not repeated and not (before.name in statement.renews and before.name in before.statement.renews):
            break
        before = before.uses.get(before.name)
    return before


@functools.lru_cache(maxsize=2_000)
def statements(source: str) -> tuple[Statement, ...]:
    """Read a cell.

    Args:
        source: Its source.

    Returns:
        Its statements, one for each name where it imports several; none where it holds no Python.
    """
    from jupyter_deploy.capture.cells import Executed

    return tuple(_read(one) for node in Executed(0, source).tree.body for one in _single(node) if not isinstance(node, ast.Pass))


def _single(node: ast.stmt) -> Iterator[ast.stmt]:
    if isinstance(node, ast.Import):
        yield from (ast.Import(names=[alias]) for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        yield from (ast.ImportFrom(module=node.module, names=[alias], level=node.level) for alias in node.names)
    else:
        yield node


_NONE: frozenset[str] = frozenset()
_NOTHING = Statement("", _NONE, _NONE, _NONE, _NONE, _NONE, again=False)


class _Names:
    """The names in a statement.

    Attributes:
        loaded: Those that it reads when it runs.
        later: Those that functions in it read when they are called.
        stored: Those that it binds.
        added, set, renewed: Those whose values it changes, by how a repetition counts.
    """

    def __init__(self) -> None:
        self.loaded: set[str] = set()
        self.later: set[str] = set()
        self.stored: set[str] = set()
        self.added: set[str] = set()
        self.set: set[str] = set()
        self.renewed: set[str] = set()

    def walk(self, node: ast.AST) -> None:
        """Sort the names of a tree.

        Args:
            node: The tree.
        """
        match node:
            case ast.Name(id=name, ctx=ast.Load()):
                self.loaded.add(name)
            case ast.Name(id=name) | ast.arg(arg=name):
                self.stored.add(name)
            case ast.alias(name=name, asname=other):
                self.stored.add(other or name.partition(".")[0])
            case ast.AugAssign(target=ast.Name(id=name)):
                self.loaded.add(name)
            case ast.AugAssign(target=target):
                self.added.add(_root(target))
            case ast.Delete(targets=targets):
                self.added |= {_root(one) for one in targets if not isinstance(one, ast.Name)}
            case ast.Assign(targets=targets, value=value):
                self._assigned([one for target in targets for one in ast.walk(target)], value)
            case ast.Call(func=ast.Attribute(value=owner, attr=method), keywords=keywords):
                self._called(_root(owner), method, keywords)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            self._function(node)
        elif isinstance(node, (ast.ClassDef, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
            self._scope(node)
        else:
            for child in ast.iter_child_nodes(node):
                self.walk(child)

    def _assigned(self, targets: list[ast.AST], value: ast.expr) -> None:
        """Note what is assigned into: again where the value is made of what stood there."""
        places = [one for one in targets if isinstance(one, (ast.Attribute, ast.Subscript)) and isinstance(one.ctx, ast.Store)]
        if places:
            inner = {_place(one) for one in ast.walk(value) if isinstance(one, (ast.Attribute, ast.Subscript))}
            for one in places:
                (self.added if _place(one) in inner else self.set).add(_root(one))

    def _called(self, root: str, method: str, keywords: list[ast.keyword]) -> None:
        inplace = any(one.arg == "inplace" and isinstance(one.value, ast.Constant) and one.value.value is True for one in keywords)
        if method in _ADDS or inplace:
            self.added.add(root)
        elif method in _SETS:
            self.set.add(root)
        elif method in _RENEWS:
            self.renewed.add(root)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> None:
        own = _Names()
        for child in (node.args, *(node.body if isinstance(node.body, list) else [node.body])):
            own.walk(child)
        self.later |= (own.loaded | own.later) - own.stored
        at_once = [*node.args.defaults, *(one for one in node.args.kw_defaults if one), *getattr(node, "decorator_list", ())]
        for child in at_once:
            self.walk(child)
        if not isinstance(node, ast.Lambda):
            self.stored.add(node.name)

    def _scope(self, node: ast.AST) -> None:
        own = _Names()
        for child in ast.iter_child_nodes(node):
            own.walk(child)
        self.loaded |= own.loaded - own.stored
        self.later |= own.later - own.stored
        if isinstance(node, ast.ClassDef):
            self.stored.add(node.name)


def _read(node: ast.stmt) -> Statement:
    names = _Names()
    names.walk(node)
    added, steady, renewed = (one - names.stored - {""} for one in (names.added, names.set, names.renewed))
    changes = added | steady | renewed
    reads = (names.loaded - (_bound_first(node) if isinstance(node, _COMPOUND) else _NONE)) | changes
    return Statement(
        text=ast.dump(node), reads=frozenset(reads), later=frozenset(names.later), binds=frozenset(names.stored),
        changes=frozenset(changes), renews=frozenset(renewed), again=bool(added),
    )  # fmt: skip


def _bound_first(node: ast.AST) -> frozenset[str]:
    """List the names that a loop or branch binds before it reads them, such as a loop's own variable."""
    first: dict[str, ast.Name] = {}
    for one in ast.walk(node):
        if isinstance(one, ast.Name) and (one.id not in first or (one.lineno, one.col_offset) < _position(first[one.id])):
            first[one.id] = one
    circular = {
        target.id
        for one in ast.walk(node)
        if isinstance(one, ast.Assign)
        for target in one.targets
        if isinstance(target, ast.Name) and any(isinstance(read, ast.Name) and read.id == target.id for read in ast.walk(one.value))
    }
    return frozenset(name for name, one in first.items() if isinstance(one.ctx, ast.Store) and name not in circular)


def _position(node: ast.Name) -> tuple[int, int]:
    return node.lineno, node.col_offset


def _place(node: ast.Attribute | ast.Subscript) -> str:
    """Write down what is assigned into; `table["a"]` and `table.a` are the same column."""
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str):
        return f"{ast.unparse(node.value)}.{node.slice.value}"
    return ast.unparse(node)


def _root(node: ast.AST) -> str:
    """Name the variable that an attribute, an element or the result of a call belongs to."""
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""
