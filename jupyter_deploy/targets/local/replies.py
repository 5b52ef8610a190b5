"""What the router answers by itself, as problem details (RFC 9457), like everything that a worker refuses."""

from __future__ import annotations

from typing import Any, NamedTuple

PROBLEM = "application/problem+json"


class Reply(NamedTuple):
    """One of the router's own answers.

    Attributes:
        status: HTTP status; None for every other one.
        code: What a program reads.
        title: What a person reads first.
        detail: What is wrong and what to do.
        flag: Envoy's response flag that tells this case from others of the same status; `ANY` where it has one at all.
    """

    status: int | None
    code: str
    title: str
    detail: str
    flag: str = ""


FULL = "UO"  # Envoy's flag for a circuit breaker that is open
ANY = "any"  # what no worker answered has a flag, what the configuration itself answers has none
STOPPED = "stopped"
REPLIES = (
    Reply(400, "bad_request", "Bad Request", "The request's head is malformed, or holds a header or path that is not allowed."),
    Reply(404, "no_such_route", "Not Found", "No endpoint answers here. A call goes to /NAME/METHOD, such as POST /churn/predict."),
    Reply(408, "request_too_slow", "Request Timeout", "The whole request did not arrive in time. Send it again."),
    Reply(413, "body_too_large", "Content Too Large", "The body is above the endpoint's limit. Send fewer rows at a time."),
    Reply(431, "head_too_large", "Request Header Fields Too Large", "The request has too many headers or too long ones."),
    Reply(502, "bad_answer", "Bad Gateway", "The endpoint's worker did not answer in HTTP."),
    Reply(503, "overloaded", "Service Unavailable", "As many calls are in flight as the endpoint takes. Call again later.", FULL),
    Reply(503, "no_worker", "Service Unavailable", "No worker of the endpoint could answer. Call again later.", ANY),
    Reply(
        503, STOPPED, "Service Unavailable", "Its owner has stopped the endpoint. Nothing answers here until it is started again."
    ),
    Reply(504, "deadline_exceeded", "Gateway Timeout", "The endpoint did not answer within its deadline."),
    Reply(None, "router_refused", "Refused by the router", "%LOCAL_REPLY_BODY%"),
)


def local_replies() -> dict[str, Any]:
    """Build the `local_reply_config` of Envoy's connection manager.

    Returns:
        The configuration; redirects are left as they are.
    """
    return {"mappers": [_mapper(reply) for reply in REPLIES]}


def _mapper(reply: Reply) -> dict[str, Any]:
    problem = {
        "type": "about:blank",
        "title": reply.title,
        "status": "%RESPONSE_CODE%",
        "code": reply.code,
        "detail": reply.detail,
        "request_id": "%REQ(X-REQUEST-ID):128%",
    }
    filters = [_status("GE", 400) if reply.status is None else _status("EQ", reply.status)]
    if reply.flag:
        filters.append({"response_flag_filter": {} if reply.flag == ANY else {"flags": [reply.flag]}})
    mapper: dict[str, Any] = {
        "filter": filters[0] if len(filters) == 1 else {"and_filter": {"filters": filters}},
        "body_format_override": {"json_format": problem, "content_type": PROBLEM},
        "headers_to_add": [_header("jd-request-id", "%REQ(X-REQUEST-ID):128%")],
    }
    if reply.status == 503 and reply.code != STOPPED:
        mapper["headers_to_add"].append(_header("retry-after", "1"))
    return mapper


def _status(comparison: str, status: int) -> dict[str, Any]:
    value = {"default_value": status, "runtime_key": f"jd.status_{status}"}
    return {"status_code_filter": {"comparison": {"op": comparison, "value": value}}}


def _header(key: str, value: str) -> dict[str, Any]:
    return {"header": {"key": key, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
