"""The agent's routes about keys."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from jupyter_deploy import share
from jupyter_deploy.agent.replies import json
from jupyter_deploy.deployer import Deployer
from jupyter_deploy.values import Grant, KeyInfo, NewKey, from_json


class Keyring:
    """The routes' functions.

    Args:
        deployer: Knows the endpoints.
    """

    def __init__(self, deployer: Deployer) -> None:
        self._deployer = deployer

    def routes(self) -> list[Route]:
        """List the routes."""
        keys = "/endpoints/{name}/keys"
        return [
            Route(keys, self.keys, methods=["GET"]),
            Route(keys, self.make, methods=["POST"]),
            Route(f"{keys}/{{id}}", self.revoke, methods=["DELETE"]),
        ]

    async def keys(self, request: Request) -> Response:
        """List an endpoint's keys."""
        return json(await run_in_threadpool(self._known, request.path_params["name"]))

    async def make(self, request: Request) -> Response:
        """Make a key; the answer alone tells its secret."""
        grant = from_json(await request.body(), Grant)
        return json(await run_in_threadpool(self._issue, request.path_params["name"], grant), 201)

    async def revoke(self, request: Request) -> Response:
        """End a key."""
        return json(await run_in_threadpool(self._revoke, request.path_params["name"], request.path_params["id"]))

    def _known(self, name: str) -> list[KeyInfo]:
        self._deployer.endpoint(name, most=1)
        return share.known(self._deployer.store, self._deployer.home, name)

    def _issue(self, name: str, grant: Grant) -> NewKey:
        contract = self._deployer.endpoint(name, most=1).contract
        methods = [method.name for method in contract.methods] if contract else []
        return share.issue(self._deployer.store, self._deployer.home, name, grant, methods)

    def _revoke(self, name: str, id: str) -> KeyInfo:
        self._deployer.endpoint(name, most=1)
        return share.revoke(self._deployer.store, self._deployer.home, name, id)
