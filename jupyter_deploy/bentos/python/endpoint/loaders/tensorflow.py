"""Loads modules of TensorFlow's and graphs that were saved, and lets them take rows."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from . import cloudpickle

SIGNATURE, LOADED = "serving_default", "_UserObject"
"""Which function of a saved graph callers want, and how TensorFlow calls the class of a loaded one."""


class Rows:
    """A module, or the function of a saved graph that is meant for callers.

    Args:
        model: The module, or what `tf.saved_model.load` gave.
    """

    def __init__(self, model: Any) -> None:
        self.model = model
        self._graph = getattr(model, "signatures", {}).get(SIGNATURE)

    def __reduce__(self) -> Any:
        """Give what a look at the model should see; a saved graph holds nothing that could be pickled."""
        return tuple, ([] if type(self.model).__name__ == LOADED else [self.model],)

    def __call__(self, rows: Any) -> Any:
        """Answer rows.

        Args:
            rows: A tensor, an array or a table.

        Returns:
            What the model answers: a tensor, or several by their names.
        """
        import tensorflow as tf

        given = rows.to_numpy() if hasattr(rows, "to_numpy") else rows
        if self._graph is None:
            return self.model(tf.convert_to_tensor(given))
        name, spec = next(iter(self._graph.structured_input_signature[1].items()))
        answer = self._graph(**{name: tf.cast(tf.convert_to_tensor(given), spec.dtype)})
        return next(iter(answer.values())) if len(answer) == 1 else answer

    def rows_of(self, positional: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, tuple[str, ...]]:
        """Say which rows the model itself was called on.

        Args:
            positional: The positional arguments of the call.
            named: The named ones.

        Returns:
            The rows, None where there are none or several; and the names of what else was given.
        """
        given = positional[0] if positional else next(iter(named.values()), None)
        is_rows = len(positional) < 2 and bool(getattr(given, "ndim", None))
        return (given if is_rows else None), tuple(named)[0 if positional else 1 :]


def load(path: Path) -> Rows:
    """Load a module, running the author's code, or a saved graph.

    Args:
        path: The pickle, or the graph's folder.

    Returns:
        What takes rows.

    Raises:
        ImportError: If TensorFlow is missing.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import tensorflow as tf

    return Rows(tf.saved_model.load(str(path)) if path.is_dir() else cloudpickle.load(path))
