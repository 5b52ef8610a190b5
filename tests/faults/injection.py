"""Faults at the Nth system call or function call of a running agent."""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from jupyter_deploy.targets.local.watch import ended

INJECTED = re.compile(r"\(INJECTED\)|killed by SIGKILL")


@cache
def why_not() -> str:
    """Say why system calls cannot be tampered with here; empty where they can."""
    if shutil.which("strace") is None:
        return "strace is not installed"
    trial = ["strace", "-f", "-b", "execve", "-e", "inject=rename:error=ENOSPC:when=99", "true"]
    tried = subprocess.run(trial, capture_output=True, text=True, check=False)
    return tried.stderr.strip().splitlines()[-1] if tried.returncode else ""


@contextlib.contextmanager
def tampered(pid: int, call: str, what: str, when: str, log: Path) -> Iterator[Callable[[], bool]]:
    """Tamper with a system call of a process and its threads, but not of the programs that it starts.

    Args:
        pid: The process.
        call: The system call, or several separated by commas.
        what: `signal=KILL` or `error=ENOSPC`.
        when: Which of a thread's calls are meant, such as `7` or `7+`.
        log: Where strace writes.

    Yields:
        A function that says whether it has happened.
    """
    if why_not():
        pytest.skip(why_not())
    rule = f"inject={call}:{what}:when={when}"
    tracer = subprocess.Popen(
        ["strace", "-f", "-b", "execve", "-o", str(log), "-e", f"trace={call}", "-e", rule, "-p", str(pid)],
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert tracer.stderr
    said = tracer.stderr.readline()
    assert "attached" in said, said
    try:
        yield lambda: ended(pid, 0) or happened(log)
    finally:
        tracer.terminate()
        try:
            tracer.wait(5)
        except subprocess.TimeoutExpired:  # it waits for a thread that does not stop; killed, it lets go of all of them
            tracer.kill()
            tracer.wait()
        tracer.stderr.close()


def happened(log: Path) -> bool:
    """Say whether strace has tampered with a call."""
    time.sleep(0.01)  # it writes after it has done so
    return bool(INJECTED.search(log.read_text(errors="replace"))) if log.exists() else False
