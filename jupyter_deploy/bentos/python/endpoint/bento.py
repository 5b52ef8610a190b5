"""The model as a BentoML service: its methods declared for BentoML's schema, documentation and client, behind our own hot path.

Two doors lead here. A bundle's `service.py` makes the service that `bentoml serve` runs; a release parent takes no more than the
application that answers BentoML's own routes. The class with the model's methods is made from the contract: each model has others.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("BENTOML_DO_NOT_TRACK", "True")

import bentoml  # reads the environment when it is imported

from . import log
from .board import Board
from .contract import Contract, Method
from .hotpath import Asgi, Checker, HotPath, Served, routes_of
from .keys import Keys, OneKey, Open, make_key, well_formed
from .limits import Limits
from .model import Model, load, read
from .warming import warm

LEAN: dict[str, Any] = {
    "logging": {"access": {"enabled": False}}, "metrics": {"enabled": False}, "tracing": {"excluded_urls": ".*"},
}  # fmt: skip

USED = (
    "_bentoml_impl.server.app", "bentoml._internal.server.http.traffic", "opentelemetry.instrumentation.asgi",
    "starlette.middleware.cors",
)  # fmt: skip


def prepare() -> None:
    """Import all that BentoML imports when it makes an application, so that a fork of this process needs none of it."""
    for module in USED:
        importlib.import_module(module)


def application(served: Served, home: Path) -> Asgi:
    """Make the application that answers BentoML's own routes for a release.

    Args:
        served: What the release serves.
        home: BentoML's folder for it.

    Returns:
        The application.
    """
    home.mkdir(parents=True, exist_ok=True)
    os.environ["BENTOML_HOME"] = str(home)
    contract = served.model.contract
    made = bentoml.service(name=served.model.manifest.endpoint, workers=1, **LEAN)(api_class(contract, lambda: served.model))
    return made.to_asgi()  # type: ignore[no-any-return]


def decorator(folder: Path) -> Callable[[type], Any]:
    """Make the decorator that turns a class into the service of a bundle.

    Args:
        folder: The bundle's source folder, with `manifest.json`.

    Returns:
        The decorator; BentoML takes the module that applies it for the service's home.
    """
    manifest, _, _ = read(folder)

    class HotService(bentoml.Service):  # type: ignore[misc]
        """BentoML's service with the hot path in front."""

        def to_asgi(self, is_main: bool = True) -> Any:
            return alone(folder, super().to_asgi(is_main))

    return bentoml.service(name=manifest.endpoint, workers=1, service_class=HotService, **LEAN)  # type: ignore[no-any-return]


def api_class(contract: Contract, model: Callable[[], Model]) -> type:
    """Make a class with the model's methods.

    Args:
        contract: What they accept and return.
        model: Gives the loaded model.

    Returns:
        The class, each method an API of BentoML's.
    """
    apis = {method.name: bentoml.api(_api(method, model), name=method.name) for method in contract.methods}
    return type("Endpoint", (), {"__doc__": "The model's methods.", **apis})


def _api(method: Method, model: Callable[[], Model]) -> Callable[..., Any]:
    async def call(_self: Any, rows: list[Any]) -> dict[str, Any]:
        import msgspec

        answer: dict[str, Any] = msgspec.json.decode(model().methods[method.name](msgspec.json.encode({"rows": rows})))
        return answer

    # BentoML reads the types at run time, where this module's own are only texts.
    call.__annotations__ = {"rows": list[Any], "return": dict[str, Any]}
    call.__name__ = method.name
    call.__doc__ = f"Call the model's {method.attribute or 'function'}: one prediction a row."
    return call


def alone(folder: Path, inner: Asgi) -> HotPath:
    """Make the application of a bundle that is served without the agent, as `bentoml serve` does.

    Args:
        folder: The bundle's source folder.
        inner: BentoML's application.

    Returns:
        The application, loaded and warm.
    """
    keys = _keys(read(folder)[0].endpoint)  # before the model is loaded, which changes the working folder
    model = load(folder)
    served = Served(
        model=model, release=os.environ.get("JD_RELEASE", model.manifest.endpoint), state=os.environ.get("JD_STATE", "bundle"),
        keys=keys, board=Board(routes_of(model), 1), limits=Limits(),
    )  # fmt: skip
    app = HotPath(served, inner)
    warm(model, served.board, served.limits)
    app.slot.ready = True
    return app


def _keys(endpoint: str) -> Checker:
    if os.environ.get("JD_ANONYMOUS") == "1":
        log.write("warning", text="JD_ANONYMOUS=1: whoever reaches this endpoint may call it")
        return Open()
    if "JD_KEYS" in os.environ:
        return Keys(Path(os.environ["JD_KEYS"]))
    home = Path(os.environ.get("BENTOML_HOME") or Path.home() / "bentoml")
    path = home / f"jd-{endpoint}.key"
    secret = _own_key(path)
    log.write("key", text=f"callers send `Authorization: Bearer` with the key in {path}")
    return OneKey(secret)


def _own_key(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        secret = path.read_text().strip()
        if well_formed(secret):
            return secret
        path.unlink()
        return _own_key(path)
    with os.fdopen(descriptor, "w") as file:
        secret = make_key()
        file.write(secret + "\n")
    return secret
