"""How a model is written: in its library's own format where what is loaded from that answers as the model does, else as a pickle.

Both are written before the model is asked, which may change it, and one of them is kept once it was.
"""

from __future__ import annotations

import importlib
import json
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jupyter_deploy.bentos.python.endpoint import codec
from jupyter_deploy.bentos.python.endpoint.hints import by_name, settled
from jupyter_deploy.capture.asking import chance
from jupyter_deploy.capture.asking.chance import Twice
from jupyter_deploy.frameworks.base import Saved
from jupyter_deploy.values import Contract, Golden, Method

LONG = 2.0  # seconds; what is not asked in this time is asked when the release is verified
LOADERS = "jupyter_deploy.bentos.python.endpoint.loaders"


def keep(saved: Saved, folder: Path, contract: Contract, golden: Sequence[Golden], tolerance: float) -> Saved:
    """Keep what was written in a format of the library's own, if it answers the golden rows as the model did; else its spare.

    Args:
        saved: What was written.
        folder: Where it was.
        contract: What the methods accept and return.
        golden: What the model answered.
        tolerance: Relative tolerance of floats.

    Returns:
        What is kept; the other one is removed.
    """
    if saved.spare is None:
        return saved
    reason = _unlike(saved, folder, contract, golden, tolerance)
    kept, gone = (saved.spare._replace(reason=reason), saved) if reason else (saved._replace(spare=None), saved.spare)
    path = folder / gone.file
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    return kept


def _unlike(saved: Saved, folder: Path, contract: Contract, golden: Sequence[Golden], tolerance: float) -> str:
    """Say how what is loaded differs from the model; empty where it does not."""
    until = time.perf_counter() + LONG
    try:
        loaded = importlib.import_module(f"{LOADERS}.{saved.loader}").load(folder / saved.file)
        for one in golden:
            method = contract.method(one.method)
            if method is None or time.perf_counter() > until:
                continue
            if not Twice(_sent(one.answers), _ask(loaded, method, one)).agree(tolerance, shape_only=one.shape_only):
                return f"loaded from {saved.format} it answers `{method.name}` otherwise"
    except Exception as error:  # noqa: BLE001 (another library's writer and reader, and the author's own code)
        return f"it cannot be loaded from {saved.format}: {type(error).__name__}"
    return ""


def _ask(model: Any, method: Method, golden: Golden) -> Any:
    function = getattr(model, method.attribute) if method.attribute else model
    argument = codec.decode_rows(codec.to_json({"rows": golden.rows}), method.input, function)
    with chance.undisturbed(1):
        answer = [by_name(function)(row) for row in argument] if method.input.kind == "arguments" else settled(function(argument))
    return _sent(codec.encode_answer(answer, method.output))


def _sent(answers: list[Any]) -> Any:
    return json.loads(codec.to_json(answers))
