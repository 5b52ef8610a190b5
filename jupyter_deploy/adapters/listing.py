"""How what is asked of an endpoint's handle looks in a notebook: lists as lines of text, errors without how they came about."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import ParamSpec, TypeVar

from jupyter_deploy import errors

T = TypeVar("T")
P = ParamSpec("P")


def brief(function: Callable[P, T]) -> Callable[P, T]:
    """Leave out of an error's traceback how it came about in here: people need their own line and what to do.

    Args:
        function: What people call.

    Returns:
        The same function.
    """

    @functools.wraps(function)
    def called(*args: P.args, **named: P.kwargs) -> T:
        try:
            return function(*args, **named)
        except errors.DeployError as error:
            raise error.with_traceback(None) from None

    return called


class Listing(list[T]):
    """A list that a notebook shows as lines of text.

    Args:
        items: What it holds.
        text: How it is shown.
    """

    def __init__(self, items: Iterable[T], text: str) -> None:
        super().__init__(items)
        self._text = text

    def __repr__(self) -> str:
        return self._text
