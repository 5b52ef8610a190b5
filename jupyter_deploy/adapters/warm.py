"""Keeps the agent's warm spare alike with the kernel, so that a preview starts without importing anything.

All of it happens in a background thread: loading the extension and running a cell wait for nothing, and a failure costs only speed.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import site
import sys
import sysconfig
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

DEBOUNCE = 0.3  # seconds in which several cells' imports become one message
DEPTH = 2
NEEDED = ("jupyter_deploy.adapters.python",)  # what `%deploy` itself imports first
SHOWN = ("jupyter_deploy.adapters.widgets.display",)  # what it imports once the deploy is on its way

# What belongs to the notebook rather than to a model. A model that does need one of these imports it when it is loaded.
TOOLS = frozenset({
    "IPython", "PIL", "anyio", "anywidget", "asttokens", "certifi", "cloudpickle", "comm", "contourpy", "cycler", "debugpy",
    "decorator", "detect_secrets", "executing", "h11", "httpcore", "httpx", "idna", "ipykernel", "ipywidgets", "jedi",
    "jupyterlab_widgets", "kiwisolver", "matplotlib", "matplotlib_inline", "mpl_toolkits", "msgspec", "nest_asyncio",
    "nest_asyncio2", "parso", "pexpect", "pip", "pkg_resources", "platformdirs", "plotly", "prompt_toolkit", "psutil",
    "psygnal", "ptyprocess", "pure_eval", "pydev_ipython", "pydevd", "pygments", "pyparsing", "seaborn", "setuptools",
    "sniffio", "stack_data", "tornado", "tqdm", "traitlets", "wcwidth", "widgetsnbextension", "zmq",
})  # fmt: skip


def third_party(modules: Mapping[str, ModuleType | None], folders: Iterable[str]) -> tuple[str, ...]:
    """Choose the modules that a spare should have imported before a preview starts.

    Args:
        modules: The kernel's modules, as in `sys.modules`.
        folders: Where installed packages lie.

    Returns:
        Dotted names, at most two parts deep, public, and from installed packages that are no notebook tools; in order of import.
    """
    roots = tuple(f"{folder}{os.sep}" for folder in folders)
    found = []
    for name, module in dict(modules).items():
        parts = name.split(".")
        public = len(parts) <= DEPTH and not any(part.startswith("_") for part in parts)
        if public and parts[0] not in TOOLS and not parts[0].startswith("jupyter") and _file(module).startswith(roots):
            found.append(name)
    return tuple(found)


def site_folders() -> tuple[str, ...]:
    """List where installed packages lie.

    Returns:
        Folders.
    """
    paths = sysconfig.get_paths()
    return tuple(dict.fromkeys((paths["purelib"], paths["platlib"], *site.getsitepackages(), site.getusersitepackages())))


class Warmer:
    """Tells the agent what this kernel has imported: once when loaded, and again after a cell that imported something new.

    Args:
        folder: The notebook's folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: set[str] = set()
        self._count = 0
        self._timer: threading.Timer | None = None

    def start(self) -> None:
        """Begin, in the background."""
        self._later(0.0)

    def after_cell(self, *_: Any) -> None:
        """Look for new imports after a cell; costs microseconds where there are none."""
        if len(sys.modules) == self._count:
            return
        self._count = len(sys.modules)
        if {name.partition(".")[0] for name in list(sys.modules)} - self._known:
            self._later(DEBOUNCE)

    def stop(self) -> None:
        """End."""
        if self._timer is not None:
            self._timer.cancel()

    def _later(self, seconds: float) -> None:
        self.stop()
        self._timer = threading.Timer(seconds, self._send)
        self._timer.daemon = True
        self._timer.start()

    def _send(self) -> None:
        with contextlib.suppress(Exception):  # a spare is a convenience; `%deploy` itself says what is wrong
            modules = third_party(sys.modules, site_folders())
            for name in NEEDED:
                importlib.import_module(name)
            self._known = {name.partition(".")[0] for name in list(sys.modules)}
            from jupyter_deploy.agent.lifecycle import connect
            from jupyter_deploy.capture.variable import module_path

            connect().warm(sys.executable, module_path(self._folder), modules, os.getpid())
            for name in SHOWN:
                importlib.import_module(name)


def _file(module: ModuleType | None) -> str:
    # A package such as `google` has no file of its own, so its parts are named one by one.
    return str(getattr(module, "__file__", None) or "")
