"""What the caller's own Python session knows: its names, the cells that ran, where the notebook lies.

IPython is looked up, never imported: where nobody imported it there is no notebook, and plain Python stays light.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

from jupyter_deploy import errors
from jupyter_deploy.values import History


class Session(NamedTuple):
    """The caller's session.

    Attributes:
        namespace: Its names; in a notebook the live namespace itself.
        cells: Execution count and source of each cell that ran.
        folder: The notebook's folder, or the working folder.
        history: What else is known of the cells.
    """

    namespace: dict[str, Any]
    cells: tuple[tuple[int, str], ...]
    folder: Path
    history: History = History()


class Recorder:
    """Notes when cells run and where they fail, which IPython's own history does not.

    Args:
        running: The IPython shell.
    """

    def __init__(self, running: Any) -> None:
        self._shell = running
        self._begun = time.time()
        self._times: dict[int, float] = {}
        self._failed: dict[int, int] = {}

    @property
    def history(self) -> History:
        """What was noted."""
        now = len(self._shell.history_manager.input_hist_raw) - 1  # the cell that runs, whose end is not there yet
        return History(times={now: self._begun, **self._times}, failed=dict(self._failed), began=_began())

    def start(self) -> None:
        """Begin; the cell that runs now counts as begun now."""
        self._shell.events.register("pre_run_cell", self._before)
        self._shell.events.register("post_run_cell", self._after)

    def stop(self) -> None:
        """End."""
        self._shell.events.unregister("pre_run_cell", self._before)
        self._shell.events.unregister("post_run_cell", self._after)

    def _before(self, _: Any) -> None:
        self._begun = time.time()  # the cell's count is told at its end alone; before it, it depends on IPython's version

    def _after(self, result: Any) -> None:
        number = result.execution_count
        if not number or not result.info.store_history:
            return
        self._times[number] = self._begun
        if result.error_before_exec:
            self._failed[number] = 0
        elif result.error_in_exec:
            self._failed[number] = _line(result.error_in_exec.__traceback__, self._shell.user_ns)


def _line(trace: Any, namespace: dict[str, Any]) -> int:
    """Find the cell's own line in a traceback; 0 where it failed before anything of the cell ran."""
    while trace is not None:
        if trace.tb_frame.f_globals is namespace and trace.tb_frame.f_code.co_name == "<module>":
            return int(trace.tb_lineno)
        trace = trace.tb_next
    return 0


def _began() -> float | None:
    """Say when this process began, where somebody has imported psutil, as ipykernel does."""
    psutil = sys.modules.get("psutil")
    return float(psutil.Process().create_time()) if psutil is not None else None


def shell() -> Any:
    """Find the running IPython shell.

    Returns:
        The shell, or None outside of IPython.
    """
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython is not None else None


def of_notebook(running: Any) -> Session:
    """Describe a notebook's session.

    Args:
        running: The IPython shell.

    Returns:
        The session.
    """
    history = running.history_manager.input_hist_raw
    cells = tuple((number, source) for number, source in enumerate(history) if source.strip())
    recorder = getattr(running.magics_manager.registry.get("DeployMagics"), "recorder", None)
    history = recorder.history if recorder is not None else History(began=_began())
    return Session(running.user_ns, cells, folder_of(running.user_ns), history)


def of_caller(frame: FrameType) -> Session:
    """Describe the session of whoever called a function.

    Args:
        frame: The caller's frame.

    Returns:
        The session; names that are local to a function stand in front of its module's.
    """
    running = shell()
    if running is not None and frame.f_globals is running.user_ns and frame.f_locals is frame.f_globals:
        return of_notebook(running)
    at_top = frame.f_locals is frame.f_globals
    names = frame.f_globals if at_top else {**frame.f_globals, **frame.f_locals}
    known = of_notebook(running) if running is not None else Session(names, (), folder_of(names))
    return known._replace(namespace=names, folder=folder_of(names))


def name_of(model: object, namespace: dict[str, Any]) -> str:
    """Find the variable that holds a model.

    Args:
        model: The live object.
        namespace: The caller's names.

    Returns:
        The variable's name; the one that was bound last where several hold it, an empty string where none does.
    """
    held = [name for name, value in dict(namespace).items() if value is model and name.isidentifier() and not name.startswith("_")]
    return held[-1] if held else ""


def evaluate(expression: str, namespace: dict[str, Any], what: str) -> Any:
    """Evaluate an expression of the user's in the user's own session.

    Args:
        expression: Python.
        namespace: The session's names.
        what: What it was given as, for errors.

    Returns:
        Its value.

    Raises:
        UnknownName: If it names a variable that does not exist.
        BadInput: If it cannot be evaluated.
    """
    try:
        return eval(expression, namespace)  # noqa: S307 (the user's own code in the user's own kernel)
    except NameError as error:
        missing = getattr(error, "name", "") or ""
        raise errors.UnknownName(
            f"There is no variable `{missing}` ({what} `{expression}`).",
            errors.did_you_mean(missing, namespace) or "Run the cell that defines it first.",
        ) from error
    except Exception as error:
        raise errors.BadInput(f"{what} `{expression}` cannot be evaluated: {type(error).__name__}: {error}.") from error


def folder_of(namespace: dict[str, Any]) -> Path:
    """Say where the notebook lies: VS Code and Jupyter's server name it, other frontends start the kernel in its folder.

    Args:
        namespace: The notebook's names.

    Returns:
        The folder.
    """
    for named in (namespace.get("__vsc_ipynb_file__"), os.environ.get("JPY_SESSION_NAME")):
        if isinstance(named, str) and Path(named).is_absolute() and Path(named).parent.is_dir():
            return Path(named).parent
    return Path.cwd()
