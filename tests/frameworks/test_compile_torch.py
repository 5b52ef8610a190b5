"""Modules of PyTorch as graphs of ONNX: exported, asked, measured, and quantised."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from jupyter_deploy.bentos.python.endpoint.loaders import compiled
from jupyter_deploy.capture import capture

if any(importlib.util.find_spec(name) is None for name in ("torch", "onnxruntime", "onnxscript")):
    pytest.skip("PyTorch, ONNX Runtime or onnxscript is not installed", allow_module_level=True)

import numpy as np
import torch

SCRIPTS = Path(compiled.__file__).parents[2]


def convert(folder: Path, out: Path, tolerance: float, *, quantize: bool = False) -> list[dict[str, Any]]:
    """Convert a capture in a fresh process; gives the report."""
    out.mkdir()
    asked = {
        "folder": str(folder), "out": str(out), "converter": "torch", "tolerance": tolerance, "speedup": 0.0, "quantize": quantize,
        "quantize_tolerance": 0.5, "isolated": False,
    }  # fmt: skip
    command = [sys.executable, "-W", "ignore", "-m", "convert"]
    env = {**os.environ, "PYTHONPATH": str(SCRIPTS)}
    done = subprocess.run(command, input=json.dumps(asked), text=True, env=env, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    report: list[dict[str, Any]] = json.loads((out / "report.json").read_bytes())
    return report


def test_a_module_becomes_a_graph_that_answers_any_number_of_rows(tmp_path: Path) -> None:
    """The graph answers as the module does, in evaluation mode, one row and many; its int8 form is tried apart."""
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.ReLU(), torch.nn.Dropout(0.5), torch.nn.Linear(16, 3))
    rows = np.random.default_rng(0).normal(size=(40, 8)).astype("float32")
    capture("model", {"model": model, "rows": rows}, name="net", folder=tmp_path / "net", example=rows)

    whole, smaller = convert(tmp_path / "net", tmp_path / "out", 1e-3, quantize=True)
    folder = tmp_path / "out" / "onnx"
    (method,) = compiled.methods_of(compiled.plan_of(folder), folder).values()

    assert whole["whole"]
    for many in (rows, rows[:1], np.vstack([rows] * 5)):
        expected = model.eval()(torch.from_numpy(many)).detach().numpy()
        np.testing.assert_allclose(method(many), expected, rtol=1e-3, atol=1e-4)
    assert "ONNX Runtime, int8" == smaller["engine"]
