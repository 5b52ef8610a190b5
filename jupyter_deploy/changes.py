"""What changed from one release to another: cells, packages, contract, golden answers, settings, and where it came from."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from jupyter_deploy.answers import same
from jupyter_deploy.bundle import read_golden
from jupyter_deploy.lock import compare
from jupyter_deploy.values import (
    Capture,
    Cell,
    Contract,
    Golden,
    Input,
    Lock,
    Method,
    Options,
    Output,
    Provenance,
    Release,
    from_json,
)
from jupyter_deploy.values.base import Value

SHOWN = 5  # golden rows whose answers are shown


class Side(NamedTuple):
    """One release with all that it was made from.

    Attributes:
        release: The release.
        capture: Its capture.
        lock: Its lock; None where it did not come so far.
        options: What it was asked to do.
    """

    release: Release
    capture: Capture
    lock: Lock | None
    options: Options


class CellChange(Value, frozen=True, kw_only=True):
    """One cell that differs.

    Attributes:
        what: What it is for the model, such as `defines clean`.
        diff: The lines that were removed, with `-`, and added, with `+`, as in a unified diff.
    """

    what: str
    diff: str


class Change(Value, frozen=True, kw_only=True):
    """One thing that differs.

    Attributes:
        name: What: a package, a column, a setting.
        before: How it was; empty where it was not there.
        after: How it is; empty where it is gone.
    """

    name: str
    before: str
    after: str


class GoldenChange(Value, frozen=True, kw_only=True):
    """How the answers of one method differ on the golden rows that both releases have.

    Attributes:
        method: The method.
        rows: How many rows both have.
        changed: How many of them are answered otherwise.
        added: How many rows only the newer one has.
        removed: How many rows only the older one has.
        examples: Some rows that are answered otherwise: the row, the old answer and the new one.
    """

    method: str
    rows: int
    changed: int
    added: int
    removed: int
    examples: tuple[tuple[Any, Any, Any], ...] = ()


class Changes(Value, frozen=True, kw_only=True):
    """What changed from one release to another; everything is empty where nothing did.

    Attributes:
        old: The older release, such as `churn@1`.
        new: The newer one.
        model: Whether the model itself, as it was written to disk, is another.
        cells: The cells that differ.
        packages: The packages that differ.
        contract: What differs in methods and columns.
        golden: The methods whose golden rows or answers differ.
        settings: The settings that differ.
        origin: What differs in where the releases came from.
    """

    old: str
    new: str
    model: bool = False
    cells: tuple[CellChange, ...] = ()
    packages: tuple[Change, ...] = ()
    contract: tuple[Change, ...] = ()
    golden: tuple[GoldenChange, ...] = ()
    settings: tuple[Change, ...] = ()
    origin: tuple[Change, ...] = ()


def changes(old: Side, new: Side, tolerance: float) -> Changes:
    """Compare two releases.

    Args:
        old: The older one.
        new: The newer one.
        tolerance: Relative tolerance of floats within which two answers are the same.

    Returns:
        What differs.
    """
    before, after = Path(old.capture.folder), Path(new.capture.folder)
    return Changes(
        old=old.release.tag,
        new=new.release.tag,
        model=old.capture.digest != new.capture.digest,
        cells=tuple(cells(_cells(before), _cells(after))),
        packages=tuple(packages(old.lock, new.lock)),
        contract=tuple(contracts(old.capture.contract, new.capture.contract)),
        golden=tuple(golden(read_golden(before), read_golden(after), tolerance)),
        settings=tuple(_fields(old.options, new.options)),
        origin=tuple(origins(old, new)),
    )


def cells(old: Sequence[Cell], new: Sequence[Cell]) -> Iterator[CellChange]:
    """Compare the cells that two captures came from.

    Args:
        old: The older capture's.
        new: The newer capture's.

    Yields:
        What differs: cells that define or assign the same names are compared line by line.
    """
    sources = {one.source for one in old} & {one.source for one in new}
    gone = [one for one in old if one.source not in sources]
    for cell in (one for one in new if one.source not in sources):
        before = next((one for one in gone if _names(one) & _names(cell)), None)
        if before is not None:
            gone.remove(before)
        yield CellChange(what=cell.why, diff=_lines(before.source if before else "", cell.source))
    for cell in gone:
        yield CellChange(what=cell.why, diff=_lines(cell.source, ""))


def packages(old: Lock | None, new: Lock | None) -> Iterator[Change]:
    """Compare two locks.

    Args:
        old: The older one; nothing is compared where a release did not come so far.
        new: The newer one.

    Yields:
        What differs.
    """
    if old is None or new is None:
        return
    if old.python != new.python:
        yield Change(name="python", before=old.python, after=new.python)
    for one in compare.diff(old, new):
        yield Change(name=one.name, before=one.before, after=f"{one.after} (other files)" if one.rebuilt else one.after)


def contracts(old: Contract, new: Contract) -> Iterator[Change]:
    """Compare two contracts.

    Args:
        old: The older one.
        new: The newer one.

    Yields:
        What differs: methods, and within a method each column or other part of its input and output.
    """
    names = dict.fromkeys(method.name for contract in (old, new) for method in contract.methods)
    for name in names:
        before, after = old.method(name), new.method(name)
        if before is None or after is None:
            yield Change(name=name, before=_kinds(before), after=_kinds(after))
            continue
        for side in ("input", "output"):
            yield from _sides(f"{name} {side}", getattr(before, side), getattr(after, side))


def golden(old: Sequence[Golden], new: Sequence[Golden], tolerance: float) -> Iterator[GoldenChange]:
    """Compare the notebook's answers on the rows that two captures have in common.

    Args:
        old: The older capture's golden rows.
        new: The newer capture's.
        tolerance: Relative tolerance of floats.

    Yields:
        The methods for which rows or answers differ.
    """
    before, after = _answers(old), _answers(new)
    for method in dict.fromkeys([*before, *after]):
        first, second = before.get(method, {}), after.get(method, {})
        common = [row for row in second if row in first]
        differing = [row for row in common if not same(first[row], second[row], tolerance)]
        if differing or first.keys() != second.keys():
            yield GoldenChange(
                method=method,
                rows=len(common),
                changed=len(differing),
                added=len(second) - len(common),
                removed=len(first) - len(common),
                examples=tuple((json.loads(row), first[row], second[row]) for row in differing[:SHOWN]),
            )


def origins(old: Side, new: Side) -> Iterator[Change]:
    """Compare where two releases came from.

    Args:
        old: The older one.
        new: The newer one.

    Yields:
        What differs of notebook, expression, kernel and git revision.
    """
    for name in ("variable", "kind", "language_version"):
        yield from _change(name.replace("_", " "), getattr(old.capture, name), getattr(new.capture, name))
    for name in ("user", "host", "notebook", "kernel"):
        yield from _change(name, getattr(old.release.provenance, name), getattr(new.release.provenance, name))
    yield from _change("revision", revision(old.release.provenance), revision(new.release.provenance))


def revision(origin: Provenance) -> str:
    """Say at which git commit a notebook stood.

    Args:
        origin: Where a release came from.

    Returns:
        The commit's first twelve digits, and how many files differed from it; empty outside of git.
    """
    dirty = f", {len(origin.dirty)} changed {'file' if len(origin.dirty) == 1 else 'files'}" if origin.dirty else ""
    return f"{origin.revision[:12]}{dirty}" if origin.revision else ""


def told(origin: Provenance) -> str:
    """Say in one line where a release came from.

    Args:
        origin: Where it came from.

    Returns:
        Notebook, cells, git revision and kernel, as far as they are known.
    """
    cells_of = f"cells {' '.join(map(str, origin.cells))}" if origin.cells else ""
    return ", ".join(filter(None, (origin.notebook, cells_of, revision(origin), origin.kernel)))


def _cells(folder: Path) -> list[Cell]:
    return from_json((folder / "cells.json").read_bytes(), list[Cell])


def _names(cell: Cell) -> set[str]:
    return set(cell.why.split(", "))


def _lines(old: str, new: str) -> str:
    compared = difflib.unified_diff(old.splitlines(), new.splitlines(), lineterm="", n=1)
    return "\n".join(line for line in compared if not line.startswith(("---", "+++")))


def _answers(golden_rows: Sequence[Golden]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for one in golden_rows:
        rows = (json.dumps(row, sort_keys=True) for row in one.rows)
        found.setdefault(one.method, {}).update(zip(rows, one.answers, strict=True))
    return found


def _kinds(method: Method | None) -> str:
    return f"{method.input.kind} → {method.output.kind}" if method else ""


def _sides(name: str, old: Input | Output, new: Input | Output) -> Iterator[Change]:
    for field in old.__struct_fields__:
        if field != "columns":
            yield from _change(f"{name} {field}", getattr(old, field), getattr(new, field, None))
    before, after = ({one.name: one for one in side.columns} for side in (old, new))
    for column in dict.fromkeys([*before, *after]):
        if column not in before or column not in after:
            was, now = (side[column].dtype if column in side else "" for side in (before, after))
            yield Change(name=f"{name} {column}", before=was, after=now)
        else:
            yield from _fields(before[column], after[column], f"{name} {column} ")


def _fields(old: msgspec.Struct, new: msgspec.Struct, prefix: str = "") -> Iterator[Change]:
    for field in old.__struct_fields__:
        if field != "example":
            yield from _change(f"{prefix}{field}", getattr(old, field), getattr(new, field))


def _change(name: str, old: Any, new: Any) -> Iterator[Change]:
    if old != new:
        yield Change(name=name, before=_plain(old), after=_plain(new))


def _plain(value: Any) -> str:
    if value is None or value == "":
        return ""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
