"""What a kind of model must be able to do to be captured; a third party ships one such class."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, NamedTuple, Protocol

from jupyter_deploy.values import Input

TABLE = """import numpy as np

X = np.random.default_rng(0).normal(size=(200, 3))
y = (X[:, 0] > X[:, 1]).astype(int)
"""
"""How the examples of frameworks that are fitted on a table begin."""

METHODS = ("predict", "predict_proba", "predict_log_proba", "decision_function", "score_samples", "transform", "inverse_transform")
"""By which an object of any class is known as a model."""
DATA = ("pandas", "polars", "pyarrow", "numpy", "scipy")
"""Libraries whose tables and arrays have methods of these names too, and are no models."""


class About(NamedTuple):
    """What people read of a framework, and what its tests are made of.

    Attributes:
        title: The library's name.
        takes: Which of its objects can be deployed.
        methods: Which methods become routes.
        saved: In which format they are written.
        example: A cell that makes such a `model`, and `X` to call it on.
        unfitted: An expression for one that cannot answer yet; empty where there is none.
        needs: Modules without which the example does not run.
    """

    title: str
    takes: str
    methods: str
    saved: str
    example: str
    unfitted: str = ""
    needs: tuple[str, ...] = ()


class Saved(NamedTuple):
    """How a model was written.

    Attributes:
        file: The file or folder, relative to the one that it was written into.
        format: The format's name for people, such as `skops`.
        loader: The module of `bentos/python/endpoint/loaders` that loads it.
        reason: Why it is in no format of the model's own library.
        modules: What the loader imports beyond what the model's own pickle names.
        spare: What was written beside it, to take its place if what is loaded from this does not answer as the model does.
    """

    file: str
    format: str
    loader: str
    reason: str = ""
    modules: tuple[str, ...] = ()
    spare: Saved | None = None

    @property
    def told(self) -> str:
        """The format and why it is that one, for people."""
        return f"{self.format}, because {self.reason}" if self.reason else self.format


class Framework(Protocol):
    """One kind of model, such as scikit-learn's estimators."""

    name: str
    about: About

    def accepts(self, model: object) -> bool:
        """Say whether this framework takes the model.

        Args:
            model: The live object; it must not be changed, and nothing heavy may be imported to answer.

        Returns:
            Whether it does.
        """
        ...

    def check(self, model: object, name: str) -> None:
        """Check that the model can answer.

        Args:
            model: The live object.
            name: What the person called it.

        Raises:
            NotDeployable: If it cannot, such as an unfitted estimator.
        """
        ...

    def serve(self, model: object) -> object:
        """Give what is asked, here and where the model runs.

        Args:
            model: The live object.

        Returns:
            The model itself, or what its loader would give: an object that makes rows into what the model takes.
        """
        ...

    def methods(self, model: object) -> tuple[str, ...]:
        """List the model's methods that callers may call, the first one to show first.

        Args:
            model: The live object.

        Returns:
            Attribute names; an empty string stands for calling the object itself.
        """
        ...

    def contract(self, model: object) -> Input | None:
        """Say what the model itself knows of its input.

        Args:
            model: The live object.

        Returns:
            The input that every method takes, or None where the model does not know.
        """
        ...

    def save(self, model: object, folder: Path, pickler: Any) -> Saved:
        """Write the model.

        Args:
            model: The live object.
            folder: The folder to write into.
            pickler: `capture.objects.dump(obj, file)`, for whatever has to be pickled.

        Returns:
            What was written, with a spare where the format may lose something; the same model gives the same bytes.
        """
        ...


def save_pickle(
    model: object, folder: Path, pickler: Callable[[object, IO[bytes]], None], *, loader: str = "cloudpickle", reason: str = ""
) -> Saved:
    """Write a model as a pickle, for frameworks that have no better format.

    Args:
        model: The live object.
        folder: The folder to write into.
        pickler: `capture.objects.dump(obj, file)`.
        loader: What loads it.
        reason: Why there is no better format for it.

    Returns:
        What was written.
    """
    with (folder / "model.pkl").open("wb") as file:
        pickler(model, file)
    return Saved("model.pkl", "cloudpickle", loader, reason)
