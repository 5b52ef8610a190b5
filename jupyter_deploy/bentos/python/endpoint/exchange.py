"""What travels between the hot path and whatever reads requests and writes answers in some format."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from .contract import Method
from .model import Answers, BoundMethod
from .parts import Part
from .rows import RowDecoder

Headers = list[tuple[bytes, bytes]]
Reader = Callable[[bytes, RowDecoder], Part]
Writer = Callable[[Answers, Method], bytes]

JSON: Headers = [(b"content-type", b"application/json")]
SANE = re.compile(rb"[\w.:-]{1,100}")


class Request:
    """The head of one request.

    Args:
        method: HTTP's method.
        path: What is asked for, without the query.
        headers: The headers, their names in lower case.
    """

    __slots__ = ("accept", "again", "content_type", "encoding", "headers", "id", "length", "method", "path", "secret")

    def __init__(self, method: str, path: str, headers: Headers) -> None:
        self.method = method
        self.path = path
        self.headers = headers
        self.id = b""
        self.secret = ""
        self.content_type = self.encoding = self.accept = b""
        self.length = 0
        self.again = False
        for name, value in headers:
            if name == b"authorization":
                self.secret = value[7:].strip().decode("latin-1") if value[:7].lower() == b"bearer " else ""
            elif name == b"content-type":
                self.content_type = value
            elif name == b"content-length":
                self.length = int(value) if value.isdigit() else 0
            elif name == b"x-request-id":
                self.id = value if SANE.fullmatch(value) else b""
            elif name == b"content-encoding":
                self.encoding = value
            elif name == b"accept":
                self.accept = value
            elif name == b"x-envoy-attempt-count":
                self.again = value != b"1"


class Exchange(NamedTuple):
    """How one request is read and answered.

    Attributes:
        read: Reads the body.
        write: Writes the answer's body.
        headers: The answer's headers that say what it is.
        streams: Whether the answer is sent piece by piece.
        needs: The libraries that reader and writer import.
    """

    read: Reader
    write: Writer
    headers: Headers
    streams: bool = False
    needs: tuple[str, ...] = ()


class Route(NamedTuple):
    """One route that is posted to.

    Attributes:
        method: The method of the model.
        exchange: Chooses reader and writer by a request's headers, before its body is read.
    """

    method: BoundMethod
    exchange: Callable[[Request], Exchange]
