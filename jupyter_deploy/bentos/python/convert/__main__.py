"""`python -m convert`: reads from standard input what to do, and writes forms of the model that answer like it, and a report."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from endpoint import isolation  # type: ignore[import-not-found]  # stands beside this package

REPORT = "report.json"


def main() -> None:
    """Isolate this process, then convert; nothing but the standard library is imported before."""
    asked: dict[str, Any] = json.load(sys.stdin)
    out = Path(asked["out"])
    tempfile.tempdir = str(out)
    if asked["isolated"]:
        own = [Path(one) for one in asked["own"]]
        isolation.close(own, out, out, [Path(one) for one in asked["hidden"]], may_network=asked["network"])
    from .converting import convert

    (out / REPORT).write_text(json.dumps(convert(asked, out)), encoding="utf-8")


main()
