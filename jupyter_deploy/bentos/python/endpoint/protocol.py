"""The Open Inference Protocol's routes as OpenAPI describes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .inference import DATATYPES, LENGTH

_NAMED = {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}, "parameters": {"type": "object"}}}
_TENSOR = {
    "type": "object",
    "required": ["name", "shape", "datatype"],
    "properties": {
        "name": {"type": "string"}, "shape": {"type": "array", "items": {"type": "integer", "minimum": 0}},
        "datatype": {"enum": [*DATATYPES, "BYTES", "BF16"]}, "data": {"type": "array"},
        "parameters": {"type": "object", "properties": {"binary_data_size": {"type": "integer", "minimum": 0}}},
    },
}  # fmt: skip
SCHEMAS: dict[str, Any] = {
    "v2.Error": {"type": "object", "required": ["error"], "properties": {"error": {"type": "string"}}},
    "v2.Tensor": _TENSOR,
    "v2.Request": {
        "type": "object",
        "required": ["inputs"],
        "properties": {
            "id": {"type": "string"}, "inputs": {"type": "array", "items": {"$ref": "#/components/schemas/v2.Tensor"}},
            "outputs": {"type": "array", "items": _NAMED}, "parameters": {"type": "object"},
        },
    },
    "v2.Response": {
        "type": "object",
        "required": ["model_name", "outputs"],
        "properties": {
            "id": {"type": "string"}, "model_name": {"type": "string"}, "model_version": {"type": "string"},
            "outputs": {"type": "array", "items": {"$ref": "#/components/schemas/v2.Tensor"}},
        },
    },
    "v2.Metadata": {
        "type": "object",
        "required": ["name", "versions", "platform", "inputs", "outputs"],
        "properties": {
            "name": {"type": "string"}, "versions": {"type": "array", "items": {"type": "string"}}, "platform": {"type": "string"},
            "inputs": {"type": "array", "items": {"type": "object"}}, "outputs": {"type": "array", "items": {"type": "object"}},
        },
    },
}  # fmt: skip
_STATUSES = ("400", "401", "403", "404", "408", "413", "415", "422", "429", "500", "502", "503", "504")


def paths(models: Sequence[str]) -> dict[str, Any]:
    """Describe the protocol's routes.

    Args:
        models: The models' names.

    Returns:
        The routes by path.
    """
    model = {"name": "model", "in": "path", "required": True, "schema": {"enum": list(models)}}
    version = {"name": "version", "in": "path", "required": True, "schema": {"type": "string"}}
    made: dict[str, Any] = {
        "/v2": {"get": _told("v2.server", "What answers, and by which extensions")},
        "/v2/health/live": {"get": _told("v2.live", "Whether the worker lives")},
        "/v2/health/ready": {"get": _told("v2.ready", "Whether the worker can answer")},
    }
    for place, parameters in (("", [model]), ("/versions/{version}", [model, version])):
        base, tail = f"/v2/models/{{model}}{place}", ".version" if place else ""
        made[base] = {"get": {**_told(f"v2.model{tail}", "What a model takes and gives", "v2.Metadata"), "parameters": parameters}}
        made[f"{base}/ready"] = {"get": {**_told(f"v2.model.ready{tail}", "Whether a model can answer"), "parameters": parameters}}
        made[f"{base}/infer"] = {"post": {**_infer(f"v2.infer{tail}"), "parameters": [*parameters, _length()]}}
    return made


def _length() -> dict[str, Any]:
    told = "The bytes of the JSON, where binary tensors stand after it"
    return {"name": LENGTH.decode(), "in": "header", "description": told, "schema": {"type": "integer", "minimum": 0}}


def _told(operation: str, summary: str, answer: str = "") -> dict[str, Any]:
    content = {"schema": {"$ref": f"#/components/schemas/{answer}"} if answer else {"type": "object"}}
    return {
        "operationId": operation,
        "summary": summary,
        "responses": {"200": {"description": summary, "content": {"application/json": content}}, **_errors("401", "404")},
    }


def _infer(operation: str) -> dict[str, Any]:
    def body(name: str) -> dict[str, Any]:
        return {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}, "application/octet-stream": {}}

    return {
        "operationId": operation,
        "summary": "Ask a model",
        "requestBody": {"required": True, "content": body("v2.Request")},
        "responses": {"200": {"description": "One value a row", "content": body("v2.Response")}, **_errors(*_STATUSES)},
    }


def _errors(*statuses: str) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/v2.Error"}}}
    return {status: {"description": "What is wrong", "content": content} for status in statuses}
