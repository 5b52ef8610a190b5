"""The routes of an endpoint: who may call what, and what they answer."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from jupyter_deploy.bentos.python.endpoint import codec, keys
from jupyter_deploy.bentos.python.endpoint.contract import Contract
from jupyter_deploy.bentos.python.endpoint.hotpath import HotPath
from tests.unit.bentos.conftest import SECRET, Caller

Make = Callable[..., HotPath]
ROUTES = [
    ("POST", "/predict"), ("GET", "/predict"), ("GET", "/contract.json"), ("GET", "/docs.json"), ("GET", "/docs"),
    ("GET", "/schema.json"), ("GET", "/metrics"), ("GET", "/nope"), ("POST", "/nope"), ("POST", "/"), ("DELETE", "/"),
    ("POST", "/livez"), ("PUT", "/readyz"), ("OPTIONS", "/predict"),
    ("GET", "/predict/"), ("GET", "/static_content/index.css"), ("GET", "/healthz"),
]  # fmt: skip
STRANGERS = {
    "no key": "",
    "another's key": keys.make_key(),
    "mistyped": SECRET[:-1] + ("a" if SECRET[-1] != "a" else "b"),
    "cut off": SECRET[:-1],
    "no ASCII": "jd_ü",
    "very long": "jd_" + "x" * 3000,
}


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize("key", STRANGERS.values(), ids=STRANGERS.keys())
def test_strangers_learn_nothing(make_app: Make, method: str, path: str, key: str) -> None:
    """Without a valid key every route but three says the same, whether it exists or not."""
    headers = {"authorization": f"Bearer {key}".encode()} if key else {}
    got = Caller(make_app(), "")(method, path, headers=headers, content=b"{")

    assert (401, "Bearer") == (got.status_code, got.headers["www-authenticate"])
    assert {"type", "title", "status", "code", "request_id"} == got.json().keys()


@pytest.mark.parametrize("header", ["Basic abc", SECRET, "Bearer", f"Digest {SECRET}", f"bearer{SECRET}"])
def test_only_bearer_opens(make_app: Make, header: str) -> None:
    """A secret opens only as a bearer token."""
    got = Caller(make_app(), "")("GET", "/contract.json", headers={"authorization": header})

    assert 401 == got.status_code


@pytest.mark.parametrize("path", [f"/contract.json?key={SECRET}", f"/contract.json?authorization=Bearer%20{SECRET}"])
def test_a_key_in_the_url_opens_nothing(make_app: Make, path: str) -> None:
    """A secret in a URL would stand in logs, so it is not looked at there."""
    assert 401 == Caller(make_app(), "")("GET", path).status_code


@pytest.mark.parametrize(("path", "kind"), [("/", "text/html"), ("/livez", "application/json")])
def test_page_and_liveness_are_open(make_app: Make, path: str, kind: str) -> None:
    """The page's shell and the probes need no key."""
    got = Caller(make_app(), "")("GET", path)

    assert 200 == got.status_code
    assert got.headers["content-type"].startswith(kind)


def test_the_shell_tells_nothing_of_the_model(make_app: Make) -> None:
    """The page is the same for every endpoint until a key is given; its policy lets only its own script and style run."""
    got = Caller(make_app(), "")("GET", "/")

    assert "churn" not in got.text
    assert 2 == len(re.findall("sha256-", got.headers["content-security-policy"]))
    assert not re.findall(r"innerHTML|https?://|localStorage|sessionStorage|document\.cookie|eval\(", got.text)


def test_readiness_waits_for_the_worker(make_app: Make) -> None:
    """A worker is ready once it says so."""
    app = make_app()

    assert 503 == Caller(app, "")("GET", "/readyz").status_code
    app.slot.ready = True
    assert 200 == Caller(app, "")("GET", "/readyz").status_code


def test_a_prediction_is_answered(make_app: Make) -> None:
    """One prediction a row, with the release that gave it."""
    got = Caller(make_app())("POST", "/predict", json={"rows": [[1, 2, 3], [0.5, 0, 0]]}, headers={"x-request-id": "from-me"})

    assert (200, {"predictions": [6.0, 0.5]}) == (got.status_code, got.json())
    assert ("churn@7", "verified", "from-me") == tuple(got.headers[name] for name in ("jd-release", "jd-state", "jd-request-id"))


@pytest.mark.parametrize("sent", [None, "a b", "x" * 101, "<i>"])
def test_every_answer_has_an_id(make_app: Make, sent: str | None) -> None:
    """Where a caller gives no usable id, each answer gets one of its own."""
    call = Caller(make_app())
    headers = {"x-request-id": sent} if sent else {}
    ids = [call("POST", "/predict", json=[[1, 2, 3]], headers=headers).headers["jd-request-id"] for _ in range(3)]

    assert 3 == len(set(ids))
    assert sent not in ids


def test_infinity_is_a_text(make_app: Make) -> None:
    """An answer is strict JSON: not-a-number is null there, and infinity has a name."""
    got = Caller(make_app(lambda rows: rows[:, 0] / rows[:, 1]))("POST", "/predict", json=[[1, 0, 3], [-1, 0, 3], [0, 0, 3]])

    assert b'{"predictions":["Infinity","-Infinity",null]}' == got.content


PROBLEMS: dict[str, tuple[int, str, str, str, dict[str, Any]]] = {
    "no JSON": (400, "invalid_json", "POST", "/predict", {"content": b"{"}),
    "no such route": (404, "no_such_route", "GET", "/nope", {}),
    "no such method of the model": (404, "no_such_route", "POST", "/transform", {"json": []}),
    "not by GET": (405, "method_not_allowed", "GET", "/predict", {}),
    "not by POST": (405, "method_not_allowed", "POST", "/metrics", {}),
    "too large": (413, "body_too_large", "POST", "/predict", {"content": b"[" + b"1," * 6000 + b"1]"}),
    "a form": (415, "unsupported_media_type", "POST", "/predict", {"data": {"rows": "[]"}}),
    "text": (415, "unsupported_media_type", "POST", "/predict", {"content": b"[]", "headers": {"content-type": "text/plain"}}),
    "compressed": (415, "unsupported_media_type", "POST", "/predict", {"content": b"[]", "headers": {"content-encoding": "gzip"}}),
    "a pickle": (
        415, "unsupported_media_type", "POST", "/predict",
        {"content": b"[]", "headers": {"content-type": "application/vnd.bentoml+pickle"}},
    ),
    "not within the contract": (422, "invalid_input", "POST", "/predict", {"json": [[1, 2]]}),
}  # fmt: skip


@pytest.mark.parametrize(("status", "code", "method", "path", "options"), PROBLEMS.values(), ids=PROBLEMS.keys())
def test_problems_are_told(make_app: Make, status: int, code: str, method: str, path: str, options: dict[str, Any]) -> None:
    """Every refusal is a problem detail with a code and the request's id."""
    got = Caller(make_app())(method, path, **options)

    assert (status, "application/problem+json") == (got.status_code, got.headers["content-type"])
    assert (status, code, got.headers["jd-request-id"]) == tuple(got.json()[name] for name in ("status", "code", "request_id"))
    assert len(got.content) < 500


def test_a_body_in_parts_is_measured(make_app: Make) -> None:
    """A body without a stated length is cut off at the limit."""

    async def parts() -> Any:
        for _ in range(200):
            yield b" " * 100

    assert 413 == Caller(make_app())("POST", "/predict", content=parts()).status_code


@pytest.mark.parametrize("kind", ["application/json", "Application/JSON; charset=utf-8", "application/vnd.api+json", ""])
def test_json_by_any_name_is_taken(make_app: Make, kind: str) -> None:
    """JSON may be named with parameters, in capitals, as a dialect, or not at all."""
    headers = {"content-type": kind} if kind else {}

    assert 200 == Caller(make_app())("POST", "/predict", content=b"[[1,2,3]]", headers=headers).status_code


def test_a_failing_model_is_told_without_its_words(make_app: Make, capfd: pytest.CaptureFixture[str]) -> None:
    """The caller hears the exception's class, the log where it was raised; neither hears the message, which may hold data."""

    def fail(rows: Any) -> Any:
        raise RuntimeError("patient 4711")

    got = Caller(make_app(fail))("POST", "/predict", json=[[1, 2, 3]], headers={"x-request-id": "call-1"})
    logged = capfd.readouterr().err

    assert (500, "model_failed") == (got.status_code, got.json()["code"])
    assert "RuntimeError" in got.json()["detail"]
    assert "test_hotpath.py" in logged
    assert "call-1" in logged
    assert "4711" not in got.text + logged


@pytest.mark.parametrize("error", [SystemExit("as scripts do"), KeyboardInterrupt(), asyncio.CancelledError(), StopIteration()])
def test_a_model_that_wants_to_end_the_process_fails_like_another(make_app: Make, error: BaseException) -> None:
    """What is no Exception is told as a problem too, with the release's headers, and the worker goes on."""

    def predict(_: Any) -> Any:
        raise error

    app = make_app(predict)
    got = [Caller(app)("POST", "/predict", json=[[1, 2, 3]]) for _ in range(2)]

    assert [(500, "model_failed", "churn@7")] * 2 == [
        (one.status_code, one.json()["code"], one.headers["jd-release"]) for one in got
    ]


@pytest.mark.parametrize(
    ("answer", "said"), [([1.0], "1 answers to 2 rows"), (5, "TypeError"), ([object(), 1], "TypeError"), (["\ud800", 1], "Unicode")]
)
def test_an_odd_answer_is_the_models_failure(make_app: Make, answer: Any, said: str) -> None:
    """An answer that is not one JSON value a row is a failure of the model, not of the caller."""
    got = Caller(make_app(lambda rows: answer))("POST", "/predict", json=[[1, 2, 3]] * 2)

    assert 500 == got.status_code
    assert said in got.json()["detail"]


def test_no_rows_need_no_model(make_app: Make) -> None:
    """No rows get no predictions; the model, which might not bear an empty array, is not asked."""
    got = Caller(make_app(lambda rows: 1 / 0))("POST", "/predict", json={"rows": []})

    assert {"predictions": []} == got.json()


def test_the_contract_is_told_with_rows_to_try(make_app: Make) -> None:
    """Whoever has a key reads the contract, the release and golden rows as examples."""
    got = Caller(make_app())("GET", "/contract.json")

    assert ("churn", "churn@7", "verified") == tuple(got.json()[name] for name in ("endpoint", "release", "state"))
    assert [{"predict": {"rows": [[1.0, 2.0, 3.0]]}}] == got.json()["examples"]
    assert "predict" == msgspec.json.decode(got.content, type=Contract).methods[0].name


def test_openapi_describes_the_rows(make_app: Make) -> None:
    """OpenAPI has one operation a method, with the shape of a row, all media types, the problems and the first golden row."""
    told = Caller(make_app())("GET", "/docs.json").json()
    operation, schemas = told["paths"]["/predict"]["post"], told["components"]["schemas"]
    asked, answered = operation["requestBody"]["content"], operation["responses"]["200"]["content"]
    media = {"application/json", "text/csv", "application/vnd.apache.arrow.stream", "application/x-npy"}

    assert {"type": "array", "items": {"type": "number"}, "minItems": 3, "maxItems": 3} == schemas["predict.rows"]["items"]
    assert ({"rows": [[1.0, 2.0, 3.0]]}, {"predictions": [6.0]}) == tuple(
        one["application/json"]["example"] for one in (asked, answered)
    )
    assert (media, media) == (asked.keys(), answered.keys())
    statuses = {"400", "401", "403", "406", "408", "413", "415", "422", "429", "500", "502", "503", "504"}
    assert statuses < operation["responses"].keys()
    assert "/v2/models/{model}/infer" in told["paths"]


def test_requests_are_counted(make_app: Make) -> None:
    """Answers, rows and durations are counted by method and status, over all workers of the release."""
    app = make_app()
    for worker in (0, 1):
        app.start(worker)
        Caller(app)("POST", "/predict", json=[[1, 2, 3]] * 5)
    Caller(app)("POST", "/predict", json=[[1]])
    text = Caller(app)("GET", "/metrics").text

    assert 'jd_requests_total{release="churn@7",method="predict",status="2xx",code="200"} 2' in text
    assert 'jd_requests_total{release="churn@7",method="predict",status="4xx",code="422"} 1' in text
    assert 'jd_rows_total{release="churn@7",method="predict"} 10' in text
    assert 'jd_request_seconds_count{release="churn@7",method="predict"} 3' in text
    assert 'jd_release_info{release="churn@7",state="verified"} 1' in text


def test_unknown_paths_make_no_series(make_app: Make) -> None:
    """Whatever paths strangers ask for, the metrics keep their size."""
    call = Caller(make_app())
    before = len(call("GET", "/metrics").text.splitlines())
    for number in range(20):
        call("GET", f"/{number}")

    assert before + 2 >= len(call("GET", "/metrics").text.splitlines())


def test_slow_models_leave_the_loop_free(make_app: Make) -> None:
    """While a slow call runs, the probes are answered."""
    app = make_app(lambda rows: time.sleep(0.5) or rows[:, 0])
    order: list[str] = []

    async def ask(path: str, wait: float) -> None:
        await asyncio.sleep(wait)
        await app(
            {"type": "http", "method": "POST" if path == "/predict" else "GET", "path": path, "headers": HEADERS}, body, nowhere
        )
        order.append(path)

    async def both() -> None:
        await asyncio.gather(ask("/predict", 0), ask("/livez", 0.1))

    asyncio.run(both())

    assert ["/livez", "/predict"] == order


HEADERS = [(b"authorization", b"Bearer " + SECRET.encode())]


async def body() -> dict[str, Any]:
    """Give a body of one row."""
    return {"type": "http.request", "body": codec.to_json([[1, 2, 3]])}


async def nowhere(message: Any) -> None:
    """Take an answer."""
