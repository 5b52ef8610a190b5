"""A step that waits is ended from another thread, or by its own deadline."""

from __future__ import annotations

import socket
import threading
from functools import partial

import pytest

from jupyter_deploy import errors, stops

LATE = errors.TimedOut("It took too long.")


def test_a_wait_ends_when_the_stop_is_pulled() -> None:
    """The step raises the error with which it was stopped."""
    stop = stops.Stop()
    with pytest.raises(errors.Cancelled, match="enough"), stops.under(stop, 60, LATE):
        threading.Thread(target=stop.pull, args=(errors.Cancelled("enough"),)).start()
        stops.pause(60)


def test_a_step_has_a_deadline() -> None:
    """What takes longer than it may is stopped."""
    with pytest.raises(errors.TimedOut), stops.under(stops.Stop(), 0.01, LATE):
        stops.pause(60)


def test_what_a_step_waits_for_is_ended() -> None:
    """A read on a socket ends with the stop, whatever the socket's own deadline is."""
    near, _far = socket.socketpair()
    hang_up = partial(near.shutdown, socket.SHUT_RDWR)
    with pytest.raises(errors.TimedOut), near, stops.under(stops.Stop(), 0.01, LATE), stops.ending(hang_up):
        near.recv(1)


def test_a_lock_is_waited_for_until_the_stop() -> None:
    """A step that stands in line behind another one can be stopped as well."""
    held = threading.Lock()
    with held, pytest.raises(errors.TimedOut), stops.under(stops.Stop(), 0.01, LATE), stops.holding(held):
        pass


def test_what_must_be_whole_is_not_stopped() -> None:
    """What stands in such a block runs to its end."""
    stop = stops.Stop()
    with stops.under(stop, 60, LATE), stops.never():
        stop.pull(LATE)
        stops.pause(0.0)


def test_a_stop_that_was_pulled_before_lets_nothing_begin() -> None:
    """A step that was cancelled while it stood in line does not run."""
    stop, ran = stops.Stop(), []
    stop.pull(errors.Cancelled("enough"))
    with pytest.raises(errors.Cancelled), stops.under(stop, 60, LATE):
        ran.append("step")

    assert [] == ran


def test_the_first_pull_counts() -> None:
    """Whoever cancels after the deadline changes nothing."""
    stop = stops.Stop()
    stop.pull(LATE)
    stop.pull(errors.Cancelled("enough"))

    assert LATE == stop.error


def test_without_a_stop_everything_waits_as_usual() -> None:
    """Threads that nobody stops use the same functions."""
    with stops.ending(lambda: None):
        stops.pause(0.0)
