"""One version, wherever it is written."""

from __future__ import annotations

import json
import re
from pathlib import Path

from jupyter_deploy import __version__

FRONT = Path(__file__).parents[2] / "labextension"


def test_the_browsers_part_has_the_version_of_the_package() -> None:
    """The version of npm's package, the one that the page tells the server's from, and Python's are the same text."""
    (page,) = re.findall(r"VERSION = '(.+?)'", (FRONT / "src" / "version.ts").read_text(encoding="utf-8"))

    assert [__version__] * 2 == [json.loads((FRONT / "package.json").read_text(encoding="utf-8"))["version"], page]
