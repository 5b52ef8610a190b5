from __future__ import annotations

import collections
import dataclasses
import datetime
import decimal
import enum
import json
import typing
import uuid
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, NamedTuple, NewType, Optional, TypeVar, Union

import jsonschema
import msgspec
import numpy as np
import numpy.typing as npt
import pandas as pd
import pydantic
import pytest
from pydantic import v1
from typing_extensions import Required, TypedDict

from jupyter_deploy.bentos.python.endpoint.dtypes import to_json
from jupyter_deploy.bentos.python.endpoint.scalars import NoShape
from jupyter_deploy.bentos.python.endpoint.shapes import Shapes, attempt, name_of

attrs = pytest.importorskip("attrs")
T = TypeVar("T")
Number = NewType("Number", int)
Maybe, Either = Optional[int], Union[int, str]  # noqa: UP007, UP045 (as people write them)


class Colour(enum.Enum):
    """One of some values, one of which is no text."""

    RED = "red"
    TWO = 2


@dataclasses.dataclass
class Item:
    """A record with a list, itself, and what it computes."""

    count: int
    tags: list[str] = dataclasses.field(default_factory=list)
    within: Optional[Item] = None  # noqa: UP045 (as people write it)
    double: int = dataclasses.field(init=False)

    def __post_init__(self) -> None:
        if self.count < 0:
            raise ValueError(f"secret {self.count}")
        self.double = 2 * self.count


@dataclasses.dataclass
class Box(Generic[T]):
    """A record of whatever."""

    value: T


class Point(NamedTuple):
    """A tuple with names."""

    x: float
    y: float = 0.0


class Person(TypedDict, total=False):
    """An object of which one key must be there, which Python itself cannot tell since hints are texts here."""

    name: Required[str]
    age: int


class Address(pydantic.BaseModel):
    """A model of pydantic's within another one."""

    city: str
    since: datetime.date | None = None


class Customer(pydantic.BaseModel):
    """A model of pydantic's with a constraint, a check of its own, and itself."""

    age: int = pydantic.Field(gt=0)
    address: Address
    others: list[Customer] = []

    @pydantic.field_validator("age")
    @classmethod
    def _lucky(cls, age: int) -> int:
        if age == 13:
            raise ValueError(f"secret {age}")
        return age


class Old(v1.BaseModel):
    """A model of pydantic's first version."""

    count: int
    more: list[int] = []


class Struct(msgspec.Struct):
    """A struct of msgspec's."""

    count: int
    more: list[int] = []


@attrs.define
class Sized:
    """A class of attrs', which takes `_size` as `size`."""

    _size: int
    colour: Colour = Colour.RED


DAY, MOMENT = datetime.date(2024, 1, 31), datetime.datetime.fromisoformat("2024-01-31T10:30:00")
ID = uuid.UUID(int=7)
CHILD = Customer(age=1, address=Address(city="Rome"))
FITS: list[tuple[Any, Any]] = [  # what a hint makes out of the JSON of a value is that value
    (int, 3), (float, 3), (float, 3.5), (bool, True), (str, "a"), (Any, {"a": [1]}), (type(None), None), (float | None, None),
    (Maybe, 3), (Either, "a"), (int | float, 3), (float | int, 3.5), (datetime.date | str, DAY),
    (datetime.date | str, "soon"), (Literal["a", 1], 1), (Colour, Colour.TWO), (Number, 3), (T, "a"), (list[int], [1, 2]),
    (tuple[int, str], (1, "a")), (tuple[int, ...], (1, 2)), (set[str], {"a"}), (frozenset[int], frozenset({1})),
    (typing.Sequence[Item], [Item(1)]), (dict[str, Item], {"a": Item(1)}), (dict[int, float], {1: 2.5}), (dict, {"a": 1}),
    (collections.deque[int], collections.deque([1])), (typing.Mapping[str, int], {"a": 1}), (list, [1, "a"]),
    (Item, Item(1, ["a"], Item(2))), (Item | Address, Address(city="Rome")), (Box[int], Box(3)), (Point, Point(1.5, 2.0)),
    (Person, {"name": "Ada"}), (Customer, Customer(age=3, address=Address(city="Bern", since=DAY), others=[CHILD])),
    (Old, Old(count=1)),
    (Struct, Struct(1, [2])), (Sized, Sized(3, Colour.TWO)), (datetime.date, DAY), (datetime.datetime, MOMENT),
    (datetime.time, MOMENT.time()), (datetime.timedelta, datetime.timedelta(days=1, seconds=3)), (uuid.UUID, ID),
    (decimal.Decimal, decimal.Decimal("1.10")), (bytes, b"\xff"), (Path, Path("a/b")),
    (pd.Timestamp, pd.Timestamp("2024-01-31T10:30")),
    (np.float64, np.float64(0.5)), (np.int8, np.int8(3)), (Annotated[int, pydantic.Field(gt=3)], 4), (Annotated[int, "seats"], 4),
]  # fmt: skip


@pytest.mark.parametrize(("hint", "value"), FITS, ids=lambda one: name_of(one) if not isinstance(one, str) else one)
def test_what_a_hint_says_comes_back_from_json(hint: Any, value: Any) -> None:
    """A value of each kind of hint, written as JSON, is made again: type and content."""
    shape = Shapes(globals()).of(hint)

    made, errors = attempt(shape, json.loads(json.dumps(to_json(value))))

    assert ([], value, type(value)) == (errors.list, made, type(made))


@pytest.mark.parametrize(("hint", "value"), FITS, ids=lambda one: name_of(one) if not isinstance(one, str) else one)
def test_what_a_hint_accepts_fits_its_schema(hint: Any, value: Any) -> None:
    """The schema of each kind of hint is a valid one, and takes the JSON of its values."""
    schema = Shapes(globals()).of(hint).schema

    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(to_json(value), schema, jsonschema.Draft202012Validator)


UNFIT: list[tuple[Any, Any, list[tuple[str, str]]]] = [
    (int, "3", [("", "expected a whole number, got a string")]),
    (int, 2.5, [("", "expected a whole number, got a fraction")]),
    (float, None, [("", "expected a number, got null")]),
    (float | None, "a", [("", "expected a number, got a string")]),
    (int | bool, "a", [("", "expected one of int | bool, got a string")]),
    (Item | Address, {"citi": "Rome"}, [("", "fits none of Item | Address")]),
    (Literal["a", 1], True, [("", "not one of the 2 known values")]),
    (Colour, ["red"], [("", "expected one value, got a list")]),
    (list[int], {"a": 1}, [("", "expected a list, got an object")]),
    (list[Item], [{"count": 1}, {"count": "x"}], [("[1].count", "expected a whole number, got a string")]),
    (tuple[int, str], [1], [("", "expected 2 values, got 1")]),
    (set[Any], [[1]], [("", "expected plain values, which a set can hold")]),
    (dict[int, float], {"a": 1}, [(".a", "expected a number as the key")]),
    (dict[str, int], {"<b>": "x"}, [(".?", "expected a whole number, got a string")]),
    (Item, {"tagz": []}, [(".tagz", "unknown field, did you mean `tags`?"), (".count", "missing")]),
    (Item, {"count": 1, "within": {"count": "x"}}, [(".within.count", "expected a whole number, got a string")]),
    (Item, {"count": -1}, [("", "refused by Item itself")]),
    (Point, [1, 2, 3], [("", "expected an object, got a list")]),
    (Person, {"age": 3}, [(".name", "missing")]),
    (Customer, {"age": 0, "address": {"city": 3, "since": "soon"}, "others": [{"age": 13, "address": {}}]}, [
        (".age", "the value should be greater than 0"), (".address.city", "expected a string, got a number"),
        (".address.since", "expected a date as ISO 8601 text, got a string"), (".others[0].age", "refused by Customer itself"),
        (".others[0].address.city", "missing"),
    ]),
    (Customer, 5, [("", "expected an object, got a number")]),
    (Old, {"count": "x", "more": [1, "y"]}, [(".count", "expected a whole number"), (".more[1]", "expected a whole number")]),
    (Struct, {"count": 1, "more": ["x"]}, [(".more[0]", "expected int, got str")]),
    (datetime.date, "31.1.2024", [("", "expected a date as ISO 8601 text")]),
    (datetime.datetime, 0, [("", "expected a date and time as ISO 8601 text, got a number")]),
    (uuid.UUID, "7", [("", "expected a UUID as text")]),
    (decimal.Decimal, "1,10", [("", "expected a decimal number as text")]),
    (decimal.Decimal, True, [("", "expected a decimal number as text, got a boolean")]),
    (npt.NDArray[np.float64], [[1], [2, 3]], [("", "expected nested lists of one length, and of numbers of one kind")]),
    (Annotated[int, pydantic.Field(gt=3)], 2, [("", "the value should be greater than 3")]),
]  # fmt: skip


@pytest.mark.parametrize(("hint", "value", "expected"), UNFIT, ids=lambda one: name_of(one) if isinstance(one, type) else "")
def test_what_does_not_fit_is_pointed_at(hint: Any, value: Any, expected: list[tuple[str, str]]) -> None:
    """Each wrong place is named by its path and what was expected there, and never by the value, whoever checks it."""
    assert expected == attempt(Shapes(globals()).of(hint), value)[1].list


@pytest.mark.parametrize(
    "hint", [complex, type[int], typing.Callable[[int], int], pd.DataFrame, typing.TextIO, Item | pd.DataFrame]
)
def test_what_json_cannot_give_has_no_shape(hint: Any) -> None:
    """A hint that no JSON satisfies is none."""
    with pytest.raises(NoShape):
        Shapes({}).of(hint)


def test_arrays_have_their_dtype() -> None:
    """An array is made with the dtype that its hint names."""
    made, _ = attempt(Shapes({}).of(npt.NDArray[np.float32]), [[1, 2]])

    assert (np.float32, (1, 2)) == (made.dtype, made.shape)
