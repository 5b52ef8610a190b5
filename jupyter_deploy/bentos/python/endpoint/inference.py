"""The Open Inference Protocol, version 2, with its binary tensors: what the clients of KServe, Triton and MLServer speak.

A table is one tensor a column, of its name and of shape `[n]` or `[n, 1]`; an array is one tensor of any name. The first method of
an endpoint is the model of its name, every other one is the model `<name>.<method>`.
"""

from __future__ import annotations

import importlib.util
import math
import re
import struct
from collections.abc import Sequence
from typing import Any

import msgspec

from . import checks, codec, imports
from .contract import Column, Contract, Input, Method
from .dtypes import family
from .exchange import Exchange, Headers, Request
from .fast import cell_of
from .formats import answers, table
from .model import Answers
from .negotiation import MediaType, parse
from .parts import Part
from .problems import InvalidBody, InvalidInput, NoReader, NotJson
from .rows import RowDecoder

LENGTH = b"inference-header-content-length"
DATATYPES = {
    "BOOL": "bool", "UINT8": "uint8", "UINT16": "uint16", "UINT32": "uint32", "UINT64": "uint64", "INT8": "int8", "INT16": "int16",
    "INT32": "int32", "INT64": "int64", "FP16": "float16", "FP32": "float32", "FP64": "float64",
}  # fmt: skip
"""The protocol's words for numpy's dtypes; BYTES, beside them, are texts."""
_WORDS = {dtype: word for word, dtype in DATATYPES.items()}
_KINDS: dict[str, set[type]] = {"b": {bool}, "i": {int}, "u": {int}, "f": {int, float}}
_TYPES = ("application/json", "application/octet-stream", "application/vnd.kserve.octet-stream")
PLATFORM = "jupyterlab-deploy"


def models(endpoint: str, contract: Contract) -> dict[str, Method]:
    """Name the models of an endpoint.

    Args:
        endpoint: Its name.
        contract: Its methods.

    Returns:
        The methods by model: the first one has the endpoint's name too.
    """
    named = {f"{endpoint}.{method.name}": method for method in contract.methods}
    return {endpoint: contract.methods[0], **named} if contract.methods else named


class _Tensor(msgspec.Struct, frozen=True):
    name: str
    shape: list[int]
    datatype: str
    data: Any = None
    parameters: dict[str, Any] | None = None


class _Wanted(msgspec.Struct, frozen=True):
    name: str
    parameters: dict[str, Any] | None = None


class _Asked(msgspec.Struct, frozen=True):
    inputs: list[_Tensor]
    outputs: list[_Wanted] | None = None
    id: str | None = None
    parameters: dict[str, Any] | None = None


_HEAD = msgspec.json.Decoder(_Asked)


class Inference:
    """One request: reads it, and answers in the way that it asks for.

    Args:
        request: Its head.
        model: The model's name, as it was asked for.
        version: The release.
    """

    def __init__(self, request: Request, model: str, version: str) -> None:
        kind = parse(request.content_type) if request.content_type else MediaType(_TYPES[0], {})
        if kind is None or kind.name not in _TYPES:
            raise NotJson(f"Send `content-type: {_TYPES[0]}` or, with binary tensors, `{_TYPES[1]}`.")
        told = next((value for name, value in request.headers if name == LENGTH), None)
        if told is not None and not (told.isdigit() and len(told) < 12):
            raise InvalidBody("`Inference-Header-Content-Length` is no number.")
        self._length = int(told) if told is not None else None
        self._named = {"model_name": model, "model_version": version}
        self._asked = _Asked([])
        self.headers: Headers = []

    def exchange(self) -> Exchange:
        """Give its reader and writer."""
        return Exchange(self.read, self.write, self.headers, needs=imports.NUMPY)

    def read(self, body: bytes, decoder: RowDecoder) -> Part:
        """Read the tensors.

        Args:
            body: JSON, and after it the binary tensors in their order.
            decoder: What the method takes.

        Returns:
            What the model is asked.

        Raises:
            InvalidBody: If the body is not of the protocol.
            InvalidInput: If it does not fit the contract.
        """
        length = len(body) if self._length is None else self._length
        if length > len(body):
            raise InvalidBody("The body is shorter than `Inference-Header-Content-Length` says.")
        try:
            self._asked = _HEAD.decode(body[:length])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise InvalidBody(
                "The body is no inference request: an object with `inputs`, each with name, shape, datatype."
            ) from error
        place, read = length, {}
        for tensor in self._asked.inputs:
            size = (tensor.parameters or {}).get("binary_data_size")
            if size is None:
                values = _from_json(tensor)
            elif (
                tensor.data is not None or not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= len(body) - place
            ):
                raise _wrong(tensor, "`binary_data_size` does not fit the body")
            else:
                values, place = _from_binary(tensor, body[place : place + size]), place + size
            if tensor.name in read:
                raise _wrong(tensor, "there are two of this name")
            read[tensor.name] = values
        if place != len(body):
            raise InvalidBody("There are more bytes than the tensors' `binary_data_size` say.")
        return _part(read, decoder, len(body))

    def write(self, answered: Answers, method: Method) -> bytes:
        """Write the answer, and the headers that say what it is.

        Args:
            answered: What the model gave.
            method: The method.

        Returns:
            JSON, and after it the binary tensors.

        Raises:
            InvalidInput: If an output was asked for that there is none of.
        """
        columns = answers.columns_of(answered, method, wide=False)
        everything = bool((self._asked.parameters or {}).get("binary_data_output"))
        wanted = {one.name: bool((one.parameters or {}).get("binary_data", everything)) for one in self._asked.outputs or ()}
        unknown = [name for name in wanted if name not in columns]
        if unknown:
            raise InvalidInput([("outputs", f"there are: {', '.join(columns)}")])
        told, binary = [], []
        for name in wanted or columns:
            head, data = _output(name, columns[name], binary=wanted.get(name, everything))
            told.append(head)
            if data is not None:
                binary.append(data)
        identity = {} if self._asked.id is None else {"id": self._asked.id}
        body = codec.to_json({**self._named, **identity, "outputs": told})
        self.headers[:] = [(b"content-type", _TYPES[1 if binary else 0].encode())]
        if binary:
            self.headers.append((LENGTH, b"%d" % len(body)))
        return b"".join([body, *binary])


def _wrong(tensor: _Tensor, message: str) -> InvalidInput:
    return InvalidInput([(f"inputs.{checks.shown(tensor.name)}", message)])


def _count(tensor: _Tensor) -> int:
    if not tensor.shape or len(tensor.shape) > 32 or any(one < 0 for one in tensor.shape):
        raise _wrong(tensor, "expected a shape of at least one dimension, the rows")
    if tensor.datatype not in DATATYPES and tensor.datatype not in ("BYTES", "BF16"):
        raise _wrong(tensor, f"expected a datatype of {', '.join(DATATYPES)}, BYTES")
    return math.prod(tensor.shape)


def _from_json(tensor: _Tensor) -> Any:
    """Make an array, or nested lists where it holds texts, out of a tensor's data, flat or nested."""
    count, flat = _count(tensor), tensor.data
    for _ in tensor.shape[1:]:
        if isinstance(flat, list) and flat and isinstance(flat[0], list):
            if not all(isinstance(one, list) for one in flat):
                raise _wrong(tensor, "`data` is nested unevenly")
            flat = [one for row in flat for one in row]
    if not isinstance(flat, list) or len(flat) != count:
        raise _wrong(tensor, f"expected a list of {count} values, as `shape` says")
    kinds = set(map(type, flat))
    if tensor.datatype == "BYTES":
        if not kinds <= {str}:
            raise _wrong(tensor, "expected strings")
        return _shaped(flat, tensor.shape)
    dtype = DATATYPES.get(tensor.datatype, "float32")
    gaps = {type(None)} if dtype[0] == "f" else set()
    if not kinds <= _KINDS[dtype[0]] | gaps:
        raise _wrong(tensor, f"expected values of {tensor.datatype}")
    if importlib.util.find_spec("numpy") is None:  # a function of plain values, in an environment without it
        return _shaped(flat, tensor.shape)
    return _array(tensor, flat, dtype)


def _array(tensor: _Tensor, flat: list[Any], dtype: str) -> Any:
    import numpy as np

    exact = np.dtype(dtype)
    try:
        made = np.array(flat, dtype="float64" if exact.kind == "f" else exact if exact.kind == "b" else None)
    except (OverflowError, ValueError, TypeError) as error:
        raise _wrong(tensor, f"a value is outside the range of {tensor.datatype}") from error
    if exact.kind in "iu" and flat and not np.iinfo(exact).min <= min(flat) <= max(flat) <= np.iinfo(exact).max:
        raise _wrong(tensor, f"a value is outside the range of {tensor.datatype}")
    with np.errstate(over="ignore"):
        return made.astype(exact).reshape(tensor.shape)


def _from_binary(tensor: _Tensor, data: bytes) -> Any:
    count = _count(tensor)
    if tensor.datatype == "BYTES":
        return _shaped(_texts(tensor, data, count), tensor.shape)
    try:
        import numpy as np
    except ImportError as error:
        raise NoReader("This endpoint reads no binary numbers, because its environment has no numpy. Send JSON.") from error
    exact = np.dtype("uint16" if tensor.datatype == "BF16" else DATATYPES[tensor.datatype]).newbyteorder("<")
    if exact.itemsize * count != len(data):
        raise _wrong(tensor, f"expected {exact.itemsize * count} bytes, as `shape` and `datatype` say, got {len(data)}")
    made = np.frombuffer(data, exact).reshape(tensor.shape)
    if tensor.datatype == "BF16":
        return (made.astype("uint32") << 16).view("float32")
    if exact.kind == "b" and (made.view("uint8") > 1).any():
        raise _wrong(tensor, "expected bytes of 0 and 1")
    return made.astype(exact.newbyteorder("="), copy=False)


def _texts(tensor: _Tensor, data: bytes, count: int) -> list[str]:
    """Read texts, each with its length before it."""
    made, place = [], 0
    try:
        while place < len(data):
            (size,) = struct.unpack_from("<I", data, place)
            if place + 4 + size > len(data):
                raise _wrong(tensor, "a length reaches beyond the end")
            made.append(data[place + 4 : place + 4 + size].decode())
            place += 4 + size
    except (struct.error, UnicodeDecodeError) as error:
        raise _wrong(tensor, "expected texts in UTF-8, each with its length in 4 bytes before it") from error
    if len(made) != count:
        raise _wrong(tensor, f"expected {count} values, as `shape` says, got {len(made)}")
    return made


def _shaped(flat: list[Any], shape: Sequence[int]) -> list[Any]:
    made = flat
    for size in reversed(shape[1:]):
        made = [made[at : at + size] for at in range(0, len(made), size)] if size else [[] for _ in range(math.prod(shape[:-1]))]
    return made


def _part(read: dict[str, Any], decoder: RowDecoder, weight: int) -> Part:
    input = decoder.input
    if not read:
        raise InvalidInput([("inputs", "expected at least one tensor")])
    if len(read) == 1 and (
        input.kind not in ("frame", "arguments") or (input.kind == "frame" and not read.keys() <= _names(input))
    ):
        (only,) = read.values()
        if isinstance(only, list):
            return table.from_rows(_rows_of(only, input), decoder, weight)
        flat = only.ndim == 2 and only.shape[1] == 1 and _is_flat(input)
        return table.from_array(only.reshape(-1) if flat else only, decoder, weight)
    sizes = {len(one) for one in read.values()}
    if len(sizes) > 1:
        raise InvalidInput([("inputs", f"expected tensors of one length, got lengths from {min(sizes)} to {max(sizes)}")])
    cells = {name: _cells(one, name, input) for name, one in read.items()}
    return table.from_columns(cells, sizes.pop(), decoder, weight)


def _names(input: Input) -> set[str]:
    return {column.name for column in input.columns}


def _is_flat(input: Input) -> bool:
    return input.kind in ("series", "list") or (input.kind == "array" and len(input.shape or (None,)) == 1)


def _rows_of(values: list[Any], input: Input) -> list[Any]:
    """Take texts of shape `[n, 1]` as `[n]` where a row is one value."""
    single = input.kind in ("series", "list") and all(isinstance(one, list) and len(one) == 1 for one in values)
    return [_told(one[0] if single else one, cell_of(input)) for one in values]


def _told(value: Any, column: Column) -> Any:
    """Read a text that stands for something of another kind, such as an object: the protocol has no other way to send one."""
    if isinstance(value, str) and (column.dtype in ("dict", "list") or (column.schema or {}).get("type") in ("object", "array")):
        try:
            return msgspec.json.decode(value)
        except (msgspec.DecodeError, RecursionError):
            return value
    return value


def _cells(values: Any, name: str, input: Input) -> table.Cells:
    column = next((one for one in input.columns if one.name == name), None)
    if isinstance(values, list):
        flat = [one[0] if isinstance(one, list) and len(one) == 1 else one for one in values]
        return table.Cells(flat if column is None else [_told(one, column) for one in flat])
    if values.ndim == 2 and values.shape[1] == 1 and not (column is not None and column.dtype == "list"):
        return table.Cells(values[:, 0])
    return table.Cells(values if values.ndim == 1 else table.json_of(values))


def _output(name: str, values: Any, *, binary: bool) -> tuple[dict[str, Any], bytes | None]:
    """Write one tensor: its head, and its bytes where they stand after the JSON."""
    word = None if isinstance(values, list) else _WORDS.get(str(values.dtype.newbyteorder("=")))
    if word is None:
        return _output_of_texts(name, values if isinstance(values, list) else table.json_of(values), binary=binary)
    head: dict[str, Any] = {"name": name, "datatype": word, "shape": list(values.shape)}
    if not binary:
        return {**head, "data": table.json_of(values.reshape(-1))}, None
    import numpy as np

    data = np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<")).tobytes()
    return {**head, "parameters": {"binary_data_size": len(data)}}, data


def _output_of_texts(name: str, values: list[Any], *, binary: bool) -> tuple[dict[str, Any], bytes | None]:
    texts = [one if isinstance(one, str) else msgspec.json.encode(one).decode() for one in values]
    head: dict[str, Any] = {"name": name, "datatype": "BYTES", "shape": [len(texts)]}
    if not binary:
        return {**head, "data": texts}, None
    data = b"".join(struct.pack("<I", len(one)) + one for one in (text.encode() for text in texts))
    return {**head, "parameters": {"binary_data_size": len(data)}}, data


def metadata(name: str, version: str, method: Method) -> dict[str, Any]:
    """Describe a model as the protocol does.

    Args:
        name: The model's name.
        version: The release.
        method: The method.

    Returns:
        Its tensors by name, datatype and shape.
    """
    input, output = method.input, method.output
    if input.kind in ("frame", "arguments"):
        inputs = [_described(column.name, column.dtype, (None,)) for column in input.columns]
    else:
        shape = input.shape if input.kind in ("array", "sparse") and input.shape else (None,)
        inputs = [_described("input", cell_of(input).dtype, shape)]
    if output.kind == "frame":
        outputs = [_described(column.name, column.dtype, (None,)) for column in output.columns]
    elif output.kind == "dict":
        outputs = [_described(key, part.dtype, part.shape) for key, part in zip(output.names or (), output.parts, strict=True)]
    elif output.parts:
        outputs = [_described(f"{method.name}_{place}", part.dtype, part.shape) for place, part in enumerate(output.parts)]
    else:
        outputs = [_described(method.name, output.dtype, output.shape if output.kind == "array" else (None,))]
    return {"name": name, "versions": [version], "platform": PLATFORM, "inputs": inputs, "outputs": outputs}


def _described(name: str, dtype: str | None, shape: Sequence[int | None] | None) -> dict[str, Any]:
    known = re.fullmatch(r"(?:polars\.)?((?:float|int|uint)\d+|bool)\b.*", (dtype or "").lower())
    word = _WORDS.get(known[1]) if known else {"float": "FP64", "int": "INT64", "bool": "BOOL"}.get(family(dtype or "object"))
    return {"name": name, "datatype": word or "BYTES", "shape": [-1 if one is None else one for one in shape or (None,)]}
