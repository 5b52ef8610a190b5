"""How a release is launched: as its preview, as its bundle, or in its faster form."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from jupyter_deploy import plugins
from jupyter_deploy.home import Home
from jupyter_deploy.languages.base import Language
from jupyter_deploy.store import Store
from jupyter_deploy.targets.base import Launch
from jupyter_deploy.values import Bundle, Capture, Lock, Manifest, Release, from_json

Kind = Literal["preview", "verified", "compiled"]


def id_of(release: Release, kind: Kind) -> str:
    """Say what the target calls a launch.

    Args:
        release: The release.
        kind: Which of its launches.

    Returns:
        As `Launch.id`.
    """
    return release.tag if kind == "verified" else f"{release.tag}-{kind}"


def best(release: Release) -> Kind:
    """Say as what a verified release answers.

    Args:
        release: The release.

    Returns:
        Its faster form where it has one.
    """
    return "compiled" if release.faster else "verified"


def folder_of(home: Home, release: Release) -> Path:
    """Say where a release's logs lie.

    Args:
        home: The agent's folders.
        release: The release.

    Returns:
        The folder.
    """
    return home.releases / release.endpoint / str(release.number)


def environment_of(home: Home, release: Release) -> Path:
    """Say where the environment variables lie that were given to a release.

    Args:
        home: The agent's folders.
        release: The release.

    Returns:
        The file; there is none where the model reads none.
    """
    return folder_of(home, release) / "environment.json"


def describe(home: Home, store: Store, release: Release, kind: Kind) -> Launch:
    """Describe a launch; an environment that is gone is made again.

    Args:
        home: The agent's folders.
        store: The agent's memory.
        release: The release.
        kind: Which of its launches.

    Returns:
        The launch.

    Raises:
        EnvironmentFailed: If the environment cannot be made.
    """
    capture = store.find(Capture, release.capture)
    if kind == "preview":
        folder, interpreter, path, lock, packages = Path(capture.folder), capture.interpreter, capture.path, "", ""
    else:
        fast = kind == "compiled"
        folder = Path(store.find(Bundle, release.faster if fast else release.bundle).folder) / "src"
        kept = store.find(Lock, release.faster_lock if fast else release.lock)
        language: Language = plugins.load("languages", capture.language)()
        python = language.environment(capture, kept, home.environments)
        interpreter, path, lock = capture.interpreter if kept.received else str(python), (), kept.digest
        packages = str(python.parents[1]) if kept.received else ""
    return Launch(
        endpoint=release.endpoint,
        number=release.number,
        state="preview" if kind == "preview" else "verified",
        compiled=kind == "compiled",
        folder=str(folder),
        interpreter=interpreter,
        path=path,
        preload=from_json((folder / "manifest.json").read_bytes(), Manifest).preload,
        lock=lock,
        packages=packages,
        keys=str(home.releases / release.endpoint / "keys.json"),
        log=str(folder_of(home, release) / f"{kind}.log"),
        options=store.options(release.endpoint, release.number),
        batched=tuple(one.method for one in release.batching if one.on) if kind != "preview" else (),
        environment=str(file) if (file := environment_of(home, release)).exists() else "",
    )
