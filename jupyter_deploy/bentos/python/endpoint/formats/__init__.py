"""The formats of requests and answers: which of them a request is in, and which its caller wants the answer in."""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Callable
from typing import Any

from .. import codec, dtypes, imports, streams
from ..contract import Input, Method, Output
from ..exchange import JSON, Exchange, Headers, Reader, Request, Writer
from ..model import Answers
from ..negotiation import MediaType, best, parse
from ..problems import NotAcceptable, NotJson
from . import answers, arrow, csvs, envelopes, npy
from .arrow import MEDIA_TYPE as ARROW

JSON_TYPE = "application/json"
READERS: dict[str, Reader] = {
    JSON_TYPE: envelopes.read, csvs.MEDIA_TYPE: csvs.read, arrow.MEDIA_TYPE: arrow.read, npy.MEDIA_TYPE: npy.read,
}  # fmt: skip
"""What reads a body, by media type; pickles are in no list of ours, and never will be."""
_TEXTS = ("utf-8", "utf8", "us-ascii")
_PARAMETERS = {JSON_TYPE: {"charset"}, csvs.MEDIA_TYPE: {"charset", "header"}}
_ONE_ARRAY = ("float", "int", "bool", "string", "date", "duration")
REMEMBERED = 256  # pairs of content type and Accept, of which callers have few


def exchange_of(method: Method) -> Callable[[Request], Exchange]:
    """Prepare to choose how requests for a method are read and answered.

    Args:
        method: The method.

    Returns:
        What chooses by a request's head. It raises NotJson where there is no reader for the body and NotAcceptable where the caller
        takes none of the answer's types.
    """
    offered = offers(method.output, arrow=has_arrow())

    @functools.lru_cache(REMEMBERED)
    def choose(content_type: bytes, accept: bytes) -> Exchange:
        wanted = best(accept, offered)
        if wanted is None:
            raise NotAcceptable(f"The answers of `{method.name}` can be had as {', '.join(offered)}.")
        if wanted == streams.MEDIA_TYPE:
            return Exchange(reader_of(content_type), streams.write, streams.HEADERS, streams=True)
        headers: Headers = JSON if wanted == JSON_TYPE else [(b"content-type", wanted.encode())]
        reader, writer = reader_of(content_type), _WRITERS[wanted]
        return Exchange(reader, writer, headers, needs=_needs(reader, writer))

    return lambda request: choose(request.content_type, request.accept)


def has_arrow() -> bool:
    """Say whether this environment can read and write Arrow.

    Returns:
        Whether there is a pyarrow.
    """
    return importlib.util.find_spec("pyarrow") is not None


def offers(output: Output, *, arrow: bool) -> list[str]:
    """List the media types in which a method's answers can be had.

    Args:
        output: What the method returns.
        arrow: Whether there is a pyarrow.

    Returns:
        The media types, JSON first.
    """
    made = [JSON_TYPE, csvs.MEDIA_TYPE, *([ARROW] if arrow else [])]
    if output.kind in ("array", "series") and dtypes.family(output.dtype or "object") in _ONE_ARRAY:
        made.append(npy.MEDIA_TYPE)
    return [*made, streams.MEDIA_TYPE] if output.streamed else made


def takes(input: Input, *, arrow: bool) -> list[str]:
    """List the media types of requests that a method's rows can have.

    Args:
        input: What the method accepts.
        arrow: Whether there is a pyarrow.

    Returns:
        The media types, JSON first.
    """
    made = [JSON_TYPE, csvs.MEDIA_TYPE, *([ARROW] if arrow else [])]
    return [*made, npy.MEDIA_TYPE] if input.kind in ("array", "sparse", "series", "list", "frame", "value") else made


def reader_of(content_type: bytes) -> Reader:
    """Choose what reads a body.

    Args:
        content_type: The header's value; empty where there is none, which stands for JSON.

    Returns:
        The reader.

    Raises:
        NotJson: If there is none for it.
    """
    kind = parse(content_type) if content_type else MediaType(JSON_TYPE, {})
    if kind is not None:
        name = JSON_TYPE if kind.name.startswith("application/") and kind.name.endswith("+json") else kind.name
        charset = kind.parameters.get("charset", "utf-8").lower()
        if name in READERS and kind.parameters.keys() <= _PARAMETERS.get(name, set()) and charset in _TEXTS:
            header = kind.parameters.get("header", "present").lower()
            if header == "absent":
                return functools.partial(csvs.read, header=False)
            if header == "present":
                return READERS[name]
    raise NotJson(f"Send {', '.join(f'`content-type: {name}`' for name in READERS)}.")


def _needs(reader: Reader, writer: Writer) -> tuple[str, ...]:
    if reader is arrow.read or writer is _arrow:
        return imports.ARROW
    return () if reader is envelopes.read and writer is _json else imports.NUMPY


def _json(answered: Answers, _method: Method) -> bytes:
    return codec.to_json({"predictions": answered.rows})


def _csv(answered: Answers, method: Method) -> bytes:
    columns = answers.columns_of(answered, method, wide=True)
    return csvs.write({name: _told(one) for name, one in columns.items()})


def _told(values: Any) -> list[Any]:
    from .table import json_of

    told: list[Any] = values if isinstance(values, list) else json_of(values)
    return told


def _arrow(answered: Answers, method: Method) -> bytes:
    return arrow.write(answers.columns_of(answered, method, wide=True))


def _npy(answered: Answers, method: Method) -> bytes:
    (only,) = answers.columns_of(answered, method, wide=False).values()
    return npy.write(only)


_WRITERS: dict[str, Writer] = {
    JSON_TYPE: _json, csvs.MEDIA_TYPE: _csv, arrow.MEDIA_TYPE: _arrow, npy.MEDIA_TYPE: _npy,
}  # fmt: skip
