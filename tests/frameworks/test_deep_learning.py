"""The whole walk for models of deep-learning libraries: a real kernel, the libraries' usual wheels, a clean environment."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jupyter_deploy.home import Home
from tests.integration.test_magic import Notebook, printed, shown

TORCH = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.words, self.drop, self.last = nn.Embedding(50, 8), nn.Dropout(0.5), nn.Linear(8, 2)

    def forward(self, ids):
        return torch.softmax(self.last(self.drop(self.words(ids).mean(1))), dim=1)

torch.manual_seed(0)
model = Net()
X = torch.randint(0, 50, (20, 6))
answers = model(X)
"""
KERAS = """
import numpy as np
from tensorflow import keras

class Scale(keras.layers.Layer):
    def call(self, x):
        return x / 255

keras.utils.set_random_seed(0)
layers = keras.layers
model = keras.Sequential(
    [layers.Input((8, 8, 1)), Scale(), layers.Conv2D(2, 3), layers.Dropout(0.5), layers.Flatten(), layers.Dense(3, "softmax")]
)
X = np.random.default_rng(0).integers(0, 255, (12, 8, 8, 1)).astype("float32")
expected = model.predict(X, verbose=0)
"""
TRANSFORMERS = """
import torch
from transformers import BertConfig, BertForMaskedLM, BertTokenizer, pipeline

words = "[PAD] [UNK] [CLS] [SEP] [MASK] the film was is very good bad".split()
torch.manual_seed(0)
config = BertConfig(vocab_size=len(words), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16)
tokenizer = BertTokenizer(vocab={word: number for number, word in enumerate(words)})
model = pipeline("fill-mask", model=BertForMaskedLM(config).eval(), tokenizer=tokenizer, top_k=2)
X = ["the film was [MASK]", "[MASK] bad"]
expected = model(X)
"""


@pytest.fixture
def notebook(home: Home, tmp_path: Path) -> Iterator[Notebook]:
    """Give a notebook in a kernel of its own."""
    running = Notebook(tmp_path)
    with running.client.setup_kernel():
        running.run("%load_ext jupyter_deploy")
        yield running


def told(notebook: Notebook, compare: str) -> Any:
    """Ask the endpoint in the notebook, and give what the cell prints."""
    cell = notebook.run(f"import json\ngot = ep.predict(X)\nprint(json.dumps([type(got).__name__, bool({compare})]))")
    return json.loads(printed(cell).splitlines()[-1])


def test_a_module_of_pytorch_answers_as_in_the_notebook(notebook: Notebook) -> None:
    """A module left in training mode is served in evaluation mode, which a finding tells; tensors in, tensors out, on the CPU."""
    notebook.run(TORCH)
    card = notebook.run("ep = %deploy model --name net")
    notebook.run("ep.wait(280)")

    assert "net@1 · verified" in shown(card)
    assert ["Tensor", True] == told(notebook, "torch.allclose(got, model.eval()(X), rtol=1e-5)")
    assert "is in training mode" in shown(card)
    assert "safetensors" in shown(card)


def test_a_model_of_keras_answers_as_in_the_notebook(notebook: Notebook) -> None:
    """A model with a layer of the notebook's own takes images, in workers that each have a TensorFlow of their own."""
    notebook.run(KERAS)
    card = notebook.run("ep = %deploy model --name images")
    notebook.run("ep.wait(280)")

    assert "images@1 · verified" in shown(card)
    assert ["ndarray", True] == told(notebook, "np.allclose(got, expected, rtol=1e-5)")


def test_a_pipeline_of_transformers_answers_as_in_the_notebook(notebook: Notebook) -> None:
    """A pipeline takes texts and gives what it gives in the notebook; nothing is asked of any hub."""
    notebook.run(TRANSFORMERS)
    card = notebook.run("ep = %deploy model --name words")
    notebook.run("ep.wait(280)")

    assert "words@1 · verified" in shown(card)
    assert ["list", True] == told(notebook, "[row[0]['token'] for row in got] == [row[0]['token'] for row in expected]")
