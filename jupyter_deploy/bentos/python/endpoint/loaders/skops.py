"""Writes and loads a model of scikit-learn's with skops, which makes objects of known classes and runs nothing else."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

LIBRARIES = ("numpy", "pandas", "scipy", "sklearn", "xgboost", "lightgbm")
"""Of whose classes all are trusted; skops itself asks about some of them, such as scikit-learn's own trees."""
SCHEMA = "schema.json"


def write(model: Any, path: Path) -> None:
    """Write a model, so that the same model gives the same bytes.

    Args:
        model: The model.
        path: The file.

    Raises:
        TypeError: If something in it is of a class that is not one of these libraries'.
        Exception: Whatever skops raises for a model that it cannot write.
    """
    import skops.io

    data = skops.io.dumps(model)
    foreign = [one for one in skops.io.get_untrusted_types(data=data) if not _is_known(one)]
    if foreign:
        raise TypeError(f"it holds a {foreign[0]}")
    path.write_bytes(_steady(data))


def load(path: Path) -> Any:
    """Load a model.

    Args:
        path: The file.

    Returns:
        The model.

    Raises:
        ImportError: If skops is missing.
        Exception: Whatever skops raises for a file that holds other classes.
    """
    import skops.io

    known = [one for one in skops.io.get_untrusted_types(file=path) if _is_known(one)]
    return skops.io.load(path, trusted=known)


def _is_known(kind: str) -> bool:
    return kind.partition(".")[0] in LIBRARIES


def _steady(data: bytes) -> bytes:
    """Name what is in the archive by its place in the model, where skops takes addresses, and leave times out."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(made, "w") as new:
        places: dict[Any, int] = {}
        schema = json.loads(old.read(SCHEMA))
        names: dict[str, str] = {}
        _renumber(schema, places, names)
        for name, renamed in sorted(names.items(), key=lambda one: one[1]):
            new.writestr(zipfile.ZipInfo(renamed), old.read(name))
        new.writestr(zipfile.ZipInfo(SCHEMA), json.dumps(schema))
    return made.getvalue()


def _renumber(node: Any, places: dict[Any, int], names: dict[str, str]) -> None:
    """Number the parts of a schema in the order in which they stand in it."""
    waiting = [node]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            if "__id__" in one:
                one["__id__"] = places.setdefault(one["__id__"], len(places) + 1)
            if "__loader__" in one and isinstance(one.get("file"), str):
                one["file"] = names.setdefault(one["file"], f"{len(names)}{Path(one['file']).suffix}")
        waiting += list(one.values()) if isinstance(one, dict) else one if isinstance(one, list) else []
