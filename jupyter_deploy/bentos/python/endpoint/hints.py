"""How a function is called: its parameters, their type hints, and a call whose arguments are all given by name.

Over HTTP every argument has a name. A positional-only one is named too, `*args` is given as a list under its own name, and what
`**kwargs` takes are further names.
"""

from __future__ import annotations

import enum
import functools
import inspect
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from types import FunctionType, SimpleNamespace
from typing import Any, NamedTuple, Optional, get_origin, get_type_hints

from .waiting import wait

NOTHING: Any = inspect.Parameter.empty
"""Stands where there is no hint, or no default."""

RECORDS = (
    "__dataclass_fields__", "__attrs_attrs__", "__pydantic_fields__", "__fields__", "__struct_fields__", "__total__", "_fields",
)  # fmt: skip
"""By which one of these attributes classes of records are known."""

_PLAIN = frozenset({bool, int, float, str, bytes, list, dict, tuple, type(None)})  # what nobody waits for
_values: set[type] = set()  # of which one was found to be neither awaited nor an iterator, as then all are
KINDS = 1_000  # types that are remembered; a model may make new ones without end
DEEPEST = 50  # wrappers around one function; an object may also claim to wrap itself


class Parameter(NamedTuple):
    """One parameter of a function.

    Attributes:
        name: Its name.
        hint: Its type; `NOTHING` where there is no hint, or one that cannot be resolved.
        default: Its default; `NOTHING` where a call must give it.
    """

    name: str
    hint: Any
    default: Any

    @property
    def required(self) -> bool:
        """Whether a call must give it."""
        return self.default is NOTHING


class Signature:
    """The parameters of a function.

    Args:
        function: The function, or any object that can be called.

    Attributes:
        is_plain: Whether each can be given by its place and by its name.

    Raises:
        TypeError: If it cannot be called.
        ValueError: If it does not tell, as some built-in functions.
    """

    def __init__(self, function: Any) -> None:
        self._function = function
        self._signature = inspect.signature(function)
        self.scope = scope_of(function)
        self.parameters: dict[str, Parameter] = {}
        self.others: Parameter | None = None  # what `**kwargs` takes
        self._by_place = False
        parameters = self._signature.parameters
        self.is_plain = all(one.kind is one.POSITIONAL_OR_KEYWORD for one in parameters.values())
        is_several = self.is_plain and len(parameters) > 1
        self._pick = itemgetter(*parameters) if is_several else None  # where all are given, their order is all there is to know
        for one in self._signature.parameters.values():
            self._take(one)
        self.returns = resolved(self._signature.return_annotation, self.scope)

    def _take(self, one: inspect.Parameter) -> None:
        hint, default = resolved(one.annotation, self.scope), one.default
        if one.kind is one.VAR_KEYWORD:
            self.others = Parameter(one.name, hint, NOTHING)
            return
        if one.kind is one.VAR_POSITIONAL:
            hint, default = (list if hint is NOTHING else list[hint]), ()  # type: ignore[valid-type]
        elif default is None and hint is not NOTHING:
            hint = Optional[hint]  # noqa: UP045 (not every hint has `|`; `area: float = None` is often written)
        self._by_place |= one.kind in (one.VAR_POSITIONAL, one.POSITIONAL_ONLY)
        self.parameters[one.name] = Parameter(one.name, hint, default)

    def bind(self, positional: tuple[Any, ...], named: Mapping[str, Any]) -> dict[str, Any]:
        """Name the arguments of a call.

        Args:
            positional: Its positional arguments.
            named: Its named arguments.

        Returns:
            Each argument by its name.

        Raises:
            TypeError: If they do not fit the function.
        """
        bound = dict(self._signature.bind(*positional, **named).arguments)
        for name, one in self._signature.parameters.items():
            if name in bound and one.kind is one.VAR_KEYWORD:
                bound |= bound.pop(name)
            elif name in bound and one.kind is one.VAR_POSITIONAL:
                bound[name] = list(bound[name])
        return bound

    def call(self, arguments: dict[str, Any]) -> Any:
        """Call the function.

        Args:
            arguments: Its arguments by name.

        Returns:
            What it returns; a list where it is a generator.

        Raises:
            Exception: Whatever the function raises.
        """
        if self._pick is not None and len(arguments) == len(self.parameters):
            answer = self._function(*self._pick(arguments))
            return answer if type(answer) in _PLAIN else settled(answer)
        return settled(self.begin(arguments))

    def begin(self, arguments: dict[str, Any]) -> Any:
        """Call the function, and do not wait for what it gives piece by piece.

        Args:
            arguments: Its arguments by name.

        Returns:
            What it returns.

        Raises:
            Exception: Whatever the function raises.
        """
        bound = inspect.BoundArguments(self._signature, self._in_order(arguments))
        if self._by_place:  # what stands before an argument that has no name must be there
            bound.apply_defaults()
        return self._function(*bound.args, **bound.kwargs)

    def _in_order(self, arguments: dict[str, Any]) -> dict[str, Any]:
        ordered: dict[str, Any] = {}
        for name, one in self._signature.parameters.items():
            if one.kind is one.VAR_KEYWORD:
                ordered[name] = {key: value for key, value in arguments.items() if key not in self.parameters}
            elif name in arguments:
                ordered[name] = tuple(arguments[name]) if one.kind is one.VAR_POSITIONAL else arguments[name]
        return ordered


def signature_of(function: Any) -> Signature | None:
    """Look at the parameters of a function.

    Args:
        function: The function, or any object that can be called.

    Returns:
        Its parameters; None where it does not tell.
    """
    try:
        return Signature(function)
    except (TypeError, ValueError):
        return None


def by_name(function: Any) -> Callable[[dict[str, Any]], Any]:
    """Make a function of one dict out of a function of named arguments.

    Args:
        function: The function, or any object that can be called.

    Returns:
        What calls it with the arguments of a dict, and gives a list for a generator.
    """
    signature = signature_of(function)
    return signature.call if signature is not None else lambda arguments: settled(function(**arguments))


def by_place(function: Any, names: Sequence[str]) -> Callable[[Iterable[Sequence[Any]]], list[Any]] | None:
    """Make a function of many rows out of a function whose parameters can all be given by their places.

    Args:
        function: The function, or any object that can be called.
        names: The names of what stands in a row.

    Returns:
        What calls it for each row, as `by_name` would; None where these are not its parameters in their order.
    """
    signature = signature_of(function)
    if signature is None or not signature.is_plain or [*signature.parameters] != [*names]:
        return None

    def call(rows: Iterable[Sequence[Any]]) -> list[Any]:
        return [answer if type(answer := function(*row)) in _PLAIN else settled(answer) for row in rows]

    return call


def begun(function: Any) -> Callable[[dict[str, Any]], Any]:
    """Make a function of one dict like `by_name`, which gives a generator as it is.

    Args:
        function: The function, or any object that can be called.

    Returns:
        What calls it with the arguments of a dict.
    """
    signature = signature_of(function)
    return signature.begin if signature is not None else lambda arguments: function(**arguments)


def settled(answer: Any) -> Any:
    """Wait for what is awaited, and run a generator to its end: an answer is a value.

    Args:
        answer: What a function returned.

    Returns:
        A list where it is an iterator, else the same.
    """
    kind = type(answer)
    if kind in _PLAIN or kind in _values:
        return answer
    made = wait(answer)
    if isinstance(made, Iterator):
        return list(made)
    if made is answer and answer.__class__ is kind and len(_values) < KINDS:  # what stands for another is of any kind
        _values.add(kind)
    return made


def scope_of(function: Any) -> dict[str, Any]:
    """List the names that the hints of a function may use.

    Args:
        function: The function, or any object that can be called.

    Returns:
        The globals of the innermost function, and what it holds in its closure.
    """
    inner = function
    for _ in range(DEEPEST):
        if isinstance(inner, functools.partial):
            inner = inner.func
        elif hasattr(inner, "__wrapped__"):
            inner = inner.__wrapped__
        elif hasattr(inner, "__func__"):
            inner = inner.__func__
        elif isinstance(inner, FunctionType | type):
            break
        elif isinstance(getattr(type(inner), "__call__", None), FunctionType):  # noqa: B004 (the method itself is wanted)
            inner = type(inner).__call__
        else:
            break
    if not isinstance(inner, FunctionType):
        return dict(vars(sys.modules.get(getattr(inner, "__module__", None) or "", SimpleNamespace())))
    scope = dict(inner.__globals__)
    for name, cell in zip(inner.__code__.co_freevars, inner.__closure__ or (), strict=True):
        try:
            scope[name] = cell.cell_contents
        except ValueError:  # not filled yet  # noqa: PERF203
            continue
    return scope


def resolved(hint: Any, scope: Mapping[str, Any]) -> Any:
    """Resolve what is written as text in a hint.

    Args:
        hint: A hint as it stands in `__annotations__`.
        scope: The names that it may use.

    Returns:
        The type; `NOTHING` where a name of it is gone, or stands under `TYPE_CHECKING` alone.
    """
    if hint is NOTHING or (isinstance(hint, type) and get_origin(hint) is None):
        return hint
    holder = SimpleNamespace(__annotations__={"hint": hint})
    try:
        return get_type_hints(holder, globalns=dict(scope), include_extras=True)["hint"]
    except Exception:  # a hint is the author's own expression and may raise anything; without it, the calls tell  # noqa: BLE001
        return NOTHING


def spelled(annotations: Mapping[str, Any], scope: Mapping[str, Any]) -> dict[str, Any]:
    """Resolve the annotations of a function or class, so that they need no names any more where it is loaded.

    Args:
        annotations: Its `__annotations__`.
        scope: The names that they may use.

    Returns:
        The same; what cannot be resolved is left as it is.
    """
    made = {name: resolved(hint, scope) for name, hint in annotations.items()}
    return {name: annotations[name] if hint is NOTHING else hint for name, hint in made.items()}


def hints_of(kind: type, scope: Mapping[str, Any]) -> dict[str, Any]:
    """List the hints of a class's attributes, each resolved by itself.

    Args:
        kind: The class.
        scope: Names that they may use beside those of the class's own module.

    Returns:
        The types by name, those of the bases first; `NOTHING` where one cannot be resolved.
    """
    found = {}
    for base in reversed(kind.__mro__):
        names = {**scope, **names_of(base)}
        for name, hint in _annotations(base).items():
            found[name] = resolved(hint, names)
    return found


def names_of(kind: type) -> dict[str, Any]:
    """List the names that the hints of a class may use.

    Args:
        kind: The class.

    Returns:
        Those of its module, and its own.
    """
    return {**vars(sys.modules.get(kind.__module__, SimpleNamespace())), kind.__name__: kind}


def complete(kind: Any, scope: Mapping[str, Any]) -> None:
    """Finish a model of pydantic's that waits for the names in its hints, as its first use would.

    Args:
        kind: A class of any kind.
        scope: Names that its hints may use beside those of its module.
    """
    waits = isinstance(kind, type) and vars(kind).get("__pydantic_complete__") is False
    if waits and kind.__module__.partition(".")[0] != "pydantic":  # whose own base is never complete
        kind.model_rebuild(raise_errors=False, _types_namespace={**scope, **names_of(kind)})


def is_record(kind: type) -> bool:
    """Say whether a class holds named fields, or is one of some values, and little else.

    Args:
        kind: The class.

    Returns:
        Whether it is a dataclass, a class of attrs, pydantic or msgspec, a named tuple, a TypedDict or an Enum.
    """
    return issubclass(kind, enum.Enum) or any(hasattr(kind, one) for one in RECORDS)


def _annotations(kind: type) -> dict[str, Any]:
    try:
        return inspect.get_annotations(kind)
    except NameError:  # Python 3.14 evaluates them only now
        return {}
