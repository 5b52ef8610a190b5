"""A real JupyterLab, and the system's Chromium that looks at it."""

from __future__ import annotations

import contextlib
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

sys.path.append(str(Path(__file__).parents[1]))  # what starts JupyterLab is the tests'

from tests.browser.conftest import NAMES, QUIET
from tests.browser.lab import Lab, running


@contextlib.contextmanager
def lab(*, server_part: bool = True) -> Iterator[Lab]:
    """Start JupyterLab in folders of its own; it ends with the block.

    Args:
        server_part: Whether our server extension is enabled.

    Yields:
        Where it is.
    """
    with tempfile.TemporaryDirectory(prefix="jdl-", ignore_cleanup_errors=True) as folder:
        (notebooks := Path(folder, "notebooks")).mkdir()
        with running(Path(folder), notebooks, server_part=server_part) as started:
            yield started


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """Start the browser; it ends with the block.

    Yields:
        The browser.
    """
    found = next(path for name in NAMES if (path := shutil.which(name)))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=list(QUIET))
        try:
            yield browser
        finally:
            browser.close()
