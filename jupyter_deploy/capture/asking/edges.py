"""Edge rows: missing values, each category, extremes; where a release is most likely to answer otherwise than the notebook."""

from __future__ import annotations

import contextlib
import functools
import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from jupyter_deploy.bentos.python.endpoint import tensors

BLOCK = 1 << 20  # values of an array that are looked at together


def find(value: Any, most: int) -> list[int]:
    """Find the edge rows of a model's input.

    Args:
        value: A frame, series, array or list.
        most: How many rows at most.

    Returns:
        Places of rows, those first that differ most: missing values of every column, then extremes and categories.
    """
    value = tensors.plain(value)
    if hasattr(value, "iloc"):
        series = [value] if not hasattr(value, "columns") else [value.iloc[:, at] for at in range(value.shape[1])]
        return _in_turn((_of_series(one, most) for one in series), most)
    if isinstance(value, list):
        return _in_turn([_of_texts(value)], most) if all(isinstance(one, str) for one in value) else []
    if getattr(getattr(value, "dtype", None), "kind", "") in "iuf" and getattr(value, "ndim", 0) in (1, 2) and len(value):
        return _in_turn(_of_array(value if value.ndim == 2 else value[:, None], most), most)
    return []


def _in_turn(columns: Iterable[Sequence[int]], most: int) -> list[int]:
    """Take the first row of every column, then the second, until there are enough."""
    turns = itertools.zip_longest(*columns)
    found = dict.fromkeys(place for turn in turns for place in turn if place is not None)
    return list(found)[:most]


def _of_series(series: Any, most: int) -> list[int]:
    plain = series.reset_index(drop=True)
    missing = plain.isna().to_numpy()
    found = [int(missing.argmax())] if missing.any() else []
    seen = plain[~missing]
    with contextlib.suppress(TypeError, ValueError):  # values that can be neither compared nor told apart have no edges
        if series.dtype.kind in "iufmM" and len(seen):
            found += [int(seen.idxmin()), int(seen.idxmax())]
        elif len(seen):
            found += _of_categories(seen, most)
    return found


def _of_categories(seen: Any, most: int) -> list[int]:
    """Find the first row of each category; of texts that hardly ever come again, the shortest and the longest."""
    first = [int(place) for place in seen.index[~seen.duplicated()]]
    if len(first) <= most or str(seen.dtype) == "category":
        return first[:most]
    return [int(seen.index[place]) for place in _of_texts([str(one) for one in seen])]


def _of_texts(texts: Sequence[str]) -> list[int]:
    return [min(range(len(texts)), key=lambda at: len(texts[at])), max(range(len(texts)), key=lambda at: len(texts[at]))]


def _of_array(array: Any, most: int) -> list[list[int]]:
    """Find missing values and extremes of each feature; block by block, so that a large array is never copied."""
    import numpy as np

    step = max(1, BLOCK // max(1, array.shape[1]))
    blocks = [array[at : at + step] for at in range(0, len(array), step)]
    lows = np.array([np.fmin.reduce(block, axis=0) for block in blocks])
    highs = np.array([np.fmax.reduce(block, axis=0) for block in blocks])
    gaps = np.array([np.isnan(block).any(axis=0) for block in blocks]) if array.dtype.kind == "f" else np.zeros_like(lows, bool)

    def place(holding: Any, at: int, test: Callable[[Any], Any]) -> int:
        block = int(holding.argmax())
        return int(block * step + test(blocks[block][:, at]).argmax())

    found = []
    for at in range(min(array.shape[1], most)):
        places = [place(gaps[:, at], at, np.isnan)] if gaps[:, at].any() else []
        for edge, best in ((lows[:, at], np.fmin.reduce(lows[:, at])), (highs[:, at], np.fmax.reduce(highs[:, at]))):
            if not np.isnan(best):
                places.append(place(edge == best, at, functools.partial(np.equal, best)))
        found.append(places)
    return found
