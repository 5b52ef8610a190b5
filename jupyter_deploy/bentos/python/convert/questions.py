"""What a method and a graph are both asked: its golden rows, and variations of them that the golden rows do not tell about."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from endpoint.contract import Golden, Method  # type: ignore[import-not-found]
from endpoint.fast import REFUSALS  # type: ignore[import-not-found]
from endpoint.problems import Problem  # type: ignore[import-not-found]

from .forms import is_number

MOST = 200  # rows of a question
STRANGE = "☃ étrange 東京 A b_c 12"
Change = Callable[[int, Any, str], Any]  # of a value, by its place and its column's dtype


class Question(NamedTuple):
    """One call.

    Attributes:
        argument: The model's argument.
        expected: What the model answers; None where it raises.
        golden: Whether its rows are golden rows as they are.
    """

    argument: Any
    expected: Any
    golden: bool


def questions(method: Method, bound: Any, golden: Sequence[Golden]) -> list[Question]:
    """Ask the model itself.

    Args:
        method: The method's contract.
        bound: The method of the loaded model.
        golden: Its golden rows.

    Returns:
        The questions with their answers.
    """
    import numpy as np

    found = []
    for rows, is_golden in _all_rows(method, golden):
        try:
            part = bound.decoder.parse(json.dumps({"rows": rows}).encode())
            argument = bound.decoder.join([part])
        except (Problem, *REFUSALS):
            continue  # a caller would be refused
        try:
            expected = np.asarray(bound.ask([part])[0].native)
        except Problem:
            expected = None
        found.append(Question(argument, expected, is_golden))
    return found


def _all_rows(method: Method, golden: Sequence[Golden]) -> Iterator[tuple[list[Any], bool]]:
    known = [one.rows for one in golden]
    yield from ((rows, True) for rows in known)
    rows = [row for one in known for row in one][:MOST]
    for change in (_mixed, _larger, _negative, _missing, _strange):
        made = [change(method, rows, at) for at in range(len(rows))]
        if made and made != rows:
            yield made, False


def _mixed(method: Method, rows: list[Any], at: int) -> Any:
    """Each value from another row."""
    return _changed(
        method, rows[at], lambda place, _value, _dtype: _value_of(rows[(at * 3 + place + 1) % len(rows)], place, method)
    )


def _larger(method: Method, rows: list[Any], at: int) -> Any:
    return _changed(method, rows[at], lambda _place, value, dtype: value * 7.3 if _is_float(value, dtype) else value)


def _negative(method: Method, rows: list[Any], at: int) -> Any:
    return _changed(method, rows[at], lambda _place, value, dtype: -0.5 * value if _is_float(value, dtype) else value)


def _missing(method: Method, rows: list[Any], at: int) -> Any:
    """A value is missing, another one in each row; where that is not allowed, the contract refuses it."""
    return _changed(method, rows[at], lambda place, value, _dtype: None if place == at % 7 else value)


def _strange(method: Method, rows: list[Any], at: int) -> Any:
    """Texts that nobody has seen yet."""
    strange = STRANGE[at % len(STRANGE) :]
    return _changed(method, rows[at], lambda _place, value, _dtype: f"{value} {strange}" if isinstance(value, str) else value)


def _changed(method: Method, row: Any, change: Change) -> Any:
    if isinstance(row, dict):
        dtypes = {column.name: column.dtype for column in method.input.columns}
        return {name: change(place, value, dtypes.get(name, "")) for place, (name, value) in enumerate(row.items())}
    if isinstance(row, list):
        return [change(place, value, method.input.dtype or "") for place, value in enumerate(row)]
    return change(0, row, method.input.dtype or "")


def _value_of(row: Any, place: int, method: Method) -> Any:
    if isinstance(row, dict):
        return row[method.input.columns[place].name]
    return row[place] if isinstance(row, list) else row


def _is_float(value: Any, dtype: str) -> bool:
    return isinstance(value, float) and is_number(dtype) and not dtype.lower().startswith(("int", "uint", "bool"))
