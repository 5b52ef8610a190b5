"""Functions of several arguments: their hints and calls make the contract, and a fresh interpreter answers as the notebook did."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from jsonschema import Draft202012Validator

from jupyter_deploy import errors
from jupyter_deploy.values import Capture

Replay = Callable[[Capture], list[Any]]

RECORDS = """
import collections, dataclasses, datetime, decimal, enum, functools, uuid
from typing import Annotated, Literal, NamedTuple, Optional, TypedDict
import numpy as np
import pandas as pd
import pydantic

class Kind(enum.Enum):
    FLAT = "flat"
    HOUSE = "house"

@dataclasses.dataclass
class Address:
    city: str
    since: Optional[datetime.date] = None

@dataclasses.dataclass
class Home:
    area: float
    address: Address
    kind: Kind = Kind.FLAT
    rooms: list[str] = dataclasses.field(default_factory=list)

class Line(pydantic.BaseModel):
    sku: str
    count: int = pydantic.Field(gt=0)

class Order(pydantic.BaseModel):
    lines: list[Line]
    id: uuid.UUID

class Person(TypedDict):
    name: str
    age: int

class Point(NamedTuple):
    x: float
    y: float = 0.0
"""


class Case(NamedTuple):
    """A function, a call of it, and what both are as JSON.

    Attributes:
        name: What is deployed.
        source: The cell that defines it.
        call: The cell that calls it.
        rows: The arguments as JSON.
        answers: The answers as JSON.
    """

    name: str
    source: str
    call: str
    rows: list[Any]
    answers: list[Any]


CASES = [
    Case(
        "price",
        """
def price(area: float, rooms: int = 3, *, city: str) -> float:
    return area * rooms * len(city)
""",
        "price(80, city='Bern')",
        [{"area": 80, "city": "Bern"}],
        [960],
    ),
    Case(
        "rent",
        """
def rent(home: Home, discount: float = 0.0) -> dict[str, float]:
    return {home.address.city: home.area * (1 - discount), home.kind.name: len(home.rooms)}
""",
        "rent(Home(50.0, Address('Bern', datetime.date(2024, 1, 31)), kind=Kind.HOUSE, rooms=['a']), discount=0.5)",
        [
            {
                "home": {"area": 50.0, "address": {"city": "Bern", "since": "2024-01-31"}, "kind": "house", "rooms": ["a"]},
                "discount": 0.5,
            }
        ],
        [{"Bern": 25.0, "HOUSE": 1}],
    ),
    Case(
        "total",
        """
def total(order: Order) -> Order:
    return Order(lines=[Line(sku='all', count=sum(one.count for one in order.lines))], id=order.id)
""",
        "total(Order(lines=[Line(sku='a', count=2), Line(sku='b', count=3)], id=uuid.UUID(int=7)))",
        [{"order": {"lines": [{"sku": "a", "count": 2}, {"sku": "b", "count": 3}], "id": "00000000-0000-0000-0000-000000000007"}}],
        [{"lines": [{"sku": "all", "count": 5}], "id": "00000000-0000-0000-0000-000000000007"}],
    ),
    Case(
        "older",
        """
def older(person: Person, years: Literal[1, 10] = 1) -> Person:
    return {**person, 'age': person['age'] + years}
""",
        "older({'name': 'Ada', 'age': 36}, years=10)",
        [{"person": {"name": "Ada", "age": 36}, "years": 10}],
        [{"name": "Ada", "age": 46}],
    ),
    Case(
        "mirror",
        """
def mirror(point: Point) -> Point:
    return Point(-point.x, -point.y)
""",
        "mirror(Point(1.5))",
        [{"point": [1.5, 0.0]}],
        [[-1.5, 0.0]],
    ),
    Case(
        "other",
        """
def other(kind: Kind) -> Kind:
    return Kind.FLAT if kind is Kind.HOUSE else Kind.HOUSE
""",
        "other(Kind.FLAT)",
        [{"kind": "flat"}],
        ["house"],
    ),
    Case(
        "fee",
        """
def fee(amount: decimal.Decimal, due: datetime.date, wait: datetime.timedelta, raw: bytes) -> decimal.Decimal:
    return amount * (due + wait).day + len(raw)
""",
        "fee(decimal.Decimal('1.10'), datetime.date(2024, 1, 2), datetime.timedelta(days=1), b'xy')",
        [{"amount": "1.10", "due": "2024-01-02", "wait": "P1D", "raw": "eHk="}],
        ["5.30"],
    ),
    Case(
        "add",
        """
def add(*numbers: float, **named: float) -> float:
    return sum(numbers) + sum(named.values())
""",
        "add(1.0, 2.0, left=3.0)",
        [{"numbers": [1.0, 2.0], "left": 3.0}],
        [6.0],
    ),
    Case(
        "less",
        """
def less(a, b, /, c=1):
    return a - b * c
""",
        "less(3, 2)",
        [{"a": 3, "b": 2}],
        [1],
    ),
    Case(
        "half",
        "half = functools.partial(lambda a, b, c=1.0: a + b * c, 2.0, c=0.5)",
        "half(3.0)",
        [{"b": 3.0}],
        [3.5],
    ),
    Case(
        "steps",
        """
def steps(until: int):
    for step in range(until):
        yield step * 0.5
""",
        "steps(3)",
        [{"until": 3}],
        [[0.0, 0.5, 1.0]],
    ),
    Case(
        "keep",
        """
def keep(tags: set[str], least: int = 0) -> set[str]:
    return {one for one in tags if len(one) > least}
""",
        "keep({'a', 'bc'}, least=1)",
        [{"tags": ["a", "bc"], "least": 1}],
        [["bc"]],
    ),
    Case(
        "years",
        """
def years(day, back=(1, 2)):
    return day.year - back[0]
""",
        "years(datetime.date(2024, 1, 31), back=(3, 4))",
        [{"day": "2024-01-31", "back": [3, 4]}],
        [2021],
    ),
    Case(
        "ages",
        """
def ages(people: list[Home]) -> list[float]:
    return [one.area for one in people]
""",
        "ages([Home(1.0, Address('a')), Home(2.0, Address('b'))])",
        [
            {"area": 1.0, "address": {"city": "a", "since": None}, "kind": "flat", "rooms": []},
            {"area": 2.0, "address": {"city": "b", "since": None}, "kind": "flat", "rooms": []},
        ],
        [1.0, 2.0],
    ),
    Case(
        "above",
        """
table = pd.DataFrame({'age': [1.0, 2.0], 'plan': pd.Categorical(['a', 'b'])})
def above(table: pd.DataFrame, limit: float) -> list[str]:
    return table.plan[table.age > limit].astype(str).tolist()
""",
        "above(table, 1.5)",
        [{"table": [{"age": 1.0, "plan": "a"}, {"age": 2.0, "plan": "b"}], "limit": 1.5}],
        [["b"]],
    ),
    Case(
        "mean",
        """
rows = pd.DataFrame({'age': [1.0, 2.0]})
def mean(rows: pd.DataFrame) -> float:
    return float(rows.age.mean())
""",
        "mean(rows)",
        [{"rows": [{"age": 1.0}, {"age": 2.0}]}],
        [1.5],
    ),
    Case(
        "loose",
        """
def loose(number: int, shift: float = None):
    return number * 2 + (shift or 0)
""",
        "loose(2.5)",
        [{"number": 2.5}],
        [5.0],
    ),
    Case(
        "summary",
        """
def summary(n: int):
    return {'mean': np.float32(n / 2), 'all': np.arange(n), 'day': datetime.date(2024, 1, n)}
""",
        "summary(2)",
        [{"n": 2}],
        [{"mean": 1.0, "all": [0, 1], "day": "2024-01-02"}],
    ),
    Case(
        "checked",
        """
@pydantic.validate_call
def checked(count: Annotated[int, pydantic.Field(gt=0)], name: str = "a") -> str:
    return name * count
""",
        "checked(2)",
        [{"count": 2}],
        ["aa"],
    ),
    Case(
        "first",
        """
@functools.singledispatch
def first(value):
    return "other"

@first.register
def _(value: int):
    return "whole"
""",
        "first(2)",
        [{"value": 2}],
        ["whole"],
    ),
    Case(
        "own",
        """
class Own:
    def predict(self, a: float, b: float = 1.0) -> float:
        return a - b
own = Own()
""",
        "own.predict(3.0)",
        [{"a": 3.0}],
        [2.0],
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_functions_answer_as_in_the_notebook(session: Any, replay: Replay, case: Case) -> None:
    """A call that a cell made is a golden row, which fits the schema and is answered the same in a fresh interpreter."""
    taken = session.run(RECORDS, case.source, case.call).capture(case.name)

    [golden] = json.loads((Path(taken.folder) / "golden.json").read_bytes())
    assert (case.rows, case.answers) == (golden["rows"], golden["answers"])
    document = json.loads((Path(taken.folder) / "contract.json").read_bytes())
    Draft202012Validator(document).validate({"predict": {"rows": case.rows, "predictions": case.answers}})
    assert [] == replay(taken)


@pytest.mark.parametrize("case", [case for case in CASES if case.name in ("rent", "total", "older")], ids=lambda case: case.name)
def test_hints_that_are_texts_are_resolved(session: Any, replay: Replay, case: Case) -> None:
    """Hints that `from __future__ import annotations` makes texts of leave the kernel as what they name."""
    future = "from __future__ import annotations\n"

    taken = session.run(future + RECORDS, future + case.source, case.call).capture(case.name)

    assert [] == replay(taken)


def test_a_signature_alone_can_be_deployed(session: Any) -> None:
    """A function with hints that no cell calls has a contract and no golden rows, and a finding says what that means."""
    session.run(RECORDS, "def price(home: Home, rate: float) -> float:\n    return home.area * rate")

    taken = session.capture("price")

    assert ({}, ["home", "rate"]) == (taken.golden, [one.name for one in taken.contract.methods[0].input.columns])
    assert [("golden", "price")] == [(one.kind, one.subject) for one in taken.findings]
    assert {"type": "number"} == taken.contract.methods[0].output.schema


def test_defaults_alone_are_one_call(session: Any, replay: Replay) -> None:
    """A function whose arguments all have defaults is asked once with these."""
    taken = session.run("def price(area=2.0, rate: float = 1.5):\n    return area * rate").capture("price")

    assert {"predict": 1} == taken.golden
    assert [] == replay(taken)


def test_a_failing_call_is_told_although_there_are_hints(session: Any) -> None:
    """Where the notebook's own call fails now, hints are not taken for the truth instead."""
    session.run(
        "def price(area: float, rooms: int) -> float:\n    return area / rooms", "rooms = 2", "price(80.0, rooms)", "rooms = 0"
    )

    with pytest.raises(errors.NoContract, match=r"cell 3: price\(…, rooms\): ZeroDivisionError"):
        session.capture("price")


def test_a_record_without_a_hint_is_explained(session: Any) -> None:
    """An argument whose class JSON would lose is refused, with the hint that would keep it."""
    session.run(RECORDS, "def city(home):\n    return home.address.city", "home = Home(1.0, Address('Bern'))\ncity(home)")

    with pytest.raises(errors.NoContract, match=r"the argument `home` is a Home, .* as in `home: Home`"):
        session.capture("city")


def test_an_example_of_records(session: Any, replay: Replay) -> None:
    """A dict of arguments, or a tuple of them, is an example of a call."""
    session.run(RECORDS, "def city(home: Home, upper: bool = False) -> str:\n    return home.address.city")
    home = session.namespace["Home"](1.0, session.namespace["Address"]("Bern"))

    for example in ({"home": home}, (home, True), home):
        taken = session.capture("city", example=example)
        assert {"predict": 1} == taken.golden
        assert [] == replay(taken)


def test_the_same_classes_give_the_same_digest(session: Any) -> None:
    """Classes of records are pickled the same way each time."""
    session.run(RECORDS, "def total(order: Order, home: Home) -> int:\n    return len(order.lines)")

    assert session.capture("total").digest == session.capture("total").digest
