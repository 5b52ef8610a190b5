"""Requests that kill workers."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from jupyter_deploy.bentos.python.endpoint.problems import ModelCrashed
from jupyter_deploy.bentos.python.endpoint.quarantine import MOST, SETS, WAYS, Quarantine, digest


def die_of(quarantine: Quarantine, worker: int, *requests: int) -> None:
    """Let a worker die while its model has some requests in hand."""
    pid = os.fork()
    if not pid:
        with quarantine.of(worker)(requests):
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(pid, 0)
    assert len(requests) == quarantine.died(worker)


def test_request_that_kills_is_run_alone_and_then_refused() -> None:
    """After one death a request has a call to itself in every worker, after two it is refused; others are as before."""
    quarantine = Quarantine(2)
    first, second = quarantine.of(0), quarantine.of(1)
    assert not first.alone(7)
    die_of(quarantine, 0, 7)

    assert [True, True, False] == [first.alone(7), second.alone(7), second.alone(8)]
    die_of(quarantine, 1, 7)
    with pytest.raises(ModelCrashed):
        first.alone(7)
    assert not first.alone(8)


def test_answer_clears_the_others_of_a_batch() -> None:
    """Of a batch that killed a worker each request is suspected until its next answer, also one that the model refuses."""
    quarantine = Quarantine(1)
    running = quarantine.of(0)
    die_of(quarantine, 0, 1, 2, 3)
    assert [True, True, True] == [running.alone(one) for one in (1, 2, 3)]
    with running([1]):
        pass
    with pytest.raises(ZeroDivisionError), running([2]):
        _ = 1 / 0

    assert [False, False, True] == [running.alone(one) for one in (1, 2, 3)]


def test_part_of_an_answer_clears_nothing() -> None:
    """A request of which only a part was answered, as of a stream, may still kill with what follows."""
    quarantine = Quarantine(1)
    running = quarantine.of(0)
    die_of(quarantine, 0, 1)
    with running([1], clears=False):
        pass
    assert running.alone(1)
    die_of(quarantine, 0, 1)

    with pytest.raises(ModelCrashed):
        running.alone(1)


def test_request_that_is_surely_guilty() -> None:
    """A request that took a worker's whole time is refused at once, if no other one was in the same call."""
    quarantine = Quarantine(1)
    quarantine.of(0)([4]).__enter__()
    quarantine.died(0, surely=True)
    quarantine.of(0)([5, 6]).__enter__()
    quarantine.died(0, surely=True)

    assert [2, 1, 1] == [quarantine.deaths(one) for one in (4, 5, 6)]


def test_worker_that_is_gone_has_nothing_in_hand() -> None:
    """What a worker had in hand that did not die of it is no suspect, and its successor begins with empty hands."""
    quarantine = Quarantine(1)
    quarantine.of(0)([5]).__enter__()
    quarantine.left(0)

    assert 0 == quarantine.died(0)
    assert not quarantine.of(0).alone(5)


def test_latest_are_remembered_where_many_kill() -> None:
    """The table never grows: of many requests that killed a worker the latest are remembered."""
    quarantine = Quarantine(1)
    requests = range(SETS, SETS * 20, SETS)  # all in one set
    for one in requests:
        die_of(quarantine, 0, one)

    assert list(requests[-WAYS:]) == [one for one in requests if quarantine.of(0).alone(one)]


def test_large_batch_is_noted_whole() -> None:
    """As many requests as one call may answer are noted."""
    quarantine = Quarantine(2)
    die_of(quarantine, 1, *range(1, MOST + 1))

    assert MOST == sum(quarantine.of(0).alone(one) for one in range(1, MOST + 1))
    assert [] == quarantine.held(0) == quarantine.held(1)


def test_request_that_is_asked_again_waits_for_the_note() -> None:
    """A request that a dead worker still seems to have in hand waits until its parent has counted that death."""

    async def ask() -> bool:
        asyncio.get_running_loop().call_later(0.02, quarantine.died, 0)
        await quarantine.of(1).told(7)
        return quarantine.of(1).alone(7)

    quarantine = Quarantine(2)
    quarantine.of(0)([7]).__enter__()

    assert asyncio.run(ask())


def test_digest_tells_requests_apart() -> None:
    """Method and body together make the digest, the same one in a forked process."""
    made, outlet = os.pipe()
    if not os.fork():
        os.write(outlet, str(digest("predict", b"[1]")).encode())
        os._exit(0)
    os.wait()

    assert digest("predict", b"[1]") == int(os.read(made, 100))
    assert 3 == len({digest("predict", b"[1]"), digest("predict", b"[2]"), digest("transform", b"[1]")})
