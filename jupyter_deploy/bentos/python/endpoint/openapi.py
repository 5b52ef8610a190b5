"""The OpenAPI description of an endpoint, made from its contract."""

from __future__ import annotations

from typing import Any

from . import inference, protocol, schema
from .contract import Contract, Golden, Method
from .formats import JSON_TYPE, offers, takes

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
TEXT = {"schema": {"type": "string"}}
BINARY: dict[str, Any] = {"text/csv": TEXT, "text/event-stream": TEXT}
"""What a media type other than JSON holds; nothing is said of what is no text."""
ANSWERS = {
    "400": "Not of the type that it is said to be", "401": "No valid key", "403": "A key for other methods",
    "406": "No answer of an accepted type", "408": "The body arrived too slowly", "413": "Too large, or too many rows",
    "415": "Of no type that is read", "422": "Not within the contract", "429": "Too many wait, or the key's quota is used up",
    "500": "The model failed", "502": "The model crashed", "503": "No worker is free", "504": "The model took too long",
}  # fmt: skip


def document(name: str, version: str, contract: Contract, golden: list[Golden], *, arrow: bool = False) -> dict[str, Any]:
    """Describe an endpoint.

    Args:
        name: The endpoint's name.
        version: The release.
        contract: What its methods accept and return.
        golden: Golden rows, for examples.
        arrow: Whether the model's environment can read and write Arrow.

    Returns:
        An OpenAPI 3.1 document.
    """
    paths = {f"/{one.name}": {"post": _operation(one, golden, arrow=arrow)} for one in contract.methods}
    schemas: dict[str, Any] = {"Problem": PROBLEM}
    for method in contract.methods:
        schemas |= _schemas(method)
    return {
        "openapi": "3.1.0",
        "info": {"title": name, "version": version},
        "servers": [{"url": "."}],
        "security": [{"key": []}],
        "paths": paths | protocol.paths(list(inference.models(name, contract))),
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
            "schemas": schemas | protocol.SCHEMAS,
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
        return [schema.example(method.input)]
    return rows[: 1 if method.input.kind == "value" else most]


def _schemas(method: Method) -> dict[str, Any]:
    made = {f"{method.name}.rows": schema.rows(method.input), f"{method.name}.predictions": schema.predictions(method)}
    if method.input.kind == "frame":
        cells = [schema.column(one) for one in method.input.columns]
        row = {"type": "array", "prefixItems": cells, "minItems": len(cells), "maxItems": len(cells)}
        made[f"{method.name}.lists"] = {"type": "array", "items": row if cells else {"type": "array", "maxItems": 0}}
    return made


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


def _object(description: str = "", *, beside: dict[str, Any] | None = None, **members: Any) -> dict[str, Any]:
    made = {"type": "object", "required": list(members), "properties": {**members, **(beside or {})}, "additionalProperties": False}
    return {**made, "description": description} if description else made


def _json(method: Method) -> dict[str, Any]:
    """Describe the shapes of JSON in which rows are taken."""
    name, is_table = method.name, method.input.kind == "frame"
    rows = {"anyOf": [_ref(f"{name}.rows"), _ref(f"{name}.lists")]} if is_table else _ref(f"{name}.rows")
    params = {"params": {"type": ["object", "null"], "maxProperties": 0}}
    signature = {"signature_name": {"type": "string"}}
    shapes = [
        _object(rows=rows), rows, _object("As TensorFlow Serving's clients send rows", instances=rows, beside=signature),
        _object("As MLflow's clients send rows", inputs=rows, beside={**signature, **params}),
        _object("As MLflow's clients send records", dataframe_records=rows, beside=params),
    ]  # fmt: skip
    if is_table or method.input.kind == "arguments":
        index = {"index": {"type": "array"}}
        names = {"type": "array", "items": {"type": ["string", "integer"]}, "uniqueItems": True}
        lists = {"type": "array", "items": {"type": "array"}}
        shapes.append(_object('As pandas writes with `orient="split"`', columns=names, data=lists, beside=index))
        split = _object(columns=names, data=lists, beside=index)
        shapes.append(_object("As MLflow's clients send a frame", dataframe_split=split, beside=params))
        shapes.append(_object("One list a column", inputs=_columns(method, nested=True), beside={**signature, **params}))
    if is_table:
        shapes.append(_object("One list a column", columns=_columns(method)))
    return {"anyOf": shapes}


def _columns(method: Method, *, nested: bool = False) -> dict[str, Any]:
    columns = {}
    for one in method.input.columns:
        cell = schema.column(one)
        single = {"type": "array", "items": cell, "minItems": 1, "maxItems": 1}
        columns[one.name] = {"type": "array", "items": {"anyOf": [cell, single]} if nested else cell}
    required = [one.name for one in method.input.columns if not (method.input.kind == "arguments" and one.optional)]
    return {"type": "object", "properties": columns, "required": required}


def _operation(method: Method, golden: list[Golden], *, arrow: bool) -> dict[str, Any]:
    rows = examples(method, golden, 1)
    answers = next((one.answers[:1] for one in golden if one.method == method.name and one.rows and one.answers), None)
    asked: dict[str, Any] = {JSON_TYPE: {"schema": _json(method), "example": {"rows": rows}}}
    asked |= {media: BINARY.get(media, {}) for media in takes(method.input, arrow=arrow) if media != JSON_TYPE}
    given: dict[str, Any] = {JSON_TYPE: {"schema": _object(predictions=_ref(f"{method.name}.predictions"))}}
    if answers and method.output.kind != "value":
        given[JSON_TYPE]["example"] = {"predictions": answers}
    given |= {media: BINARY.get(media, {}) for media in offers(method.output, arrow=arrow) if media != JSON_TYPE}
    problem = {"application/problem+json": {"schema": _ref("Problem")}}
    return {
        "operationId": method.name,
        "summary": f"Call the model's {method.attribute or 'function'}",
        "requestBody": {"required": True, "content": asked},
        "responses": {
            "200": {"description": "One prediction a row", "content": given},
            **{code: {"description": text, "content": problem} for code, text in ANSWERS.items()},
        },
    }
