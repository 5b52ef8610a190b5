"""Executes a notebook without a browser and deploys what it made, from within its own kernel.

The notebook runs in its own folder with its own kernelspec and stops at the first cell that fails. Then one more cell, which the
notebook itself does not hold, captures the variable and hands it to the agent; the release comes back through that cell's output.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from jupyter_deploy import errors

Progress = Callable[[int, int, str], None]
MIME = "application/vnd.jupyter-deploy.release+json"
QUOTED = 12  # lines of a failing cell that an error shows


class Started(NamedTuple):
    """A release that a notebook's kernel has handed to the agent.

    Attributes:
        endpoint: The endpoint's name.
        number: The release's number.
    """

    endpoint: str
    number: int


def run(
    path: Path, expression: str, arguments: dict[str, Any], *,
    progress: Progress, kernel: str | None = None, timeout: float | None = None,
) -> Started:  # fmt: skip
    """Execute a notebook and deploy one of its variables.

    Args:
        path: The notebook; the file is not changed.
        expression: What to deploy.
        arguments: Arguments for `deploy`, each a text, a number or a truth value; `example` is an expression.
        progress: Is called before each cell with its number, their count and its source.
        kernel: The kernelspec's name; the notebook's own if not given.
        timeout: Seconds for all of it.

    Returns:
        The release, on its way.

    Raises:
        BadInput: If there is no such notebook or kernel, or a cell fails.
        DeployError: If the variable cannot be deployed.
        TimeoutError: If the time is over.
    """
    notebook = _read(path)
    client = _client(notebook, path, kernel)
    end = None if timeout is None else time.monotonic() + timeout
    cells = [(at, cell) for at, cell in enumerate(notebook.cells) if cell.cell_type == "code" and cell.source.strip()]
    with _kernel(client, path):
        for number, (at, cell) in enumerate(cells, 1):
            progress(number, len(cells), cell.source)
            _execute(client, cell, at, end, f"Cell {number} of {len(cells)} in {path.name}")
        return _deploy(client, notebook, end, expression, arguments)


def here(expression: str, arguments: dict[str, Any]) -> None:
    """Deploy from within the kernel and tell the outcome through the cell's output.

    Args:
        expression: What to deploy.
        arguments: Arguments for `deploy`.
    """
    from jupyter_deploy.adapters import python, session
    from jupyter_deploy.capture import MISSING

    shell = session.shell()
    known = session.of_notebook(shell)
    given = dict(arguments)
    name, example = given.pop("name", None), given.pop("example", None)
    try:
        rows = session.evaluate(example, known.namespace, "--example") if example else MISSING
        endpoint = python.launch(*python.prepare(expression, known, name, rows, given))
        told: dict[str, Any] = {"endpoint": endpoint.name, "number": endpoint.view.release.number}
    except errors.DeployError as error:
        told = {"code": error.code, "message": error.message, "hint": error.hint}
    shell.display_pub.publish(data={MIME: told}, metadata={})


def _read(path: Path) -> Any:
    import nbformat

    if not path.is_file():
        near = errors.did_you_mean(path.name, [one.name for one in path.parent.glob("*.ipynb")]) if path.parent.is_dir() else ""
        raise errors.BadInput(f"There is no notebook {path}.", near)
    try:
        return nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    except (ValueError, KeyError, AttributeError) as error:
        raise errors.BadInput(f"{path} is not a notebook: {type(error).__name__}.") from error


def _client(notebook: Any, path: Path, kernel: str | None) -> Any:
    from nbclient import NotebookClient

    name = kernel or notebook.metadata.get("kernelspec", {}).get("name", "python3")
    folder = {"metadata": {"path": str(path.absolute().parent)}}
    return NotebookClient(notebook, kernel_name=name, resources=folder, timeout=None, store_widget_state=False)


def _kernel(client: Any, path: Path) -> Any:
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    try:
        KernelSpecManager().get_kernel_spec(client.kernel_name)
    except NoSuchKernel as error:
        known = KernelSpecManager().find_kernel_specs()
        hint = errors.did_you_mean(client.kernel_name, known) or f"There are: {', '.join(known) or 'none'}."
        raise errors.BadInput(
            f"There is no kernel `{client.kernel_name}` here.", f"{hint} `--kernel` names another one."
        ) from error
    return client.setup_kernel(env={**os.environ, "JPY_SESSION_NAME": str(path.absolute())})  # as Jupyter's server tells it


def _execute(client: Any, cell: Any, at: int, end: float | None, what: str) -> None:
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    if end is not None:
        client.timeout = max(1, math.ceil(end - time.monotonic()))  # nbclient takes whole seconds
    try:
        client.execute_cell(cell, at)
    except CellTimeoutError as error:
        raise TimeoutError(f"{what} was still running when the time was over.") from error
    except CellExecutionError as error:
        raise errors.BadInput(
            f"{what} failed: {error.ename}: {error.evalue}\n{_quoted(cell.source)}", "Nothing was deployed."
        ) from error
    except DeadKernelError as error:
        raise errors.BadInput(f"{what} ended its kernel.\n{_quoted(cell.source)}", "It may have run out of memory.") from error


def _deploy(client: Any, notebook: Any, end: float | None, expression: str, arguments: dict[str, Any]) -> Started:
    import nbformat

    source = f"__import__('jupyter_deploy.adapters.notebook', fromlist=['here']).here({expression!r}, {arguments!r})"
    cell = nbformat.v4.new_code_cell(source)  # type: ignore[no-untyped-call]
    notebook.cells.append(cell)
    try:
        _execute(client, cell, len(notebook.cells) - 1, end, "The deploy")
    except errors.BadInput as error:
        if "ModuleNotFoundError" in error.message and "jupyter_deploy" in error.message:
            hint = "Install jupyterlab-deploy into the kernel's environment."
            raise errors.BadInput(f"The kernel `{client.kernel_name}` cannot import jupyter_deploy.", hint) from error
        raise
    told = next((output.data[MIME] for output in cell.outputs if MIME in output.get("data", {})), None)
    if told is None:
        raise errors.BadInput("The kernel did not say what became of the deploy.", "Is it a Python kernel with jupyterlab-deploy?")
    if "code" in told:
        raise errors.by_code(told["code"], told["message"], told["hint"])
    return Started(told["endpoint"], told["number"])


def _quoted(source: str) -> str:
    lines = source.splitlines()
    more = [f"  … {len(lines) - QUOTED} more lines"] if len(lines) > QUOTED else []
    return "\n".join([*(f"  {line}" for line in lines[:QUOTED]), *more])
