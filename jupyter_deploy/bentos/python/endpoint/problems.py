"""Every way in which a request can fail, as a problem detail (RFC 9457).

A problem names the place of what is wrong and never repeats a value that the caller sent.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from datetime import datetime, timezone
from typing import Any, ClassVar

TITLES = {  # HTTP's own phrases, as RFC 9457 wants them for `about:blank`
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    406: "Not Acceptable",
    408: "Request Timeout",
    413: "Content Too Large",
    415: "Unsupported Media Type",
    422: "Unprocessable Content",
    429: "Too Many Requests",
    500: "Internal Server Error",
    502: "Bad Gateway",
    504: "Gateway Timeout",
}

MOST = 20  # places in one answer; no more are looked for
Errors = Sequence[tuple[str, str]]


class Problem(Exception):
    """A request that cannot be answered with a prediction.

    Args:
        detail: One sentence for the caller.
        errors: Path and message of each offending place in the input.
    """

    status: ClassVar[int] = 500
    code: ClassVar[str] = "model_failed"
    headers: tuple[tuple[bytes, bytes], ...] = ()

    def __init__(self, detail: str = "", errors: Errors = ()) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = tuple(errors)

    def body(self, request_id: str) -> dict[str, Any]:
        """Make the JSON object of a problem detail.

        Args:
            request_id: The request's id, by which its owner finds it in the log.

        Returns:
            The members that RFC 9457 names, and `code`, `request_id` and `errors`.
        """
        made: dict[str, Any] = {"type": "about:blank", "title": TITLES[self.status], "status": self.status, "code": self.code}
        if self.detail:
            made["detail"] = self.detail
        made["request_id"] = request_id
        if self.errors:
            made["errors"] = [{"path": path, "message": message} for path, message in self.errors]
        return made


class InvalidJson(Problem):
    """The body is not strict JSON in UTF-8."""

    status = 400
    code = "invalid_json"


class InvalidBody(Problem):
    """The body is not of the type that it is said to be."""

    status = 400
    code = "invalid_body"


class Unauthorized(Problem):
    """No key, or one that does not open this endpoint; nothing says which."""

    status = 401
    code = "unauthorized"
    headers = ((b"www-authenticate", b"Bearer"),)


class KeyExpired(Unauthorized):
    """The key has ended by itself."""

    code = "key_expired"

    def __init__(self, expired: float) -> None:
        super().__init__(f"This key ended at {datetime.fromtimestamp(expired, timezone.utc):%Y-%m-%dT%H:%M:%SZ}.")


class OutOfScope(Problem):
    """The key is for other methods."""

    status = 403
    code = "out_of_scope"

    def __init__(self, method: str, methods: Collection[str]) -> None:
        may = f"It may call: {', '.join(sorted(methods))}." if methods else "It may call none."
        super().__init__(f"This key may not call `{method}`. {may}")


class NoSuchRoute(Problem):
    """The model has no such method."""

    status = 404
    code = "no_such_route"


class WrongMethod(Problem):
    """The route exists but answers to another HTTP method."""

    status = 405
    code = "method_not_allowed"

    def __init__(self, allowed: str) -> None:
        super().__init__(f"Use {allowed}.")
        self.allowed = allowed


class NotAcceptable(Problem):
    """The caller takes no answer of a type that this method's answers have."""

    status = 406
    code = "not_acceptable"


class BodyTooLarge(Problem):
    """The body is larger than the endpoint takes."""

    status = 413
    code = "body_too_large"
    headers = ((b"connection", b"close"),)


class RequestTimeout(Problem):
    """The body did not arrive in time."""

    status = 408
    code = "request_timeout"
    headers = ((b"connection", b"close"),)


class TooManyRows(Problem):
    """There are more rows in one request than the endpoint takes."""

    status = 413
    code = "too_many_rows"


class NotJson(Problem):
    """The body is said to be something other than JSON."""

    status = 415
    code = "unsupported_media_type"


class NoReader(NotJson):
    """The body is of a type that could be read, if the model's environment had the package for it."""


class InvalidInput(Problem):
    """The input does not fit the contract."""

    status = 422
    code = "invalid_input"

    def __init__(self, errors: Errors) -> None:
        count = f"at least {MOST}" if len(errors) >= MOST else str(len(errors))
        shown = "one place" if len(errors) == 1 else f"{count} places"
        super().__init__(f"The input does not fit the contract in {shown}.", errors)

    def __str__(self) -> str:
        return "; ".join(f"{path}: {message}" if path else message for path, message in self.errors)


class Busy(Problem):
    """More requests wait for the model than may, and this one's key has the most of them."""

    status = 429
    code = "busy"
    headers = ((b"retry-after", b"1"),)

    def __init__(self) -> None:
        super().__init__("Too many requests wait for the model. Send this one again after a moment.")


class QuotaExceeded(Problem):
    """The key was used as often today as it may."""

    status = 429
    code = "quota_exceeded"

    def __init__(self, quota: int, seconds: float) -> None:
        super().__init__(f"This key is good for {quota:,} requests a day, and they are used up until midnight, UTC.")
        self.headers = ((b"retry-after", b"%d" % math.ceil(seconds)),)


class ModelFailed(Problem):
    """The model raised, or answered something that is not one answer a row."""


class DeadlineExceeded(Problem):
    """The model did not answer in time."""

    status = 504
    code = "deadline_exceeded"


class ModelCrashed(Problem):
    """The same request has ended workers before, so it is not given to another one."""

    status = 502
    code = "model_crashed"

    def __init__(self) -> None:
        super().__init__("The process that runs the model ended twice at this input. It is refused for a minute.")
