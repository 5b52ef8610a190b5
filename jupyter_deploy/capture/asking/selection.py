"""Which rows become golden rows: an even share of every recorded call, and edge rows of the training data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from jupyter_deploy.bentos.python.endpoint import codec, tensors
from jupyter_deploy.capture.asking import edges
from jupyter_deploy.capture.asking.contract import Data
from jupyter_deploy.values import Input

EDGE = "edge rows of "
BATCH_ROWS = 1_000  # of one request
BATCH_BYTES = 2 << 20
ALL_BYTES = 16 << 20  # of one method


class Batch(NamedTuple):
    """Rows of one origin that are asked together.

    Attributes:
        data: What they are taken from.
        places: Which of its rows.
        rows: The same rows as JSON.
        edge: Whether they were chosen for being at an edge.
    """

    data: Data
    places: list[int]
    rows: list[Any]
    edge: bool = False

    @property
    def original(self) -> Any:
        """The rows as the notebook has them."""
        return pick(self.data.value, self.places)

    def only(self, which: Sequence[int]) -> Batch:
        """Take some of the rows.

        Args:
            which: Their places within this batch.

        Returns:
            A batch of these rows alone.
        """
        return self._replace(places=[self.places[at] for at in which], rows=[self.rows[at] for at in which])


def select(first: Data, recorded: Sequence[Data], training: Sequence[Data], input: Input, most: int) -> list[Batch]:
    """Choose golden rows.

    Args:
        first: What the contract was made of; some of its rows come first.
        recorded: What the model was called on besides.
        training: What it was fitted on; without it the edges of the first data count.
        input: What the method accepts.
        most: How many rows at most.

    Returns:
        Batches, each to be asked in one request; no row stands in two of them.

    Raises:
        TypeError: If JSON cannot hold the first data.
        ValueError: If the first data do not fit what the method accepts.
    """
    size = len(codec.to_json(_encoded(first, [0], input).rows))
    most = max(1, min(most, ALL_BYTES // size))
    different: dict[int, Data] = {}
    for one in (first, *recorded):
        if one.by_name == first.by_name:
            different.setdefault(id(one.value), one)
    called = _even(list(different.values())[:most], input, most)
    known = {_key(row) for batch in called for row in batch.rows}
    at_edge = next(_at_edges(training or (first,), input, most // 2), None)
    if at_edge is not None:
        places = _first_places(at_edge)
        fresh = [at for key, at in places.items() if key not in known]
        called = _thinned(called, set(places), _count(called) + len(fresh) - most)
        called.append(at_edge.only(fresh[: most - _count(called)]))
    length = max(1, min(BATCH_ROWS, BATCH_BYTES // size))
    return [part for batch in called for part in _cut(batch, length)]


def _count(batches: Sequence[Batch]) -> int:
    return sum(len(one.rows) for one in batches)


def pick(value: Any, places: Sequence[int]) -> Any:
    """Take rows by their places; a copy, which the model may change.

    Args:
        value: The model's argument.
        places: Which rows; every one of something that is one value.

    Returns:
        The same kind of value with these rows.
    """
    if hasattr(value, "iloc"):
        return value.iloc[list(places)]
    if hasattr(value, "tocsr"):
        return value.tocsr()[list(places)]
    if isinstance(value, list | tuple):
        return type(value)(value[at] for at in places) if type(value) in (list, tuple) else [value[at] for at in places]
    if library := tensors.library_of(value):
        array = tensors.plain(value)
        return tensors.made(array[list(places)], library) if array.shape else value
    return value[list(places)] if hasattr(value, "shape") and value.shape else value


def _even(sources: list[Data], input: Input, most: int) -> list[Batch]:
    sizes = [1 if input.kind == "value" else codec.count(one.value) for one in sources]
    known: set[bytes] = set()
    found = []
    for place, (one, share) in enumerate(zip(sources, _shares(sizes, most), strict=True)):
        spread = [at * sizes[place] // share for at in range(share)]
        try:
            batch = _encoded(one, spread, input)
        except (TypeError, ValueError):
            if place == 0:
                raise
            continue  # a call on something else than the contract's kind of rows
        places = {key: at for key, at in _first_places(batch).items() if key not in known}
        known |= places.keys()
        found += [batch.only(list(places.values()))] if places else []
    return found


def _shares(sizes: Sequence[int], most: int) -> list[int]:
    """Share rows out evenly; what a small one does not need goes to the others."""
    shares, left = [0] * len(sizes), most
    for waiting, place in enumerate(sorted(range(len(sizes)), key=lambda at: sizes[at])):
        shares[place] = min(sizes[place], -(-left // (len(sizes) - waiting)))
        left -= shares[place]
    return shares


def _at_edges(sources: Sequence[Data], input: Input, most: int) -> Iterator[Batch]:
    if input.kind in ("arguments", "value") or not most:
        return
    for one in sources:
        try:
            batch = _encoded(one, edges.find(one.value, most), input)
        except (TypeError, ValueError):
            continue
        if batch.rows:
            yield batch._replace(data=one._replace(origin=f"{EDGE}{one.origin}"), edge=True)


def _thinned(batches: list[Batch], kept: set[bytes], excess: int) -> list[Batch]:
    """Leave out rows that are at no edge, evenly, but never the first one of a call."""
    if excess <= 0:
        return batches
    spare = [
        (which, at) for which, batch in enumerate(batches) for at, row in enumerate(batch.rows) if at and _key(row) not in kept
    ]
    gone = {spare[turn * len(spare) // excess] for turn in range(min(excess, len(spare)))}
    return [batch.only([at for at in range(len(batch.rows)) if (which, at) not in gone]) for which, batch in enumerate(batches)]


def _cut(batch: Batch, length: int) -> Iterator[Batch]:
    for at in range(0, len(batch.rows), length):
        yield batch.only(range(at, min(at + length, len(batch.rows))))


def _encoded(data: Data, places: list[int], input: Input) -> Batch:
    return Batch(data, places, codec.encode_input(pick(data.value, places), input) if places else [])


def _first_places(batch: Batch) -> dict[bytes, int]:
    """Say where each different row stands first."""
    found: dict[bytes, int] = {}
    for at, row in enumerate(batch.rows):
        found.setdefault(_key(row), at)
    return found


def _key(row: Any) -> bytes:
    return codec.to_json(row)
