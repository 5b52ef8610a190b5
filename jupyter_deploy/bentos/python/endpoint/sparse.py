"""Sparse rows on the wire: an object of the columns that are not zero, by number, such as `{"3": 0.5, "17": 1.0}`."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

from .columns import builder
from .dtypes import array_to_json


def is_sparse(value: Any) -> bool:
    """Say whether a value is one of scipy's sparse matrices or arrays.

    Args:
        value: Any value.

    Returns:
        Whether it is one.
    """
    return hasattr(value, "tocsr")


def encode(matrix: Any) -> list[dict[str, Any]]:
    """Write each row as an object.

    Args:
        matrix: A sparse matrix, rows by columns.

    Returns:
        One object a row; its keys are columns' numbers in order, from 0.
    """
    made = matrix.tocsr()
    if not made.has_canonical_format:
        made = made.copy()
        made.sum_duplicates()
    places, values, ends = made.indices.tolist(), array_to_json(made.data), made.indptr.tolist()
    cells = [(str(place), value) for place, value in zip(places, values, strict=True)]
    return [{place: value for place, value in cells[a:b] if value != 0} for a, b in itertools.pairwise(ends)]


def build(rows: Sequence[Any], shape: tuple[int | None, ...], dtype: str, name: str) -> Any:
    """Build a sparse matrix.

    Args:
        rows: One object a row, as `encode` writes it, or a list of all its columns.
        shape: Its shape; the first number is not looked at.
        dtype: Its dtype.
        name: Its class, such as `csr_matrix`.

    Returns:
        The matrix.

    Raises:
        ValueError: If there is no such column, a list has another length, or a value does not fit.
    """
    import numpy as np
    from scipy import sparse

    width = shape[-1] or 0
    places: list[int] = []
    values: list[Any] = []
    ends = [0]
    for row in rows:
        for place, value in _cells(row, width):
            places.append(int(place))
            values.append(value)
        ends.append(len(places))
    indices = np.asarray(places, dtype=np.int64)
    if places and (indices.min() < 0 or indices.max() >= width):
        raise ValueError("no such column")
    kind = np.int32 if max(width, len(places)) < 2**31 else np.int64  # what scipy itself chooses, and scikit-learn insists on
    parts = np.asarray(builder(dtype)(values)), indices.astype(kind), np.asarray(ends, dtype=kind)
    made: Any = sparse.csr_matrix(parts, shape=(len(rows), width))
    made.sort_indices()
    return getattr(sparse, name)(made)


def from_dense(array: Any, name: str) -> Any:
    """Make a sparse matrix of an array.

    Args:
        array: Rows by columns.
        name: Its class, such as `csr_matrix`.

    Returns:
        The matrix.
    """
    from scipy import sparse

    return getattr(sparse, name)(sparse.csr_matrix(array))


def _cells(row: Any, width: int) -> Iterable[tuple[Any, Any]]:
    if isinstance(row, dict):
        return row.items()
    if len(row) != width:
        raise ValueError("another number of columns")
    return ((place, value) for place, value in enumerate(row) if value != 0)
