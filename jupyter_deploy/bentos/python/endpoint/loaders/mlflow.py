"""Loads a model that MLflow has saved, whatever its flavour."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from . import cloudpickle

READ = 1 << 20  # bytes of a file up to which it is looked at for secrets


class PyFunc:
    """A model of any flavour, behind MLflow's own interface.

    Args:
        model: What `mlflow.pyfunc.load_model` gave.
        folder: Where it was loaded from, if it goes along as it is.
    """

    def __init__(self, model: Any, folder: Path | None = None) -> None:
        self.model = model
        self._folder = folder

    def __reduce__(self) -> Any:
        if self._folder is None:
            return type(self), (self.model,)
        files = (one for one in sorted(self._folder.rglob("*")) if one.is_file() and one.stat().st_size <= READ)
        return dict, ({str(one.relative_to(self._folder)): one.read_bytes() for one in files},)  # what a search for secrets sees

    @property
    def input_example(self) -> Any:
        """The rows that were saved with the model; None where there are none."""
        return getattr(self.model, "input_example", None)

    def predict(self, rows: Any) -> Any:
        """Answer rows, which MLflow holds against the model's own signature.

        Args:
            rows: What the signature says.

        Returns:
            What the flavour answers.
        """
        return self.model.predict(rows)


def load(path: Path) -> PyFunc:
    """Load a model.

    Args:
        path: The folder as MLflow wrote it, or a pickle of a loaded model.

    Returns:
        What takes rows.

    Raises:
        ImportError: If MLflow, or the library of the flavour, is missing.
    """
    if path.is_file():
        return PyFunc(cloudpickle.load(path))
    import mlflow.pyfunc

    return PyFunc(mlflow.pyfunc.load_model(str(path)), path)
