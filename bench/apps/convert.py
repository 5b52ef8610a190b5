"""Converts workloads to ONNX for the ceiling: `python convert.py FOLDER lr rf`, in the project's own environment, which can."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import workloads


def to_onnx(name: str, model: Any) -> Any:
    """Convert a model.

    Args:
        name: The workload.
        model: The fitted model.

    Returns:
        The model as the package onnx has it.
    """
    import skl2onnx
    from skl2onnx.common.data_types import FloatTensorType, StringTensorType

    kind = StringTensorType([None, 1]) if name == "text" else FloatTensorType([None, workloads.FEATURES])
    return skl2onnx.to_onnx(model, initial_types=[("rows", kind)], options={"zipmap": False}, target_opset=17)


if __name__ == "__main__":
    for name in sys.argv[2:]:
        Path(sys.argv[1], f"{name}.onnx").write_bytes(to_onnx(name, workloads.fit(name)).SerializeToString())
