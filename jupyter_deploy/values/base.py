"""What every value can do: it is frozen, and goes to JSON and back."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from jupyter_deploy import errors

T = TypeVar("T")


class Value(msgspec.Struct, frozen=True):
    """A frozen value with a JSON form."""


def to_json(value: Any) -> bytes:
    """Write a value as JSON.

    Args:
        value: One of the values of this module, or a container of them.

    Returns:
        UTF-8 JSON.
    """
    return msgspec.json.encode(value)


def from_json(data: bytes | str, kind: type[T]) -> T:
    """Read a value from JSON.

    Args:
        data: UTF-8 JSON.
        kind: The value's class.

    Returns:
        The value.

    Raises:
        BadInput: If the JSON does not hold such a value; the message names the place within it.
    """
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.MsgspecError as error:
        raise errors.BadInput(f"This is not a {kind.__name__}: {error}.") from error
