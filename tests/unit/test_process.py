"""Programs are run with lists of arguments, and how they end is a value."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

import pytest

from jupyter_deploy import errors, process, stops


def test_output_errors_and_status_come_back() -> None:
    """All three are kept apart."""
    code = "import sys; print(sys.stdin.read()); print('e', file=sys.stderr); sys.exit(3)"

    assert (3, "in\n", "e\n") == process.run([sys.executable, "-c", code], stdin="in")


def test_a_program_that_is_not_there_ends_with_127() -> None:
    """The name is in the errors."""
    done = process.run(["no-such-program"])

    assert (127, "there is no program no-such-program") == (done.code, done.errors)


def test_a_program_that_takes_too_long_is_killed() -> None:
    """It ends with 124, as the shell's `timeout` does."""
    assert 124 == process.run([sys.executable, "-c", "import time; time.sleep(60)"], timeout=0.3).code


def test_a_program_whose_step_is_stopped_is_killed_with_its_children(tmp_path: Path) -> None:
    """Neither it nor what it started goes on, and the step raises why it was stopped."""
    pid = tmp_path / "pid"
    stop, shell = stops.Stop(), f"sleep 60 & echo $! > {pid}.new; mv {pid}.new {pid}; wait"
    threading.Thread(target=pull_when, args=(pid, stop)).start()
    with pytest.raises(errors.Cancelled, match="enough"), stops.under(stop, 60, errors.TimedOut("late")):
        process.run(["sh", "-c", shell])

    with pytest.raises(ProcessLookupError):
        while True:
            os.kill(int(pid.read_text()), 0)
            time.sleep(0.01)


def pull_when(made: Path, stop: stops.Stop) -> None:
    """Pull a stop once a file is there."""
    while not made.exists():
        time.sleep(0.01)
    stop.pull(errors.Cancelled("enough"))


def test_a_started_program_writes_to_its_private_log(tmp_path: Path) -> None:
    """The log is appended to and is its owner's alone."""
    log = tmp_path / "l" / "x.log"
    process.start([sys.executable, "-c", "print('hello')"], log=log).wait()

    assert ("hello\n", 0o600) == (log.read_text(), log.stat().st_mode & 0o777)
