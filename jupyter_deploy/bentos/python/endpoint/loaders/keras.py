"""Loads models of Keras, and lets them take rows."""

from __future__ import annotations

import functools
import os
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

MODEL, CLASSES, GRAPH = "model.keras", "classes.pkl", "graph"


class Rows:
    """A model that is asked in one compiled call, which spares what `predict` does for large data sets.

    Args:
        model: The model.
        graph: The function of a saved graph, which is asked in the model's place.
    """

    called = True  # `model(X)` in a cell is a call of what is asked here too

    def __init__(self, model: Any, graph: Any = None) -> None:
        self.model, self._ask = model, graph
        found = getattr(model, "inputs", None) or ()
        self.inputs = [(str(one.name).partition(":")[0], tuple(one.shape), str(one.dtype)) for one in found]

    def __reduce__(self) -> Any:
        """Give what a look at the model should see, whose weights are no pickle."""
        return tuple, (list(own_classes(self.model).values()),)

    def predict(self, rows: Any) -> Any:
        """Answer rows.

        Args:
            rows: An array, a table or texts; a list with an object for each row where there are several inputs.

        Returns:
            What the model answers, as arrays.
        """
        import tensorflow as tf

        if self._ask is None:
            specs = [tf.TensorSpec((None, *shape[1:]), dtype) for _, shape, dtype in self.inputs]
            known = [specs[0] if len(specs) == 1 else specs] if specs else None
            self._ask = tf.function(functools.partial(self.model, training=False), input_signature=known, reduce_retracing=True)
        return _arrays(self._ask(self._given(rows)))

    def rows_of(self, positional: tuple[Any, ...], named: Mapping[str, Any]) -> tuple[Any, tuple[str, ...]]:
        """Say which rows the model itself was called on.

        Args:
            positional: The positional arguments of the call.
            named: The named ones.

        Returns:
            The rows, None where they cannot be told; and the names of what else was given that matters.
        """
        given = positional[0] if positional else named.get("x")
        others = tuple(name for name in named if name not in ("x", "batch_size", "verbose", "steps", "training"))
        if len(self.inputs) < 2:
            given = _array(given)
            return (given if getattr(given, "ndim", 0) or hasattr(given, "columns") else None), others
        names = [name for name, _, _ in self.inputs]
        parts = [given.get(name) for name in names] if isinstance(given, Mapping) else given
        if not isinstance(parts, list | tuple) or len(parts) != len(names):
            return None, others
        arrays = [_array(one) for one in parts]
        if not all(getattr(one, "ndim", 0) for one in arrays):
            return None, others
        return [dict(zip(names, row, strict=True)) for row in zip(*(one.tolist() for one in arrays), strict=True)], others

    def _given(self, rows: Any) -> Any:
        if len(self.inputs) < 2:
            return _tensor(rows, *(self.inputs[0][1:] if self.inputs else ((), "")))
        return [_tensor([row[name] for row in rows], shape, dtype) for name, shape, dtype in self.inputs]


def own_classes(model: Any) -> dict[str, Any]:
    """List the classes of a model and its layers that are not Keras' own.

    Args:
        model: The model.

    Returns:
        They, by the names under which Keras looks for them.
    """
    import keras

    layers = model._flatten_layers()  # noqa: SLF001 (what `layers` leaves out counts too)
    kinds = {type(one) for one in layers if type(one).__module__.partition(".")[0] not in ("keras", "tensorflow")}
    named = sorted(kinds, key=lambda one: one.__name__)
    return {name: one for one in named for name in (one.__name__, keras.saving.get_registered_name(one))}


def load(path: Path) -> Rows:
    """Load a model, running the author's code where it has layers of its own.

    Args:
        path: The folder.

    Returns:
        What takes rows.

    Raises:
        ImportError: If Keras or TensorFlow is missing.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import tensorflow as tf

    if path.name == GRAPH:
        graph = tf.saved_model.load(str(path))
        return Rows(graph, graph.serve)
    import keras

    with (path / CLASSES).open("rb") as file:
        classes = pickle.load(file)  # noqa: S301 (out of a bundle whose digest was checked)
    return Rows(keras.models.load_model(path / MODEL, custom_objects=classes, compile=False, safe_mode=False))


def _array(given: Any) -> Any:
    return given.numpy() if hasattr(given, "numpy") else given


def _tensor(rows: Any, shape: tuple[Any, ...], dtype: str) -> Any:
    import numpy as np
    import tensorflow as tf

    if dtype == "string" or (isinstance(rows, list) and rows and isinstance(rows[0], str)):
        made = np.asarray(rows, dtype=object)
    else:
        made = np.asarray(rows)
        made = made.astype(dtype or ("float32" if made.dtype == "float64" else made.dtype), copy=False)
    return tf.convert_to_tensor(made[:, None] if made.ndim + 1 == len(shape) else made)


def _arrays(answer: Any) -> Any:
    if isinstance(answer, Mapping):
        return {name: _arrays(one) for name, one in answer.items()}
    if isinstance(answer, list | tuple):
        return [_arrays(one) for one in answer]
    return answer.numpy()
