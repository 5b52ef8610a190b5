"""Models of Keras: what is written of them, and how they answer."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jupyter_deploy import errors
from jupyter_deploy.answers import same
from jupyter_deploy.bentos.python.endpoint import model as endpoint
from jupyter_deploy.capture import capture
from jupyter_deploy.values import Capture

if importlib.util.find_spec("tensorflow") is None:
    pytest.skip("TensorFlow is not installed", allow_module_level=True)

pytestmark = pytest.mark.tensorflow

START = """
import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(0)
X, B = np.random.default_rng(0).normal(size=(20, 3)), np.random.default_rng(1).normal(size=(20, 2))

class Scale(layers.Layer):
    def __init__(self, factor=2.0, **options):
        super().__init__(**options)
        self.factor = factor

    def call(self, x):
        return x * self.factor

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}

class Own(keras.Model):
    def __init__(self, width):
        super().__init__()
        self.dense = layers.Dense(width)

    def call(self, x):
        return self.dense(x)

def double():
    a, b = keras.Input((3,), name="a"), keras.Input((2,), name="b")
    both = layers.Concatenate()([a, b])
    return keras.Model([a, b], [layers.Dense(1)(both), layers.Dense(2)(a)])
"""


def take(model: str, call: str, folder: Path) -> tuple[Capture, dict[str, Any]]:
    """Run two cells, and capture the model of the first, which the second calls."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    cells = [(1, f"{START}\nmodel = {model}\n"), (2, f"expected = {call}\n")]
    for _, cell in cells:
        exec(cell, namespace)
    return capture("model", namespace, name="net", folder=folder, cells=cells, beside=folder.parent), namespace


def ask(folder: Path, rows: list[Any]) -> Any:
    """Load what was captured and ask it as a worker does."""
    answer = endpoint.load(folder).methods["predict"](json.dumps({"rows": rows}).encode())
    return json.loads(answer)["predictions"]


@pytest.mark.parametrize(
    ("model", "call", "saved"),
    [
        ("keras.Sequential([layers.Input((3,)), layers.Dense(2), layers.Dropout(0.5)])", "model.predict(X, verbose=0)", "Keras"),
        (
            "keras.Sequential([layers.Input((3,)), Scale(3.0), layers.Dense(2)])",
            "model(X)",
            "Keras, its own layers with cloudpickle",
        ),
        ("Own(2)", "model(X)", "TensorFlow's SavedModel, because"),
    ],
    ids=["layers", "own layer", "own model"],
)
def test_answers_as_the_notebook_does(tmp_path: Path, model: str, call: str, saved: str) -> None:
    """A model is written in Keras' format where that gives it back, else as its graph, and answers the same."""
    taken, namespace = take(model, call, tmp_path / "taken")

    assert taken.saved.startswith(saved)
    assert same(np.asarray(namespace["expected"]).tolist(), ask(tmp_path / "taken", namespace["X"].tolist()), 1e-5)


def test_several_inputs_are_named(tmp_path: Path) -> None:
    """A row of a model with two inputs has both by name, and its answer has both outputs."""
    taken, namespace = take("double()", "model.predict([X, B], verbose=0)", tmp_path / "taken")
    rows = [{"a": a, "b": b} for a, b in zip(namespace["X"].tolist(), namespace["B"].tolist(), strict=True)]
    expected = [list(row) for row in zip(*(one.tolist() for one in namespace["expected"]), strict=True)]

    assert 20 == taken.golden["predict"]
    assert same(expected, ask(tmp_path / "taken", rows), 1e-5)


def test_a_model_without_weights_is_refused(tmp_path: Path) -> None:
    """A model that has met no data yet is refused, with what to do."""
    with pytest.raises(errors.NotDeployable, match="has not been built") as raised:
        take("keras.Sequential([layers.Dense(1)])", "X", tmp_path / "taken")

    assert "Fit it" in raised.value.hint
