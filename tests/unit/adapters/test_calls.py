"""A call sends what the contract says, survives a router that restarts, and turns problems into errors that name the field."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from jupyter_deploy import errors
from jupyter_deploy.adapters import calls
from jupyter_deploy.values import Column, Input, Method, Output

FRAME = Method(
    name="predict",
    input=Input(kind="frame", columns=(Column(name="a", dtype="int64"), Column(name="b", dtype="float64"))),
    output=Output(kind="series", dtype="int64", shape=(None,)),
)
FUNCTION = Method(
    name="predict",
    input=Input(kind="arguments", columns=(Column(name="age", dtype="int64"), Column(name="plan", dtype="object"))),
    output=Output(kind="list"),
)
TEXTS = Method(name="predict", input=Input(kind="list", dtype="str"), output=Output(kind="list"))
ARRAY = Method(
    name="predict",
    input=Input(kind="array", dtype="float64", shape=(None, 2)),
    output=Output(kind="array", dtype="int64", shape=(None,)),
)


class Scripted:
    """A real HTTP server that answers with what a test tells it to, and keeps what it was asked."""

    def __init__(self, port: int = 0) -> None:
        self.bodies: list[Any] = []
        self.headers: list[dict[str, str]] = []
        self.answer: Callable[[Any], tuple[int, Any]] = lambda body: (200, {"predictions": [len(row) for row in body["rows"]]})
        self.drop = 0
        self.http = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self.url = f"http://127.0.0.1:{self.http.server_port}/churn/"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        self.http.shutdown()
        self.http.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        scripted = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                """Answer, or break the connection without a word."""
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                scripted.bodies.append(body)
                scripted.headers.append({name.lower(): value for name, value in self.headers.items()})
                if scripted.drop:
                    scripted.drop -= 1
                    self.close_connection = True
                    return
                status, answer = scripted.answer(body)
                data = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("content-length", str(len(data)))
                if status == 429:
                    self.send_header("retry-after", "1")
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        return Handler


@pytest.fixture
def server() -> Iterator[Scripted]:
    """Serve on loopback."""
    running = Scripted()
    yield running
    running.close()


@pytest.fixture
def key(tmp_path: Path) -> Path:
    """Write a key's file."""
    path = tmp_path / "churn.key"
    path.write_text("jd_secret\n")
    return path


def caller(server: Scripted, key: Path, *, repeat: bool = True) -> calls.Caller:
    """Make a caller of the server."""
    return calls.Caller("churn", server.url, key, 5, repeat=repeat)


@pytest.mark.parametrize(
    ("method", "args", "named", "rows"),
    [
        (FRAME, (pd.DataFrame({"a": [1, 2], "b": [0.5, None]}),), {}, [{"a": 1, "b": 0.5}, {"a": 2, "b": None}]),
        (FRAME, ([{"a": 1, "b": 2.0}],), {}, [{"a": 1, "b": 2.0}]),
        (FRAME, ({"a": 1, "b": 2.0},), {}, [{"a": 1, "b": 2.0}]),
        (FRAME, ({"a": [1, 2], "b": [3, 4]},), {}, [{"a": 1, "b": 3}, {"a": 2, "b": 4}]),
        (FRAME, (), {"X": [{"a": 1, "b": 2.0}]}, [{"a": 1, "b": 2.0}]),
        (ARRAY, (np.array([[1.0, 2.0]]),), {}, [[1.0, 2.0]]),
        (ARRAY, ([[1.0, 2.0], [3.0, 4.0]],), {}, [[1.0, 2.0], [3.0, 4.0]]),
        (FUNCTION, (30, "pro"), {}, [{"age": 30, "plan": "pro"}]),
        (FUNCTION, (30,), {"plan": "pro"}, [{"age": 30, "plan": "pro"}]),
        (FUNCTION, ([{"age": 1, "plan": "a"}, {"age": 2, "plan": "b"}],), {}, [{"age": 1, "plan": "a"}, {"age": 2, "plan": "b"}]),
    ],
)
def test_arguments_become_rows(method: Method, args: tuple[Any, ...], named: dict[str, Any], rows: list[Any]) -> None:
    """A frame, an array, lists and dicts all become the rows that the contract names."""
    got = calls.arguments(method, args, named)[0]

    assert rows == json.loads(calls.codec.to_json(got))


@pytest.mark.parametrize(
    ("method", "args", "named", "message"),
    [
        (FRAME, (), {}, "`predict` takes one argument, but got 0."),
        (FRAME, ([], []), {}, "`predict` takes one argument, but got 2."),
        (FRAME, ({"a": [1], "b": [1, 2]},), {}, "The columns differ in length."),
        (FUNCTION, (), {"agee": 3}, "`predict` takes age, plan, not `agee`."),
    ],
)
def test_wrong_arguments(method: Method, args: tuple[Any, ...], named: dict[str, Any], message: str) -> None:
    """Arguments that fit no contract are refused before anything is sent."""
    with pytest.raises(errors.BadInput) as caught:
        calls.arguments(method, args, named)

    assert message == caught.value.message


def test_the_index_comes_back(server: Scripted, key: Path) -> None:
    """A DataFrame's own index stands in the answer."""
    asked = pd.DataFrame({"a": [1, 2], "b": [3.0, 4.0]}, index=["x", "y"])

    got = caller(server, key).call(server.url, FRAME, (asked,), {})

    pd.testing.assert_series_equal(pd.Series([2, 2], index=["x", "y"]), got, check_names=False)


def test_a_function_answers_one_value(server: Scripted, key: Path) -> None:
    """One call of a function gives its value, not a list with it."""
    server.answer = lambda body: (200, {"predictions": ["cheap"]})

    assert "cheap" == caller(server, key).call(server.url, FUNCTION, (30, "pro"), {})


def test_many_rows_go_in_batches(server: Scripted, key: Path) -> None:
    """2,500 rows are three requests, and one answer in order."""
    server.answer = lambda body: (200, {"predictions": [row[0] for row in body["rows"]]})

    got = caller(server, key).call(server.url, ARRAY, (np.arange(5000.0).reshape(2500, 2),), {})

    assert [1000, 1000, 500] == [len(body["rows"]) for body in server.bodies]
    assert list(range(0, 5000, 2)) == got.tolist()


def test_large_rows_go_in_smaller_batches() -> None:
    """A batch that is larger than a request should be is halved; a row is never cut."""
    rows = ["x" * 600 for _ in range(4)]

    bodies = list(calls.batches(rows, Input(kind="list"), size=1000))

    assert rows == [row for body in bodies for row in json.loads(body)["rows"]]
    assert 4 == len(bodies)


def test_the_key_is_sent_and_read_anew(server: Scripted, key: Path) -> None:
    """Each call reads the file, so that a new key counts at once."""
    client = caller(server, key)
    client.call(server.url, ARRAY, ([[1.0, 2.0]],), {})
    key.write_text("jd_other\n")
    client.call(server.url, ARRAY, ([[1.0, 2.0]],), {})

    assert ["Bearer jd_secret", "Bearer jd_other"] == [headers["authorization"] for headers in server.headers]


def test_a_problem_names_the_field(server: Scripted, key: Path) -> None:
    """A problem document becomes an error with its code, the fields and the request's id, and is not tried again."""
    problem = {
        "code": "invalid_input",
        "detail": "One field is wrong.",
        "request_id": "r1",
        "errors": [{"path": "rows[0].a", "message": "no"}],
    }
    server.answer = lambda body: (422, problem)

    with pytest.raises(errors.CallFailed) as caught:
        caller(server, key).call(server.url, ARRAY, ([[1.0, 2.0]],), {})

    assert "`churn` answered 422 invalid_input: One field is wrong.\n  rows[0].a: no\nRequest r1." == str(caught.value)
    assert 1 == len(server.bodies)


@pytest.mark.parametrize(
    ("method", "given", "what"),
    [
        (FRAME, 5, "a value of type int is no table, array or list of rows"),
        (FRAME, None, "a value of type NoneType is no table, array or list of rows"),
        (FRAME, "text", "a value of type str is no table, array or list of rows"),
        (FRAME, np.float64(5), "a value of type float64 is no table, array or list of rows"),
        (FRAME, np.zeros((2, 3)), "row 0 has 3 values for 2 columns"),
        (FRAME, pd.Series([1, 2]), "row 0 is of type int, not a row of 2 columns"),
        (FRAME, pd.DataFrame([[1, 2, 3]], columns=["a", "b", "b"]), "the frame has two columns of one name: ['b']"),
        (FRAME, [[1, object()]], "JSON cannot hold a builtins.object"),
        (TEXTS, "a single text", "a value of type str is no table, array or list of rows"),
        (TEXTS, {"text": "a"}, "a value of type dict is no table, array or list of rows"),
    ],
)
def test_what_holds_no_rows_is_not_sent(server: Scripted, key: Path, method: Method, given: Any, what: str) -> None:
    """What cannot become rows is an error that says why and what the method takes; a text is never cut into letters."""
    with pytest.raises(errors.BadInput) as caught:
        caller(server, key).call(server.url, method, (given,), {})

    assert f"`predict` cannot be asked with this: {what}." == caught.value.message
    assert caught.value.hint in {"It takes: table with 2 columns.", "It takes: list, one element a row of str."}
    assert [] == server.bodies


def test_further_arguments_are_never_dropped(server: Scripted, key: Path) -> None:
    """An argument beside the rows is an error that says how to fix it for good, since the endpoint would answer without it."""
    with pytest.raises(errors.BadInput, match="`predict` takes one argument, but got 2") as caught:
        caller(server, key).call(server.url, ARRAY, ([[1.0, 2.0]],), {"threshold": 5.0})

    assert caught.value.hint.endswith("deploy a function: `lambda X: model.predict(X, threshold=...)`.")
    assert [] == server.bodies


def test_a_broken_connection_is_tried_again(server: Scripted, key: Path) -> None:
    """A connection that breaks without an answer, as when the router restarts, is not seen by the caller."""
    server.drop = 2

    assert [2] == caller(server, key).call(server.url, ARRAY, ([[1.0, 2.0]],), {}).tolist()
    assert 3 == len(server.bodies)


def test_without_retry_a_sent_request_is_never_sent_again(server: Scripted, key: Path) -> None:
    """For a function with side effects a broken connection is an error at once."""
    server.drop = 1

    with pytest.raises(errors.CallFailed, match="does not answer"):
        caller(server, key, repeat=False).call(server.url, ARRAY, ([[1.0, 2.0]],), {})

    assert 1 == len(server.bodies)


def test_a_busy_endpoint_is_asked_again(server: Scripted, key: Path) -> None:
    """A request that a full queue refused was not begun, so it is sent again, also for a function with side effects."""
    answers = iter([(429, {"code": "busy"}), (200, {"predictions": [2]})])
    server.answer = lambda body: next(answers)

    assert [2] == caller(server, key, repeat=False).call(server.url, ARRAY, ([[1.0, 2.0]],), {}).tolist()
    assert 2 == len(server.bodies)


def test_an_endpoint_that_stays_busy_is_an_error(server: Scripted, key: Path) -> None:
    """Where waiting would take longer than the endpoint's deadline, the refusal is told."""
    server.answer = lambda body: (429, {"code": "busy", "detail": "Too many requests wait."})
    impatient = calls.Caller("churn", server.url, key, 0.1, repeat=True)

    with pytest.raises(errors.CallFailed, match="429 busy: Too many requests wait"):
        impatient.call(server.url, ARRAY, ([[1.0, 2.0]],), {})


def test_a_refused_connection_is_tried_until_somebody_listens(server: Scripted, key: Path) -> None:
    """A router that comes back within some seconds answers; also where nothing may be repeated, for nothing was sent."""
    port = server.http.server_port
    server.close()
    back: list[Scripted] = []
    timer = threading.Timer(0.3, lambda: back.append(Scripted(port)))
    timer.start()

    assert [2] == caller(server, key, repeat=False).call(server.url, ARRAY, ([[1.0, 2.0]],), {}).tolist()
    timer.join()
    back[0].close()


def test_a_missing_key_file(server: Scripted, key: Path) -> None:
    """The file is named."""
    key.unlink()

    with pytest.raises(errors.CallFailed, match=r"churn\.key cannot be read"):
        caller(server, key).call(server.url, ARRAY, ([[1.0, 2.0]],), {})
