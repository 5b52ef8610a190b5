"""Sets in an order that is the same in every kernel, wherever they stand within lists, tuples and dicts.

A set's order follows a random hash seed, or the addresses of its elements. pickle writes sets, and the containers around them,
by itself and asks nobody; so a container that holds a set is replaced by a stand-in, which pickle does ask about.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

CONTAINERS = (dict, frozenset, list, set, tuple)
_SETS = (frozenset, set)
_PLAIN = (str, bytes, int, float, complex, bool, type(None))


class StandIn:
    """Stands for a container while it is written.

    Args:
        value: The container.
    """

    def __init__(self, value: Any) -> None:
        self.value = value


class Steady:
    """Finds the containers of one pickle that hold sets.

    Args:
        digest: Names an object by its content, to order the elements of a set that are no plain values.
    """

    def __init__(self, digest: Callable[[object], bytes]) -> None:
        self._digest = digest
        self._known: dict[int, tuple[object, Any]] = {}  # the object is held, so that its id stays its own

    def __call__(self, value: Any) -> Any:
        """Give what is to be pickled in an object's place.

        Args:
            value: Any object.

        Returns:
            A stand-in for a container that holds a set; one for each container, so that what is shared stays so. Else the object.
        """
        if type(value) not in CONTAINERS:
            return value
        known = self._known.get(id(value))
        if known is None:
            met = _without_sets(value)
            if met is None:
                known = self._known[id(value)] = value, StandIn(value)
            else:
                self._known.update({id(one): (one, one) for one in met})
                return value
        return known[1]

    def reduce(self, stand_in: StandIn) -> Any:
        """Say how a container is written.

        Args:
            stand_in: What stands for it.

        Returns:
            A reduction as in `object.__reduce__`.
        """
        value = stand_in.value
        if type(value) is list:
            return list, (), None, map(self, value)
        if type(value) is dict:
            return dict, (), None, None, ((self(key), self(one)) for key, one in value.items())
        if type(value) is tuple:
            return tuple, ([self(one) for one in value],)
        if type(value) is set:  # made empty and filled afterwards, since its elements may lead back to it
            return set, (), self.ordered(value), None, None, set.update
        return frozenset, (self.ordered(value),)

    def ordered(self, values: Iterable[Any]) -> list[Any]:
        """Bring the elements of a set into an order.

        Args:
            values: The elements.

        Returns:
            They, or what stands for them.
        """
        elements = list(values)
        if len(elements) > 1:
            elements.sort(key=_key if all(_is_plain(one) for one in elements) else self._digest)
        return [self(one) for one in elements]


def _without_sets(value: Any) -> list[Any] | None:
    """List the containers in a container, itself included; None where one of them is a set whose order is not certain."""
    met, waiting = {id(value): value}, [value]
    while waiting:
        one = waiting.pop()
        if type(one) in _SETS and (len(one) > 1 or any(type(inner) not in _PLAIN for inner in one)):
            return None
        parts: Iterable[Any] = [*one, *one.values()] if type(one) is dict else one
        for inner in [part for part in parts if type(part) in CONTAINERS]:
            if id(inner) not in met:
                met[id(inner)] = inner
                waiting.append(inner)
    return list(met.values())


def _is_plain(value: Any) -> bool:
    return type(value) in _PLAIN or (type(value) is tuple and all(_is_plain(one) for one in value))


def _key(value: Any) -> tuple[str, str]:
    return type(value).__name__, repr(value)
