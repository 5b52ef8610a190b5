"""What is wrong with an answer to a hostile request."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple, NoReturn

from jupyter_deploy.hostile.bodies import PICKLES, Sent

SLOW = 1.0  # seconds
LONGEST = 16 * 1024  # bytes of a refusal: twenty places with long paths
INTERNALS = re.compile(
    rb'Traceback \(most recent|File "[^"]{1,200}", line \d|site-packages|dist-packages|/endpoint/\w+\.py|<cell '
    rb"|object at 0x[0-9a-f]{6}|\b[A-Z]\w+(Error|Exception)\b"
)
RAISED = "model_failed"  # the model's own code raised at an input that fits its contract: its author's matter
BUSY = frozenset({"busy", "overloaded"})


class Answer(NamedTuple):
    """What came back for one request.

    Attributes:
        status: The HTTP status; 0 where no answer came.
        content_type: What the body is said to be.
        body: The body.
        seconds: From the request's first byte to the answer's last one.
    """

    status: int
    content_type: str
    body: bytes
    seconds: float

    @property
    def code(self) -> str:
        """The problem's code; empty where the answer is no problem."""
        if "problem+json" not in self.content_type:
            return ""
        try:
            found = strict(self.body)
        except ValueError:
            return ""
        return str(found.get("code", "")) if isinstance(found, dict) else ""


def judge(sent: Sent, answer: Answer, canary: bytes) -> Iterator[str]:
    """Say what is wrong with an answer.

    Args:
        sent: The request.
        answer: Its answer.
        canary: What stands in requests, and in no refusal.

    Yields:
        One line for each thing that is wrong.
    """
    if answer.status == 0:
        yield "no answer came"
        return
    if answer.seconds > SLOW:
        yield f"took {answer.seconds:.1f} s"
    if answer.status >= 500 and answer.code != RAISED and answer.code not in BUSY:
        yield f"answered {answer.status} {answer.code}".rstrip()
    if sent.content_type in PICKLES and sent.kind == "pickle" and answer.status != 415:
        yield f"answered {answer.status} to what may be a pickle"
    if "json" in answer.content_type and not _is_strict(answer.body):
        yield "answered with what is not strict JSON"
    if answer.status >= 400:
        yield from _told(sent, answer, canary)


def _told(sent: Sent, answer: Answer, canary: bytes) -> Iterator[str]:
    """A refusal is a short problem detail, and tells neither the input nor how the endpoint is made."""
    expected = "application/json" if sent.path.startswith("v2/") else "application/problem+json"  # the protocol has its own form
    if not answer.content_type.startswith((expected, "application/problem+json")):
        yield f"refused with {answer.content_type or 'no content type'} instead of a problem detail"
    if len(answer.body) > LONGEST:
        yield f"refused with {len(answer.body)} bytes"
    if canary in answer.body:
        yield "repeated the input in a refusal"
    if INTERNALS.search(answer.body) and answer.code != RAISED:  # which names the class of what was raised, for the model's author
        yield "told internals in a refusal"


def strict(body: bytes) -> Any:
    """Read JSON as RFC 8259 has it.

    Args:
        body: A text in UTF-8.

    Returns:
        What it holds.

    Raises:
        ValueError: If it is none, or holds a bare NaN or Infinity.
    """
    return json.loads(body.decode("utf-8"), parse_constant=_refuse)


def _is_strict(body: bytes) -> bool:
    try:
        strict(body)
    except (ValueError, RecursionError):
        return False
    return True


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")
