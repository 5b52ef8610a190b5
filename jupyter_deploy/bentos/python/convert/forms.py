"""What a converter gives: graphs, each with what it takes, of which none is trusted before it has answered like the model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Protocol

from endpoint.contract import Input  # type: ignore[import-not-found]
from endpoint.loaders.compiled import Feed  # type: ignore[import-not-found]


class Graph(NamedTuple):
    """One graph that may answer some methods.

    Attributes:
        name: What it is, for people.
        data: It, in ONNX's format.
        feeds: What it takes.
    """

    name: str
    data: bytes
    feeds: tuple[Feed, ...]


class Impossible(Exception):
    """There is no graph; the text says why."""


class Converter(Protocol):
    """A module of this package."""

    def graphs(self, model: Any, input: Input) -> Iterator[Callable[[], Graph]]:
        """Offer graphs, the likeliest to be exact first; each is made when it is called, and may raise anything then."""
        ...


NUMBERS = ("float", "int", "uint", "bool")


def is_number(dtype: str) -> bool:
    """Say whether a dtype of the contract holds numbers.

    Args:
        dtype: The dtype, such as `float64` or `Int64`.

    Returns:
        Whether it does.
    """
    return dtype.lower().startswith(NUMBERS) and "[" not in dtype


def is_text(dtype: str, categories: Any = None) -> bool:
    """Say whether a dtype of the contract holds texts alone.

    Args:
        dtype: The dtype, such as `object[str]`.
        categories: The categories of a categorical one.

    Returns:
        Whether it does.
    """
    if dtype.startswith("category"):
        return bool(categories) and all(isinstance(one, str) for one in categories)
    return dtype in ("object", "object[str]", "str", "string")


def width(input: Input) -> int:
    """Say how many numbers a row has.

    Args:
        input: What a method accepts: a table of numbers, or an array of two dimensions.

    Returns:
        Their count.

    Raises:
        Impossible: If a row is anything else.
    """
    if input.kind == "frame":
        texts = [column.name for column in input.columns if not is_number(column.dtype)]
        if texts:
            raise Impossible(f"its column `{texts[0]}` holds no numbers")
        return len(input.columns)
    sizes = list(input.shape or ())
    if input.kind != "array" or len(sizes) != 2 or sizes[1] is None or not is_number(input.dtype or "float64"):
        raise Impossible(f"its input is no table of numbers but of the kind `{input.kind}`")
    return int(sizes[1])


def block(input: Input, dtype: str) -> tuple[Feed, ...]:
    """Feed all numbers of a row as one tensor.

    Args:
        input: What the method accepts.
        dtype: What the tensor holds.

    Returns:
        One feed, called `X`.
    """
    columns = tuple(range(len(input.columns))) if input.kind == "frame" else ()
    return (Feed(name="X", dtype=dtype, columns=columns),)
