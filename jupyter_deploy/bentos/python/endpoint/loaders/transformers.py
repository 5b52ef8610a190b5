"""Loads pipelines of Hugging Face's transformers, and lets them take rows."""

from __future__ import annotations

import contextlib
import os
import pickle
import sys
from pathlib import Path
from typing import Any

from .. import devices
from .torch import evaluating

TOLD = "pipeline.pkl"
PARTS = ("tokenizer", "feature_extractor", "image_processor", "processor")
"""What a pipeline holds beside its model, each with files of its own."""
IMAGES = ("image-classification", "image-feature-extraction")
"""Tasks whose rows are images."""


class Rows:
    """A pipeline that answers each row by itself, in evaluation mode.

    Args:
        pipe: The pipeline.
        settled: Whether its model is in evaluation mode for good; else each call puts it there and back.
    """

    def __init__(self, pipe: Any, *, settled: bool = False) -> None:
        self.pipe, self._settled = pipe, settled
        self.module = pipe.model

    def __reduce__(self) -> Any:
        """Give what a look at the pipeline should see, whose weights are no pickle."""
        return tuple, (list(described(self.pipe).items()),)

    def __call__(self, rows: Any) -> list[Any]:
        """Answer rows.

        Args:
            rows: Texts, what else the task takes, or arrays of height, width and colours.

        Returns:
            What the pipeline gives to each.
        """
        with contextlib.nullcontext() if self._settled else evaluating(self.module):
            return [self._one(row) for row in rows]

    def _one(self, row: Any) -> Any:
        if self.pipe.task in IMAGES:
            row = _image(row)
        if self.pipe.task == "fill-mask":  # which answers one text in a list as if it stood in none
            return self.pipe(row)
        return self.pipe([row])[0]

    def rows_of(self, positional: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, tuple[str, ...]]:
        """Say which rows the pipeline itself was called on.

        Args:
            positional: The positional arguments of the call.
            named: The named ones.

        Returns:
            The rows, None where they cannot be told; and the names of what else was given.
        """
        given = positional[0] if positional else named.get("inputs", named.get("text_inputs", named.get("images")))
        others = tuple(name for name in named if positional or name not in ("inputs", "text_inputs", "images"))
        many = list(given) if isinstance(given, list | tuple) and not _is_chat(given) else [given]
        if self.pipe.task in IMAGES:
            return _images(many), others
        return (many if many and all(isinstance(one, str | dict | list) for one in many) else None), others


def described(pipe: Any) -> dict[str, Any]:
    """Take down what a pipeline is made of, but for what its own files hold.

    Args:
        pipe: The pipeline.

    Returns:
        Its class, those of its parts, and its settings.
    """
    parts = {name: type(getattr(pipe, name)) for name in PARTS if getattr(pipe, name, None) is not None}
    apart = (*PARTS, "model", "device", "framework", "call_count", "generation_config", "modelcard", "video_processor")
    settings = {name: value for name, value in vars(pipe).items() if name not in apart}
    dtype = str(pipe.model.dtype).removeprefix("torch.")
    return {"kind": type(pipe), "model": type(pipe.model), "parts": parts, "dtype": dtype, "settings": settings}


def load(path: Path) -> Rows:
    """Load a pipeline, without a look at any network.

    Args:
        path: The folder with its files.

    Returns:
        What takes rows.

    Raises:
        ImportError: If transformers or PyTorch is missing.
    """
    os.environ["HF_HUB_OFFLINE"] = os.environ["TRANSFORMERS_OFFLINE"] = "1"
    os.environ["TOKENIZERS_PARALLELISM"] = "false"  # threads do not outlive the fork of a worker
    os.environ["HF_DEACTIVATE_ASYNC_LOAD"] = "1"
    if "huggingface_hub.constants" in sys.modules:
        sys.modules["huggingface_hub.constants"].HF_HUB_OFFLINE = True  # type: ignore[attr-defined]  # read when it was imported
    import torch
    from transformers.utils import logging

    logging.disable_progress_bar()  # which has a thread too
    with (path / TOLD).open("rb") as file:
        told = pickle.load(file)  # noqa: S301 (out of a bundle whose digest was checked)
    model = told["model"].from_pretrained(path, local_files_only=True).to(getattr(torch, told["dtype"])).eval()
    parts = {name: kind.from_pretrained(path, local_files_only=True) for name, kind in told["parts"].items()}
    pipe = told["kind"](model=model, task=told["settings"]["task"], device=devices.device(), **parts)
    vars(pipe).update(told["settings"])
    return Rows(pipe, settled=True)


def _is_chat(given: Any) -> bool:
    return bool(given) and all(isinstance(one, dict) and "role" in one for one in given)


def _image(row: Any) -> Any:
    import numpy as np
    from PIL import Image

    return Image.fromarray(np.asarray(row).astype("uint8"))


def _images(images: list[Any]) -> Any:
    """Make one array of images of one size; None where they are something else."""
    import numpy as np

    if not all(hasattr(one, "convert") or hasattr(one, "dtype") for one in images):
        return None
    arrays = [np.asarray(one.convert("RGB") if hasattr(one, "convert") else one, dtype="uint8") for one in images]
    return np.stack(arrays) if len({one.shape for one in arrays}) == 1 else None
