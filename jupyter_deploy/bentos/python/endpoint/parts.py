"""One request, checked against the contract and waiting for the model."""

from __future__ import annotations

from typing import Any, NamedTuple

SMALL = 32  # rows up to which a table is taken as rows, which may be answered together with those of other requests


class Part(NamedTuple):
    """One request's rows.

    Attributes:
        rows: Decoded rows, which can be joined with those of other requests: tuples in the columns' order for a frame and for
            arguments that are all given, else one value a row; None where `argument` is whole already.
        argument: The model's argument, where the format gave it whole or a look at the values had to build it; None otherwise.
        size: How many rows there are.
        weight: The bytes of the body.
    """

    rows: list[Any] | None
    argument: Any
    size: int
    weight: int
