"""One worker: uvicorn on a socket that its parent holds, one write an answer, a heartbeat ten times a second."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import os
import socket
from pathlib import Path
from typing import Any, cast

import uvicorn

from . import log
from .control import identity
from .hotpath import HotPath

try:
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol as Protocol
except ImportError:  # a kernel without httptools; slower, and otherwise the same
    from uvicorn.protocols.http.h11_impl import H11Protocol as Protocol  # type: ignore[assignment]

with contextlib.suppress(ImportError):
    importlib.import_module("uvloop")  # uvicorn takes it where it is there, and would import it after the fork

KEEP_ALIVE = 120  # seconds; above the router's own idle time, so that it never writes into a connection that closes
ORPHAN_LOOK = 10  # ticks between two looks at whether somebody else serves the socket's path


class Joined:
    """A transport on which an answer's head waits for the first of its body, so that both leave in one write.

    uvicorn writes them apart; a worker that is killed between the two leaves half an answer, which no router may repeat.

    Args:
        transport: The connection's transport.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._held = b""
        self._headed = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Write, or hold back what is a head.

        Args:
            data: A head, or a part of a body.
        """
        if not self._headed and not data.startswith(b"HTTP/1.1 100 "):
            self._headed, self._held = True, data
            return
        held, self._held = self._held, b""
        self._transport.write(held + data)

    def flush(self) -> None:
        """Write what is held back, at the end of an answer."""
        self._headed = False
        if self._held:
            held, self._held = self._held, b""
            self._transport.write(held)

    def close(self) -> None:
        """Close, after what is held back."""
        self.flush()
        self._transport.close()


class OneWrite(Protocol):
    """uvicorn's protocol with one write an answer."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a new connection.

        Args:
            transport: Its transport.
        """
        super().connection_made(cast("asyncio.Transport", Joined(transport)))

    def on_response_complete(self) -> None:
        """End an answer."""
        cast("Joined", self.transport).flush()
        super().on_response_complete()


def config_of(app: HotPath) -> uvicorn.Config:
    """Prepare uvicorn, with all its imports, before the fork.

    Args:
        app: The application.

    Returns:
        The loaded configuration.
    """
    config = uvicorn.Config(
        app, http=OneWrite, ws="none", lifespan="on" if app.inner is not None else "off", log_config=None, log_level="critical",
        access_log=False, server_header=False, date_header=False, timeout_keep_alive=KEEP_ALIVE, backlog=2048,
    )  # fmt: skip
    config.load()
    return config


class Worker(uvicorn.Server):
    """A server that says that it lives, and ends when another took over its socket's path.

    Args:
        config: uvicorn's configuration.
        app: The application.
        path: Where its socket stands.
    """

    def __init__(self, config: uvicorn.Config, app: HotPath, path: Path) -> None:
        super().__init__(config)
        self._app = app
        self._path = path
        self._parent = os.getppid()
        self._identity = identity(path)
        self._ticks = 0

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer.

        Args:
            sockets: The listening socket.
        """
        await super().startup(sockets=sockets)
        self._app.slot.tick()
        self._app.slot.busy = 0.0
        self._app.slot.ready = True
        log.write("ready", release=self._app.served.release)

    async def on_tick(self, counter: int) -> bool:
        """Beat.

        Args:
            counter: The tick's number.

        Returns:
            Whether to end.
        """
        self._app.slot.tick()
        self._ticks += 1
        if self._ticks % ORPHAN_LOOK == 0 and os.getppid() != self._parent and identity(self._path) != self._identity:
            self.should_exit = True
        return await super().on_tick(counter)
