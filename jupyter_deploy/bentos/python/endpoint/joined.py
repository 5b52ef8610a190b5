"""A transport on which an answer's head waits for the first of its body, so that both leave in one write."""

from __future__ import annotations

import asyncio
from typing import Any

TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


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
