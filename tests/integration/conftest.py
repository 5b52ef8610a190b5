"""What the integration tests share: a home folder of their own, and no process left behind."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_deploy import errors
from jupyter_deploy.agent.lifecycle import connect, wait_for_end
from jupyter_deploy.home import Home


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """Give an empty home folder; the agent that a test starts in it ends with the test."""
    folder = Path(tempfile.mkdtemp(prefix="jd-"))  # short, because sockets lie below it
    monkeypatch.setenv("JUPYTER_DEPLOY_HOME", str(folder))
    home = Home(folder)
    yield home
    try:
        connect(home, start=False).stop()
        wait_for_end(home)
    except errors.AgentUnreachable:
        pass
    shutil.rmtree(folder, ignore_errors=True)
