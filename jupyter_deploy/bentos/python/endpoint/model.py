"""The model that a release serves: loaded from a folder with a manifest, called one request at a time."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from . import codec, lines, tensors
from .contract import Contract, Golden, Manifest, Method, Output
from .fast import REFUSALS
from .hints import begun, by_name, by_place, settled
from .parts import Part
from .problems import InvalidInput, ModelFailed, Problem
from .rows import RowDecoder
from .waiting import is_async

Function = Callable[..., Any]


class Answers:
    """What the model gave to one request.

    Args:
        native: The model's own answer, where the request was alone in its call; None otherwise.
        size: How many rows were asked.
        output: What the method returns.
        rows: One JSON value a row, where they are made already.
    """

    __slots__ = ("_output", "_rows", "native", "size")

    def __init__(self, native: Any, size: int, output: Output, rows: list[Any] | None = None) -> None:
        self.native = native
        self.size = size
        self._output = output
        self._rows = rows

    @property
    def rows(self) -> list[Any]:
        """One JSON value a row; made of the native answer when it is first asked for.

        Raises:
            ModelFailed: If there is not one answer a row.
        """
        if self._rows is None:
            self._rows = codec.encode_answer(self.native, self._output)
            _counted(len(self._rows), self.size)
        return self._rows


class BoundMethod:
    """One method of a loaded model with its codec.

    Args:
        method: The method's contract.
        function: What to call.
        strict: Whether values outside of the ranges that the contract tells are refused.
    """

    def __init__(self, method: Method, function: Function, *, strict: bool = False) -> None:
        self.method = method
        self.waits = is_async(function)
        self.decoder = RowDecoder(method.input, function, strict=strict)
        self._each = by_name(function) if method.input.kind == "arguments" else None
        self._all = by_place(function, [one.name for one in method.input.columns]) if self._each is not None else None
        self._function = function

    def __call__(self, body: bytes) -> bytes:
        """Answer one body.

        Args:
            body: JSON.

        Returns:
            JSON.

        Raises:
            InvalidJson: If the body is not JSON.
            InvalidInput: If it does not fit the contract.
            ModelFailed: If the model raises, or does not give one answer a row.
        """
        (answers,) = self.ask([self.decoder.parse(body)])
        return codec.to_json({"predictions": answers.rows})

    def ask(self, parts: Sequence[Part]) -> list[Answers]:
        """Call the model once.

        Args:
            parts: One request, or several that can be joined.

        Returns:
            What it gave to each of them.

        Raises:
            InvalidInput: If a value does not fit the contract after all.
            ModelFailed: If the model raises, or does not give one answer a row.
        """
        output = self.method.output
        if len(parts) == 1 and not parts[0].size:
            return [Answers(None, 0, output, [])]
        placed = None if self._all is None or parts[0].argument is not None else parts[0].rows
        try:
            argument = self.decoder.join(parts) if placed is None else placed
        except REFUSALS as error:
            raise InvalidInput([("rows", "a value does not fit its column")]) from error
        try:
            return self._divided(self._given(argument, placed=placed is not None), parts)
        except Problem:
            raise
        except BaseException as error:  # the author's code may also raise SystemExit, and its text may hold a caller's values
            raise failure_of(error) from error

    def begin(self, part: Part) -> Any:
        """Call the model, and do not wait for what it gives piece by piece.

        Args:
            part: One request; for `arguments`, with one row.

        Returns:
            What it returned: a generator, where its function is one.

        Raises:
            Exception: Whatever the author's code raises.
        """
        argument = self.decoder.join([part])
        return self._function(argument) if self._each is None else begun(self._function)(argument[0])

    def _given(self, argument: Any, *, placed: bool) -> Any:
        """Call the function once, or for each row where it takes named arguments."""
        if self._each is None:
            return tensors.plain(settled(self._function(argument)))
        return self._all(argument) if placed and self._all is not None else [self._each(row) for row in argument]

    def _divided(self, native: Any, parts: Sequence[Part]) -> list[Answers]:
        output = self.method.output
        if len(parts) == 1:
            alone = Answers(native, parts[0].size, output)
            if not hasattr(native, "shape") or output.group > 1 or output.parts or output.each is not None:
                _ = alone.rows  # of anything else nothing but its JSON tells how many answers there are
            elif output.kind != "value":
                _counted(codec.count(native), alone.size)
            return [alone]
        rows, made, begin = codec.encode_answer(native, output), [], 0
        _counted(len(rows), sum(part.size for part in parts))
        for part in parts:
            made.append(Answers(None, part.size, output, rows[begin : begin + part.size]))
            begin += part.size
        return made


class Model:
    """A loaded model.

    Args:
        manifest: How it was loaded.
        contract: What its methods accept and return.
        golden: Golden rows, which serve as warm-up and as examples.
        methods: Its methods by route.
    """

    def __init__(self, manifest: Manifest, contract: Contract, golden: list[Golden], methods: dict[str, BoundMethod]) -> None:
        self.manifest = manifest
        self.contract = contract
        self.golden = golden
        self.methods = methods


def read(folder: Path) -> tuple[Manifest, Contract, list[Golden]]:
    """Read what stands beside a model.

    Args:
        folder: The folder with `manifest.json`.

    Returns:
        Manifest, contract and golden rows; the last are empty where there are none.

    Raises:
        OSError: If a file is missing.
        msgspec.MsgspecError: If a file is not what it should be.
    """
    manifest = msgspec.json.decode((folder / "manifest.json").read_bytes(), type=Manifest)
    contract = msgspec.json.decode((folder / "contract.json").read_bytes(), type=Contract)
    rows = folder / "golden.json"
    golden = msgspec.json.decode(rows.read_bytes(), type=list[Golden]) if rows.exists() else []
    return manifest, contract, golden


def load(folder: Path, *, strict: bool = False) -> Model:
    """Load a model, running the author's code.

    Args:
        folder: The folder with `manifest.json`.
        strict: Whether values outside of the ranges that the contract tells are refused.

    Returns:
        The model.

    Raises:
        Exception: Whatever the author's code raises while it is loaded.
    """
    manifest, contract, golden = read(folder)
    lines.remember(folder)
    if manifest.sources:
        sys.path.insert(0, str(folder / manifest.sources))
        os.chdir(folder / manifest.sources)  # it stands for the notebook's folder, from which the model opens its files
    unset = [name for name in manifest.environment if name not in os.environ]
    if unset:
        raise RuntimeError(f"The model reads the environment variables {', '.join(unset)}, which are not set: set them first.")
    for module in manifest.preload:
        importlib.import_module(module)
    loader = importlib.import_module(f".loaders.{manifest.loader}", __package__)
    target = loader.load(folder / manifest.model)
    called = {one.name: getattr(target, one.attribute) if one.attribute else target for one in contract.methods}
    bound = {one.name: BoundMethod(one, called[one.name], strict=strict) for one in contract.methods}
    return Model(manifest, contract, golden, bound)


def answers(function: Function, argument: Any, method: Method, count: int) -> list[Any]:
    """Call the model and encode what it returns; the notebook makes its golden answers here too.

    Args:
        function: What to call; for `arguments`, what `by_name` makes of it.
        argument: Its argument; for `arguments`, a list with one dict a call.
        method: The method's contract.
        count: How many rows the argument has.

    Returns:
        One JSON value a row.

    Raises:
        ModelFailed: If the model raises, or does not give one answer a row.
    """
    try:
        made = _call(function, argument, method)
    except Exception as error:  # the author's code may raise anything, and its text may hold a caller's values
        raise failure_of(error) from error
    _counted(len(made), count)
    return made


def failure_of(error: BaseException) -> ModelFailed:
    """Tell that the author's code raised.

    Args:
        error: What it raised; its text may hold a caller's values.

    Returns:
        The problem that callers see.
    """
    return ModelFailed(f"The model raised {type(error).__name__}; the endpoint's log says where.")


def _counted(given: int, asked: int) -> None:
    if given != asked:
        raise ModelFailed(f"The model gave {given} answers to {asked} rows.")


def _call(function: Function, argument: Any, method: Method) -> list[Any]:
    if method.input.kind == "arguments":
        return codec.encode_answer([function(row) for row in argument], method.output)
    return codec.encode_answer(settled(function(argument)), method.output)
