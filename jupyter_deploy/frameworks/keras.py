"""Keras' models on TensorFlow."""

from __future__ import annotations

import contextlib
import io
import json
import sys
import zipfile
from pathlib import Path
from typing import Any

from jupyter_deploy import errors
from jupyter_deploy.bentos.python.endpoint.loaders.keras import CLASSES, GRAPH, MODEL, Rows, own_classes
from jupyter_deploy.frameworks.base import TABLE, About, Saved
from jupyter_deploy.values import Input

_DATED = "metadata.json"


class Keras:
    """Takes `keras.Model`; never imports Keras, which the model's own kernel has."""

    name = "keras"
    about = About(
        title="Keras",
        takes="`keras.Model` on TensorFlow, `tf.keras` included, with layers of one's own",
        methods="`predict`, in one compiled call",
        saved="Keras, its own layers with cloudpickle; TensorFlow's SavedModel where they cannot be loaded so",
        example=f"{TABLE}import keras\n\nkeras.utils.set_random_seed(0)\nlayers = keras.layers\n"
        'model = keras.Sequential([layers.Input((3,)), layers.Dense(8, "relu"), layers.Dense(1, "sigmoid")])\n',
        unfitted="keras.Sequential([layers.Dense(1)])",
        needs=("keras", "tensorflow"),
    )

    def accepts(self, model: object) -> bool:
        """Say whether the model, or the class that was given by mistake, is one of Keras'."""
        kind = model if isinstance(model, type) else type(model)
        return any(base.__name__ == "Model" and base.__module__.startswith("keras.src.") for base in kind.__mro__)

    def check(self, model: Any, name: str) -> None:
        """Refuse a class, a model that does not know its input, and one that computes with another library than TensorFlow."""
        if isinstance(model, type):
            raise errors.NotDeployable(
                f"`{name}` is the class {model.__name__}, not an object of it.",
                f"Make one and train it first, `model = {model.__name__}(...)`, then deploy `model`.",
            )
        if not model.built:
            raise errors.NotDeployable(f"`{name}` has not been built.", f"Fit it, or call `{name}(X)` once, then deploy it.")
        backend = sys.modules["keras"].config.backend()
        if backend != "tensorflow":
            raise errors.NotDeployable(
                f"`{name}` computes with {backend}; Keras' models are served with TensorFlow.",
                "Set `KERAS_BACKEND=tensorflow` before Keras is imported, load the model again, and deploy it.",
            )

    def serve(self, model: Any) -> object:
        """Give what is asked in one compiled call."""
        return Rows(model)

    def methods(self, model: object) -> tuple[str, ...]:  # noqa: ARG002 (every model has the same)
        """List the one method."""
        return ("predict",)

    def contract(self, model: Any) -> Input | None:
        """Read shape and kind of the one input."""
        inputs = Rows(model).inputs
        if len(inputs) != 1 or inputs[0][2] == "string" or len(inputs[0][1]) < 2:
            return None
        _, shape, dtype = inputs[0]
        return Input(kind="array", shape=(None, *shape[1:]), dtype=dtype)

    def save(self, model: Any, folder: Path, pickler: Any) -> Saved:
        """Write the model in Keras' own format, the classes of its own layers beside it; and its graph, should they not load."""
        place = folder / "keras"
        place.mkdir()
        classes = own_classes(model)
        with (place / CLASSES).open("wb") as file:
            pickler(classes, file)
        modules = ("keras", "tensorflow")
        with contextlib.redirect_stdout(io.StringIO()):
            spare = self._graph(model, folder, modules) if classes else None
            try:
                model.save(place / MODEL)
            except Exception:  # another library's writer, which asks the author's own layers
                if spare is None:
                    raise
                return spare._replace(reason="Keras cannot write its layers")
        _undated(place / MODEL)
        told = "Keras, its own layers with cloudpickle" if classes else "Keras"
        return Saved("keras", told, self.name, modules=modules, spare=spare)

    def _graph(self, model: Any, folder: Path, modules: tuple[str, ...]) -> Saved | None:
        try:
            model.export(str(folder / GRAPH), verbose=False)
        except Exception:  # noqa: BLE001 (as above; it has its own format then, or none)
            return None
        (folder / GRAPH / "fingerprint.pb").unlink(missing_ok=True)  # it has a random number
        return Saved(GRAPH, "TensorFlow's SavedModel", self.name, modules=modules)


def _undated(file: Path) -> None:
    """Write the file anew without the moment at which it was written."""
    with zipfile.ZipFile(file) as archive:
        held = {one: archive.read(one) for one in sorted(archive.namelist())}
    told = {name: value for name, value in json.loads(held.get(_DATED, b"{}")).items() if name != "date_saved"}
    held[_DATED] = json.dumps(told, sort_keys=True).encode()
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in held.items():
            archive.writestr(zipfile.ZipInfo(name), data)
