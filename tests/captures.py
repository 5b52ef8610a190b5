"""Captures made by hand, for what comes after the capture."""

from __future__ import annotations

import sys
from pathlib import Path

from jupyter_deploy.values import Capture, Contract, Input, Method, Output


def reaching(
    folder: Path, *modules: str, kind: str = "list", interpreter: str = sys.executable, path: tuple[str, ...] = tuple(sys.path[1:])
) -> Capture:
    """Make a capture that reaches modules, by default in the interpreter of the tests."""
    method = Method(name="predict", input=Input(kind=kind), output=Output(kind="list"))  # type: ignore[arg-type]
    return Capture(
        endpoint="demo",
        variable="model",
        kind="Model",
        digest="0" * 64,
        folder=str(folder),
        size=0,
        contract=Contract(methods=(method,)),
        golden={},
        golden_origin="",
        modules=modules,
        interpreter=interpreter,
        path=path,
        language_version="3.11.7",
    )
