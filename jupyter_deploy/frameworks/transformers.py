"""Pipelines of Hugging Face's transformers, for tasks whose rows are texts, objects or images."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any

from jupyter_deploy import errors
from jupyter_deploy.bentos.python.endpoint.loaders.transformers import IMAGES, TOLD, Rows, described
from jupyter_deploy.frameworks.base import About, Saved
from jupyter_deploy.values import Input

EXAMPLE = """import torch
from transformers import BertConfig, BertForSequenceClassification, BertTokenizer, pipeline

words = "[PAD] [UNK] [CLS] [SEP] [MASK] the film was is very good bad".split()
torch.manual_seed(0)
config = BertConfig(vocab_size=len(words), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16)
tokenizer = BertTokenizer(vocab={word: number for number, word in enumerate(words)})
model = pipeline("text-classification", model=BertForSequenceClassification(config).eval(), tokenizer=tokenizer)
X = ["the film was good", "bad", "very very bad film"]
"""
TASKS = (
    "feature-extraction", "fill-mask", "ner", "question-answering", "sentiment-analysis", "summarization", "text-classification",
    "text-generation", "text2text-generation", "token-classification", "translation", *IMAGES,
)  # fmt: skip


class Transformers:
    """Takes `transformers.Pipeline`; never imports transformers, which the model's own kernel has."""

    name = "transformers"
    about = About(
        title="transformers",
        takes="pipelines of one text, object or image a row: text and token classification, filling masks, features, generation, "
        "image classification",
        methods="the pipeline itself",
        saved="safetensors, as `save_pretrained` writes it",
        example=EXAMPLE,
        needs=("torch", "transformers"),
    )

    def accepts(self, model: object) -> bool:
        """Say whether the model, or the class that was given by mistake, is a pipeline."""
        kind = model if isinstance(model, type) else type(model)
        return any(base.__name__ == "Pipeline" and base.__module__ == "transformers.pipelines.base" for base in kind.__mro__)

    def check(self, model: Any, name: str) -> None:
        """Refuse a class, and a task whose input no request holds."""
        if isinstance(model, type):
            raise errors.NotDeployable(
                f"`{name}` is the class {model.__name__}, not an object of it.",
                f"Make one first, `model = {model.__name__}(...)` or `transformers.pipeline(...)`, then deploy `model`.",
            )
        task = str(model.task)
        if task not in TASKS and not task.startswith("translation_"):
            raise errors.NotDeployable(
                f"`{name}` is a pipeline for the task {task}, of which a request cannot hold all that it needs.",
                f"Deploy a function that gives it the rest: `def answer(rows: list[str]): return {name}(rows, ...)`.",
            )

    def serve(self, model: Any) -> object:
        """Give what answers each row by itself."""
        return Rows(model)

    def methods(self, model: object) -> tuple[str, ...]:  # noqa: ARG002 (every pipeline is called itself)
        """Say that it is called itself."""
        return ("",)

    def contract(self, model: Any) -> Input | None:
        """Say that most tasks take texts."""
        return None if model.task in (*IMAGES, "question-answering") else Input(kind="list", dtype="str")

    def save(self, model: Any, folder: Path, pickler: Any) -> Saved:
        """Write model and tokenizer as their own library does, and the pipeline's settings beside them."""
        place = folder / "pipeline"
        with contextlib.redirect_stderr(io.StringIO()):  # bars of progress
            model.save_pretrained(str(place))
        with (place / TOLD).open("wb") as file:
            pickler(described(model), file)
        return Saved("pipeline", "safetensors, as transformers saves pipelines", self.name, modules=("torch", "transformers"))
