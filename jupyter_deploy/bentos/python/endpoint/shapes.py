"""What a type hint accepts as JSON: its schema, and how a caller's value becomes what the function expects.

A shape is made once for each parameter. It takes exactly what its schema tells, but that a number without a fraction is a whole
number however it is written; whatever does not fit is named by its path, and never by its value.
"""

from __future__ import annotations

import collections
import collections.abc
import enum
import types
import typing
from collections.abc import Callable, Mapping
from typing import Annotated, Any, ForwardRef, Literal, TypeVar, Union, get_args, get_origin

from .checks import Errors, Found, named, shown
from .dtypes import to_json
from .hints import NOTHING
from .scalars import ANY, NULL, NoShape, Shape, array, choice, scalar

Mode = Literal["validation", "serialization"]
LONGEST = 80  # characters of a shape's name

LISTS: dict[Any, Callable[[list[Any]], Any]] = {
    list: list, set: set, frozenset: frozenset, collections.deque: collections.deque,
    collections.abc.Sequence: list, collections.abc.MutableSequence: list, collections.abc.Iterable: list,
    collections.abc.Collection: list, collections.abc.Iterator: iter, collections.abc.Set: set, collections.abc.MutableSet: set,
}  # fmt: skip
OBJECTS: dict[Any, Callable[[dict[Any, Any]], Any]] = {
    dict: dict, collections.OrderedDict: collections.OrderedDict, collections.abc.Mapping: dict,
    collections.abc.MutableMapping: dict,
}  # fmt: skip
STRIPPED = ("Required", "NotRequired", "ReadOnly", "Final", "ClassVar")


class Shapes:
    """Makes shapes out of hints.

    Args:
        scope: Names that hints inside of classes may use beside those of their own modules.
        mode: Whether schemas tell what is accepted or what is answered, which differ in pydantic's models.
    """

    def __init__(self, scope: Mapping[str, Any], mode: Mode = "validation") -> None:
        self.scope = scope
        self.mode: Mode = mode
        self._made: dict[Any, list[Shape]] = {}

    def of(self, hint: Any) -> Shape:
        """Make the shape of a hint.

        Args:
            hint: A type, resolved.

        Returns:
            What it accepts.

        Raises:
            NoShape: If JSON cannot give it.
        """
        if hint in (Any, object, NOTHING, typing.Hashable):
            return ANY
        if hint is None or hint is type(None):
            return NULL
        origin, inner = get_origin(hint), get_args(hint)
        if origin is not None:
            return self._generic(hint, origin, inner)
        if isinstance(hint, TypeVar):
            return self.of(hint.__bound__ or Any)
        for alias in ("__supertype__", "__value__"):  # NewType, and `type X = ...`
            if hasattr(hint, alias) and not isinstance(hint, type):
                return self.of(getattr(hint, alias))
        if not isinstance(hint, type):
            raise NoShape(f"`{name_of(hint)}` has no form in JSON")
        return self._class(hint)

    def _generic(self, hint: Any, origin: Any, inner: tuple[Any, ...]) -> Shape:
        if origin in (Union, types.UnionType):
            return _union([self.of(one) for one in inner])
        if origin is Literal:
            return choice(name_of(hint), [(one, to_json(one)) for one in inner])
        if origin is Annotated:
            return self._annotated(hint, inner[0])
        if getattr(origin, "_name", "") in STRIPPED:
            return self.of(inner[0])
        if origin is tuple:
            return self._tuple(inner)
        if origin in LISTS:
            return _listed(name_of(hint), self.of(inner[0]), LISTS[origin])
        if origin in OBJECTS:
            return _keyed(name_of(hint), self._key(inner[0]), self.of(inner[1]), OBJECTS[origin])
        if hasattr(origin, "__value__"):  # an alias with parameters
            value = origin.__value__
            return self.of(value[inner] if getattr(value, "__parameters__", ()) else value)
        if not isinstance(origin, type):
            raise NoShape(f"`{name_of(hint)}` has no form in JSON")
        return array("ndarray", inner) if scalar(origin) is not None else self._class(origin)

    def _annotated(self, hint: Any, bare: Any) -> Shape:
        """Leave constraints to pydantic, whose they are."""
        from .records import adapted

        owners = {type(one).__module__.partition(".")[0] for one in hint.__metadata__}
        return adapted(hint, name_of(bare), self.mode) if owners & {"pydantic", "annotated_types"} else self.of(bare)

    def _tuple(self, inner: tuple[Any, ...]) -> Shape:
        if len(inner) == 2 and inner[1] is Ellipsis:
            return _listed(f"tuple[{name_of(inner[0])}, ...]", self.of(inner[0]), tuple)
        return _placed([self.of(one) for one in inner if one != ()])

    def _key(self, hint: Any) -> Shape:
        """A key of an object is a text, out of which a number is made where the hint asks for one."""
        if hint not in (int, float):
            return self.of(hint)

        def fit_key(value: Any, path: str, errors: Errors) -> Any:
            try:
                return hint(value)
            except ValueError:
                errors.add(path, "expected a number as the key")
                return None

        return Shape(hint.__name__, {}, fit_key)

    def _class(self, kind: type) -> Shape:
        from .records import record

        if issubclass(kind, enum.Enum):
            members = kind.__members__.values()
            return choice(kind.__name__, [(one, to_json(one)) for one in members])
        if kind in LISTS:
            return _listed(kind.__name__, ANY, LISTS[kind])
        if kind is tuple:
            return _listed("tuple", ANY, tuple)
        if kind in OBJECTS:
            return _keyed(kind.__name__, ANY, ANY, OBJECTS[kind])
        found = scalar(kind)
        if found is not None:
            return found
        if kind in self._made:
            return _again(kind.__name__, self._made[kind])
        place = self._made[kind] = []
        try:
            place.append(record(kind, self))
        finally:
            del self._made[kind]
        return place[0]


def name_of(hint: Any) -> str:
    """Write a hint as people do.

    Args:
        hint: A type.

    Returns:
        Such as `list[Item] | None`.
    """
    if isinstance(hint, ForwardRef):
        return hint.__forward_arg__
    if hint is type(None):
        return "None"
    origin, inner = get_origin(hint), get_args(hint)
    if origin is None:
        return str(getattr(hint, "__name__", hint))
    if origin in (Union, types.UnionType):
        return " | ".join(map(name_of, inner))
    if origin is Annotated:
        return name_of(inner[0])
    if origin is Literal:
        text = f"Literal[{', '.join(map(repr, inner))}]"
        return text if len(text) <= LONGEST else f"{text[: LONGEST - 2]}…]"
    listed = ", ".join("..." if one is Ellipsis else name_of(one) for one in inner)
    return f"{getattr(origin, '__name__', None) or origin}[{listed}]"


def attempt(shape: Shape, value: Any) -> tuple[Any, Errors]:
    """Try whether a value fits.

    Args:
        shape: What it should fit.
        value: A JSON value.

    Returns:
        What became of it, and what is wrong.
    """
    errors = Errors()
    try:
        return shape.fit(value, "", errors), errors
    except Found:
        return None, errors


def _listed(name: str, each: Shape, make: Callable[[list[Any]], Any]) -> Shape:
    def fit_list(value: Any, path: str, errors: Errors) -> Any:
        if not isinstance(value, list):
            errors.add(path, f"expected a list, got {named(value)}")
            return None
        before = len(errors.list)
        made = [each.fit(one, f"{path}[{place}]", errors) for place, one in enumerate(value)]
        try:
            return make(made) if len(errors.list) == before else None
        except TypeError:  # a list within a set
            errors.add(path, "expected plain values, which a set can hold")
            return None

    return Shape(name, {"type": "array", **({"items": each.schema} if each.schema else {})}, fit_list)


def _placed(shapes: list[Shape]) -> Shape:
    size = len(shapes)

    def fit_tuple(value: Any, path: str, errors: Errors) -> Any:
        if not isinstance(value, list):
            errors.add(path, f"expected a list of {size} values, got {named(value)}")
            return None
        if len(value) != size:
            errors.add(path, f"expected {size} values, got {len(value)}")
            return None
        return tuple(one.fit(part, f"{path}[{at}]", errors) for at, (one, part) in enumerate(zip(shapes, value, strict=True)))

    schema: dict[str, Any] = {"type": "array", "minItems": size, "maxItems": size}
    if shapes:
        schema["prefixItems"] = [one.schema for one in shapes]
    return Shape(f"tuple[{', '.join(one.name for one in shapes)}]", schema, fit_tuple)


def _keyed(name: str, key: Shape, each: Shape, make: Callable[[dict[Any, Any]], Any]) -> Shape:
    def fit_dict(value: Any, path: str, errors: Errors) -> Any:
        if not isinstance(value, dict):
            errors.add(path, f"expected an object, got {named(value)}")
            return None
        fitted = {}
        for text, one in value.items():
            where = f"{path}.{shown(text)}"
            fitted[key.fit(text, where, errors)] = each.fit(one, where, errors)
        return make(fitted)

    return Shape(name, {"type": "object", **({"additionalProperties": each.schema} if each.schema else {})}, fit_dict)


def _union(shapes: list[Shape]) -> Shape:
    """The first that fits; a number's own kind goes before the others, and plain text, which fits all texts, comes last."""
    if any(one is ANY for one in shapes):
        return ANY
    name = " | ".join(dict.fromkeys(one.name for one in shapes))
    others = [one for one in shapes if one.name != "None"]
    kinds = {bool: "bool", int: "int", float: "float"}

    def fit_union(value: Any, path: str, errors: Errors) -> Any:
        if len(others) == 1:  # nothing is tried twice: each level of a class within itself would double the time
            return None if value is None and len(shapes) > 1 else others[0].fit(value, path, errors)
        own = kinds.get(type(value))
        for shape in sorted(shapes, key=lambda one: (one.name != own, one.name == "str")):
            made, wrong = attempt(shape, value)
            if not wrong.list:
                return made
        nested = isinstance(value, dict | list)
        errors.add(path, f"fits none of {name}" if nested else f"expected one of {name}, got {named(value)}")
        return None

    return Shape(name, _any_of([one.schema for one in shapes]), fit_union)


def _any_of(schemas: list[dict[str, Any]]) -> dict[str, Any]:
    simple = [one["type"] for one in schemas if one.keys() == {"type"} and isinstance(one["type"], str)]
    return {"type": simple} if len(simple) == len(schemas) else {"anyOf": schemas}


def _again(name: str, place: list[Shape]) -> Shape:
    """A class within itself: its schema ends here, its values are looked at however deep they go."""

    def later(value: Any, path: str, errors: Errors) -> Any:
        return place[0].fit(value, path, errors)

    return Shape(name, {"type": "object", "title": name}, later)
