"""What an index has instead of a version that it lacks."""

from __future__ import annotations

import re
from pathlib import Path

from packaging.version import Version

from jupyter_deploy.installer import run_uv

LIMIT = 60.0  # seconds


def nearest(name: str, version: str, folder: Path) -> list[str]:
    """Find the versions of a package on the user's index that come nearest to one that it lacks.

    Args:
        name: The package.
        version: The version that it lacks.
        folder: An empty folder to work in.

    Returns:
        The next older and the next newer version, as far as there are such.
    """
    base, found = Version(version).public, []
    for asked, resolution in ((f"{name}<={base}", "highest"), (f"{name}>{base}", "lowest-direct")):
        arguments = ["pip", "compile", "-", "--no-deps", "--no-header", "--no-annotate", "--quiet", "--resolution", resolution]
        done = run_uv(arguments, cwd=folder, stdin=f"{asked}\n", timeout=LIMIT)
        found += re.findall(r"==(\S+)", done.output) if done.code == 0 else []
    return found
