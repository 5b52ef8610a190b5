"""Sends hostile requests to one's own endpoint and counts what comes back."""

from __future__ import annotations

import http.client
import re
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from jupyter_deploy.hostile.bodies import Bodies, Sent
from jupyter_deploy.hostile.judge import RAISED, Answer, judge

KEPT = 50  # findings that are told one by one
GROWTH = 50_000_000  # bytes by which the workers' memory may grow
PATIENCE = 60.0  # seconds for an answer
MANY = (
    1000  # requests of which the second half shows whether the workers grow: what is imported or allocated once has been so by then
)
WARM = 120  # good requests, in all formats, that go before it
SETTLE = 2.5  # seconds until the workers tell what memory they have, once somebody has asked
MEMORY = tuple(  # what each worker has, shared memory divided; where the system does not tell that, all of it
    re.compile(rf"^jd_worker_{kind}_memory_bytes(?:\{{[^}}]*\}})? (\S+)$", re.MULTILINE) for kind in ("proportional", "resident")
)


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        number: The request's number; -1 where it is not of one request.
        kind: What had been done to the request.
        what: What is wrong.
        status: The answer's status.
    """

    number: int
    kind: str
    what: str
    status: int = 0


@dataclass
class Report:
    """What came of an attack; it grows while requests are sent.

    Attributes:
        seed: The seed.
        sent: How many requests were sent.
        statuses: How often each status with its code was answered.
        kinds: How many requests of each kind were sent.
        findings: What is wrong, as far as it is told one by one.
        wrong: How many things are wrong.
        raised: The number of the first request at which the model itself raised; -1 where it never did.
        slowest: Seconds of the slowest answer.
        seconds: How long it took.
        memory: Bytes of the workers after half of the requests; 0 where nobody says, or there are too few requests.
        growth: Bytes by which that has grown in the other half.
        stopped: Whether it was ended before its end.
    """

    seed: int
    sent: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)
    wrong: int = 0
    raised: int = -1
    slowest: float = 0.0
    seconds: float = 0.0
    memory: int = 0
    growth: int = 0
    stopped: bool = False

    def add(self, finding: Finding) -> None:
        """Note something that is wrong.

        Args:
            finding: What it is.
        """
        self.wrong += 1
        if len(self.findings) < KEPT:
            self.findings.append(finding)


class Attack:
    """Sends requests to one endpoint, one after the other over one connection.

    Args:
        url: The endpoint's URL, ending in a slash.
        key: The secret of a key that opens it.
        bodies: Makes the requests.

    Attributes:
        report: What is known so far.
    """

    def __init__(self, url: str, key: str, bodies: Bodies) -> None:
        self.report = Report(bodies.seed)
        self.bodies = bodies
        self._url = urlsplit(url)
        self._key = key
        self._canary = bodies.canary.encode()
        self._connection = self._open()

    def run(self, numbers: Sequence[int], done: Callable[[], None] = lambda: None) -> Report:
        """Send requests; Ctrl-C ends it with what is known so far.

        Args:
            numbers: Their numbers.
            done: Is called after each one.

        Returns:
            The report.
        """
        began, half = time.monotonic(), len(numbers) // 2
        try:
            for place, number in enumerate(numbers):
                if place == half and len(numbers) >= MANY:
                    self.warm()
                    self.report.memory = self.memory()
                self.one(self.bodies.make(number))
                done()
        except KeyboardInterrupt:
            self.report.stopped = True
            self._connection.close()
            self._connection = self._open()
        self._measure()
        self.report.seconds = time.monotonic() - began
        return self.report

    def one(self, sent: Sent) -> Answer:
        """Send one request and judge its answer.

        Args:
            sent: The request.

        Returns:
            The answer.
        """
        answer, report = self._send(sent), self.report
        report.sent += 1
        report.kinds[sent.kind] += 1
        report.statuses[f"{answer.status} {answer.code}".rstrip()] += 1
        report.slowest = max(report.slowest, answer.seconds)
        if answer.code == RAISED and report.raised < 0:
            report.raised = sent.number
        for what in judge(sent, answer, self._canary):
            report.add(Finding(sent.number, sent.kind, what, answer.status))
        return answer

    def warm(self) -> None:
        """Let each worker import what it does for the first answer in each format, so that this is no growth."""
        for number in range(WARM):
            self._send(self.bodies.plain(number))

    def memory(self) -> int:
        """Ask the endpoint how much memory its workers have.

        Returns:
            Bytes; 0 where it does not say.
        """
        self._exchange("GET", "metrics", (), b"")
        time.sleep(SETTLE)
        told = self._exchange("GET", "metrics", (), b"").body.decode(errors="replace")
        sums = (int(sum(float(one) for one in known.findall(told))) for known in MEMORY)
        return next((one for one in sums if one), 0)

    def _measure(self) -> None:
        report = self.report
        if report.memory:
            report.growth = max(0, self.memory() - report.memory)
        if report.growth > GROWTH:
            report.add(Finding(-1, "memory", f"the workers have grown by {report.growth / 1e6:.0f} MB"))

    def _send(self, sent: Sent) -> Answer:
        return self._exchange("POST", sent.path, sent.headers, sent.body)

    def _exchange(self, method: str, path: str, headers: tuple[tuple[str, str], ...], body: bytes) -> Answer:
        """Ask, once more over a new connection where the old one was closed meanwhile, as HTTP allows at any time."""
        for last in (False, True):
            began = time.monotonic()
            try:
                return self._ask(method, path, headers, body, began)
            except (http.client.HTTPException, OSError) as error:
                self._connection.close()
                self._connection = self._open()
                stale = isinstance(error, http.client.RemoteDisconnected | ConnectionError)
                if last or not stale:
                    return Answer(0, "", b"", time.monotonic() - began)
        raise AssertionError  # pragma: no cover

    def _ask(self, method: str, path: str, headers: tuple[tuple[str, str], ...], body: bytes, began: float) -> Answer:
        connection = self._connection
        connection.putrequest(method, self._url.path + path, skip_accept_encoding=True)
        connection.putheader("authorization", f"Bearer {self._key}")
        for name, value in headers:
            connection.putheader(name, value.encode("latin-1"))
        if method == "POST":
            connection.putheader("content-length", str(len(body)))
        connection.endheaders(body)
        got = connection.getresponse()
        return Answer(got.status, got.headers.get("content-type", ""), got.read(), time.monotonic() - began)

    def _open(self) -> http.client.HTTPConnection:
        kind: Any = http.client.HTTPSConnection if self._url.scheme == "https" else http.client.HTTPConnection
        made: http.client.HTTPConnection = kind(self._url.hostname or "127.0.0.1", self._url.port, timeout=PATIENCE)
        return made
