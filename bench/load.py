"""Load an endpoint open loop: requests leave on schedule whatever the answers do, and nothing is left out of the count.

Latency counts from the scheduled time, so that a stall shows in every request that had to wait for it. Each answer's content is
checked; an answer that is wrong, late by more than `PATIENCE`, or does not come is a failure.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import urlsplit

PATIENCE = 60.0  # seconds


class Answer(NamedTuple):
    """One answer, whole.

    Attributes:
        status: The HTTP status.
        headers: Header fields with lower-case names.
        body: The body.
    """

    status: int
    headers: dict[str, str]
    body: bytes


class Call(NamedTuple):
    """One request that has ended.

    Attributes:
        number: Its number, from 0.
        scheduled: When it was due, in seconds of `time.monotonic`.
        sent: When its first byte could be sent.
        ended: When its answer was whole, or it was given up.
        release: What `jd-release` said; empty where no answer came.
        failure: Why it failed; empty where it did not.
    """

    number: int
    scheduled: float
    sent: float
    ended: float
    release: str
    failure: str


@dataclass
class Report:
    """What came of a load; it grows while the load runs.

    Attributes:
        calls: Every request that has ended.
    """

    calls: list[Call] = field(default_factory=list)

    @property
    def failures(self) -> list[Call]:
        """The requests that failed."""
        return [call for call in self.calls if call.failure]

    @property
    def reasons(self) -> dict[str, int]:
        """How often each reason of a failure was met."""
        return dict(Counter(call.failure for call in self.failures))

    def latency(self, share: float, since: float = 0.0, until: float = float("inf")) -> float:
        """Give a quantile of the latency.

        Args:
            share: Such as 0.99.
            since: Count only requests due from then on, in seconds of `time.monotonic`.
            until: Count only requests due before then.

        Returns:
            Milliseconds from the scheduled time to the whole answer; failures count with the time they took.
        """
        every = sorted(call.ended - call.scheduled for call in self.calls if since <= call.scheduled < until)
        return 1000 * every[min(len(every) - 1, int(share * len(every)))] if every else 0.0


@dataclass(frozen=True)
class Plan:
    """What to send.

    Attributes:
        url: The URL, such as `http://127.0.0.1:8484/churn/predict`.
        rate: Requests per second.
        body: Makes the body of the request of a number.
        check: Says what is wrong with an answer to the request of a number; an empty string where nothing is.
        headers: Header fields.
        retry: Seconds for which a connection that is refused or lost is tried again, as our clients do; 0 for never.
    """

    url: str
    rate: float
    body: Callable[[int], bytes]
    check: Callable[[int, Answer], str]
    headers: Mapping[str, str] = field(default_factory=dict)
    retry: float = 0.0


@contextlib.contextmanager
def running(plan: Plan) -> Iterator[Report]:
    """Send requests in a thread of its own for as long as the block runs, then wait for the last answers.

    Args:
        plan: What to send.

    Yields:
        The growing report; it is whole after the block.
    """
    report, stop = Report(), threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(_send(plan, report, stop)), name="load")
    thread.start()
    try:
        yield report
    finally:
        stop.set()
        thread.join()


def run(plan: Plan, seconds: float) -> Report:
    """Send requests for some time.

    Args:
        plan: What to send.
        seconds: For how long.

    Returns:
        The report.
    """
    with running(plan) as report:
        time.sleep(seconds)
    return report


async def _send(plan: Plan, report: Report, stop: threading.Event) -> None:
    begin, number, client = time.monotonic(), 0, _Client(plan)
    tasks: set[asyncio.Task[None]] = set()
    while not stop.is_set():
        due = begin + number / plan.rate
        if (wait := due - time.monotonic()) > 0:
            await asyncio.sleep(min(wait, 0.05))
            continue
        task = asyncio.create_task(_call(client, plan, number, due, report))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        number += 1
    await asyncio.gather(*tasks)
    client.close()


async def _call(client: _Client, plan: Plan, number: int, due: float, report: Report) -> None:
    sent, release, failure = time.monotonic(), "", ""
    try:
        answer = await asyncio.wait_for(_tried(client, plan, number), PATIENCE)
        release, failure = answer.headers.get("jd-release", ""), plan.check(number, answer)
    except Exception as error:
        failure = f"{type(error).__name__}: {error}"
    report.calls.append(Call(number, due, sent, time.monotonic(), release, failure))


async def _tried(client: _Client, plan: Plan, number: int) -> Answer:
    end = time.monotonic() + plan.retry
    while True:
        try:
            return await client.post(plan.body(number))
        except (ConnectionError, asyncio.IncompleteReadError):
            if time.monotonic() > end:
                raise
        await asyncio.sleep(0.02)


class _Client:
    """As many keep-alive connections as requests are in flight."""

    def __init__(self, plan: Plan) -> None:
        parts = urlsplit(plan.url)
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or 80
        fields = {"host": parts.netloc, "content-type": "application/json", **plan.headers}
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        self._head = f"POST {parts.path or '/'} HTTP/1.1\r\n{lines}".encode()
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def post(self, body: bytes) -> Answer:
        reader, writer = self._idle.pop() if self._idle else await asyncio.open_connection(self._host, self._port)
        try:
            writer.write(self._head + b"content-length: %d\r\n\r\n" % len(body) + body)
            answer = await _read(reader)
        except BaseException:
            writer.close()
            raise
        if answer.headers.get("connection") == "close":
            writer.close()
        else:
            self._idle.append((reader, writer))
        return answer

    def close(self) -> None:
        for _, writer in self._idle:
            writer.close()


async def _read(reader: asyncio.StreamReader) -> Answer:
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:] if line)}
    if headers.get("transfer-encoding") == "chunked":
        return Answer(int(lines[0].split()[1]), headers, await _chunks(reader))
    return Answer(int(lines[0].split()[1]), headers, await reader.readexactly(int(headers.get("content-length", 0))))


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    found = b""
    while size := int(await reader.readuntil(b"\r\n"), 16):
        found += (await reader.readexactly(size + 2))[:-2]
    await reader.readexactly(2)
    return found
