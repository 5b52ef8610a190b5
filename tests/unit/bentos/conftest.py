"""What the tests of a worker's parts share: an application over a model of a few lines, called in this process."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from jupyter_deploy.bentos.python.endpoint import codec, keys
from jupyter_deploy.bentos.python.endpoint.board import Board
from jupyter_deploy.bentos.python.endpoint.contract import Contract, Golden, Manifest, Method, Output
from jupyter_deploy.bentos.python.endpoint.hotpath import HotPath, Served, routes_of
from jupyter_deploy.bentos.python.endpoint.keys import Keys
from jupyter_deploy.bentos.python.endpoint.ledger import Ledger
from jupyter_deploy.bentos.python.endpoint.limits import Limits
from jupyter_deploy.bentos.python.endpoint.model import BoundMethod, Model

SECRET = keys.make_key()


class Caller:
    """Calls an application without a socket.

    Args:
        app: The application.
        key: The key to present; none where empty.
    """

    def __init__(self, app: HotPath, key: str = SECRET) -> None:
        self.app = app
        self._headers = {"authorization": f"Bearer {key}"} if key else {}

    def __call__(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send one request."""

        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)  # type: ignore[arg-type]  # httpx names ASGI's types otherwise
            async with httpx.AsyncClient(transport=transport, base_url="http://endpoint", headers=self._headers) as client:
                return await client.request(method, path, **options)

        return asyncio.run(send())


def write_keys(path: Path, *secrets: str) -> Path:
    """Write a file with the hashes of some secrets, as the agent does."""
    pepper = os.urandom(32)
    entries = [{"id": f"key-{number}", "hash": keys.hash_key(secret, pepper)} for number, secret in enumerate(secrets)]
    new = path.with_suffix(".new")
    new.write_text(json.dumps({"pepper": pepper.hex(), "keys": entries}))
    new.replace(path)
    return path


@pytest.fixture
def make_app(tmp_path: Path) -> Callable[..., HotPath]:
    """Make an application whose `/predict` sums the three numbers of each row, or does what it is given."""

    def make(
        function: Callable[[Any], Any] = lambda rows: rows.sum(axis=1), deadline: float = 30.0, limit: int = 10_000, **limits: Any
    ) -> HotPath:
        method = Method(name="predict", input=codec.describe_input(np.ones((1, 3))), output=Output(kind="array", dtype="float64"))
        golden = [Golden(method="predict", rows=[[1.0, 2.0, 3.0]], answers=[6.0])]
        manifest = Manifest(endpoint="churn", language_version="3", framework="callable")
        model = Model(manifest, Contract(methods=(method,)), golden, {"predict": BoundMethod(method, function)})
        found = Keys(write_keys(tmp_path / "keys.json", SECRET), Ledger(2))
        served = Served(
            model=model, release="churn@7", state="verified", keys=found, board=Board(routes_of(model), 2),
            limits=Limits(deadline=deadline, body=limit, **limits),
        )  # fmt: skip
        return HotPath(served)

    return make
