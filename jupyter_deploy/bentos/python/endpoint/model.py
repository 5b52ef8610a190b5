"""The model that a release serves: loaded from a folder with a manifest, called one request at a time."""

from __future__ import annotations

import importlib
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from . import codec, lines
from .contract import Contract, Golden, Manifest, Method
from .hints import by_name, settled
from .problems import ModelFailed, Problem
from .rows import RowDecoder
from .waiting import is_async

Function = Callable[..., Any]


class Answer(NamedTuple):
    """What came of one request.

    Attributes:
        body: The answer's JSON.
        rows: How many rows were predicted.
        seconds: How long the model took.
    """

    body: bytes
    rows: int
    seconds: float


class BoundMethod:
    """One method of a loaded model with its codec.

    Args:
        method: The method's contract.
        function: What to call.
    """

    def __init__(self, method: Method, function: Function) -> None:
        self.method = method
        self.waits = is_async(function)
        self._function = by_name(function) if method.input.kind == "arguments" else function
        self._decode = RowDecoder(method.input, function)

    def __call__(self, body: bytes) -> Answer:
        """Answer one request.

        Args:
            body: The request's body.

        Returns:
            The answer.

        Raises:
            InvalidJson: If the body is not JSON.
            InvalidInput: If it does not fit the contract.
            ModelFailed: If the model raises, or does not give one answer a row.
        """
        rows = self._decode(body)
        began = time.perf_counter()
        try:
            predictions = answers(self._function, rows.argument, self.method, rows.size) if rows.size else []
            seconds = time.perf_counter() - began
            return Answer(codec.to_json({"predictions": predictions}), rows.size, seconds)
        except Problem:
            raise
        except BaseException as error:  # the author's code may also raise SystemExit, and answer a text that is no Unicode
            raise _raised(error) from error


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

    def warm(self) -> None:
        """Predict the first golden row of each method, so that the first caller does not wait for what a model does only once."""
        for golden in {one.method: one for one in reversed(self.golden)}.values():
            method = self.methods.get(golden.method)
            if method is not None and golden.rows and not method.waits:  # what is opened in a loop does not outlive a fork
                method(codec.to_json({"rows": golden.rows[:1]}))


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


def load(folder: Path) -> Model:
    """Load a model, running the author's code.

    Args:
        folder: The folder with `manifest.json`.

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
    bound = {one.name: BoundMethod(one, getattr(target, one.attribute) if one.attribute else target) for one in contract.methods}
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
        raise _raised(error) from error
    if len(made) != count:
        raise ModelFailed(f"The model gave {len(made)} answers to {count} rows.")
    return made


def _raised(error: BaseException) -> ModelFailed:
    return ModelFailed(f"The model raised {type(error).__name__}; the endpoint's log says where.")


def _call(function: Function, argument: Any, method: Method) -> list[Any]:
    if method.input.kind == "arguments":
        return codec.encode_answer([function(row) for row in argument], method.output)
    return codec.encode_answer(settled(function(argument)), method.output)
