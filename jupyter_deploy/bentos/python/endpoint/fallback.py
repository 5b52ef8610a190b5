"""The protocol where there is no httptools: uvicorn's own, and everything by ASGI; slower, and otherwise the same."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from .joined import TOO_SLOW, Joined

if TYPE_CHECKING:
    from .hotpath import HotPath


class FallbackProtocol(H11Protocol):
    """uvicorn's protocol with one write an answer."""

    def __init__(self, config: Any, *args: Any, **options: Any) -> None:
        super().__init__(config, *args, **options)
        self._hot: HotPath = config.app
        self._slow = self._stuck = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a new connection.

        Args:
            transport: Its transport.
        """
        super().connection_made(cast("asyncio.Transport", Joined(transport)))

    def on_response_complete(self) -> None:
        """End an answer."""
        cast("Joined", self.transport).flush()
        self._slow = 0.0
        super().on_response_complete()

    def look(self, now: float) -> None:
        """Close a connection that holds its place for nothing; one on which nothing is asked is uvicorn's.

        Args:
            now: Monotonic seconds.
        """
        limits, is_headed = self._hot.served.limits, self.conn.their_state is h11.SEND_BODY
        is_answered: bool = self.cycle is None or self.cycle.response_complete
        is_arriving = is_answered and (is_headed or bool(self.conn.trailing_data[0]))
        self._slow = (self._slow or now) if is_arriving else 0.0
        self._stuck = (self._stuck or now) if self.flow.write_paused else 0.0
        if self._stuck and now - self._stuck > limits.deadline:
            self.transport.abort()
        elif self._slow and now - self._slow > limits.body_seconds:
            if not is_headed:
                self.transport.write(TOO_SLOW)
            self.transport.close()
