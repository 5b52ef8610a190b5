"""Verifies an archive anywhere: a deploy in a home of its own, which is gone afterwards."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from jupyter_deploy import plugins
from jupyter_deploy.deployer import Deployer
from jupyter_deploy.home import Home
from jupyter_deploy.received import declared, receive
from jupyter_deploy.store import Store
from jupyter_deploy.values import Release


def check(file: Path, home: Home, environment: Mapping[str, str], changed: Callable[[Release], None]) -> Release:
    """Verify an archive as a deploy would, and leave nothing behind but its environment.

    Args:
        file: The archive.
        home: The user's folders, whose environments are shared.
        environment: Where the variables are looked up that the model is declared to read.
        changed: Is called with the release after each stage.

    Returns:
        The release, ended: its stages say what was seen, and it is verified if it has reproduced its golden answers.

    Raises:
        BadArchive: If the archive is not exactly what `jupyter deploy export` writes.
        BadInput: If there is no such archive, or a declared variable is not set.
    """
    with tempfile.TemporaryDirectory(prefix="jd-check-") as folder:
        own = Home(Path(folder)).make()
        home.environments.mkdir(parents=True, exist_ok=True, mode=0o700)
        own.environments.symlink_to(home.environments)
        received = receive(file, own)
        given = declared(received, environment)
        options = msgspec.structs.replace(
            received.index.options, target="local", network=False, isolation=True, preview=False, workers=1, keep=0
        )
        target, told = plugins.load("targets", "local")(own), threading.Event()
        deployer = Deployer(own, Store(own.store), target, lambda *_: told.set())
        try:
            release = deployer.adopt(received, received.index.capture.endpoint, options, given)
            while not release.ended:
                changed(release)
                told.wait()
                told.clear()
                release = deployer.store.release(release.endpoint, release.number)
            return release
        finally:
            deployer.halt()
            target.close(everything=True)
