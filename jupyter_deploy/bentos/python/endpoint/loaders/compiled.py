"""Loads a model of which some methods were compiled for ONNX Runtime; the others stay as they are."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

PLAN = "plan.json"


class Feed(msgspec.Struct, frozen=True, kw_only=True):
    """One tensor that a graph takes.

    Attributes:
        name: Its name in the graph.
        dtype: numpy's name of what it holds; `object` for texts.
        columns: The places of the columns of a table that it holds; empty where it holds all of an array or a list.
        flat: Whether it has no second dimension.
    """

    name: str
    dtype: str
    columns: tuple[int, ...] = ()
    flat: bool = False


class Routine(msgspec.Struct, frozen=True, kw_only=True):
    """How one method is answered by a graph.

    Attributes:
        attribute: The method's name on the model; empty for calling the model itself.
        file: The graph's file.
        feeds: What the graph takes.
        output: Which of its outputs is the answer.
        dtype: What the notebook's own answer is made of; `object` for texts.
        column: Which column of the output is the answer; None for all of it.
        flat: Whether the answer has one dimension less than the output.
        log: Whether the answer is the logarithm of the output.
    """

    attribute: str
    file: str
    feeds: tuple[Feed, ...]
    output: str
    dtype: str
    column: int | None = None
    flat: bool = False
    log: bool = False


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Which methods were compiled, and where the model itself is.

    Attributes:
        routines: The compiled methods.
        loader: What loads the model itself; empty where every method was compiled, so that nobody needs it.
        model: Its file or folder, beside the plan's folder.
    """

    routines: tuple[Routine, ...]
    loader: str = ""
    model: str = ""


class Rows(NamedTuple):
    """Decoded rows of a table, of which nobody has made a data frame.

    Attributes:
        rows: Tuples in the columns' order.
    """

    rows: list[tuple[Any, ...]]


class Compiled:
    """One compiled method.

    Args:
        routine: How it is answered.
        session: The graph's session.
    """

    def __init__(self, routine: Routine, session: Any) -> None:
        self.routine = routine
        self._run = session.run
        self._asked = [routine.output]
        if routine.feeds[0].columns:
            self.of_rows = Rows  # a data frame of them would cost more than the graph

    def __call__(self, rows: Any) -> Any:
        """Answer rows.

        Args:
            rows: What `of_rows` gives, or what the model itself takes: a table, an array, or a list.

        Returns:
            What the model itself would answer.
        """
        feeds = {feed.name: tensor(rows, feed) for feed in self.routine.feeds}
        return answer(self._run(self._asked, feeds)[0], self.routine)


class Model:
    """A model with compiled methods.

    Args:
        methods: The compiled ones, by attribute.
        native: The model itself, for the others; None where there are none.
    """

    def __init__(self, methods: dict[str, Compiled], native: Any) -> None:
        self._methods, self._native = methods, native

    def __getattr__(self, name: str) -> Any:
        found = self._methods.get(name)
        return found if found is not None else getattr(self._native, name)

    def __call__(self, rows: Any) -> Any:
        """Call the model itself, where it is a function.

        Args:
            rows: Its argument.

        Returns:
            Its answer.
        """
        return self._methods.get("", self._native)(rows)


def tensor(rows: Any, feed: Feed) -> Any:
    """Make one tensor.

    Args:
        rows: A table, an array, a list, or `Rows`.
        feed: What it should hold.

    Returns:
        An array.

    Raises:
        ValueError: If a value does not fit.
        TypeError: If a value does not fit.
    """
    import numpy as np

    if isinstance(rows, Rows):
        made = _of_rows(rows.rows, feed.columns, feed.dtype)
    elif feed.columns:
        made = _of_table(rows, feed.columns, feed.dtype)
    elif feed.dtype == "object":
        made = np.array(rows, dtype=object)
    else:
        made = np.ascontiguousarray(rows, dtype=feed.dtype)
    if feed.flat:
        return made.reshape(-1)
    return made[:, None] if made.ndim == 1 else made


def answer(found: Any, routine: Routine) -> Any:
    """Make a graph's output into the model's answer.

    Args:
        found: The output.
        routine: How.

    Returns:
        An array like the model's own.
    """
    import numpy as np

    if routine.column is not None:
        found = found[:, routine.column]
    if routine.flat:
        found = found.reshape(-1)
    if routine.log:
        with np.errstate(divide="ignore"):
            found = np.log(found)
    return found if found.dtype == routine.dtype else found.astype(routine.dtype)


def _of_rows(rows: Sequence[tuple[Any, ...]], columns: tuple[int, ...], dtype: str) -> Any:
    import numpy as np

    if rows and len(columns) == len(rows[0]):
        return np.array(rows, dtype=dtype).reshape(len(rows), len(columns))
    picked = [[row[place] for place in columns] for row in rows]
    return np.array(picked, dtype=dtype).reshape(len(rows), len(columns))


def _of_table(rows: Any, columns: tuple[int, ...], dtype: str) -> Any:
    import numpy as np

    if hasattr(rows, "iloc"):
        parts = [rows.iloc[:, place].to_numpy() for place in columns]
    else:  # polars
        parts = [rows.to_series(place).to_numpy() for place in columns]
    return np.ascontiguousarray(np.column_stack([np.asarray(part, dtype=dtype) for part in parts]))


def load(path: Path) -> Any:
    """Load a compiled model.

    Args:
        path: The folder with the plan and the graphs.

    Returns:
        What answers as the model does.

    Raises:
        ImportError: If ONNX Runtime is missing.
    """
    plan = plan_of(path)
    methods = methods_of(plan, path)
    native = importlib.import_module(f".{plan.loader}", __package__).load(path.parent / plan.model) if plan.loader else None
    return methods[""] if methods.keys() == {""} else Model(methods, native)


def plan_of(path: Path) -> Plan:
    """Read a plan.

    Args:
        path: The folder with the graphs.

    Returns:
        The plan.
    """
    return msgspec.json.decode((path / PLAN).read_bytes(), type=Plan)


def methods_of(plan: Plan, path: Path) -> dict[str, Compiled]:
    """Load the compiled methods alone.

    Args:
        plan: The plan.
        path: The folder with the graphs.

    Returns:
        The methods by attribute.
    """
    files = {routine.file for routine in plan.routines}
    sessions = {file: session_of((path / file).read_bytes()) for file in files}
    return {routine.attribute: Compiled(routine, sessions[routine.file]) for routine in plan.routines}


def session_of(graph: bytes) -> Any:
    """Prepare to run a graph.

    Args:
        graph: It, in ONNX's format.

    Returns:
        The session.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # a session's threads do not outlive the fork of a worker
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
