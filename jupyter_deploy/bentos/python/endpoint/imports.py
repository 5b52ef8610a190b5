"""Libraries that only some formats need: imported before the fork where they will be shared, else beside the event loop."""

from __future__ import annotations

import contextlib
import importlib

NUMPY = ("numpy",)
ARROW = ("pyarrow", "pyarrow.pandas_compat", "numpy", "pandas")
"""What Arrow imports; pyarrow itself imports pandas, where there is one, as soon as it is given values."""
_brought: set[tuple[str, ...]] = {()}


def are_there(libraries: tuple[str, ...]) -> bool:
    """Say whether libraries need not be imported any more.

    Args:
        libraries: Their names.

    Returns:
        Whether `bring` has been through with them.
    """
    return libraries in _brought


def bring(libraries: tuple[str, ...]) -> None:
    """Import libraries, up to the first that is not there; who cannot do without it says so to the caller.

    Args:
        libraries: Their names.
    """
    if libraries in _brought:
        return
    with contextlib.suppress(Exception):  # a library that does not fit the others may raise anything
        for library in libraries:
            importlib.import_module(library)
    _brought.add(libraries)
