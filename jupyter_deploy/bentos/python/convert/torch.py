"""PyTorch's modules, through its own export to ONNX."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from endpoint.contract import Input  # type: ignore[import-not-found]
from endpoint.loaders.compiled import Feed  # type: ignore[import-not-found]

from .forms import Graph, Impossible, block, is_number, width

KINDS = {"float32": "float32", "float64": "float32", "float16": "float32", "int64": "int64", "int32": "int32", "bool": "bool"}
"""What a module gets for each dtype of the contract: as its loader does, floats as its parameters have them."""


def graphs(model: Any, input: Input) -> Iterator[Callable[[], Graph]]:
    """Offer the one graph.

    Args:
        model: What the loader made of the module.
        input: What its method accepts.

    Yields:
        What makes it.

    Raises:
        Impossible: If no graph takes such an input.
    """
    module = model.module
    feeds, sizes = _feeds(module, input)
    yield lambda: Graph("export", _exported(module, feeds[0].dtype, sizes), feeds)


def _feeds(module: Any, input: Input) -> tuple[tuple[Feed, ...], list[int]]:
    if input.kind == "frame":
        return block(input, _float_of(module)), [width(input)]
    sizes = list(input.shape or ())[1:]
    if input.kind != "array" or None in sizes or not is_number(input.dtype or "float32"):
        raise Impossible(f"its input is no array of a known shape but of the kind `{input.kind}`")
    kind = input.dtype or "float32"
    dtype = _float_of(module) if kind.startswith("float") else KINDS.get(kind, kind)
    return (Feed(name="X", dtype=dtype, flat=not sizes),), [int(size or 1) for size in sizes]


def _float_of(module: Any) -> str:
    kinds = {str(one.dtype).removeprefix("torch.") for one in module.parameters() if one.is_floating_point()}
    return "float64" if kinds == {"float64"} else "float32"


def _exported(module: Any, dtype: str, sizes: list[int]) -> bytes:
    import torch

    example = torch.zeros((2, *sizes), dtype=getattr(torch, dtype))
    module = module.eval()
    with TemporaryDirectory() as folder, warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        file = Path(folder) / "model.onnx"
        rows = torch.export.Dim("rows")
        torch.onnx.export(
            module, (example,), str(file), input_names=["X"], dynamo=True, dynamic_shapes=({0: rows},), external_data=False,
            verbose=False,
        )  # fmt: skip
        return file.read_bytes()
