"""TensorFlow's modules, and graphs that were saved by it; Keras' models are that framework's."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from jupyter_deploy import errors
from jupyter_deploy.bentos.python.endpoint.loaders.tensorflow import LOADED, SIGNATURE, Rows
from jupyter_deploy.frameworks.base import About, Saved, save_pickle
from jupyter_deploy.values import Input

GRAPH = "graph"
EXAMPLE = """import tensorflow as tf

class Line(tf.Module):
    def __init__(self):
        self.slope = tf.Variable([[1.0], [2.0], [3.0]])

    @tf.function
    def __call__(self, x):
        return x @ self.slope

model = Line()
X = tf.random.stateless_normal((20, 3), seed=(0, 0))
"""


class Tensorflow:
    """Takes `tf.Module` and what `tf.saved_model.load` gives; never imports TensorFlow, which the model's own kernel has."""

    name = "tensorflow"
    about = About(
        title="TensorFlow",
        takes="`tf.Module` that can be called, and what `tf.saved_model.load` gives; arrays and tensors in, the same out",
        methods="the module itself; of a saved graph its call or `serving_default`",
        saved="cloudpickle; a saved graph as SavedModel",
        example=EXAMPLE,
        needs=("tensorflow",),
    )

    def accepts(self, model: object) -> bool:
        """Say whether the model, or the class that was given by mistake, is a module or a saved graph."""
        kind = model if isinstance(model, type) else type(model)
        return _is_graph(kind) or any(
            base.__name__ == "Module" and base.__module__ == "tensorflow.python.module.module" for base in kind.__mro__
        )

    def check(self, model: Any, name: str) -> None:
        """Refuse a class, and what cannot be called."""
        if isinstance(model, type):
            raise errors.NotDeployable(
                f"`{name}` is the class {model.__name__}, not an object of it.",
                f"Make one first, `model = {model.__name__}(...)`, then deploy `model`.",
            )
        if not callable(model) and SIGNATURE not in getattr(model, "signatures", {}):
            raise errors.NotDeployable(
                f"`{name}` cannot be called, and has no signature `{SIGNATURE}`.",
                f"Deploy a function that calls it: `def predict(x): return {name}.predict(x)`.",
            )

    def serve(self, model: Any) -> object:
        """Give what takes arrays too."""
        return Rows(model)

    def methods(self, model: object) -> tuple[str, ...]:  # noqa: ARG002 (all are called themselves)
        """Say that it is called itself."""
        return ("",)

    def contract(self, model: Any) -> Input | None:
        """Read the one input of a saved graph."""
        if not _is_graph(type(model)) or SIGNATURE not in model.signatures:
            return None
        inputs = list(model.signatures[SIGNATURE].structured_input_signature[1].values())
        shape = tuple(inputs[0].shape) if len(inputs) == 1 and inputs[0].shape.rank else ()
        known = len(shape) > 1 and inputs[0].dtype.name != "string"
        return Input(kind="array", shape=(None, *shape[1:]), dtype=inputs[0].dtype.name, library="tensorflow") if known else None

    def save(self, model: Any, folder: Path, pickler: Any) -> Saved:
        """Write a saved graph as one, and pickle a module."""
        if not _is_graph(type(model)):
            return save_pickle(model, folder, pickler, loader=self.name)
        saved_model = sys.modules["tensorflow"].saved_model
        saved_model.save(model, str(folder / GRAPH), signatures=dict(model.signatures) or None)
        (folder / GRAPH / "fingerprint.pb").unlink(missing_ok=True)  # it has a random number
        return Saved(GRAPH, "SavedModel", self.name, modules=("tensorflow",))


def _is_graph(kind: type) -> bool:
    return kind.__name__ == LOADED and kind.__module__ == "tensorflow.python.saved_model.load"
