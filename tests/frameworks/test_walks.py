"""The whole walk for models of heavy libraries: a real kernel, the libraries' usual wheels, a clean environment."""

from __future__ import annotations

import contextlib
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
LAYERS = """
import torch

torch.manual_seed(0)
layers = [layer for _ in range(20) for layer in (torch.nn.Linear(8, 8), torch.nn.Tanh())]
model = torch.nn.Sequential(*layers, torch.nn.Linear(8, 3)).eval()
X = torch.randn(40, 8)
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
TABLES = """
import mlflow.sklearn
import numpy as np
import pandas as pd
import statsmodels.formula.api as smf
from sklearn.linear_model import LogisticRegression

numbers = np.random.default_rng(0)
X = pd.DataFrame({"area": numbers.gamma(9, 10, 60), "age": numbers.integers(1, 90, 60)})
price = 3 * X.area - X.age + numbers.normal(size=60)
results = smf.ols("price ~ np.log(area) + age", X.assign(price=price)).fit()
dear = LogisticRegression().fit(X, np.where(price > price.median(), "yes", "no"))
needs = ["mlflow-skinny", "numpy", "pandas", "scikit-learn", "skops"]
mlflow.sklearn.save_model(dear, "saved", input_example=X[:5], pip_requirements=needs)
"""

pytestmark = pytest.mark.timeout(1800)  # the machine may be busy, and the libraries are large
PATIENT = {"START_DEADLINE": "900", "DEADLINE": "300"}


@contextlib.contextmanager
def kernel(folder: Path) -> Iterator[Notebook]:
    """Start a notebook in a kernel of its own, whose cells may take long."""
    running = Notebook(folder)
    running.client.timeout = None
    running.client.startup_timeout = 300
    with running.client.setup_kernel():
        running.run("%load_ext jupyter_deploy")
        yield running


@pytest.fixture(scope="module")
def patient(shared_home: Home) -> Iterator[Home]:
    """Give the tests one home folder, with deadlines that a busy machine keeps too."""
    with pytest.MonkeyPatch.context() as patch:
        for name, seconds in PATIENT.items():
            patch.setenv(f"JUPYTER_DEPLOY_{name}", seconds)
        yield shared_home


@pytest.fixture(scope="module")
def notebook(patient: Home, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Notebook]:
    """Give the tests without TensorFlow one kernel, which imports PyTorch once."""
    with kernel(tmp_path_factory.mktemp("notebook")) as running:
        yield running


def deployed(notebook: Notebook, cells: str, deploy: str) -> str:
    """Run a notebook that deploys, wait until the release serves, and give what its card shows."""
    notebook.run(cells)
    card = notebook.run(f"ep = %deploy {deploy}")
    notebook.run("ep.wait()")
    return shown(card)


def told(notebook: Notebook, compare: str, ask: str = "ep.predict(X)") -> Any:
    """Ask the endpoint in the notebook, and give what the cell prints."""
    cell = notebook.run(f"import json\ngot = {ask}\nprint(json.dumps([type(got).__name__, bool({compare})]))")
    return json.loads(printed(cell).splitlines()[-1])


def test_a_module_of_pytorch_answers_as_in_the_notebook(notebook: Notebook) -> None:
    """A module left in training mode is served in evaluation mode, which a finding tells; tensors in, tensors out, on the CPU."""
    card = deployed(notebook, TORCH, "model --name net")

    assert "net@1 · verified" in card
    assert ["Tensor", True] == told(notebook, "torch.allclose(got, model.eval()(X), rtol=1e-5)")
    assert "is in training mode" in card
    assert "safetensors" in card


def test_a_module_of_pytorch_is_served_as_a_graph(notebook: Notebook) -> None:
    """The graph that a module becomes takes its place, and gives tensors as it does."""
    card = deployed(notebook, LAYERS, "model --name graph --compile require --tolerance 1e-4")

    assert "graph@1 · verified" in card
    assert "compiled with ONNX Runtime" in card
    assert ["Tensor", True] == told(notebook, "torch.allclose(got, answers, rtol=1e-4, atol=1e-5)")


def test_a_pipeline_of_transformers_answers_as_in_the_notebook(notebook: Notebook) -> None:
    """A pipeline takes texts and gives what it gives in the notebook; nothing is asked of any hub."""
    card = deployed(notebook, TRANSFORMERS, "model --name words")

    assert "words@1 · verified" in card
    assert ["list", True] == told(notebook, "[row[0]['token'] for row in got] == [row[0]['token'] for row in expected]")


def test_results_of_statsmodels_and_a_folder_of_mlflow_answer_as_in_the_notebook(notebook: Notebook) -> None:
    """Results take the variables of their formula, and a folder that MLflow has saved brings contract and packages itself."""
    card = deployed(notebook, TABLES, "results --name price")

    assert "price@1 · verified" in card
    assert "cloudpickle without its training data" in card
    assert ["Series", True] == told(notebook, "np.allclose(got, results.predict(X), rtol=1e-9)")

    card = deployed(notebook, "", "'saved' --name dear")

    assert "dear@1 · verified" in card
    assert "MLflow's own folder" in card
    assert ["ndarray", True] == told(notebook, "got.tolist() == dear.predict(X).tolist()")


@pytest.mark.tensorflow
def test_a_model_of_keras_answers_as_in_the_notebook(patient: Home, tmp_path: Path) -> None:
    """A model with a layer of the notebook's own takes images, in workers that each have a TensorFlow of their own."""
    with kernel(tmp_path) as notebook:
        card = deployed(notebook, KERAS, "model --name images")

        assert "images@1 · verified" in card
        assert ["ndarray", True] == told(notebook, "np.allclose(got, expected, rtol=1e-5)")
