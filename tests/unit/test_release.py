"""Golden rows decide whether a release may serve."""

from __future__ import annotations

import json
from typing import Any

import pytest

from jupyter_deploy import errors
from jupyter_deploy.release import FAILING, explain, probe, proof, suspect, unbatched, verify
from jupyter_deploy.values import Contract, Finding, Golden, Input, Method, Output

GOLDEN = [Golden(method="predict", rows=[[1.0], [2.0]], answers=[0, 1])]


def answering(status: int, body: Any) -> Any:
    """Make a caller that always gets one answer."""
    return lambda path, sent: (status, json.dumps(body).encode())


def echo(times: int) -> Any:
    """Make a caller that answers each row with the row, several times as large."""
    return lambda path, sent: (200, json.dumps({"predictions": [times * row for row in json.loads(sent)["rows"]]}).encode())


def test_equal_answers_pass() -> None:
    """No difference is found where the release answers as the notebook did."""
    assert [] == verify(GOLDEN, answering(200, {"predictions": [0, 1]}), 1e-6)


def test_a_wrong_row_is_found_and_named() -> None:
    """The difference says method, row, expected and got; the message counts."""
    differences = verify(GOLDEN, answering(200, {"predictions": [0, 2]}), 1e-6)

    assert [("predict", 1, "1", "2")] == [(one.method, one.row, one.expected, one.got) for one in differences]
    assert "1 of 2 golden answers differ" in explain(differences, GOLDEN, 1e-6).message


def test_what_rounding_leaves_of_large_numbers_is_no_difference() -> None:
    """Beside others in one row a number that is nearly 0 may be rounded otherwise; by itself it may not."""
    row, alone = ([Golden(method="kneighbors", rows=[[1.0]], answers=[answer])] for answer in ([0.0, 3.0], 0.0))

    assert [] == verify(row, answering(200, {"predictions": [[2e-8, 3.0]]}), 1e-6)
    assert 1 == len(verify(row, answering(200, {"predictions": [[2e-7, 3.0]]}), 1e-6))
    assert 1 == len(verify(alone, answering(200, {"predictions": [2e-8]}), 1e-6))


def test_a_missing_answer_is_a_difference() -> None:
    """Fewer answers than rows are not silently accepted."""
    assert 1 == len(verify(GOLDEN, answering(200, {"predictions": [0]}), 1e-6))


def test_an_error_refuses_the_release() -> None:
    """A release that answers 500 is refused with the answer's own words."""
    with pytest.raises(errors.Refused, match="with 500: the model failed"):
        verify(GOLDEN, answering(500, {"detail": "the model failed"}), 1e-6)


def test_without_golden_rows_nothing_is_asked() -> None:
    """No rows, no call, no difference."""
    assert [] == verify([], answering(500, {}), 1e-6)


def test_differences_are_counted_by_method_and_through_its_requests() -> None:
    """A row's number goes on from request to request, and the message counts each method."""
    golden = [
        Golden(method="predict", rows=[1, 2], answers=[1, 2]),
        Golden(method="predict_proba", rows=[1], answers=[[0.5]]),
        Golden(method="predict", rows=[3], answers=[3]),
    ]
    differences = verify(golden, echo(times=2), 1e-6)

    assert [("predict", 0), ("predict", 1), ("predict_proba", 0), ("predict", 2)] == [(one.method, one.row) for one in differences]
    assert (
        "4 of 4 golden answers differ from the notebook's (3 of `predict`, 1 of `predict_proba`)"
        in explain(differences, golden, 1e-6).message
    )


def test_shape_and_type_alone_are_compared_where_the_rows_say_so() -> None:
    """Another number passes, another type does not, and the proof says what was compared."""
    golden = [Golden(method="predict", rows=[1, 2], answers=[0.5, 0.25], shape_only=True)]

    assert [] == verify(golden, answering(200, {"predictions": [0.1, 0.9]}), 1e-6)
    assert [1] == [one.row for one in verify(golden, answering(200, {"predictions": [0.1, "a"]}), 1e-6)]
    assert "2 golden answers reproduced (non-deterministic: shapes and types alone, no values)" == proof(golden, 1e-6)


def test_a_request_that_is_too_large_is_divided() -> None:
    """No body is larger than the release takes, and every row is asked once and in order."""
    golden = [Golden(method="predict", rows=list(range(1000)), answers=list(range(1000)))]
    sizes: list[int] = []

    def call(path: str, sent: bytes) -> tuple[int, bytes]:
        sizes.append(len(sent))
        return echo(times=1)(path, sent)

    assert [] == verify(golden, call, 1e-6, 1024)
    assert max(sizes) <= 1024 < sum(sizes)


def test_a_request_that_takes_too_long_is_divided() -> None:
    """The deadline is that of one call: fewer rows are asked at once until they are answered; a single row is not divided."""
    golden = [Golden(method="predict", rows=[1, 2, 3, 4, 5], answers=[1, 2, 3, 4, 5])]

    def slow(most: int) -> Any:
        return lambda path, sent: echo(times=1)(path, sent) if sent.count(b",") < most else (504, b'{"detail": "too late"}')

    assert [] == verify(golden, slow(2), 1e-6)
    with pytest.raises(errors.Refused, match="with 504: too late"):
        verify(golden, slow(0), 1e-6)


def test_a_refusal_names_its_suspects() -> None:
    """What was found and changes answers is named, the likeliest first; other findings are no reason."""
    kinds = ("cell", "module", "environment", "patch", "file", "golden")
    findings = [Finding(kind=kind, subject=kind, message=f"The {kind}.", hint=f"Mend the {kind}.") for kind in kinds]  # type: ignore[arg-type]
    refused = errors.Refused("It differs.", "Look.")

    told = suspect(refused, findings)

    assert "It differs. What was found before may be the reason: The patch. The module. The file." == told.message
    assert "Mend the patch. Look." == told.hint
    assert "The file. The environment. The module." in suspect(refused, findings, FAILING).message
    assert refused is suspect(refused, [findings[0], findings[-1]])


def contract(kind: str = "array") -> Contract:
    """Make a contract with one method."""
    return Contract(methods=(Method(name="predict", input=Input(kind=kind), output=Output(kind="array")),))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "golden", "answer", "expected"),
    [
        ("array", [Golden(method="predict", rows=[1.0, 2.0], answers=[2.0, 4.0])], lambda row: 2 * row, True),
        ("array", [Golden(method="predict", rows=[1.0, 2.0], answers=[2.0, 4.1])], lambda row: 2 * row, False),
        ("array", [Golden(method="predict", rows=[1.0, 2.0], answers=[2.0, 4.0], shape_only=True)], lambda row: 2 * row, False),
        ("array", [Golden(method="predict", rows=[1.0], answers=[2.0])], lambda row: 2 * row, False),
        ("array", [], lambda row: 2 * row, False),
        ("arguments", [Golden(method="predict", rows=[1.0, 2.0], answers=[2.0, 4.0])], lambda row: 2 * row, False),
    ],
    ids=["same", "depends on its neighbours", "random", "nothing together", "no golden rows", "one call a row"],
)
def test_rows_alone_decide_on_batching(kind: str, golden: list[Golden], answer: Any, expected: bool) -> None:
    """Requests are joined only where golden rows alone are answered as they were together; the reason is told."""

    def call(path: str, body: bytes) -> tuple[int, bytes]:
        return 200, json.dumps({"predictions": [answer(row) for row in json.loads(body)["rows"]]}).encode()

    (decided,) = probe(golden, contract(kind), call, 1e-6)

    assert expected == decided.on
    assert (decided.on or kind == "arguments") == (unbatched([decided], contract(kind)) == "")


@pytest.mark.parametrize(("dtype", "expected"), [("float32", True), ("float64", False)])
def test_single_precision_may_round_otherwise(dtype: str, expected: bool) -> None:
    """Numbers of single precision are added up in another order in a batch; that alone is no reason against it."""
    golden = [Golden(method="predict", rows=[1.0, 2.0], answers=[[0.001], [100.0]])]
    methods = (Method(name="predict", input=Input(kind="array"), output=Output(kind="array", dtype=dtype)),)
    answers = {1.0: [0.00100009], 2.0: [100.0]}

    def call(path: str, body: bytes) -> tuple[int, bytes]:
        return 200, json.dumps({"predictions": [answers[row] for row in json.loads(body)["rows"]]}).encode()

    (decided,) = probe(golden, Contract(methods=methods), call, 1e-6)

    assert expected == decided.on


def test_a_row_that_fails_alone_is_no_proof() -> None:
    """A model that cannot answer one row by itself is not batched."""
    (decided,) = probe(GOLDEN, contract(), answering(500, {"detail": "the model failed"}), 1e-6)

    assert not decided.on
