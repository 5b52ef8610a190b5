"""Faults are injected into real deploys; each test has a home folder of its own."""

from __future__ import annotations

import contextlib
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
    """Give an empty home folder; the agent that is started in it ends with the test."""
    home = Home(Path(tempfile.mkdtemp(prefix="jd-")))  # short, because sockets lie below it
    monkeypatch.setenv("JUPYTER_DEPLOY_HOME", str(home.root))
    yield home
    with contextlib.suppress(errors.AgentUnreachable):
        connect(home, start=False).stop()
        wait_for_end(home)
    shutil.rmtree(home.root, ignore_errors=True)
