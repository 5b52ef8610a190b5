"""Wakes those who follow something, from whatever thread it was changed in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

Key = tuple[str | int, ...]


class Feed:
    """Tells followers within the event loop of changes that happen in threads."""

    def __init__(self) -> None:
        self.loop: asyncio.AbstractEventLoop | None = None
        self._followers: dict[Key, set[asyncio.Event]] = {}

    def tell(self, *key: str | int) -> None:
        """Say that something has changed.

        Args:
            *key: What: an endpoint and a release's number, or the name of what else is followed.
        """
        if self.loop is not None and not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self._wake, key)

    async def follow(self, *key: str | int) -> AsyncIterator[None]:
        """Wait for changes.

        Args:
            *key: What, as told.

        Yields:
            Once at the beginning and then after each change.
        """
        event = asyncio.Event()
        followers = self._followers.setdefault(key, set())
        followers.add(event)
        try:
            while True:
                yield
                await event.wait()
                event.clear()
        finally:
            followers.discard(event)
            if not followers and self._followers.get(key) is followers:
                del self._followers[key]

    def _wake(self, key: Key) -> None:
        for event in self._followers.get(key, ()):
            event.set()
