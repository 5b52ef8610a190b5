"""NumPy's `.npy`: one array whose first dimension are the rows, without pickles and without trust in what its head declares."""

from __future__ import annotations

import io
import math
from typing import Any

from ..parts import Part
from ..problems import InvalidBody, NotAcceptable
from ..rows import RowDecoder
from . import table

MEDIA_TYPE = "application/x-npy"
_KINDS = "biufUMm"  # numbers, booleans, texts, moments
_HEADS = {(1, 0): "read_array_header_1_0", (2, 0): "read_array_header_2_0"}


def read(body: bytes, decoder: RowDecoder) -> Part:
    """Take an array.

    Args:
        body: What `numpy.save(..., allow_pickle=False)` wrote.
        decoder: What the method takes.

    Returns:
        What the model is asked.

    Raises:
        InvalidBody: If the body is no such array.
        InvalidInput: If it does not fit the contract.
    """
    return table.from_array(array_of(body), decoder, len(body))


def array_of(body: bytes) -> Any:
    """Read an array without copying it.

    Args:
        body: An `.npy` file.

    Returns:
        The array, in the machine's own order of bytes.

    Raises:
        InvalidBody: If the body is none, or holds objects.
    """
    from numpy.lib import format as npy

    file = io.BytesIO(body)
    try:
        head = _HEADS[npy.read_magic(file)]
        shape, by_column, dtype = getattr(npy, head)(file)
    except (ValueError, KeyError, TypeError, SyntaxError, RecursionError, MemoryError, OverflowError) as error:
        raise InvalidBody("The body is no .npy file of version 1 or 2.") from error
    if dtype.hasobject or dtype.kind not in _KINDS or not dtype.itemsize:
        raise InvalidBody("The array holds something other than numbers, booleans, texts or moments; nothing else is read.")
    start = file.tell()
    if any(one < 0 for one in shape) or math.prod(shape) * dtype.itemsize != len(body) - start:
        raise InvalidBody("The body is longer or shorter than the shape in its head says.")
    return _array(body, dtype, start, shape, by_column=by_column)


def _array(body: bytes, dtype: Any, start: int, shape: tuple[int, ...], *, by_column: bool) -> Any:
    import numpy as np

    flat = np.frombuffer(body, dtype, offset=start)
    try:
        array = flat.reshape(shape, order="F" if by_column else "C")
    except ValueError as error:  # more dimensions than numpy has
        raise InvalidBody("The array has too many dimensions.") from error
    if dtype.kind == "U" and array.size and (array.view(np.uint32) > 0x10FFFF).any():
        raise InvalidBody("A text in the array is no Unicode.")
    return array.astype(dtype.newbyteorder("="), copy=False)


def write(array: Any) -> bytes:
    """Write an array.

    Args:
        array: One of numpy's, or a list of texts.

    Returns:
        An `.npy` file.

    Raises:
        NotAcceptable: If it holds what such a file cannot.
    """
    import numpy as np

    made = np.array(array, dtype=np.str_) if isinstance(array, list) and all(isinstance(one, str) for one in array) else array
    if isinstance(made, list) or made.dtype.kind not in _KINDS:
        raise NotAcceptable("These answers have no form as .npy; ask for JSON.")
    file = io.BytesIO()
    np.save(file, np.ascontiguousarray(made), allow_pickle=False)
    return file.getvalue()
