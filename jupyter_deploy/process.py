"""The only door to other programs.

Arguments are always a list, never a shell's line; output is kept so that an error can quote its end.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from jupyter_deploy import stops


class Finished(NamedTuple):
    """How a program ended.

    Attributes:
        code: Its exit status; 124 where it ran out of time, 127 where there is no such program.
        output: What it wrote to its standard output.
        errors: What it wrote to its standard error.
    """

    code: int
    output: str
    errors: str


def run(
    arguments: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: str | None = None,
    timeout: float | None = None,
    keep: Sequence[int] = (),
) -> Finished:
    """Run a program to its end, in a session of its own, so that what it starts in turn can be ended with it.

    Args:
        arguments: The program and its arguments.
        env: Its whole environment; this process's where None.
        cwd: The folder to run it in.
        stdin: What it reads from its standard input; nothing where None.
        timeout: Seconds after which it is killed.
        keep: File descriptors that it inherits, such as a lock that is held for as long as it runs, even if this process is killed.

    Returns:
        How it ended.

    Raises:
        DeployError: If the step that it is run for was stopped; it is killed then.
    """
    try:
        child = subprocess.Popen(  # noqa: S603 (a list of arguments, no shell)
            list(arguments), env=env, cwd=cwd, stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace", start_new_session=True,
            pass_fds=keep,
        )  # fmt: skip
    except FileNotFoundError:
        return Finished(127, "", f"there is no program {arguments[0]}")
    with child:
        try:
            with stops.ending(partial(_kill, child)):
                output, said = child.communicate(stdin, timeout)
        except subprocess.TimeoutExpired:
            return Finished(124, "", f"{arguments[0]} did not end within {timeout:g} s")
        finally:
            _kill(child)
    return Finished(child.returncode, output, said)


def _kill(child: subprocess.Popen[str]) -> None:
    """Kill a program with what it has started, unless it has ended."""
    if child.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)


def start(
    arguments: Sequence[str],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    keep: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Start a program in a session of its own, so that it outlives this process.

    Args:
        arguments: The program and its arguments.
        log: The file to which its output is appended, readable by its owner alone.
        env: Its whole environment; this process's where None.
        cwd: The folder to run it in.
        keep: File descriptors that it inherits, such as a lock that is held for as long as it runs.

    Returns:
        The running program.
    """
    log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    log.touch(mode=0o600)
    with log.open("ab") as sink:
        return subprocess.Popen(  # noqa: S603 (a list of arguments, no shell)
            list(arguments), env=env, cwd=cwd, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink,
            start_new_session=True, pass_fds=keep,
        )  # fmt: skip
