"""Python's own objects as JSON: records, members of enumerations, decimals, ids, bytes, and whatever else can be iterated."""

from __future__ import annotations

import base64
import dataclasses
import datetime
import decimal
import enum
import json
import pathlib
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec


def plain(value: Any) -> Any:
    """Take an object apart, one level deep.

    Args:
        value: An object that is neither a plain value nor a container of Python's, nor one of numpy or pandas.

    Returns:
        What it consists of: a text, a number, a list or an object by field.

    Raises:
        TypeError: If there is no JSON for it.
    """
    if isinstance(value, enum.Enum):
        return value.value if isinstance(value.value, bool | int | float | str | None) else value.name
    if isinstance(value, decimal.Decimal | uuid.UUID | pathlib.PurePath):
        return str(value)
    if isinstance(value, bytes | bytearray):
        return base64.b64encode(value).decode()
    if isinstance(value, datetime.timedelta):
        return msgspec.to_builtins(value)
    if isinstance(value, type):
        raise _no_json(value)
    record = _fields(value)
    if record is not None:
        return record
    if isinstance(value, Mapping):
        return dict(value)
    if hasattr(value, "to_dict") and hasattr(value, "columns"):
        return value.to_dict("records")
    if isinstance(value, Iterable) and not hasattr(value, "read"):
        return list(value)
    raise _no_json(value)


def _fields(value: Any) -> dict[str, Any] | None:
    """List the fields of a record, by the names under which its class takes them."""
    if hasattr(value, "model_dump") and hasattr(value, "model_fields_set"):
        made: dict[str, Any] = value.model_dump(mode="json", by_alias=True)
        return made
    if hasattr(value, "__fields_set__") and hasattr(value, "json"):  # pydantic's first version
        told: dict[str, Any] = json.loads(value.json(by_alias=True))
        return told
    if isinstance(value, msgspec.Struct):
        return {
            wire: getattr(value, name) for wire, name in zip(value.__struct_encode_fields__, value.__struct_fields__, strict=True)
        }
    if dataclasses.is_dataclass(value):
        return {one.name: getattr(value, one.name) for one in dataclasses.fields(value)}
    attributes = getattr(value, "__attrs_attrs__", None)
    return None if attributes is None else {one.alias or one.name: getattr(value, one.name) for one in attributes}


def _no_json(value: Any) -> TypeError:
    kind = value if isinstance(value, type) else type(value)
    return TypeError(f"JSON cannot hold a {kind.__module__}.{kind.__qualname__}")
