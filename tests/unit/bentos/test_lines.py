"""A traceback shows the lines of the notebook's cells."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from jupyter_deploy.bentos.python.endpoint import lines, log


@pytest.mark.parametrize("magic", ["", "%%time\n"])
def test_lines_of_cells(tmp_path: Path, capfd: pytest.CaptureFixture[str], magic: str) -> None:
    """Where a cell's function fails, the log shows its line, counted as the kernel counted."""
    source = "def clean(value):\n    return 1 / value"
    (tmp_path / "cells.json").write_text(json.dumps([{"id": "3f9a12bc", "source": f"{magic}{source}", "why": "defines clean"}]))
    lines.remember(tmp_path)
    names: dict[str, object] = {}
    exec(compile(source, "<cell 3f9a12bc>", "exec"), names)
    try:
        names["clean"](0)  # type: ignore[operator]
    except ZeroDivisionError as error:
        log.failure("model_failed", error)

    written = json.loads(capfd.readouterr().err)
    assert "<cell 3f9a12bc>:2 clean: return 1 / value" == written["frames"][-1]


def test_no_cells(tmp_path: Path) -> None:
    """A folder without cells is no error."""
    lines.remember(tmp_path)
