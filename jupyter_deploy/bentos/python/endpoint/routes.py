"""Which paths are posted to, how each of them reads and answers, and what the inference protocol tells about the models."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import codec, inference
from .contract import Method
from .exchange import Exchange, Request, Route
from .formats import exchange_of
from .model import Model

INFERENCE = "/v2"
LIVE, READY = "/v2/health/live", "/v2/health/ready"


def routes_by_path(model: Model, release: str) -> dict[str, Route]:
    """List the routes that are posted to.

    Args:
        model: The model.
        release: The release's name.

    Returns:
        The routes by path.
    """
    routes = {f"/{name}": Route(method, exchange_of(method.method)) for name, method in model.methods.items()}
    for name, method in _models(model).items():
        route = Route(model.methods[method.name], _infer(name, version_of(release)))
        routes |= dict.fromkeys((f"{path}/infer" for path in _paths(name, release)), route)
    return routes


def told(model: Model, release: str) -> dict[str, bytes]:
    """Write what the inference protocol tells of the server and its models.

    Args:
        model: The model.
        release: The release's name.

    Returns:
        JSON by path.
    """
    version = version_of(release)
    server = {"name": model.manifest.endpoint, "version": version, "extensions": ["binary_tensor_data"]}
    made: dict[str, Any] = {INFERENCE: server}
    for name, method in _models(model).items():
        for path in _paths(name, release):
            made[path] = inference.metadata(name, version, method)
            made[f"{path}/ready"] = {"name": name, "ready": True}
    return {path: codec.to_json(one) for path, one in made.items()}


def is_inference(path: str) -> bool:
    """Say whether a path is one of the inference protocol's, which has errors of its own.

    Args:
        path: What is asked for.

    Returns:
        Whether it is.
    """
    return path == INFERENCE or path.startswith(f"{INFERENCE}/")


def version_of(release: str) -> str:
    """Give the protocol's version of a release.

    Args:
        release: Its name.

    Returns:
        Its number, or its name where it has none.
    """
    return release.rpartition("@")[2]


def _models(model: Model) -> dict[str, Method]:
    return inference.models(model.manifest.endpoint, model.contract)


def _paths(name: str, release: str) -> tuple[str, str]:
    return f"{INFERENCE}/models/{name}", f"{INFERENCE}/models/{name}/versions/{version_of(release)}"


def _infer(name: str, version: str) -> Callable[[Request], Exchange]:
    return lambda request: inference.Inference(request, name, version).exchange()
