"""The OpenAPI description of an endpoint, made from its contract."""

from __future__ import annotations

from typing import Any

from . import schema
from .contract import Contract, Golden, Method

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
        return [schema.example(method.input)]
    return rows[: 1 if method.input.kind == "value" else most]


def _operation(method: Method, rows: list[Any]) -> dict[str, Any]:
    sent = {"rows": schema.rows(method.input)}
    body = {"type": "object", "required": ["rows"], "properties": sent, "additionalProperties": False}
    given = {"type": "object", "required": ["predictions"], "properties": {"predictions": schema.predictions(method)}}
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
