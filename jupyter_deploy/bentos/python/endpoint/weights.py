"""Tensors of PyTorch's in a file of the safetensors format, which is mapped into memory rather than read.

The format is eight bytes with the length of a JSON header, the header, and the tensors' bytes. The package `safetensors` reads
these files too; it is not needed, so that a model needs no package that its notebook does not have.
"""

from __future__ import annotations

import json
import mmap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

DTYPES = {
    "float64": "F64", "float32": "F32", "float16": "F16", "bfloat16": "BF16", "int64": "I64", "int32": "I32", "int16": "I16",
    "int8": "I8", "uint8": "U8", "bool": "BOOL", "float8_e4m3fn": "F8_E4M3", "float8_e5m2": "F8_E5M2",
}  # fmt: skip
"""The format's names for PyTorch's dtypes."""
_ALIGNED = 8  # bytes


def holds(tensor: Any) -> bool:
    """Say whether the format can hold a tensor.

    Args:
        tensor: The tensor.

    Returns:
        Whether it can.
    """
    dense = str(tensor.layout) == "torch.strided" and not tensor.is_quantized and tensor.device.type != "meta"
    return dense and not tensor.is_nested and _name(tensor) in DTYPES


def write(tensors: Mapping[str, Any], path: Path) -> None:
    """Write tensors.

    Args:
        tensors: They, by name; each is written by itself, also where two share memory.
        path: The file.
    """
    ordered = sorted(tensors.items(), key=lambda one: (-one[1].element_size(), one[0]))  # so that each begins where its kind may
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    at = 0
    for name, tensor in ordered:
        end = at + tensor.numel() * tensor.element_size()
        header[name] = {"dtype": DTYPES[_name(tensor)], "shape": list(tensor.shape), "data_offsets": [at, end]}
        at = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % _ALIGNED)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for _, tensor in ordered:
            if tensor.numel():
                file.write(memoryview(_bytes(tensor)))


def read(path: Path) -> dict[str, Any]:
    """Map a file of tensors into memory; who changes one of them gets a copy of the page.

    Args:
        path: The file.

    Returns:
        The tensors by name.
    """
    import torch

    dtypes = {short: getattr(torch, name) for name, short in DTYPES.items() if hasattr(torch, name)}
    with path.open("rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    size = int.from_bytes(mapped[:8], "little")
    header = json.loads(mapped[8 : 8 + size])
    found = {}
    for name, told in header.items():
        if name == "__metadata__":
            continue
        dtype, shape, (begin, end) = dtypes[told["dtype"]], told["shape"], told["data_offsets"]
        if begin == end:
            found[name] = torch.empty(shape, dtype=dtype)
            continue
        count = (end - begin) // torch.empty(0, dtype=dtype).element_size()
        found[name] = torch.frombuffer(mapped, dtype=dtype, count=count, offset=8 + size + begin).reshape(shape)
    return found


def _name(tensor: Any) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _bytes(tensor: Any) -> Any:
    import torch

    flat = tensor.detach().cpu().resolve_neg().contiguous().reshape(-1)
    return flat.view(torch.uint8).numpy()
