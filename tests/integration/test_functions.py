"""Functions of records, deployed from a real kernel: called over HTTP, and by their own arguments from the notebook."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import nbformat
import pytest
from jsonschema import Draft202012Validator
from nbclient import NotebookClient

from jupyter_deploy.home import Home

RECORDS = """
from __future__ import annotations
%load_ext jupyter_deploy
import dataclasses, datetime
from typing import TypedDict
import pydantic

@dataclasses.dataclass
class Flat:
    area: float
    built: datetime.date
    rooms: list[Room] = dataclasses.field(default_factory=list)

@dataclasses.dataclass
class Room:
    name: str

class Line(pydantic.BaseModel):
    sku: str
    count: int = pydantic.Field(gt=0)

class Order(pydantic.BaseModel):
    lines: list[Line]

class Person(TypedDict):
    name: str
    age: int

def price(flat: Flat, rate: float = 2.0) -> float:
    return flat.area * rate + len(flat.rooms) + flat.built.year

def total(order: Order) -> Order:
    return Order(lines=[Line(sku="all", count=sum(line.count for line in order.lines))])

def older(person: Person, *, years: int = 1) -> Person:
    return {**person, "age": person["age"] + years}

flat = Flat(10.0, datetime.date(2000, 1, 31), [Room("bath")])
price(flat, rate=3.0), total(Order(lines=[Line(sku="a", count=2)])), older({"name": "Ada", "age": 36})
"""
ASKED = """
print(price_ep.predict(flat, rate=3.0), price_ep.predict(flat=flat), price_ep(flat, 1.0))
print(total_ep.predict(Order(lines=[Line(sku="a", count=2), Line(sku="b", count=5)])))
print(older_ep.predict({"name": "Bob", "age": 1}, years=2), older_ep.predict([{"person": {"name": "Bob", "age": 1}}]))
"""


class Notebook:
    """A notebook in a running kernel."""

    def __init__(self, folder: Path) -> None:
        self.book = nbformat.v4.new_notebook()
        self.client = NotebookClient(self.book, kernel_name="python3", timeout=240, resources={"metadata": {"path": str(folder)}})

    def run(self, source: str) -> str:
        """Run a cell at the notebook's end, and give what it prints."""
        cell = nbformat.v4.new_code_cell(source)
        self.book.cells.append(cell)
        self.client.execute_cell(cell, len(self.book.cells) - 1)
        return "".join(one["text"] for one in cell.outputs if one.output_type == "stream" and one.name == "stdout")


@pytest.fixture(scope="module")
def notebook(shared_home: Home, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Notebook]:
    """Give a notebook whose three functions serve, verified."""
    running = Notebook(tmp_path_factory.mktemp("notebook"))
    with running.client.setup_kernel():
        running.run(RECORDS)
        for name in ("price", "total", "older"):
            running.run(f"{name}_ep = %deploy {name}")
        running.run("for ep in (price_ep, total_ep, older_ep):\n    ep.wait(200)")
        yield running


def ask(notebook: Notebook, name: str, path: str, row: Any = None) -> httpx.Response:
    """Call an endpoint over HTTP."""
    url, key = notebook.run(f"print({name}_ep.url, {name}_ep.key_file.read_text().strip())").split()
    headers = {"Authorization": f"Bearer {key}"}
    if row is None:
        return httpx.get(url + path, headers=headers, trust_env=False)
    return httpx.post(url + path, headers=headers, json={"rows": [row]}, trust_env=False)


def test_records_are_made_out_of_json(notebook: Notebook) -> None:
    """A dataclass, a model of pydantic's and a TypedDict come in as JSON, and go out as JSON."""
    flat = {"area": 10, "built": "2000-01-31", "rooms": [{"name": "bath"}, {"name": "hall"}]}

    assert [2022.0] == ask(notebook, "price", "predict", {"flat": flat}).json()["predictions"]
    order = {"order": {"lines": [{"sku": "a", "count": 2}, {"sku": "b", "count": 3}]}}
    assert [{"lines": [{"sku": "all", "count": 5}]}] == ask(notebook, "total", "predict", order).json()["predictions"]
    older = {"person": {"name": "Ada", "age": 36}, "years": 4}
    assert [{"name": "Ada", "age": 40}] == ask(notebook, "older", "predict", older).json()["predictions"]


@pytest.mark.parametrize(
    ("name", "row", "path", "message"),
    [
        ("price", {"flat": {"area": "top secret", "built": "2000-01-31"}}, "rows[0].flat.area", "expected a number, got a string"),
        ("price", {"flat": {"area": 1, "built": "2000-01-31", "rooms": [{}]}}, "rows[0].flat.rooms[0].name", "missing"),
        ("total", {"order": {"lines": [{"sku": "top secret", "count": 0}]}}, "rows[0].order.lines[0].count",
         "the value should be greater than 0"),
        ("older", {"person": {"name": "Ada", "age": "top secret"}}, "rows[0].person.age", "expected a whole number, got a string"),
        ("older", {"person": {"name": "Ada", "age": 1}, "yeers": 2}, "rows[0].yeers", "unknown parameter, did you mean `years`?"),
    ],
)  # fmt: skip
def test_bad_fields_are_pointed_at(notebook: Notebook, name: str, row: Any, path: str, message: str) -> None:
    """What does not fit is a problem with the field's path, and never the value."""
    answer = ask(notebook, name, "predict", row)

    assert (422, [{"path": path, "message": message}]) == (answer.status_code, answer.json()["errors"])
    assert "secret" not in answer.text


def test_the_notebook_calls_with_its_own_records(notebook: Notebook) -> None:
    """An endpoint takes what the function takes, by place and by name, and gives what the function gives, as JSON."""
    expected = [
        "2031.0 2021.0 2011.0",
        "{'lines': [{'sku': 'all', 'count': 7}]}",
        "{'name': 'Bob', 'age': 3} [{'name': 'Bob', 'age': 2}]",
    ]

    assert expected == notebook.run(ASKED).splitlines()


def test_the_contract_tells_every_field(notebook: Notebook) -> None:
    """The route `/contract.json` is a JSON schema with the fields of the records, and what OpenAPI tells is the same."""
    told = ask(notebook, "price", "contract.json").json()
    openapi = ask(notebook, "price", "docs.json").json()

    Draft202012Validator.check_schema(told)
    for example in told["examples"]:
        Draft202012Validator(told).validate(example)
    rows = told["properties"]["predict"]["properties"]["rows"]
    assert {"type": "string", "format": "date"} == rows["items"]["properties"]["flat"]["properties"]["built"]
    assert rows == openapi["components"]["schemas"]["predict.rows"]


def test_nothing_but_golden_rows_was_needed(notebook: Notebook) -> None:
    """The calls of the first cell are the golden rows of the three releases."""
    told = notebook.run(
        "for ep in (price_ep, total_ep, older_ep):\n    print(ep.view.release.state, ep.view.release.stages[5].detail)"
    )

    assert 3 == len(re.findall(r"^serving 1 golden answers? reproduced", told, re.MULTILINE))
