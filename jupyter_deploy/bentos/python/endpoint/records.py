"""Classes as JSON objects: dataclasses, attrs, named tuples, TypedDicts, and the models of pydantic and msgspec.

A dataclass and its like are made by their own constructor, so that `__post_init__` runs; pydantic's and msgspec's models are left
to their own library, of whose errors only path and kind are told, since their texts may repeat what the caller sent.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, get_origin, is_typeddict

import msgspec

from .checks import Errors, named, unknown_keys
from .dtypes import to_json
from .hints import NOTHING, complete, hints_of
from .scalars import NoShape, Shape

if TYPE_CHECKING:
    from .shapes import Mode, Shapes

SAFE = (  # kinds of pydantic's errors whose text tells the rule that was broken, and nothing of the value
    "greater_than", "less_than", "multiple_of", "too_short", "too_long", "string_too", "string_pattern", "finite_number",
    "bytes_too", "decimal_max", "decimal_whole", "value_error.number", "value_error.any_str", "value_error.list",
)  # fmt: skip
EXPECTED = (  # the first word of a kind of pydantic's errors, and what it had expected
    ("int", "a whole number"), ("float", "a number"), ("string", "a string"), ("bool", "true or false"),
    ("decimal", "a decimal number"),
    ("date_", "a date as ISO 8601 text"), ("datetime", "a date and time as ISO 8601 text"), ("time_delta", "a duration"),
    ("time", "a time as ISO 8601 text"), ("uuid", "a UUID as text"), ("url", "a URL"), ("list", "a list"), ("tuple", "a list"),
    ("set", "a list"), ("frozen_set", "a list"), ("dict", "an object"), ("model", "an object"), ("dataclass", "an object"),
    ("enum", "one of the known values"), ("literal", "one of the known values"), ("none", "null"), ("bytes", "text"),
)  # fmt: skip


class Field(NamedTuple):
    """One key of an object.

    Attributes:
        shape: What its value must fit.
        required: Whether it must be there.
        default: Its default as JSON; `NOTHING` where there is none, or JSON cannot hold it.
    """

    shape: Shape
    required: bool
    default: Any = NOTHING


def record(kind: type, shapes: Shapes) -> Shape:
    """Make the shape of a class.

    Args:
        kind: The class.
        shapes: Makes the shapes of its fields.

    Returns:
        What it accepts.

    Raises:
        NoShape: If its objects cannot be made out of JSON.
    """
    if hasattr(kind, "model_validate_json") and hasattr(kind, "model_json_schema"):
        complete(kind, shapes.scope)
        return adapted(kind, kind.__name__, shapes.mode)
    if hasattr(kind, "parse_raw") and hasattr(kind, "__fields__"):
        return _pydantic_1(kind)
    if issubclass(kind, msgspec.Struct):
        return _struct(kind)
    if is_typeddict(kind) or (issubclass(kind, dict) and hasattr(kind, "__total__")):
        return _object(kind.__name__, _typed_dict(kind, shapes), dict)
    if dataclasses.is_dataclass(kind) or hasattr(kind, "__attrs_attrs__") or (issubclass(kind, tuple) and hasattr(kind, "_fields")):
        return _constructed(kind, shapes)
    raise NoShape(f"a {kind.__module__}.{kind.__qualname__} cannot be made out of JSON")


def _constructed(kind: type, shapes: Shapes) -> Shape:
    """A class whose constructor takes its fields by name; what it computes itself may come along, and is left out."""
    hints = hints_of(kind, shapes.scope)
    fields = {}
    for name, one in inspect.signature(kind).parameters.items():
        hint = hints.get(name, hints.get(f"_{name}", NOTHING))  # attrs takes `_size` as `size`
        hint = getattr(hint, "type", hint) if isinstance(hint, dataclasses.InitVar) else hint
        required = one.default is one.empty
        fields[name] = Field(shapes.of(hint), required, NOTHING if required else _default(one.default))
    computed = {one.name for one in dataclasses.fields(kind) if not one.init} if dataclasses.is_dataclass(kind) else set()
    ordered = issubclass(kind, tuple)
    shape = _object(kind.__name__, fields, lambda values: kind(**values), computed=computed, by_place=ordered)
    if not ordered:
        return shape
    size, least = len(fields), sum(one.required for one in fields.values())
    listed = {"type": "array", "prefixItems": [one.shape.schema for one in fields.values()], "minItems": least, "maxItems": size}
    return shape._replace(schema={"anyOf": [shape.schema, listed]})  # as a tuple it becomes a list in answers


def _typed_dict(kind: Any, shapes: Shapes) -> dict[str, Field]:
    fields = {}
    for name, hint in hints_of(kind, shapes.scope).items():
        required = name in kind.__required_keys__
        marked = getattr(get_origin(hint), "_name", "")
        if marked in ("Required", "NotRequired"):  # a hint that was text, of which the class itself knows nothing
            required = marked == "Required"
        fields[name] = Field(shapes.of(hint), required)
    return fields


def _default(value: Any) -> Any:
    try:
        return to_json(value)
    except TypeError:
        return NOTHING


def _object(
    name: str, fields: dict[str, Field], make: Callable[[dict[str, Any]], Any], *, computed: set[str] = frozenset(),  # type: ignore[assignment]
    by_place: bool = False,
) -> Shape:  # fmt: skip
    def fit_object(value: Any, path: str, errors: Errors) -> Any:
        if by_place and isinstance(value, list) and len(value) <= len(fields):
            value = dict(zip(fields, value, strict=False))
        if not isinstance(value, dict):
            errors.add(path, f"expected an object, got {named(value)}")
            return None
        before = len(errors.list)
        unknown_keys(value, [*fields, *computed], path, errors, "field")
        made = {}
        for key, field in fields.items():
            if key in value:
                made[key] = field.shape.fit(value[key], f"{path}.{key}", errors)
            elif field.required:
                errors.add(f"{path}.{key}", "missing")
        return _make(make, made, name, path, errors) if len(errors.list) == before else None

    schema = object_schema(name, fields)
    schema["properties"].update({key: {"readOnly": True} for key in sorted(computed)})
    return Shape(name, schema, fit_object)


def _make(make: Callable[[dict[str, Any]], Any], values: dict[str, Any], name: str, path: str, errors: Errors) -> Any:
    try:
        return make(values)
    except Exception:  # the author's own check, which may raise anything, and whose text may hold the values  # noqa: BLE001
        errors.add(path, f"refused by {name} itself")
        return None


def object_schema(title: str, fields: dict[str, Field]) -> dict[str, Any]:
    """Describe an object.

    Args:
        title: Its name.
        fields: Its keys.

    Returns:
        A JSON schema.
    """
    properties = {}
    for name, field in fields.items():
        told = {} if field.default is NOTHING else {"default": field.default}
        properties[name] = {**field.shape.schema, **told}
    required = [name for name, field in fields.items() if field.required]
    return {
        "type": "object", "title": title, "properties": properties, **({"required": required} if required else {}),
        "additionalProperties": False,
    }  # fmt: skip


def adapted(hint: Any, name: str, mode: Mode) -> Shape:
    """Leave a hint to pydantic.

    Args:
        hint: A model, or a type with constraints.
        name: What people call it.
        mode: Whether the schema tells what is accepted or what is answered.

    Returns:
        What it accepts.

    Raises:
        NoShape: If pydantic cannot make it out of JSON.
    """
    import pydantic

    try:
        adapter: Any = pydantic.TypeAdapter(hint)
        schema = inlined(adapter.json_schema(mode=mode))
    except (pydantic.errors.PydanticUserError, NameError) as error:
        raise NoShape(f"pydantic makes no {name} out of JSON: {type(error).__name__}") from error

    def fit_model(value: Any, path: str, errors: Errors) -> Any:
        try:
            return adapter.validate_json(msgspec.json.encode(value))
        except pydantic.ValidationError as error:
            _tell([dict(one) for one in error.errors(include_url=False, include_context=False)], name, path, errors)
        except Exception:  # the author's own validator  # noqa: BLE001
            errors.add(path, f"refused by {name} itself")
        return None

    return Shape(name, schema, fit_model)


def _pydantic_1(kind: Any) -> Shape:
    """A model of pydantic's first version, or of `pydantic.v1`."""

    def fit_model(value: Any, path: str, errors: Errors) -> Any:
        try:
            return kind.parse_obj(value)
        except Exception as error:  # the author's own validators, which may raise anything  # noqa: BLE001
            found = error.errors() if hasattr(error, "errors") and callable(error.errors) else []
            _tell(found or [{"type": "", "loc": ()}], kind.__name__, path, errors)
        return None

    return Shape(kind.__name__, inlined(kind.schema()), fit_model)


def _tell(found: list[dict[str, Any]], name: str, path: str, errors: Errors) -> None:
    for one in found:
        where = path + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in one["loc"] if part != "__root__")
        errors.add(where, _words(one, name))


def _words(error: dict[str, Any], name: str) -> str:
    """Tell one of pydantic's errors without the value that it may repeat."""
    kind = error["type"]
    if kind in ("missing", "value_error.missing"):
        return "missing"
    if kind in ("extra_forbidden", "value_error.extra"):
        return "unknown field"
    if kind.startswith(SAFE):
        message = error["msg"].removeprefix("Input ").removeprefix("String ").removeprefix("ensure this value ")
        return f"the value {message}"
    bare = kind.removeprefix("type_error.").removeprefix("value_error.")
    expected = next((words for prefix, words in EXPECTED if bare.startswith(prefix)), "")
    if not expected or kind in ("value_error", "assertion_error"):
        return f"refused by {name} itself"
    got = f", got {named(error['input'])}" if "input" in error and not isinstance(error["input"], str) else ""
    text = isinstance(error.get("input"), str) and bare.endswith(("_type", "_parsing")) and expected[:2] == "a "
    return f"expected {expected}{got or (', got a string' if text else '')}"


def _struct(kind: Any) -> Shape:
    """A Struct of msgspec's, whose errors end with the path and hold no value."""

    def fit_struct(value: Any, path: str, errors: Errors) -> Any:
        try:
            return msgspec.convert(value, kind)
        except msgspec.ValidationError as error:
            reason, _, where = str(error).partition(" - at `$")
            told = (
                reason[:1].lower() + reason[1:].replace("`", "")
                if error.__cause__ is None
                else f"refused by {kind.__name__} itself"
            )
            errors.add(path + where.rstrip("`"), told)
        except Exception:  # the author's own `__post_init__`  # noqa: BLE001
            errors.add(path, f"refused by {kind.__name__} itself")
        return None

    try:
        schema = inlined(msgspec.json.schema(kind))
    except TypeError as error:
        raise NoShape(f"msgspec makes no {kind.__name__} out of JSON") from error
    return Shape(kind.__name__, schema, fit_struct)


def inlined(schema: dict[str, Any]) -> dict[str, Any]:
    """Put definitions where they are referred to, so that a schema stands alone wherever it is put.

    Args:
        schema: A schema with `$defs` or `definitions` of its own.

    Returns:
        The same without references; one within itself ends there as any object.
    """
    known = {**schema.get("definitions", {}), **schema.get("$defs", {})}

    def walk(node: Any, inside: tuple[str, ...]) -> Any:
        if isinstance(node, list):
            return [walk(one, inside) for one in node]
        if not isinstance(node, dict):
            return node
        name = str(node["$ref"]).rpartition("/")[2] if isinstance(node.get("$ref"), str) else None
        rest = {key: walk(one, inside) for key, one in node.items() if key not in ("$ref", "$defs", "definitions", "discriminator")}
        if name is None:
            return rest
        found = {"type": "object", "title": name} if name in inside or name not in known else walk(known[name], (*inside, name))
        return {**found, **rest}

    made: dict[str, Any] = walk(schema, ())
    return made
