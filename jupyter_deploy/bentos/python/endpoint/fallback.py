"""The protocol where there is no httptools: uvicorn's own, and everything by ASGI; slower, and otherwise the same."""

from __future__ import annotations

import asyncio
from typing import cast

from uvicorn.protocols.http.h11_impl import H11Protocol

from .joined import Joined


class FallbackProtocol(H11Protocol):
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

    def look(self, now: float) -> None:
        """Leave a connection to uvicorn's own timers.

        Args:
            now: Ignored.
        """
