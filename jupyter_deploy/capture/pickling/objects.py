"""How a live object leaves the kernel: as a pickle that is the same in every kernel that ran the same notebook.

What the notebook itself defines is pickled by value and what stands in modules by reference, as cloudpickle does. Made steady here
is what differs between two kernels in cloudpickle's own output, or between two captures in one kernel: the random id that it gives
to a class (`identity.py`), the temporary file names that a kernel gives to cells, the order of a set (`steady.py`), and what
Python, `functools` and `abc` write into classes and functions while they are used.
"""

from __future__ import annotations

import builtins
import functools
import hashlib
import io
import os
import pickle
import sys
import warnings
import weakref
from collections.abc import Callable
from types import CellType, CodeType, FunctionType, ModuleType
from typing import IO, Any, TypeVar

import cloudpickle
from cloudpickle.cloudpickle import (
    _cell_reduce,
    _code_reduce,
    _make_skeleton_class,
    _make_skeleton_enum,
    _make_typevar,
    _typevar_reduce,
)

from jupyter_deploy import errors
from jupyter_deploy.bentos.python.endpoint import hints
from jupyter_deploy.capture.pickling import identity, paths, unpicklable
from jupyter_deploy.capture.pickling.reached import Reached, addressed, foreign_bases
from jupyter_deploy.capture.pickling.steady import StandIn, Steady

__all__ = ["Make", "Pickler", "Place", "Reached", "dump"]

Place = Callable[[CodeType], str]
"""Gives a function's code the file name to be written down for it, such as `<cell 3f9a12bc>`."""

Make = Callable[[IO[bytes], Reached, Place], "Pickler"]
"""Makes a pickler for `dump`."""

_CACHED = type(functools.lru_cache(len))
_DISPATCHER = functools.singledispatch(len).__code__  # type: ignore[attr-defined]  # a function of Python's own
_TO_TELL = 100  # objects that are looked at to tell an element of a set from the others


def dump(
    obj: object, file: IO[bytes], *, name: str = "model", reached: Reached | None = None, place: Place | None = None,
    make: Make | None = None, apart: Callable[[object], object] | None = None,
) -> None:  # fmt: skip
    """Pickle an object so that another process of the same Python can load it.

    Args:
        obj: The object.
        file: Where to write.
        name: What the person called it; paths in errors begin with it.
        reached: Takes down what is met.
        place: Names the files of functions; the file's own name without folders where None.
        make: Makes the pickler.
        apart: Gives what stands in the pickle for an object that is written elsewhere, and None for every other one.

    Raises:
        NotPicklable: If something in it cannot leave the kernel; the message holds the path of that attribute.
    """
    try:
        pickler = (make or Pickler)(file, reached or Reached(), place or _file_name)
        if apart is not None:
            pickler.persistent_id = apart
        pickler.dump(obj)
    except (MemoryError, OSError, errors.DeployError):
        raise
    except Exception as error:  # pickling runs `__getstate__` and `__reduce__` of any object, which may raise anything
        raise unpicklable.explain(obj, name, error, _attempt) from error


class Pickler(cloudpickle.Pickler):  # type: ignore[misc]  # it has no types
    """cloudpickle's pickler, which also takes down what it meets and writes the same bytes in every kernel.

    Args:
        file: Where to write.
        reached: Takes down what is met.
        place: Names the files of functions.
    """

    def __init__(self, file: IO[bytes], reached: Reached, place: Place) -> None:
        super().__init__(file, protocol=pickle.HIGHEST_PROTOCOL)
        self._reached = reached
        self._place = place
        self._classes: dict[str, int] = {}
        self._names: dict[str, Any] = {}  # of the function met last, whose hints may name classes beside it
        self._steady = Steady(self._digest)
        self._labels = identity.Labels()

    def dump(self, obj: Any) -> None:
        """Write an object.

        Args:
            obj: The object.
        """
        super().dump(self._steady(obj))

    def reducer_override(self, obj: Any) -> Any:
        """Say how one object is pickled; called for all but plain values and containers.

        Args:
            obj: The object.

        Returns:
            A reduction as in `object.__reduce__`, or NotImplemented to leave it to pickle.
        """
        kind = type(obj)
        if kind is StandIn:
            return self._steady.reduce(obj)
        if kind is CodeType:
            return self._code(obj)
        if isinstance(obj, io.IOBase) and not isinstance(obj, (io.StringIO, io.BytesIO)):
            raise pickle.PicklingError("cannot pickle an open file")  # cloudpickle would silently take its content along
        if obj is os.environ:
            return "environ"  # by name; cloudpickle would take the value of every variable along
        if paths.is_open(obj):
            return getattr, (builtins, "open")
        hints.complete(obj, self._names)
        checked = _checked(obj) if kind is FunctionType and hasattr(obj, "raw_function") else None
        if checked is not None:
            return checked
        reduced = super().reducer_override(obj)
        self._note(obj, kind, by_value=reduced is not NotImplemented)
        if issubclass(kind, type) or isinstance(obj, TypeVar):
            return self._class(obj, reduced)
        if isinstance(obj, FunctionType):
            return reduced if reduced is NotImplemented else self._function(obj, reduced)
        reduced = self._instance(obj, kind)
        self._reached.reduction(obj, reduced)
        return self._made_steady(reduced)

    def _note(self, obj: Any, kind: type, *, by_value: bool) -> None:
        self._reached.meet(obj)
        if isinstance(obj, FunctionType) and by_value:
            self._reached.function(obj)
        elif isinstance(obj, ModuleType):
            self._reached.module(obj.__name__)
        elif isinstance(obj, type):
            self._reached.module(obj.__module__)
            for base in foreign_bases(obj):
                self._reached.module(base)
        elif callable(obj) and hasattr(obj, "__name__"):  # functions of extension modules, and numpy's ufuncs
            module = getattr(obj, "__module__", None) or pickle.whichmodule(obj, obj.__name__)  # type: ignore[attr-defined]
            self._reached.module(module)
            if not _is_global(obj, module):
                self._reached.module(kind.__module__)
        else:
            self._reached.module(kind.__module__)

    def _code(self, code: CodeType) -> Any:
        make, arguments = _code_reduce(code.replace(co_filename=self._place(code)))
        return make, tuple(tuple(map(self._steady, one)) if isinstance(one, tuple) else one for one in arguments)

    def _function(self, function: Any, reduced: tuple[Any, ...]) -> Any:
        make, arguments, (state, slots), *rest = reduced
        arguments[1].pop("__file__", None)  # a path of this machine
        if function.__code__ is _DISPATCHER:
            function._clear_cache()  # noqa: SLF001 (its own word for it; which calls there were is nothing to take along)
        self._names = function.__globals__
        if slots.get("__annotations__"):
            slots["__annotations__"] = hints.spelled(slots["__annotations__"], hints.scope_of(function))
        used = slots.pop("__globals__")
        submodules = addressed(function.__code__, (*used.values(), *_held(function)))
        used = {name: self._steady(value) for name, value in used.items()}
        slots = {name: self._steady(value) for name, value in slots.items()}
        return make, arguments, (self._steady(state), {**slots, "__globals__": used, "_cloudpickle_submodules": submodules}), *rest

    def _class(self, obj: Any, reduced: Any) -> Any:
        if isinstance(obj, TypeVar):
            reduced = _typevar_reduce(obj)
            return (reduced[0], (*reduced[1][:-1], self._identity(obj))) if reduced[0] is _make_typevar else reduced
        if reduced is NotImplemented or reduced[0] not in (_make_skeleton_class, _make_skeleton_enum):
            return reduced
        make, arguments, (held, slots), *rest = reduced
        attributes = {name: self._steady(value) for name, value in held.items() if name not in identity.FLEETING}
        if "__pydantic_core_schema__" in attributes:
            attributes["__pydantic_core_schema__"] = self._steady(self._labels(held["__pydantic_core_schema__"]))
        if held.get("__annotations__"):
            attributes["__annotations__"] = hints.spelled(held["__annotations__"], {**self._names, **hints.names_of(obj)})
        if "_abc_impl" in attributes:
            attributes["_abc_impl"] = sorted(attributes["_abc_impl"], key=lambda one: f"{one.__module__}.{one.__qualname__}")
        *leading, _, extra = arguments  # the last but one is the random id
        return make, (*leading, self._identity(obj), extra), (attributes, slots), *rest

    def _instance(self, obj: Any, kind: type) -> Any:
        if kind is CellType:
            return _cell_reduce(obj)
        if kind is _CACHED and obj.__module__ == "__main__":
            return functools.lru_cache(**obj.cache_parameters()), (obj.__wrapped__,)  # anew, with nothing in it
        if kind is functools.cached_property:  # before Python 3.12 it holds a lock
            return kind, (obj.func,), {name: one for name, one in vars(obj).items() if name not in ("func", "lock")}
        if kind is weakref.WeakSet:
            return kind, (self._steady.ordered(obj),)
        if kind in (weakref.WeakKeyDictionary, weakref.WeakValueDictionary):
            return kind, (), None, None, iter(list(obj.items()))
        if kind in self.dispatch_table:
            return self.dispatch_table[kind](obj)
        if kind.__name__ == "ndarray" and kind.__module__ == "numpy" and not obj.dtype.hasobject:
            return NotImplemented
        if kind.__module__ == "torch.storage":
            return _storage(obj)
        reduced = obj.__reduce_ex__(self.proto)
        if kind.__module__ == "pydantic_core._pydantic_core" and isinstance(reduced, tuple):
            return reduced[0], tuple(map(self._labels, reduced[1])), *reduced[2:]
        if kind.__module__ == "pydantic._internal._decorators" and isinstance(reduced, tuple) and len(reduced) > 2:
            return *reduced[:2], self._labels(reduced[2]), *reduced[3:]
        if isinstance(obj, (set, frozenset)) and isinstance(reduced, tuple):  # of a class of its own
            return reduced[0], (self._steady.ordered(obj),), *reduced[2:]
        return reduced

    def _made_steady(self, reduced: Any) -> Any:
        if not isinstance(reduced, tuple):
            return reduced
        make, arguments, state, items, pairs, *rest = (*reduced, None, None, None)[: max(5, len(reduced))]
        return (
            make,
            tuple(map(self._steady, arguments)),
            self._steady(identity.lasting(state) if type(state) is dict else state),
            None if items is None else map(self._steady, items),
            None if pairs is None else ((key, self._steady(value)) for key, value in pairs),
            *rest,
        )

    def _identity(self, obj: Any) -> str:
        """Name a class by its content, and by its place among equal ones, so that a kernel's classes are never mixed up."""
        whole = identity.of(obj)
        self._classes[whole] = self._classes.get(whole, -1) + 1
        return f"{whole}-{self._classes[whole]}"

    def _digest(self, obj: object) -> bytes:
        """Name an element of a set by its content."""
        file = io.BytesIO()
        _Outline(file, Reached(), self._place).dump(obj)
        return hashlib.sha256(file.getvalue()).digest()


class _Outline(Pickler):
    """Writes as much of an object as tells it from others; what is in sets, or far from it, is left out."""

    def __init__(self, file: IO[bytes], reached: Reached, place: Place) -> None:
        super().__init__(file, reached, place)
        self._left = _TO_TELL

    def reducer_override(self, obj: Any) -> Any:
        self._left -= 1
        if type(obj) is StandIn and isinstance(obj.value, (set, frozenset)):
            return int, (len(obj.value),)
        return super().reducer_override(obj) if self._left > 0 else (int, ())


def _held(function: FunctionType) -> list[object]:
    """List what a function's closure holds; a cell may be empty still."""
    return [cell.cell_contents for cell in function.__closure__ or () if cell != CellType()]


def _checked(function: Any) -> Any:
    """Make a function anew that pydantic's `validate_call` wraps; what it holds cannot be loaded again."""
    held: list[Any] = [getattr(one, "__self__", one) for one in _held(function)]
    wrapper = next((one for one in held if type(one).__name__ == "ValidateCallWrapper"), None)
    if wrapper is None:
        return None
    config: Any = getattr(getattr(wrapper, "config_wrapper", None), "config_dict", None)
    wrap = sys.modules["pydantic"].validate_call
    return functools.partial(wrap, config=config or None, validate_return=wrapper.validate_return), (function.raw_function,)


def _storage(storage: Any) -> Any:
    """Write the memory of tensors as the processor has it; PyTorch's own pickle of it holds its address."""
    torch: Any = sys.modules["torch"]
    file = io.BytesIO()
    with warnings.catch_warnings():  # of a class that goes away, which PyTorch's own pickle of tensors names too
        warnings.filterwarnings("ignore", "TypedStorage is deprecated", UserWarning)
        torch.save(storage.cpu(), file)
    return torch.storage._load_from_bytes, (file.getvalue(),)  # noqa: SLF001 (what PyTorch's own pickle names)


def _is_global(obj: Any, module: object) -> bool:
    """Whether an object is pickled as a name: then its class need not be there, as that of Cython's functions cannot."""
    found: Any = sys.modules.get(module) if isinstance(module, str) else None
    for name in getattr(obj, "__qualname__", obj.__name__).split("."):
        found = getattr(found, name, None)
    return found is obj


def _file_name(code: CodeType) -> str:
    return code.co_filename.replace("\\", "/").rpartition("/")[2]


class _Nowhere(io.BytesIO):
    def write(self, data: Any) -> int:
        return memoryview(data).nbytes


def _attempt(obj: object) -> Exception | None:
    try:
        Pickler(_Nowhere(), Reached(), _file_name).dump(obj)
    except Exception as error:  # as in `dump`  # noqa: BLE001
        return error
    return None
