"""NumPy's `.npy`: one array whose first dimension are the rows, without pickles and without trust in what its head declares."""

from __future__ import annotations

import io
import math
import re
from typing import Any

from ..parts import Part
from ..problems import InvalidBody, NoReader, NotAcceptable
from ..rows import RowDecoder
from . import table

MEDIA_TYPE = "application/x-npy"
_KINDS = "biufUMm"  # numbers, booleans, texts, moments
LAST_POINT, SURROGATES = 0x10FFFF, (0xD800, 0xDFFF)  # of Unicode
_HEAD = re.compile(
    rb"\{\s{0,9}'descr':\s{0,9}'(?P<descr>[<>|=]?(?:\?|[biufUMm]\d{1,9})(?:\[\w{1,9}\])?)',\s{0,9}'fortran_order':\s{0,9}(?P<fortran>True|False),"
    rb"\s{0,9}'shape':\s{0,9}\((?P<shape>(?:\d{1,19},\s{0,9}){0,64}(?:\d{1,19})?)\),?\s{0,9}\}[ ]{0,999}\n"
)
"""What numpy writes before the values; it is read as a text, because numpy's own reader parses it as Python."""


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
    try:
        import numpy as np
    except ImportError as error:
        raise NoReader("This endpoint reads no arrays, because its environment has no numpy. Send JSON.") from error
    found = _HEAD.match(body, _start(body))
    if found is None:
        raise InvalidBody("The body is no .npy file of numbers, booleans, texts or moments; nothing else is read.")
    try:
        dtype = np.dtype(found["descr"].decode("ascii"))
    except TypeError as error:
        raise InvalidBody("The body is no .npy file of a type that numpy has.") from error
    shape = tuple(int(one) for one in re.findall(rb"\d+", found["shape"]))
    if not dtype.itemsize or math.prod(shape) * dtype.itemsize != len(body) - found.end():
        raise InvalidBody("The body is longer or shorter than the shape in its head says.")
    return _array(body, dtype, found.end(), shape, by_column=found["fortran"] == b"True")


def _start(body: bytes) -> int:
    """Find the text of a head, which has its length before it."""
    if body[:6] != b"\x93NUMPY" or body[6:8] not in (b"\1\0", b"\2\0", b"\3\0"):
        return len(body)
    return 10 if body[6:8] == b"\1\0" else 12


def _array(body: bytes, dtype: Any, start: int, shape: tuple[int, ...], *, by_column: bool) -> Any:
    import numpy as np

    flat = np.frombuffer(body, dtype, offset=start).astype(dtype.newbyteorder("="), copy=False)
    if dtype.kind == "U":
        points = flat.view(np.uint32)
        if ((points > LAST_POINT) | ((points >= SURROGATES[0]) & (points <= SURROGATES[1]))).any():
            raise InvalidBody("A text in the array is no Unicode.")
    try:
        return flat.reshape(shape, order="F" if by_column else "C")
    except ValueError as error:  # more dimensions than numpy has
        raise InvalidBody("The array has too many dimensions.") from error


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
