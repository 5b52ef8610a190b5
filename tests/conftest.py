"""What a test is, told by the folder it lies in: `tests/faults/` holds tests marked `faults`, and so on."""

from __future__ import annotations

from pathlib import Path

import pytest

MARKED_FOLDERS = ("faults", "cluster", "browser")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test of a marked folder, so that `make test` leaves it to its own target."""
    here = Path(__file__).parent
    for item in items:
        folder = item.path.relative_to(here).parts[0]
        if folder in MARKED_FOLDERS:
            item.add_marker(folder)
