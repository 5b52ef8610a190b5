"""What is told to those who listen for events: which action was done to what. Never a secret, an input or an environment."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jupyter_deploy.adapters.serving.table import Action

SCHEMA = "https://events.jupyter.org/jupyterlab_deploy/action/v1"
FILE = Path(__file__).parent / "action.yaml"


def told(action: Action, parts: Mapping[str, str], answer: Any) -> dict[str, Any]:
    """Say what was done.

    Args:
        action: What was done.
        parts: The values in the path: `name`, `number` and `id`, where they stand in it.
        answer: What the agent answered: a release, an endpoint or a key.

    Returns:
        An event of `SCHEMA`.
    """
    known = answer if isinstance(answer, dict) else {}
    key = known.get("key") if isinstance(known.get("key"), dict) else {}
    found = {
        "endpoint": parts.get("name") or known.get("endpoint"),
        "release": int(parts["number"]) if "number" in parts else known.get("number", known.get("answering")),
        "key": parts.get("id") or (key or {}).get("id"),
    }
    return {"action": action, **{name: value for name, value in found.items() if value is not None}}
