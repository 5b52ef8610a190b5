"""The OpenAPI description of an endpoint, made from its contract."""

from __future__ import annotations

from typing import Any

from .contract import Column, Contract, Golden, Input, Method, Output
from .dtypes import family, limits
from .model import example

TYPES = {
    "float": {"type": "number"}, "int": {"type": "integer"}, "bool": {"type": "boolean"}, "string": {"type": "string"},
    "date": {"type": "string", "description": "ISO 8601"}, "duration": {"type": "string", "description": "ISO 8601"},
}  # fmt: skip
PROBLEM = {
    "type": "object",
    "properties": {
        "type": {"type": "string"}, "title": {"type": "string"}, "status": {"type": "integer"}, "code": {"type": "string"},
        "detail": {"type": "string"}, "request_id": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {"type": "object", "properties": {"path": {"type": "string"}, "message": {"type": "string"}}},
        },
    },
}  # fmt: skip
ANSWERS = {
    "400": "Not JSON", "401": "No valid key", "413": "Too large", "415": "Not said to be JSON", "422": "Not within the contract",
    "500": "The model failed", "504": "The model took too long",
}  # fmt: skip


def document(name: str, version: str, contract: Contract, golden: list[Golden]) -> dict[str, Any]:
    """Describe an endpoint.

    Args:
        name: The endpoint's name.
        version: The release.
        contract: What its methods accept and return.
        golden: Golden rows, for examples.

    Returns:
        An OpenAPI 3.1 document.
    """
    return {
        "openapi": "3.1.0",
        "info": {"title": name, "version": version},
        "servers": [{"url": "."}],
        "security": [{"key": []}],
        "paths": {f"/{method.name}": {"post": _operation(method, examples(method, golden))} for method in contract.methods},
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
            "schemas": {"Problem": PROBLEM},
        },
    }


def examples(method: Method, golden: list[Golden], most: int = 2) -> list[Any]:
    """Give rows that a caller may try.

    Args:
        method: The method.
        golden: Golden rows.
        most: How many rows at most.

    Returns:
        Golden rows where there are some, else one made up from the contract.
    """
    rows = next((one.rows for one in golden if one.method == method.name and one.rows), None)
    if rows is None:
        return [example(method.input)]
    return rows[: 1 if method.input.kind == "value" else most]


def _operation(method: Method, rows: list[Any]) -> dict[str, Any]:
    listed = {"type": "array", "items": row_schema(method.input)}
    body = {"type": "object", "required": ["rows"], "properties": {"rows": listed}, "additionalProperties": False}
    predictions = {"type": "array", "items": _answer(method.output)}
    given = {"type": "object", "required": ["predictions"], "properties": {"predictions": predictions}}
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    problems = {code: {"description": text, "content": problem} for code, text in ANSWERS.items()}
    return {
        "operationId": method.name,
        "summary": f"Call the model's {method.attribute or 'function'}",
        "requestBody": {"required": True, "content": {"application/json": {"schema": body, "example": {"rows": rows}}}},
        "responses": {
            "200": {"description": "One prediction a row", "content": {"application/json": {"schema": given}}},
            **problems,
        },
    }


def row_schema(input: Input) -> dict[str, Any]:
    """Describe one row of a request.

    Args:
        input: What the method accepts.

    Returns:
        A JSON schema.
    """
    if input.kind in ("frame", "arguments"):
        required = [one.name for one in input.columns if not (input.kind == "arguments" and one.nullable)]
        properties = {column.name: column_schema(column) for column in input.columns}
        return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
    if input.kind == "series" and input.columns:
        return column_schema(input.columns[0])
    return _nested(input.shape, input.dtype)


def column_schema(column: Column) -> dict[str, Any]:
    """Describe one value of a column.

    Args:
        column: The column.

    Returns:
        A JSON schema.
    """
    made = _scalar(column.dtype)
    if column.categories is not None:
        made = {"enum": [*column.categories, *([None] if column.nullable else [])]}
    elif "type" in made and (column.nullable or family(column.dtype) == "float"):
        made["type"] = [made["type"], "null"]
    if column.example is not None:
        made["examples"] = [column.example]
    return made


def _scalar(dtype: str | None) -> dict[str, Any]:
    if dtype in ("list", "dict"):
        return {"type": "array" if dtype == "list" else "object"}
    made: dict[str, Any] = dict(TYPES.get(family(dtype or "object"), {}))
    bounds = limits(dtype or "")
    if bounds:
        made |= {"minimum": bounds[0], "maximum": bounds[1]}
    return made


def _nested(shape: tuple[int | None, ...] | None, dtype: str | None) -> dict[str, Any]:
    made = _scalar(dtype)
    for size in reversed((shape or (None,))[1:]):
        made = {"type": "array", "items": made, **({} if size is None else {"minItems": size, "maxItems": size})}
    return made


def _answer(output: Output) -> dict[str, Any]:
    if output.each is not None:
        return {"type": "array", "items": _answer(output.each)}
    if output.kind == "frame":
        return {"type": "object", "properties": {column.name: column_schema(column) for column in output.columns}}
    if output.kind == "series" and output.columns:
        return column_schema(output.columns[0])
    if output.kind in ("array", "sparse"):
        return _nested(output.shape, output.dtype)
    return {}
