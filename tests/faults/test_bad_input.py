"""Bad input of all sorts at five endpoints behind the router: each is refused politely, and nobody else notices.

FAULTS=all sends 100,000 bodies, otherwise a sample goes out; FAULTS_SEED makes the same ones again, and `jupyter deploy check` too.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import logging
import pickle
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from bench import load
from jupyter_deploy.hostile.bodies import PICKLES
from tests.faults import points
from tests.faults.hostility import Hostility, Served, hostility
from tests.serving import SECRET

pytestmark = pytest.mark.faults
log = logging.getLogger(__name__)
BODIES = 100_000 if points.AMOUNT == "all" else 250 * int(points.AMOUNT)
GROWTH = 50_000_000  # bytes, of all workers together
LOGGED = 300  # bytes a refusal


@pytest.fixture(scope="module")
def made() -> Iterator[Hostility]:
    """Give five endpoints, each of which has met some bad input."""
    with hostility() as one:
        for served in one.served:
            one.warm(served)
        yield one


@pytest.mark.timeout(1800)  # all of 100,000 take minutes
def test_hostile_bodies_are_refused(made: Hostility) -> None:
    """Nothing is a 5xx or slow, no refusal and no log repeats an input or tells internals, no worker dies or grows."""
    before, restarts, logged = made.memory(), made.restarts(), sum(len(made.log(one)) for one in made.served)
    wrong: dict[str, list[str]] = {}
    statuses: Counter[str] = Counter()
    for served in made.served:
        attack = made.attack(served, points.SEED)
        report = attack.run(range(BODIES // len(made.served)))
        wrong[served.name] = [f"body {one.number} ({one.kind}): {one.what}" for one in report.findings if one.number >= 0]
        statuses += report.statuses
        assert attack.bodies.canary not in made.log(served)
    told = sum(number for status, number in statuses.items() if not status.startswith("200"))
    grown = made.memory() - before
    log.info("seed %s: %s bodies, %s, the workers grew by %.1f MB", points.SEED, statuses.total(), dict(statuses), grown / 1e6)

    assert {served.name: [] for served in made.served} == wrong
    assert "500 model_failed" not in statuses
    assert restarts == made.restarts()
    assert grown <= GROWTH
    assert sum(len(made.log(one)) for one in made.served) - logged <= LOGGED * told


class Canary:
    """Writes a file where it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        """Say what loading does."""
        return Path.touch, (self.path,)


def test_pickles_are_never_loaded(made: Hostility, tmp_path: Path) -> None:
    """A pickle is answered with 415 however it is called, and what it would do does not happen."""
    body = pickle.dumps(Canary(tmp_path / "loaded"))
    assert 40 == len(set(PICKLES))
    for served in made.served:
        for kind in PICKLES:
            status, answer = post(made, served, body, {"content-type": kind})
            assert (415, "unsupported_media_type") == (status, json.loads(answer)["code"]), kind

    assert [] == list(tmp_path.iterdir())
    pickle.loads(body)
    assert [tmp_path / "loaded"] == list(tmp_path.iterdir())


def test_answers_are_strict_json(made: Hostility) -> None:
    """Whatever a function answers, no bare NaN or Infinity comes out."""
    echo = named(made, "echo")
    rows: list[Any] = [1e308, -1e308, 5e-324, 2**70, -(2**63), "NaN", "\u2028", "\x00", None, True, {"": [[]]}, -0.0]
    status, answer = post(made, echo, json.dumps({"rows": rows}).encode(), {"content-type": "application/json"})

    assert 200 == status
    assert {"predictions": rows} == json.loads(answer, parse_constant=pytest.fail)


def test_who_sends_slowly_holds_nobody_up(made: Hostility) -> None:
    """Slow bodies, half-open sockets and 1,000 idle connections cost honest callers no failure."""
    flowers = named(made, "flowers")
    with contextlib.ExitStack() as open_sockets:
        address = urlsplit(made.machine.target.url("flowers"))
        head = f"POST {address.path}predict HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {SECRET}\r\n"
        for number in range(1000):
            one = open_sockets.enter_context(socket.create_connection((address.hostname or "", address.port or 80)))
            if number < 100:  # begins a body and never ends it
                one.sendall(f"{head}content-type: application/json\r\ncontent-length: 1000\r\n\r\n".encode() + b'{"rows": [')
            elif number < 200:  # never ends its head
                one.sendall(head[:60].encode())
            elif number < 250:  # half-open: says that nothing more comes
                one.shutdown(socket.SHUT_WR)
        with load.running(honest(made, flowers)) as report:
            time.sleep(3)

    assert {} == report.reasons
    assert len(report.calls) > 50


def test_slow_bodies_are_given_up(made: Hostility) -> None:
    """A body that does not arrive within its time is refused with 408 and its connection closed, also where it trickles."""
    address = urlsplit(made.machine.target.url("flowers"))
    with socket.create_connection((address.hostname or "", address.port or 80), timeout=60) as slow:
        slow.sendall(
            f"POST {address.path}predict HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {SECRET}\r\n"
            "content-type: application/json\r\ncontent-length: 100000\r\n\r\n".encode()
        )
        ended = threading.Event()
        trickle = threading.Thread(target=_trickle, args=(slow, ended))
        trickle.start()
        answer = slow.recv(65536)
        ended.set()
        trickle.join()

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"request_too_slow" in answer


def _trickle(slow: socket.socket, ended: threading.Event) -> None:
    with contextlib.suppress(OSError):
        while not ended.wait(0.2):
            slow.sendall(b" ")


def named(made: Hostility, name: str) -> Served:
    """Find one of the endpoints."""
    return next(one for one in made.served if one.name == name)


def honest(made: Hostility, served: Served) -> load.Plan:
    """Plan calls whose answers are known."""
    (golden, *_) = [one for one in served.golden if one.method == "predict"]
    body = json.dumps({"rows": golden.rows}).encode()

    def check(_: int, answer: load.Answer) -> str:
        good = answer.status == 200 and json.loads(answer.body)["predictions"] == golden.answers
        return "" if good else f"status {answer.status}: {answer.body[:200].decode()}"

    headers = {"authorization": f"Bearer {SECRET}", "content-type": "application/json"}
    return load.Plan(f"{made.machine.target.url(served.name)}predict", 50, lambda _: body, check, headers)


def post(made: Hostility, served: Served, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
    """Send one body."""
    address = urlsplit(made.machine.target.url(served.name))
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=60)
    with contextlib.closing(connection):
        connection.request("POST", f"{address.path}predict", body, {"authorization": f"Bearer {SECRET}", **headers})
        got = connection.getresponse()
        return got.status, got.read()
