"""How a live object leaves the kernel: as a pickle that is the same in every kernel that ran the same notebook.

What the notebook itself defines is pickled by value and what stands in modules by reference, as cloudpickle does. Three things
differ between two kernels in cloudpickle's own output, and are made steady here: the random id that it gives to a class, the
temporary file names that a kernel gives to cells, and the order of a set of texts, which follows a random hash seed.
"""

from __future__ import annotations

import functools
import hashlib
import io
import pickle
import sys
import sysconfig
from collections.abc import Callable, Iterable
from pathlib import PurePath
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
from jupyter_deploy.capture import unpicklable

Place = Callable[[CodeType], str]
"""Gives a function's code the file name to be written down for it, such as `<cell 7>`."""

_CACHED = type(functools.lru_cache(len))
_LIBRARIES = tuple({sysconfig.get_paths()[key] for key in ("stdlib", "platstdlib")})
_PLAIN = (str, bytes, int, float, bool, type(None))
MOST_HELD = 1_000  # in `Reached.held`


class Reached:
    """What the pickler met on its way.

    Attributes:
        modules: Every module that must be there when the pickle is loaded or used, dotted, in the order met.
        defined: What was pickled by value: qualified name and code of functions; classes stand with their methods.
        functions: Every function, whether it was pickled by value or by name.
        classes: Every class, and that of every object.
        held: Paths, and at most `MOST_HELD` objects of classes that no installed package defines.
    """

    def __init__(self) -> None:
        self.modules: dict[str, None] = {}
        self.defined: list[tuple[str, CodeType]] = []
        self.functions: list[FunctionType] = []
        self.classes: dict[type, bool] = {}
        self.held: list[object] = []

    def meet(self, obj: object) -> None:
        """Note an object of whatever kind.

        Args:
            obj: The object.
        """
        if isinstance(obj, FunctionType):
            self.functions.append(obj)
        kind = obj if isinstance(obj, type) else type(obj)
        if kind not in self.classes:
            self.classes[kind] = _is_own(kind)
        if self.classes[kind] and kind is not obj and len(self.held) < MOST_HELD:
            self.held.append(obj)

    def module(self, name: object) -> None:
        """Note a module.

        Args:
            name: Its dotted name; anything that is no text is ignored, since objects may say what they like of themselves.
        """
        if isinstance(name, str) and name not in self.modules:
            self.modules[name] = None

    def function(self, function: FunctionType) -> None:
        """Note a function that is pickled by value, and what it imports while it runs.

        Args:
            function: The function.
        """
        self.defined.append((function.__qualname__, function.__code__))
        for name in imports(function.__code__):
            self.module(name)


def dump(obj: object, file: IO[bytes], *, name: str = "model", reached: Reached | None = None, place: Place | None = None) -> None:
    """Pickle an object so that another process of the same Python can load it.

    Args:
        obj: The object.
        file: Where to write.
        name: What the person called it; paths in errors begin with it.
        reached: Takes down what is met.
        place: Names the files of functions; the file's own name without folders where None.

    Raises:
        NotPicklable: If something in it cannot leave the kernel; the message holds the path of that attribute.
    """
    try:
        Pickler(file, reached or Reached(), place or _file_name).dump(obj)
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
        self._sets: dict[int, tuple[object, _Sorted]] = {}

    def reducer_override(self, obj: Any) -> Any:
        """Say how one object is pickled; called for all but plain values and containers.

        Args:
            obj: The object.

        Returns:
            A reduction as in `object.__reduce__`, or NotImplemented to leave it to pickle.
        """
        kind = type(obj)
        if kind is _Sorted:
            return obj.kind, (obj.items,)
        if kind is CodeType:
            return self._code(obj)
        if kind is CellType:
            return self._cell(obj)
        if isinstance(obj, io.IOBase) and not isinstance(obj, (io.StringIO, io.BytesIO)):
            raise pickle.PicklingError("cannot pickle an open file")  # cloudpickle would silently take its content along
        if kind is _CACHED and obj.__module__ == "__main__":
            return functools.lru_cache(**obj.cache_parameters()), (obj.__wrapped__,)  # anew, with nothing in it
        reduced = super().reducer_override(obj)
        self._note(obj, kind, by_value=reduced is not NotImplemented)
        if isinstance(obj, FunctionType) and reduced is not NotImplemented:
            return self._function(reduced)
        if isinstance(obj, (type, TypeVar)):
            return self._class(obj, reduced)
        if kind.__module__ == "__main__" and reduced is NotImplemented:
            return self._instance(obj)
        return reduced

    def _note(self, obj: Any, kind: type, *, by_value: bool) -> None:
        self._reached.meet(obj)
        if isinstance(obj, FunctionType) and by_value:
            self._reached.function(obj)
        elif isinstance(obj, ModuleType):
            self._reached.module(obj.__name__)
        elif isinstance(obj, type):
            self._reached.module(obj.__module__)
            for base in _foreign_bases(obj):
                self._reached.module(base)
        elif callable(obj) and hasattr(obj, "__name__"):  # functions of extension modules, and numpy's ufuncs
            module = getattr(obj, "__module__", None) or pickle.whichmodule(obj, obj.__name__)  # type: ignore[attr-defined]
            self._reached.module(module)
            if not _is_global(obj, module):
                self._reached.module(kind.__module__)
        else:
            self._reached.module(kind.__module__)

    def _code(self, code: CodeType) -> Any:
        plain = code.replace(co_filename=self._place(code))
        make, arguments = _code_reduce(plain)
        return make, tuple(self._sorted_constants(one) if isinstance(one, tuple) else one for one in arguments)

    def _sorted_constants(self, constants: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(self._steady(one) for one in constants)

    def _cell(self, cell: CellType) -> Any:
        make, arguments = _cell_reduce(cell)
        return make, tuple(self._steady(one) for one in arguments)

    def _function(self, reduced: tuple[Any, ...]) -> Any:
        _, (_, base_globals, *_), (_, slots), *_ = reduced
        base_globals.pop("__file__", None)  # a path of this machine
        slots["__globals__"] = {name: self._steady(value) for name, value in slots["__globals__"].items()}
        return reduced

    def _class(self, obj: Any, reduced: Any) -> Any:
        if isinstance(obj, TypeVar):
            reduced = _typevar_reduce(obj)
            if reduced[0] is _make_typevar:
                return reduced[0], (*reduced[1][:-1], self._identity(obj))
            return reduced
        if reduced is NotImplemented or reduced[0] not in (_make_skeleton_class, _make_skeleton_enum):
            return reduced
        make, arguments, (attributes, slots), *rest = reduced
        attributes = {name: self._steady(value) for name, value in attributes.items()}
        *leading, _, extra = arguments  # the last but one is the random id
        return make, (*leading, self._identity(obj), extra), (attributes, slots), *rest

    def _instance(self, obj: object) -> Any:
        if type(obj) in self.dispatch_table:
            return NotImplemented
        reduced = obj.__reduce_ex__(self.proto)
        if not isinstance(reduced, tuple) or len(reduced) < 3 or type(reduced[2]) is not dict:
            return reduced
        state = {name: self._steady(value) for name, value in reduced[2].items()}
        return (*reduced[:2], state, *reduced[3:])

    def _identity(self, obj: Any) -> str:
        """Name a class by its content, and by its place among equal ones, so that a kernel's classes are never mixed up."""
        whole = hashlib.sha256(repr(_outline(obj)).encode()).hexdigest()[:32]
        self._classes[whole] = self._classes.get(whole, -1) + 1
        return f"{whole}-{self._classes[whole]}"

    def _steady(self, value: Any) -> Any:
        """Replace a set of plain values by a stand-in that writes them in order; one stand-in a set, so sharing is kept."""
        if type(value) not in (set, frozenset) or not all(isinstance(one, _PLAIN) for one in value):
            return value
        if id(value) not in self._sets:
            self._sets[id(value)] = value, _Sorted(value)
        return self._sets[id(value)][1]


class _Sorted:
    """Stands for a set while it is written."""

    def __init__(self, values: Iterable[Any]) -> None:
        self.kind = type(values)
        self.items = sorted(values, key=lambda one: (type(one).__name__, repr(one)))


def imports(code: CodeType) -> list[str]:
    """List the modules that a function imports while it runs.

    Args:
        code: The function's code; functions within it are looked at too.

    Returns:
        Dotted names.
    """
    import dis

    found = []
    for step in dis.get_instructions(code):
        if step.opname == "IMPORT_NAME":
            found.append(str(step.argval))
        elif step.opname == "IMPORT_FROM" and found and f"{found[-1]}.{step.argval}" in sys.modules:
            found.append(f"{found[-1]}.{step.argval}")
    for one in code.co_consts:
        if isinstance(one, CodeType):
            found += imports(one)
    return [name for name in found if name]


def _foreign_bases(kind: type) -> list[str]:
    """List the modules of bases from other packages, which its own package need not require: scikit-learn's for LightGBM."""
    own = str(kind.__module__).partition(".")[0]
    return [str(base.__module__) for base in kind.__mro__ if str(base.__module__).partition(".")[0] != own]


def _is_own(kind: type) -> bool:
    """Whether objects of a class may hold what their author put there: a path, or a class of the notebook or beside it."""
    if issubclass(kind, PurePath):
        return True
    module = sys.modules.get(str(kind.__module__))
    file = getattr(module, "__file__", None) or ""
    installed = "site-packages" in file or "dist-packages" in file or file.startswith(_LIBRARIES)
    return kind.__module__ == "__main__" or bool(file and not installed)


def _is_global(obj: Any, module: object) -> bool:
    """Whether an object is pickled as a name: then its class need not be there, as that of Cython's functions cannot."""
    found: Any = sys.modules.get(module) if isinstance(module, str) else None
    for name in getattr(obj, "__qualname__", obj.__name__).split("."):
        found = getattr(found, name, None)
    return found is obj


def _outline(value: Any) -> Any:
    """Describe a class or function by what does not differ between kernels."""
    if isinstance(value, type):
        bases = [f"{base.__module__}.{base.__qualname__}" for base in value.__bases__]
        return value.__qualname__, bases, [(name, _outline_member(one)) for name, one in sorted(value.__dict__.items())]
    return getattr(value, "__name__", type(value).__qualname__)


def _outline_member(value: Any) -> Any:
    value = getattr(value, "__func__", getattr(value, "fget", value))
    if isinstance(value, FunctionType):
        return _outline_code(value.__code__)
    if type(value) in _PLAIN:
        return repr(value)
    return type(value).__qualname__


def _outline_code(code: CodeType) -> Any:
    steady = (one for one in code.co_consts if type(one) is not frozenset)
    constants = [_outline_code(one) if isinstance(one, CodeType) else repr(one) for one in steady]
    return code.co_name, code.co_code, code.co_names, constants


def _file_name(code: CodeType) -> str:
    return code.co_filename.replace("\\", "/").rpartition("/")[2]


class _Nowhere(io.BytesIO):
    def write(self, data: Any) -> int:
        return len(data)


def _attempt(obj: object) -> Exception | None:
    try:
        Pickler(_Nowhere(), Reached(), _file_name).dump(obj)
    except Exception as error:  # as in `dump`  # noqa: BLE001
        return error
    return None
