"""Names a class by its content, where cloudpickle draws a random name; and addresses, which differ in every kernel."""

from __future__ import annotations

import hashlib
import re
from types import CodeType, FunctionType
from typing import Any

FLEETING = ("__annotations__", "__dict__", "__slotnames__", "__weakref__")
"""What Python itself writes into a class some time after it was made."""

_PLAIN = (str, bytes, int, float, bool, type(None))
_LABELLED = ("ref", "schema_ref", "cls_ref")
_DURATION = re.compile(r"(mean|std)_(fit|score)_time")
_ADDRESS = re.compile(r"(?<=:)\d{6,}")


def of(kind: Any) -> str:
    """Name a class or a type variable by what does not differ between kernels.

    Args:
        kind: The class.

    Returns:
        Hexadecimal; equal classes have one name.
    """
    return hashlib.sha256(repr(_outline(kind)).encode()).hexdigest()[:32]


def _outline(value: Any) -> Any:
    if isinstance(value, type):
        bases = [f"{base.__module__}.{base.__qualname__}" for base in value.__bases__]
        own = [(name, _member(one)) for name, one in sorted(value.__dict__.items()) if name not in FLEETING]
        return value.__qualname__, bases, own
    return getattr(value, "__name__", type(value).__qualname__)


def _member(value: Any) -> Any:
    value = getattr(value, "__func__", getattr(value, "fget", value))
    if isinstance(value, FunctionType):
        return _code(value.__code__)
    if type(value) in _PLAIN:
        return repr(value)
    return type(value).__qualname__


def _code(code: CodeType) -> Any:
    plain = (one for one in code.co_consts if isinstance(one, CodeType) or type(one) in _PLAIN)  # of a set, the order differs
    return code.co_name, code.co_code, code.co_names, [_code(one) if isinstance(one, CodeType) else repr(one) for one in plain]


def lasting(state: dict[Any, Any]) -> dict[Any, Any]:
    """Leave out of an object's attributes what differs whenever it is made anew, and says nothing of its answers.

    Args:
        state: The attributes.

    Returns:
        The same, or a copy with 0 in place of the addresses of objects that stand beside them, by which some classes of
        scikit-learn's know them again, and of how long the fits of its searches took.
    """
    numbers = [name for name, value in state.items() if type(value) is int and value > 1 << 32]
    addresses = {id(value) for value in state.values()} if numbers else set()
    if any(state[name] in addresses for name in numbers):
        state = {name: 0 if name in numbers and value in addresses else value for name, value in state.items()}
    results = state.get("cv_results_")
    if type(results) is dict:
        results = {name: value * 0 if _DURATION.fullmatch(str(name)) else value for name, value in results.items()}
        state = {**state, "cv_results_": results, **({"refit_time_": 0.0} if "refit_time_" in state else {})}
    return state


class Labels:
    """The labels in pydantic's schemas, `__main__.Row:94495269413296`, with a number in place of each address."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._known: dict[int, tuple[object, Any]] = {}  # by id; the object is held, so that its id stays its own

    def __call__(self, schema: Any) -> Any:
        """Number the addresses in a schema.

        Args:
            schema: A schema, or a part of one.

        Returns:
            A copy; the same one each time.
        """
        if type(schema) not in (dict, list, tuple):
            return schema
        if id(schema) not in self._known:
            made: Any = type(schema)(map(self, schema)) if type(schema) is not dict else self._of_dict(schema)
            self._known[id(schema)] = schema, made
        return self._known[id(schema)][1]

    def _of_dict(self, schema: dict[Any, Any]) -> dict[Any, Any]:
        return {
            key: _ADDRESS.sub(self._number, value) if key in _LABELLED and type(value) is str else self(value)
            for key, value in schema.items()
        }

    def _number(self, found: re.Match[str]) -> str:
        return str(self._numbers.setdefault(found[0], len(self._numbers)))
