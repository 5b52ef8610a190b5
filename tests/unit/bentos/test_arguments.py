from __future__ import annotations

import dataclasses
import datetime
import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest

from jupyter_deploy.bentos.python.endpoint import codec
from jupyter_deploy.bentos.python.endpoint.contract import Column, Input
from jupyter_deploy.bentos.python.endpoint.hints import by_name, by_place, settled, signature_of


@dataclasses.dataclass
class Flat:
    """What is priced."""

    area: float
    built: datetime.date | None = None


def plain(area: float, rooms: int = 3, *, city: str = "Rome") -> Any:
    return area, rooms, city


def placed(first: int, second: int = 2, /, third: int = 3) -> Any:
    return first, second, third


def many(*numbers: float, scale: float = 1.0, **named: float) -> Any:
    return numbers, scale, named


def counting(until: int) -> Iterator[int]:
    yield from range(until)


class Own:
    """Has methods of every kind."""

    def __call__(self, text: str) -> Any:
        """Take one argument."""
        return text

    def method(self, area: float, rooms: int = 3) -> Any:
        """Take what is bound."""
        return area, rooms

    @classmethod
    def of_class(cls, area: float) -> Any:
        """Belong to the class."""
        return area

    @staticmethod
    def alone(area: float) -> Any:
        """Belong to nobody."""
        return area


def wrapped(function: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a function as decorators do."""

    @functools.wraps(function)
    def inner(*args: Any, **named: Any) -> Any:
        return function(*args, **named)

    return inner


@pytest.mark.parametrize(
    ("function", "args", "named", "bound", "expected"),
    [
        (plain, (1.0,), {"city": "Bern"}, {"area": 1.0, "city": "Bern"}, (1.0, 3, "Bern")),
        (placed, (1,), {"third": 5}, {"first": 1, "third": 5}, (1, 2, 5)),
        (many, (1.0, 2.0), {"a": 3.0}, {"numbers": [1.0, 2.0], "a": 3.0}, ((1.0, 2.0), 1.0, {"a": 3.0})),
        (many, (), {"scale": 2.0}, {"scale": 2.0}, ((), 2.0, {})),
        (functools.partial(plain, 1.0, rooms=5), (), {"city": "Bern"}, {"city": "Bern"}, (1.0, 5, "Bern")),
        (wrapped(plain), (1.0, 2), {}, {"area": 1.0, "rooms": 2}, (1.0, 2, "Rome")),
        (Own(), ("a",), {}, {"text": "a"}, "a"),
        (Own().method, (1.0,), {}, {"area": 1.0}, (1.0, 3)),
        (Own.of_class, (1.0,), {}, {"area": 1.0}, 1.0),
        (Own.alone, (1.0,), {}, {"area": 1.0}, 1.0),
        (lambda a, b=2: (a, b), (1,), {}, {"a": 1}, (1, 2)),
        (counting, (3,), {}, {"until": 3}, [0, 1, 2]),
        (len, ("abc",), {}, {"obj": "abc"}, 3),
    ],
)
def test_every_argument_has_a_name(function: Any, args: Any, named: Any, bound: dict[str, Any], expected: Any) -> None:
    """Arguments by place, in `*args` and in `**kwargs` become named ones, with which the function answers the same."""
    signature = signature_of(function)

    assert signature is not None
    assert bound == signature.bind(args, named)
    assert expected == by_name(function)(bound)


@pytest.mark.parametrize("function", [max, dict, 3, np.add.reduce])
def test_what_does_not_tell_has_no_signature(function: Any) -> None:
    """Some built-in functions do not say what they take, and that is no error."""
    assert signature_of(function) is None or signature_of(function).parameters  # type: ignore[union-attr]


def columns(described: Input) -> list[tuple[str, str, bool, bool]]:
    """Tell a contract's parameters in short: name, type, whether it may be left out, whether its hint counts."""
    return [(one.name, one.dtype, one.optional, one.schema is not None) for one in described.columns]


def test_hints_and_calls_go_together() -> None:
    """The hint says what an argument is, the calls give example and range, the signature gives the default."""
    described = codec.describe_arguments([{"area": 80.5, "rooms": 2}, {"area": 60.0}], plain)

    assert [
        Column(name="area", dtype="float", schema={"type": "number"}, example=80.5, minimum=60.0, maximum=80.5),
        Column(name="rooms", dtype="int", schema={"type": "integer"}, example=2, minimum=2, maximum=2, optional=True, default=3),
        Column(name="city", dtype="str", schema={"type": "string"}, optional=True, default="Rome"),
    ] == list(described.columns)


def test_calls_win_over_a_hint_that_is_not_true() -> None:
    """A function that the notebook itself calls with something else than it says accepts what it is called with."""

    def doubled(number: int, shift: float = None, other: Nowhere = 0) -> Any:  # type: ignore[name-defined, assignment]  # noqa: F821, RUF013
        return 2 * number

    described = codec.describe_arguments([{"number": 2.5, "other": "a"}], doubled)

    assert [("number", "float", False, False), ("shift", "float | None", True, True), ("other", "str", True, False)] == columns(
        described
    )


def test_a_signature_alone_is_a_contract() -> None:
    """Hints on all that has no default say what a function accepts; where one is missing, nothing does."""

    def unsaid(area: float, rooms) -> Any:  # type: ignore[no-untyped-def]  # noqa: ANN001
        return area * rooms

    def unmade(table: pd.DataFrame) -> Any:
        return table

    assert [("area", "float", False, True), ("rooms", "int", True, True), ("city", "str", True, True)] == columns(
        codec.describe_hints(plain)
    )
    with pytest.raises(TypeError, match="neither a call nor a type hint says what `rooms` is"):
        codec.describe_hints(unsaid)
    with pytest.raises(TypeError, match=r"what `table` is: a .*DataFrame cannot be made out of JSON"):
        codec.describe_hints(unmade)


def test_a_list_of_records_for_a_list_of_answers_is_rows() -> None:
    """A function from a list to a list takes rows, each of what its hint says."""

    def ages(flats: list[Flat]) -> list[int]:
        return [2024 - one.built.year for one in flats if one.built]

    rows = [Flat(1.0, datetime.date(2000, 1, 1)), Flat(2.0, datetime.date(2010, 1, 1))]
    described = codec.describe_batch(rows, ages)

    assert ("list", "Flat", described) == (described.kind, described.dtype, codec.describe_hints(ages))
    body = codec.to_json({"rows": codec.encode_input(rows, described)})
    assert [24, 14] == ages(codec.decode_rows(body, described, ages))


def test_records_without_a_hint_are_refused() -> None:
    """JSON would not bring the class of an argument back, so the message says how the function can."""
    with pytest.raises(TypeError, match=r"argument `flat` is a Flat, .* as in `flat: Flat`"):
        codec.describe_arguments([{"flat": Flat(1.0)}], lambda flat: flat.area)


@pytest.mark.parametrize("value", [datetime.date(2024, 1, 31), datetime.timedelta(seconds=3), (1, 2), {1, 2}, b"x", [1, "a"], None])
def test_plain_arguments_without_a_hint_come_back(value: Any) -> None:
    """What the notebook calls a function with is what it is called with from afar: dates stay dates, tuples stay tuples."""
    described = codec.describe_arguments([{"value": value}], lambda value: value)
    body = codec.to_json({"rows": codec.encode_input([{"value": value}], described)})

    assert [{"value": value}] == codec.decode_rows(body, described)


@pytest.mark.parametrize(
    ("hint", "value"), [(float, float("nan")), (float, float("inf")), (Any, float("-inf")), (Any, float("nan"))]
)
def test_numbers_that_json_lacks_come_back(hint: Any, value: float) -> None:
    """Not-a-number and infinity are taken where the notebook's own call gave one."""

    def same(number):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
        return number

    same.__annotations__["number"] = hint
    described = codec.describe_arguments([{"number": value}, {"number": 1.5}], same)
    body = codec.to_json({"rows": codec.encode_input([{"number": value}, {"number": 2}], described)})

    got = codec.decode_rows(body, described, same)

    np.testing.assert_equal([value, 2], [one["number"] for one in got])
    with pytest.raises(codec.InvalidInput, match="expected a number"):
        codec.decode_rows(body, codec.describe_arguments([{"number": 1.5}], same), same)


def test_tables_and_arrays_may_be_arguments() -> None:
    """A table among the arguments keeps its dtypes; what is wrong in it is named by its path."""

    def above(table: pd.DataFrame, limit: float, weights: np.ndarray) -> Any:
        return table, limit, weights

    table = pd.DataFrame({"age": [1, 2], "plan": pd.Categorical(["a", "b"]), "since": pd.to_datetime(["2024-01-01", "2024-01-02"])})
    call = {"table": table, "limit": 1.5, "weights": np.array([0.5, 1.5], dtype="float32")}
    described = codec.describe_arguments([call], above)
    [row] = codec.encode_input([call], described)

    [made] = codec.decode_rows(codec.to_json({"rows": [row]}), described, above)

    pd.testing.assert_frame_equal(table, made["table"])
    np.testing.assert_array_equal(call["weights"], made["weights"], strict=True)
    row["table"][1]["age"] = "old"
    with pytest.raises(codec.InvalidInput, match=r"^rows\[0\]\.table\[1\]\.age: expected a whole number, got a string$"):
        codec.decode_rows(codec.to_json({"rows": [row]}), described, above)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({}, "rows[0].flat: missing"),
        ({"flat": {"area": "big"}}, "rows[0].flat.area: expected a number, got a string"),
        ({"flat": {"area": 1}, "sise": 2}, "rows[0].sise: unknown parameter, did you mean `size`?"),
        ([1], "rows[0]: expected an object, got a list"),
    ],
)
def test_wrong_arguments_are_pointed_at(row: Any, message: str) -> None:
    """What is wrong with a call is named by its path."""

    def price(flat: Flat, size: int = 1) -> float:
        return flat.area * size

    with pytest.raises(codec.InvalidInput) as raised:
        codec.decode_rows(codec.to_json({"rows": [row]}), codec.describe_hints(price), price)

    assert message == str(raised.value)


def test_further_arguments_are_taken_where_the_function_takes_them() -> None:
    """Names that `**kwargs` takes are checked by its hint."""
    described = codec.describe_hints(many)

    assert [{"numbers": [1.0], "left": 2}] == codec.decode_rows(b'[{"numbers": [1.0], "left": 2}]', described, many)
    with pytest.raises(codec.InvalidInput, match=r"rows\[0\]\.left: expected a number, got a string"):
        codec.decode_rows(b'[{"left": "x"}]', described, many)


def divide(a: float, b: float) -> float:
    """Divide."""
    return a / b


def count_up(a: int, b: int) -> Iterator[int]:
    """Count from one number to another."""
    yield from range(a, b)


async def later(a: int) -> int:
    """Give back a number, later."""
    return a


ROWS = [({"a": 6, "b": 3}, (6, 3)), ({"a": 1, "b": 4}, (1, 4))]


@pytest.mark.parametrize("function", [divide, count_up, functools.partial(divide), lambda a, b: iter([a, b])])
def test_arguments_by_place_are_those_by_name(function: Callable[..., Any]) -> None:
    """Where all arguments are given in their order, a call by place is the same as one by name, also of a generator."""
    each, together = by_name(function), by_place(function, ["a", "b"])
    assert together is not None
    assert [each(named) for named, _ in ROWS] == together([placed for _, placed in ROWS])


def test_async_functions_are_called_by_place() -> None:
    """What is awaited is waited for, row by row."""
    together = by_place(later, ["a"])
    assert together is not None
    assert [1, 2] == together([(1,), (2,)])


@pytest.mark.parametrize(
    ("function", "names"),
    [(divide, ["b", "a"]), (divide, ["a"]), (lambda *values: values, ["values"]), (lambda a, *, b: (a, b), ["a", "b"]),
     (lambda a, /: a, ["a"]), (lambda a, **others: a, ["a"])],
)  # fmt: skip
def test_only_whole_calls_in_order_are_by_place(function: Callable[..., Any], names: list[str]) -> None:
    """Another order, or a parameter that is not one plain value, is left to the call by name."""
    assert by_place(function, names) is None


class Standing:
    """Stands for another object, whose class it claims to have."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        """Give the class of what it stands for."""
        return type(self.inner)

    def __iter__(self) -> Iterator[Any]:
        """Go through what it stands for."""
        return iter(self.inner)


def test_what_nobody_waits_for_is_known_by_its_type() -> None:
    """A value comes back as it is however often; an iterator that looks like nothing of the kind is run to its end."""
    value, standing = np.ones(2), Standing(3)
    assert all(value is settled(value) for _ in range(3))
    assert standing is settled(standing)
    assert [1, 2] == settled(Standing(iter([1, 2])))
