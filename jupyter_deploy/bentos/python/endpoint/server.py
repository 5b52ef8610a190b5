"""One worker: uvicorn on a socket that its parent holds, one write an answer, a heartbeat ten times a second."""

from __future__ import annotations

import contextlib
import importlib
import os
import socket
import time
from pathlib import Path

import uvicorn

from . import log
from .control import identity
from .hotpath import HotPath

try:
    from .direct import DirectProtocol as Protocol
except ImportError:  # a kernel without httptools; slower, and otherwise the same
    from .fallback import FallbackProtocol as Protocol  # type: ignore[assignment]

with contextlib.suppress(ImportError):
    importlib.import_module("uvloop")  # uvicorn takes it where it is there, and would import it after the fork

KEEP_ALIVE = 120  # seconds; above the router's own idle time, so that it never writes into a connection that closes
ORPHAN_LOOK = 10  # ticks between two looks at whether somebody else serves the socket's path


def config_of(app: HotPath) -> uvicorn.Config:
    """Prepare uvicorn, with all its imports, before the fork.

    Args:
        app: The application.

    Returns:
        The loaded configuration.
    """
    config = uvicorn.Config(
        app, http=Protocol, ws="none", lifespan="on" if app.inner is not None else "off", log_config=None, log_level="critical",
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

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End, after what is in flight.

        Args:
            sockets: The listening socket.
        """
        await super().shutdown(sockets=sockets)
        self._app.end()

    async def on_tick(self, counter: int) -> bool:
        """Beat.

        Args:
            counter: The tick's number.

        Returns:
            Whether to end.
        """
        self._app.slot.tick()
        self._app.slot.vital.tell()
        self._ticks += 1
        if self._ticks % ORPHAN_LOOK == 0:
            now = time.monotonic()
            for connection in list(self.server_state.connections):
                connection.look(now)  # type: ignore[union-attr]  # as all connections of ours
        if self._ticks % ORPHAN_LOOK == 0 and os.getppid() != self._parent and identity(self._path) != self._identity:
            self.should_exit = True
        return await super().on_tick(counter)
