"""The contract as JSON Schema: the same words in `contract.json`, at `/contract.json`, in OpenAPI and in a bundle's description.

A schema tells what is accepted and answered, so the notebook's ranges, which are no limits, stand as `x-minimum` and `x-maximum`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from .contract import Column, Contract, Input, Method, Output
from .dtypes import family, limits, zoned

DIALECT = "https://json-schema.org/draft/2020-12/schema"
TYPES: dict[str, dict[str, Any]] = {
    "float": {"type": "number"}, "int": {"type": "integer"}, "bool": {"type": "boolean"}, "string": {"type": "string"},
    "duration": {"type": "string", "format": "duration"}, "period": {"type": "string", "description": "ISO 8601"},
    "time": {"type": "string", "format": "time"}, "decimal": {"type": ["string", "number"], "format": "decimal"},
}  # fmt: skip
INFINITE = {"enum": ["Infinity", "-Infinity"]}
WIDEST = 200  # columns of an array that are named one by one


def document(contract: Contract) -> dict[str, Any]:
    """Write a contract as `contract.json` holds it: a JSON schema that also has the contract itself, under `methods`.

    Args:
        contract: The contract.

    Returns:
        The schema of an object with the rows and the predictions of each method, and the contract's methods.
    """
    methods: dict[str, Any] = msgspec.to_builtins(contract)
    properties = {one.name: exchange(one) for one in contract.methods}
    return {"$schema": DIALECT, "type": "object", "properties": properties, **methods}


def exchange(method: Method) -> dict[str, Any]:
    """Describe what goes to a method and comes from it.

    Args:
        method: The method.

    Returns:
        The schema of an object with `rows` and `predictions`.
    """
    return {"type": "object", "properties": {"rows": rows(method.input), "predictions": predictions(method)}}


def rows(input: Input) -> dict[str, Any]:
    """Describe the rows of a request.

    Args:
        input: What the method accepts.

    Returns:
        A schema.
    """
    one = {"minItems": 1, "maxItems": 1} if input.kind == "value" else {}
    return {"type": "array", "items": row(input), **one}


def predictions(method: Method) -> dict[str, Any]:
    """Describe the predictions of an answer.

    Args:
        method: The method.

    Returns:
        A schema.
    """
    return {"type": "array", "items": answer(method.output)}


def row(input: Input) -> dict[str, Any]:
    """Describe one row of a request.

    Args:
        input: What the method accepts.

    Returns:
        A schema.
    """
    if input.kind in ("frame", "arguments"):
        optional = {one.name for one in input.columns if input.kind == "arguments" and one.optional}
        return {
            "type": "object",
            "properties": {one.name: column(one) for one in input.columns},
            "required": [one.name for one in input.columns if one.name not in optional],
            "additionalProperties": False if input.others is None else column(input.others),
        }
    if input.kind == "series" and input.columns:
        return column(input.columns[0])
    if input.schema is not None:
        return input.schema
    cell = _scalar(input.dtype, nullable=input.nullable, infinite=input.infinite)
    if input.kind == "sparse":
        return _sparse(cell, input.shape)
    return _nested(input.shape, cell) if input.kind != "value" else {}


def column(told: Column) -> dict[str, Any]:
    """Describe one value of a column, or of a parameter.

    Args:
        told: The column.

    Returns:
        A schema, with what was seen as annotations.
    """
    made = _column(told)
    if told.default is not msgspec.UNSET:
        made["default"] = told.default
    if told.example is not None:
        made["examples"] = [told.example]
    if told.minimum is not None and told.maximum is not None:
        made |= {"x-minimum": told.minimum, "x-maximum": told.maximum}
    return made


def _column(told: Column) -> dict[str, Any]:
    if told.schema is not None:
        return {"anyOf": [told.schema, INFINITE]} if told.infinite else dict(told.schema)
    if told.holds is not None:
        return _or_null(rows(told.holds), nullable=told.nullable)
    if told.categories is not None:
        return {"enum": [*told.categories, *([None] if told.nullable else [])]}
    return {**_scalar(told.dtype, nullable=told.nullable, infinite=told.infinite), "x-dtype": told.dtype}


def _scalar(dtype: str | None, *, nullable: bool = False, infinite: bool = False) -> dict[str, Any]:
    known = _PARAMETERS.get(dtype or "")
    if known is not None:
        return _or_null(dict(known), nullable=nullable)
    name, kind = dtype or "object", family(dtype or "object")
    made: dict[str, Any] = _date(name) if kind == "date" else dict(TYPES.get(kind, {}))
    bounds = limits(name)
    if bounds:
        made |= {"minimum": bounds[0], "maximum": bounds[1]}
    if kind == "float" and infinite:
        made = {"anyOf": [made, INFINITE]}
    return _or_null(made, nullable=nullable)


_PARAMETERS: dict[str, dict[str, Any]] = {
    "list": {"type": "array"}, "tuple": {"type": "array"}, "set": {"type": "array"}, "frozenset": {"type": "array"},
    "dict": {"type": "object"}, "bytes": {"type": "string", "contentEncoding": "base64"},
    "date": {"type": "string", "format": "date"}, "datetime": {"type": "string", "format": "date-time"}, "time": TYPES["time"],
    "timedelta": TYPES["duration"],
    "UUID": {"type": "string", "format": "uuid"}, "Decimal": TYPES["decimal"],
}  # fmt: skip
"""What an argument without a hint may be, beyond plain values."""


def _date(dtype: str) -> dict[str, Any]:
    """Only a moment with its time zone is a `date-time` of RFC 3339."""
    if dtype == "polars.Date" or (dtype.startswith("object[date") and not dtype.startswith("object[datetime")):
        return {"type": "string", "format": "date"}
    if zoned(dtype):
        return {"type": "string", "format": "date-time"}
    return {"type": "string", "description": "ISO 8601 without a time zone"}


def _or_null(schema: dict[str, Any], *, nullable: bool) -> dict[str, Any]:
    if not nullable or not schema:
        return schema
    if isinstance(schema.get("type"), str):
        return {**schema, "type": [schema["type"], "null"]}
    if isinstance(schema.get("type"), list):
        return {**schema, "type": [*schema["type"], "null"]}
    return {"anyOf": [*schema.get("anyOf", [schema]), {"type": "null"}]}


def _nested(shape: tuple[int | None, ...] | None, cell: dict[str, Any]) -> dict[str, Any]:
    made = cell
    for size in reversed((shape or (None,))[1:]):
        made = {"type": "array", "items": made, **({} if size is None else {"minItems": size, "maxItems": size})}
    return made


def _sparse(cell: dict[str, Any], shape: tuple[int | None, ...] | None) -> dict[str, Any]:
    """An object of the columns that are not zero, by number, or a list of all of them."""
    numbered = {"type": "object", "propertyNames": {"pattern": "^(0|[1-9][0-9]*)$"}, "additionalProperties": cell}
    return {"anyOf": [numbered, _nested(shape, cell)]}


def answer(output: Output) -> dict[str, Any]:
    """Describe one prediction.

    Args:
        output: What the method returns.

    Returns:
        A schema.
    """
    if output.schema is not None:
        return output.schema
    if output.kind == "dict":
        properties = {name: answer(part) for name, part in zip(output.names or (), output.parts, strict=True)}
        return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}
    if output.parts:
        return _tuple([answer(one) for one in output.parts])
    if output.each is not None:
        return {"type": "array"} if output.each.kind in ("list", "tuple") else {"type": "array", "items": answer(output.each)}
    if output.kind == "frame":
        properties = {one.name: _answered(one) for one in output.columns}
        return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}
    if output.kind == "series" and output.columns:
        return _answered(output.columns[0])
    one = _numbers(output) if output.kind in ("array", "sparse") else {}
    return one if output.group == 1 else {"type": "array", "items": one, "minItems": output.group, "maxItems": output.group}


def _answered(told: Column) -> dict[str, Any]:
    """A column of answers: other rows than the ones that were seen may have missing values."""
    return _column(msgspec.structs.replace(told, nullable=True))


def _numbers(output: Output) -> dict[str, Any]:
    labels = output.classes if output.meaning == "labels" else None
    if labels and all(isinstance(one, tuple | list) for one in labels):
        return _tuple([{"enum": list(one)} for one in labels])
    if labels is not None:
        cell: dict[str, Any] = {"enum": list(labels)}
    else:
        loose = family(output.dtype or "object") not in ("int", "bool")
        cell = _scalar(output.dtype, nullable=loose, infinite=output.infinite or output.meaning == "log probabilities")
    if output.kind == "sparse":
        return _sparse(cell, output.shape)
    names = output.names or (output.classes if labels is None else None)
    width = (output.shape or (None,))[1:]
    if names is not None and len(width) == 1 and width[0] == len(names) <= WIDEST:
        return _tuple([{"title": str(name), **cell} for name in names])
    return _nested(output.shape, cell)


def _tuple(schemas: list[dict[str, Any]]) -> dict[str, Any]:
    return {"type": "array", "prefixItems": schemas, "minItems": len(schemas), "maxItems": len(schemas)}


def example(input: Input) -> Any:
    """Make up a row that fits a contract.

    Args:
        input: What a method accepts.

    Returns:
        One row, out of what was seen where that is known; a parameter that may be left out is, unless it was seen.
    """
    return _instance(row(input))


def _instance(told: dict[str, Any]) -> Any:
    """Make the plainest value that fits a schema."""
    for known in (told.get("examples"), told.get("enum")):
        if known:
            return next((one for one in known if one is not None), None)
    if "default" in told:
        return told["default"]
    if told.get("anyOf"):
        return _instance(told["anyOf"][0])
    kind = told.get("type", "null")
    kind = next((one for one in kind if one != "null"), "null") if isinstance(kind, list) else kind
    if not told:
        return "text"
    if kind == "object" and isinstance(told.get("additionalProperties"), dict) and not told.get("properties"):
        return {"0" if "propertyNames" in told else "key": _instance(told["additionalProperties"])}
    if kind == "object":
        wanted = told.get("required", ())
        fields = told.get("properties", {}).items()
        return {name: _instance(one) for name, one in fields if name in wanted or "examples" in one}
    if kind == "array":
        items = [_instance(one) for one in told.get("prefixItems", ())]
        return items or [_instance(told.get("items", {}))] * told.get("minItems", 1)
    if kind in ("integer", "number"):
        least = told.get("minimum", told.get("exclusiveMinimum", -1) + 1)
        return max(least, 0)
    return {"boolean": False, "string": _TEXTS.get(told.get("format", ""), "text")}.get(kind)


_TEXTS = {
    "date": "2024-01-31", "date-time": "2024-01-31T12:00:00Z", "time": "12:00:00", "duration": "PT1S", "decimal": "1.0",
    "uuid": "00000000-0000-0000-0000-000000000000",
}  # fmt: skip


def inferred(values: Iterable[Any]) -> dict[str, Any]:
    """Describe values by what they are.

    Args:
        values: JSON values.

    Returns:
        The schema of any of them; one that says nothing where there are none.
    """
    listed = list(values)
    kinds = sorted({_kind(one) for one in listed})
    if "number" in kinds and "integer" in kinds:
        kinds.remove("integer")
    made: dict[str, Any] = {} if not kinds else {"type": kinds[0] if len(kinds) == 1 else kinds}
    objects = [one for one in listed if isinstance(one, dict)]
    if objects and all(len(one) <= WIDEST for one in objects):
        keys = dict.fromkeys(key for one in objects for key in one)
        made["properties"] = {key: inferred(one[key] for one in objects if key in one) for key in keys}
        made["required"] = [key for key in keys if all(key in one for one in objects)]
    within = [inner for one in listed if isinstance(one, list) for inner in one]
    return {**made, "items": inferred(within)} if within else made


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    kinds = ((bool, "boolean"), (int, "integer"), (float, "number"), (str, "string"), (list, "array"))
    return next((name for kind, name in kinds if isinstance(value, kind)), "object")
