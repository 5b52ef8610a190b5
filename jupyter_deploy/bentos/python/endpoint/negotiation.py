"""Which media type a caller sends, and which of ours it would rather have, as RFC 9110 says."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_PARAMETER = re.compile(rb';[ \t]*(?:(%b)=(%b|"(?:[^"\\]|\\.)*")[ \t]*)?' % (_TOKEN, _TOKEN))
_TYPE = re.compile(rb"[ \t]*(%b/%b)[ \t]*" % (_TOKEN, _TOKEN))
_QUALITY = re.compile(rb"(0(\.\d{0,3})?|1(\.0{0,3})?)")
LONGEST = 1_000  # bytes of a header that is read


class MediaType(NamedTuple):
    """A media type.

    Attributes:
        name: Type and subtype, in lower case.
        parameters: Its parameters; names in lower case, values as they came.
    """

    name: str
    parameters: dict[str, str]


def parse(header: bytes) -> MediaType | None:
    """Read a `content-type`.

    Args:
        header: The header's value.

    Returns:
        The type, or None where it is not exactly one.
    """
    found = _TYPE.match(header) if len(header) <= LONGEST else None
    if found is None:
        return None
    place, parameters = found.end(), {}
    while place < len(header):
        part = _PARAMETER.match(header, place)
        if part is None:
            return None
        if part[1]:
            name, value = part[1].decode("ascii").lower(), part[2].decode("latin-1")
            if name in parameters:
                return None
            parameters[name] = re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value
        place = part.end()
    return MediaType(found[1].decode("ascii").lower(), parameters)


def best(accept: bytes, offered: Sequence[str]) -> str | None:
    """Choose what to answer.

    Args:
        accept: The header's value; empty where there is none.
        offered: The media types that can be answered, the preferred one first.

    Returns:
        The one that the caller likes best, or None where it takes none of them.
    """
    wishes = _wishes(accept)
    if not wishes:
        return offered[0]
    rated = [(_quality(one, wishes), -place) for place, one in enumerate(offered)]
    quality, place = max(rated)
    return offered[-place] if quality > 0 else None


def _wishes(accept: bytes) -> list[tuple[str, float]]:
    made = []
    for one in accept[:LONGEST].split(b","):
        parsed = parse(one.strip(b" \t"))
        if parsed is not None:
            quality = parsed.parameters.get("q", "1").encode("latin-1")
            made.append((parsed.name, float(quality) if _QUALITY.fullmatch(quality) else 0.0))
    return made if made or not accept.strip(b" \t,") else [("", 0.0)]


def _quality(name: str, wishes: list[tuple[str, float]]) -> float:
    """Take what is said of a type itself before what is said of its kind, and that before what is said of all."""
    for known in (name, f"{name.partition('/')[0]}/*", "*/*"):
        for wish, quality in wishes:
            if wish == known:
                return quality
    return 0.0
