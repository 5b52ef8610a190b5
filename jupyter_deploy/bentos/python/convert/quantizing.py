"""Graphs whose weights are 8-bit integers, made so by ONNX Runtime's own tools."""

from __future__ import annotations

from pathlib import Path

from .forms import Graph


def quantized(graph: Graph, folder: Path) -> Graph | str:
    """Quantise a graph.

    Args:
        graph: The graph.
        folder: A folder for what the tools write.

    Returns:
        The smaller graph, or why there is none.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    before, after = folder / "before.onnx", folder / "after.onnx"
    before.write_bytes(graph.data)
    try:
        quantize_dynamic(before, after, weight_type=QuantType.QInt8)
        data = after.read_bytes()
    except Exception as error:  # noqa: BLE001 (the tools raise anything at a graph that they do not know)
        return f"it cannot be quantised: {type(error).__name__}"
    finally:
        before.unlink()
        after.unlink(missing_ok=True)
    if b"MatMulInteger" not in data and b"DynamicQuantizeLinear" not in data:
        return "nothing in it is a product of matrices in single precision"
    return Graph(f"{graph.name}, int8", data, graph.feeds)
