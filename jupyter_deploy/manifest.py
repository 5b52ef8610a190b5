"""The manifest of a release: its bundle's own, which never changes, with what was seen of it since it runs."""

from __future__ import annotations

from pathlib import Path

import msgspec

from jupyter_deploy import home
from jupyter_deploy.values import Manifest, Release, from_json, to_json

FILE = "manifest.json"


def write(release: Release, source: Path, folder: Path) -> None:
    """Write a release's manifest.

    Args:
        release: The release.
        source: The folder with its bundle's manifest.
        folder: The release's own folder.
    """
    own = from_json((source / FILE).read_bytes(), Manifest)
    told = msgspec.structs.replace(own, batching=release.batching, compiled=release.compiled)
    home.private(folder)
    home.write(folder / FILE, msgspec.json.format(to_json(told)))
