"""Answers that are sent while they are made: a generator's items as server-sent events.

Each item is asked for in its own turn of the queue: a long stream keeps nobody else from the model, the deadline counts from item
to item, and a caller who goes away, or whose key is revoked, ends the generator.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator, Sequence
from typing import Any

from . import codec
from .contract import Method
from .exchange import Exchange, Headers
from .model import Answers, BoundMethod, failure_of
from .parts import Part
from .problems import InvalidInput, Problem
from .rows import RowDecoder
from .waiting import wait

MEDIA_TYPE = "text/event-stream"
HEADERS: Headers = [(b"content-type", MEDIA_TYPE.encode()), (b"cache-control", b"no-store")]
END = b"event: end\ndata: {}\n\n"
_FAILED = b"event: error\n"


class Stream(BoundMethod):
    """One streamed answer, which the queue asks like a method: each call of it gives the next item.

    Args:
        method: The method whose function is a generator.
    """

    def __init__(self, method: BoundMethod) -> None:
        self.__dict__.update(method.__dict__)
        self.waits = True  # how long an item takes says nothing of how long a whole answer does
        self.ended = False
        self.closing = False
        self._items: Iterator[Any] | None = None

    def ask(self, parts: Sequence[Part]) -> list[Answers]:
        """Give the next item.

        Args:
            parts: The request; all but its first call give nothing new.

        Returns:
            The item as the one row, or no row after the last one.

        Raises:
            InvalidInput: If several calls of a function are asked for.
            ModelFailed: If the generator raises.
        """
        output = self.method.output
        try:
            item = self._next(parts[0])
        except StopIteration:
            self.ended = True
            return [Answers(None, 0, output, [])]
        except Problem:
            self.ended = True
            raise
        except BaseException as error:  # the author's code may raise anything
            self.ended = True
            raise failure_of(error) from error
        return [Answers(None, 1, output, [item])]

    def _next(self, part: Part) -> Any:
        if self._items is None:
            if not part.size:
                raise StopIteration
            if self.method.input.kind == "arguments" and part.size > 1:
                raise InvalidInput([("rows", f"a streamed answer belongs to exactly one row, got {part.size}")])
            self._items = _items(self.begin(part))
        if self.closing:
            if isinstance(self._items, Generator):
                self._items.close()
            raise StopIteration
        return codec.encode_value(next(self._items))


def _items(answer: Any) -> Iterator[Any]:
    if isinstance(answer, AsyncIterator):
        return _awaited(answer)
    answer = wait(answer)  # an async function may return a generator
    return iter(answer) if not isinstance(answer, AsyncIterator) else _awaited(answer)


def _awaited(answer: AsyncIterator[Any]) -> Iterator[Any]:
    try:
        while True:
            try:
                item = wait(answer.__anext__())
            except StopAsyncIteration:
                return
            yield item
    finally:
        close = getattr(answer, "aclose", None)
        if close is not None:
            wait(close())


def write(answered: Answers, _method: Method) -> bytes:
    """Write an item, or the end.

    Args:
        answered: One item, or none after the last one.
        _method: Ignored.

    Returns:
        An event.
    """
    return b"data: %b\n\n" % codec.to_json(answered.rows[0]) if answered.rows else END


def failed(problem: dict[str, Any]) -> bytes:
    """Write what went wrong.

    Args:
        problem: The problem's members.

    Returns:
        An event, the last one of its stream.
    """
    return _FAILED + b"data: %b\n\n" % codec.to_json(problem)


def _nothing(body: bytes, _decoder: RowDecoder) -> Part:
    return Part(None, None, 1, len(body))


NEXT = Exchange(_nothing, write, HEADERS, streams=True)
"""How all items but the first are asked for: the body was read before."""


async def send_all(
    stream: Stream, first: bytes, more: Callable[[], Awaitable[bytes | None]], send: Callable[[dict[str, Any]], Awaitable[None]]
) -> None:
    """Send one event after the other.

    Args:
        stream: Where they come from.
        first: The first event.
        more: Gives the next event, or None where the caller has gone.
        send: Sends a part of the answer's body.
    """
    event: bytes | None = first
    while event is not None:
        await send({"type": "http.response.body", "body": event, "more_body": True})
        event = None if stream.ended or event.startswith(_FAILED) else await more()
    await send({"type": "http.response.body", "body": b""})
