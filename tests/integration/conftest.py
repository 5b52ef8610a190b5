"""What the integration tests share: a home folder of their own, and no process left behind."""

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


@contextlib.contextmanager
def own_home() -> Iterator[Home]:
    """Make an empty home folder; the agent that is started in it ends with it."""
    home = Home(Path(tempfile.mkdtemp(prefix="jd-")))  # short, because sockets lie below it
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_DEPLOY_HOME", str(home.root))
        yield home
    with contextlib.suppress(errors.AgentUnreachable):
        connect(home, start=False).stop()
        wait_for_end(home)
    shutil.rmtree(home.root, ignore_errors=True)


@pytest.fixture
def home() -> Iterator[Home]:
    """Give a test a home folder of its own."""
    with own_home() as home:
        yield home


@pytest.fixture(scope="module")
def shared_home() -> Iterator[Home]:
    """Give the tests of a module one home folder, so that they share its clean environments."""
    with own_home() as home:
        yield home
