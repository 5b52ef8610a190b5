"""Pipelines of transformers: small random models with a vocabulary of a few words, which nobody downloads."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from jupyter_deploy import errors
from jupyter_deploy.answers import same
from jupyter_deploy.bentos.python.endpoint import model as endpoint
from jupyter_deploy.capture import capture
from jupyter_deploy.frameworks.transformers import Transformers
from jupyter_deploy.values import Capture

if importlib.util.find_spec("transformers") is None:
    pytest.skip("transformers is not installed", allow_module_level=True)

START = """
import torch
from transformers import (
    BertConfig, BertForMaskedLM, BertForSequenceClassification, BertModel, BertTokenizer, GPT2Config, GPT2LMHeadModel, pipeline
)

words = "[PAD] [UNK] [CLS] [SEP] [MASK] the film was is very good bad".split()
torch.manual_seed(0)
config = BertConfig(vocab_size=len(words), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16)
tokenizer = BertTokenizer(vocab={word: number for number, word in enumerate(words)})
sizes = {'vocab_size': len(words), 'n_positions': 32, 'n_embd': 16, 'n_layer': 1, 'n_head': 2}
writer = GPT2Config(**sizes, bos_token_id=2, eos_token_id=3, pad_token_id=0)
texts = ["the film was [MASK]", "[MASK] bad film"]
"""


def take(made: str, call: str, folder: Path) -> tuple[Capture, Any]:
    """Run two cells, and capture the pipeline of the first, which the second calls."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    cells = [(1, f"{START}\nmodel = {made}\n"), (2, f"expected = {call}\n")]
    for _, cell in cells:
        exec(cell, namespace)
    return capture("model", namespace, name="net", folder=folder, cells=cells, beside=folder.parent), namespace["expected"]


def ask(folder: Path, *rows: Any) -> Any:
    """Load what was captured and ask it as a worker does."""
    answer = endpoint.load(folder).methods["predict"](json.dumps({"rows": rows}).encode())
    return json.loads(answer)["predictions"]


@pytest.mark.parametrize(
    "made",
    [
        "pipeline('text-classification', model=BertForSequenceClassification(config).eval(), tokenizer=tokenizer)",
        "pipeline('text-classification', model=BertForSequenceClassification(config).eval(), tokenizer=tokenizer, top_k=None)",
        "pipeline('fill-mask', model=BertForMaskedLM(config).eval(), tokenizer=tokenizer, top_k=2)",
        "pipeline('feature-extraction', model=BertModel(config).eval(), tokenizer=tokenizer)",
        "pipeline('text-generation', model=GPT2LMHeadModel(writer).eval(), tokenizer=tokenizer, max_new_tokens=3, do_sample=False)",
    ],
    ids=["classes", "all classes", "masks", "features", "generation"],
)
def test_answers_as_the_notebook_does(tmp_path: Path, made: str) -> None:
    """A pipeline keeps its settings, takes texts, and gives each what it gives in the notebook."""
    taken, expected = take(made, "model(texts)", tmp_path / "taken")

    assert ("list", "str") == (taken.contract.methods[0].input.kind, taken.contract.methods[0].input.dtype)
    assert 2 == taken.golden["predict"]
    assert same(json.loads(json.dumps(expected)), ask(tmp_path / "taken", "the film was [MASK]", "[MASK] bad film"), 1e-4)


def test_one_text_is_a_row(tmp_path: Path) -> None:
    """A call with one text tells as much as one with a list; what it was given besides is no part of a request."""
    made = "pipeline('text-classification', model=BertForSequenceClassification(config), tokenizer=tokenizer)"
    taken, _ = take(made, "model('the film', truncation=True)", tmp_path / "taken")

    told = [one.message for one in taken.findings]
    assert 1 == taken.golden["predict"]
    assert any("with `truncation`" in one for one in told)
    assert any("in training mode" in one for one in told)


def test_tasks_that_need_more_are_refused() -> None:
    """A task whose input holds more than a row is refused, with what to deploy instead."""
    pipe = type("Pipe", (), {"task": "zero-shot-classification"})()
    with pytest.raises(errors.NotDeployable, match="zero-shot-classification") as raised:
        Transformers().check(pipe, "model")

    assert "def answer" in raised.value.hint
