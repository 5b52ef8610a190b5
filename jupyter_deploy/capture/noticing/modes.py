"""Whether a module of PyTorch's was left in training mode, in which the notebook has other answers than the endpoint."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jupyter_deploy.values import Finding


def findings(model: Any, name: str) -> Iterator[Finding]:
    """Look at the mode that a module of PyTorch's is in.

    Args:
        model: The live object.
        name: What the person called it.

    Yields:
        A finding where it is in training mode and has a part for which that matters.
    """
    if all(base.__module__ != "torch.nn.modules.module" for base in type(model).__mro__):
        return
    kinds = (type(one).__name__ for one in model.modules() if getattr(one, "training", False))
    told = sorted({one for one in kinds if one.startswith(("AlphaDropout", "BatchNorm", "Dropout", "SyncBatchNorm"))})
    if told:
        yield Finding(
            kind="golden", subject=name,
            message=f"`{name}` is in training mode, in which it answers otherwise because of {' and '.join(told)}; "
            "the endpoint and its golden rows answer in evaluation mode.",
            hint=f"Call `{name}.eval()` to see the same answers in the notebook.",
        )  # fmt: skip
