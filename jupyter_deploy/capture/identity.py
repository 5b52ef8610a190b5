"""Names a class by its content, where cloudpickle draws a random one."""

from __future__ import annotations

import hashlib
from types import CodeType, FunctionType
from typing import Any

FLEETING = ("__annotations__", "__dict__", "__slotnames__", "__weakref__")
"""What Python itself writes into a class some time after it was made."""

_PLAIN = (str, bytes, int, float, bool, type(None))


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
