"""Turn a fitted model in a notebook cell into a live, verified endpoint.

In a notebook: `%load_ext jupyter_deploy`, then `%deploy model`. In Python: `import jupyter_deploy as jd` and
`jd.deploy(model, name="churn")`. In a terminal: `jupyter deploy`. The public names are loaded when they are first used, so that
importing this package costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jupyter_deploy.adapters.python import Endpoint, deploy

__version__ = "0.1.0"
__all__ = ["Endpoint", "__version__", "deploy", "load_ipython_extension", "unload_ipython_extension"]

_LAZY = {"Endpoint", "deploy"}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        from jupyter_deploy.adapters import python

        return getattr(python, name)
    raise AttributeError(f"module `jupyter_deploy` has no attribute `{name}`")


def __dir__() -> list[str]:
    return sorted(__all__)


def load_ipython_extension(ipython: Any) -> None:
    """Give a kernel the magic `%deploy`.

    Args:
        ipython: The IPython shell.
    """
    from jupyter_deploy.adapters import magic

    magic.load(ipython)


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    return [{"module": "jupyter_deploy"}]


def _load_jupyter_server_extension(server: Any) -> None:
    from jupyter_deploy.adapters import server as extension

    extension.load(server)


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    return [{"src": "labextension", "dest": "jupyterlab-deploy"}]


def unload_ipython_extension(ipython: Any) -> None:
    """Take the magic away again; what is deployed goes on answering.

    Args:
        ipython: The IPython shell.
    """
    from jupyter_deploy.adapters import magic

    magic.unload(ipython)
