"""Looks at every object of a model while it is pickled into nothing, which costs less than to write it and holds no copy."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Callable, Iterable
from types import CodeType, FunctionType
from typing import IO, Any

from jupyter_deploy import credentials
from jupyter_deploy.capture.leaks import tokens
from jupyter_deploy.capture.pickling import constants, objects, paths
from jupyter_deploy.capture.pickling.steady import StandIn

MANY = 64  # texts in a dict above which it is a table of words rather than settings
FIELDS = ("_fields", "__dataclass_fields__", "__struct_fields__")
LONGEST_SETTINGS = 20_000  # characters
REMEMBERED = 100_000  # texts without a secret

Met = dict[str, tuple[str, str]]
"""What was found: its kind and the name that it has, if that told it, by value."""


def inspect(model: object, name: str, *, reached: objects.Reached, place: objects.Place) -> Met:
    """Look at everything that the pickle of a model will hold.

    Args:
        model: The live object.
        name: What the person called it.
        reached: Takes down what is met.
        place: Names the files of functions.

    Returns:
        The secrets in it.

    Raises:
        NotPicklable: If something in it cannot leave the kernel.
    """
    look, nowhere = _Look(), _Nowhere()

    def make(file: IO[bytes], reached: objects.Reached, place: objects.Place) -> objects.Pickler:
        return _Looking(look, file, reached, place)

    objects.dump(model, nowhere, name=name, reached=reached, place=place, make=make)
    reached.size = nowhere.size
    return look.met


class _Nowhere(io.BytesIO):
    """Counts what is written, and keeps none of it."""

    size = 0

    def write(self, data: Any) -> int:
        size = memoryview(data).nbytes
        self.size += size
        return size


class _Looking(objects.Pickler):
    """Pickles, and has each object looked at as its turn comes.

    Args:
        look: Looks at an object.
        given: What the pickler is made from.
    """

    def __init__(self, look: Callable[[Any], None], *given: Any) -> None:
        super().__init__(*given)
        self._look_at = look

    def persistent_id(self, obj: Any) -> None:
        """Look at an object, which is pickled by its content afterwards.

        Args:
            obj: The object.
        """
        kind = type(obj)
        if kind is not int and kind is not float and (kind is not str or len(obj) >= tokens.SHORTEST):
            self._look_at(obj)


class _Look:
    """Looks at one object after the other."""

    def __init__(self) -> None:
        self.met: Met = {}
        self._clean: set[str] = set()
        self._by_class: dict[type, Callable[[Any], None] | None] = dict.fromkeys((complex, bool, type(None)))

    def __call__(self, obj: Any) -> None:
        kind = type(obj)
        if kind not in self._by_class:
            self._by_class[kind] = self._how(kind)
        look = self._by_class[kind]
        if look is not None:
            look(obj)

    def _how(self, kind: type) -> Callable[[Any], None] | None:
        """Choose how to look at objects of a class."""
        place = f"{kind.__module__.partition('.')[0]}.{kind.__name__}"
        if issubclass(kind, str):
            return self._text
        if issubclass(kind, (bytes, bytearray)):
            return self._bytes
        if issubclass(kind, dict):
            return self._pairs
        if any(hasattr(kind, one) for one in FIELDS):
            return self._fields
        if issubclass(kind, (tuple, list)):
            return self._pair
        if hasattr(kind, "get_secret_value"):
            return self._wrapped
        if any(base.__module__ == "numpy" and base.__name__ == "ndarray" for base in kind.__mro__):
            return self._array
        tables: dict[str, Callable[[Any], None]] = {
            "pandas.DataFrame": self._table, "polars.DataFrame": self._table, "polars.Series": self._column,
            "pyarrow.ChunkedArray": self._column,
        }  # fmt: skip
        if place.startswith("pyarrow.") and kind.__name__.endswith("StringArray"):
            return self._column
        others: dict[type, Callable[[Any], None]] = {FunctionType: self._function, CodeType: self._code, StandIn: self._stand_in}
        return others.get(kind) or tables.get(place)

    def _found(self, kind: str, value: str, name: str = "") -> None:
        known, called = self.met.get(value, (kind, ""))
        self.met[value] = known if name else kind, called or name  # a format tells more than a name

    def _text(self, text: str) -> None:
        if len(text) < tokens.SHORTEST or text in self._clean or tokens.is_dull(text):
            return
        found = tokens.find(text)
        for one in found:
            self._found(*one)
        if len(text) <= LONGEST_SETTINGS and constants.are_settings(text):
            for name, value, _ in constants.in_settings(text):
                self._name(name, value, among_many=True)
        if not found and len(text) < 1000:
            if len(self._clean) >= REMEMBERED:
                self._clean.clear()
            self._clean.add(text)

    def _bytes(self, data: bytes | bytearray) -> None:
        for one in tokens.find_in_bytes(data):
            self._found(*one)

    def _name(self, name: object, value: object, *, among_many: bool = False) -> None:
        called, text = _as_text(name), _as_text(value)
        if called and text and credentials.holds_secret(called, text, among_many=among_many):
            self._found(credentials.describe(called), text, called)

    def _pairs(self, mapping: dict[Any, Any]) -> None:
        texts = [(name, value) for name, value in mapping.items() if isinstance(value, (str, bytes, bytearray))]
        for name, value in texts:
            self._name(name, value, among_many=len(texts) > MANY)
        for name, value in mapping.items():  # `auth=("user", "password")`
            if type(value) is tuple and len(value) == 2 and type(value[0]) is type(value[1]) is str:
                self._name(name, value[1], among_many=True)
        if "value" in mapping:  # `{"name": "API_KEY", "value": …}`
            self._name(mapping.get("name", mapping.get("key")), mapping["value"], among_many=True)

    def _pair(self, pair: Any) -> None:
        if len(pair) == 2:
            self._name(pair[0], pair[1], among_many=True)

    def _fields(self, record: Any) -> None:
        """Look at the fields of a named tuple, a data class and its like, whose names a pickle may leave out."""
        names_of = next(getattr(record, one) for one in FIELDS if hasattr(record, one))
        for name in names_of if isinstance(names_of, Iterable) else ():
            self._name(name, getattr(record, name, None) if isinstance(name, str) else None)

    def _wrapped(self, secret: Any) -> None:
        value = _as_text(secret.get_secret_value())
        if value:
            self._found(f"a {type(secret).__name__}", value)

    def _array(self, array: Any) -> None:
        if array.dtype.kind in "SU":
            for one in array.ravel().tolist():
                self._text(one) if isinstance(one, str) else self._bytes(one)
        elif array.dtype.names:
            for name in array.dtype.names:
                self._array(array[name])
        elif array.dtype.kind == "V" or array.dtype.itemsize == 1:
            self._bytes(array.ravel()[: tokens.LIMIT // array.dtype.itemsize].tobytes())

    def _table(self, table: Any) -> None:
        for number, name in enumerate(table.columns):
            if isinstance(name, str) and credentials.telling(name) == "plainly":
                column = table.iloc[:, number] if hasattr(table, "iloc") else table[name]
                for value in column.to_list():
                    self._name(name, value, among_many=True)

    def _column(self, column: Any) -> None:
        if re.search(r"str", str(getattr(column, "dtype", None) or column.type).lower()):
            for one in column.to_list() if hasattr(column, "to_list") else column.to_pylist():
                self._text(one or "")

    def _function(self, function: FunctionType) -> None:
        code = function.__code__
        for name, value in paths.defaults(function):
            self._name(name, value)
        for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=False):
            with contextlib.suppress(ValueError):  # of an empty cell
                self._name(name, cell.cell_contents)

    def _code(self, code: CodeType) -> None:
        for name, value in constants.in_code(code):
            self._name(name, value)

    def _stand_in(self, stand_in: StandIn) -> None:
        self(stand_in.value)


def _as_text(value: object) -> str:
    if isinstance(value, str):
        return value
    return bytes(value).decode(errors="replace") if isinstance(value, (bytes, bytearray)) else ""


def held(part: Any, values: Iterable[str]) -> list[str]:
    """List which of the secrets an object itself holds.

    Args:
        part: The object.
        values: The secrets.

    Returns:
        Those of them.
    """
    if isinstance(part, str):
        return [value for value in values if value in part]
    if isinstance(part, (bytes, bytearray)):
        return [value for value in values if value.encode() in part or value.encode("latin-1", "ignore") in part]
    if hasattr(type(part), "get_secret_value"):
        return [value for value in values if value == _as_text(part.get_secret_value())]
    return []
