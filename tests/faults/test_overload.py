"""Overload: what cannot be answered in time is refused at once, and what is accepted is answered rightly."""

from __future__ import annotations

import http.client
import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest

from tests.serving import SECRET, Machine, machine

pytestmark = pytest.mark.faults
QUEUE = 4
CALLERS = 40
CALLS = 4  # of each of them, one after the other


def test_more_than_can_be_answered_is_refused_at_once() -> None:
    """Of far too many calls some are answered rightly, the others are told to come again; then all is as before."""
    with machine() as made:
        made.switch(made.start(2, workers=1, queue=QUEUE))
        with ThreadPoolExecutor(CALLERS) as callers:
            answers = [one for some in callers.map(lambda _: [call(made) for _ in range(CALLS)], range(CALLERS)) for one in some]
        counts = Counter(status for status, _, _ in answers)

        assert {200, 429} == counts.keys()
        assert counts[200] > QUEUE
        assert {("1", "busy")} == {(after, json.loads(body)["code"]) for status, after, body in answers if status == 429}
        assert {b'{"predictions":[0.02]}'} == {body for status, _, body in answers if status == 200}
        assert (200, "", b'{"predictions":[0.02]}') == call(made)
        assert 0 == sum(one.restarts for one in made.target.status().values())


def call(made: Machine) -> tuple[int, str, bytes]:
    """Call a model that takes 20 ms: status, `Retry-After`, body."""
    address = urlsplit(made.target.url("churn"))
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=60)
    try:
        headers = {"authorization": f"Bearer {SECRET}", "content-type": "application/json"}
        connection.request("POST", f"{address.path}predict", b'{"rows": [{"sleep": 0.02}]}', headers)
        got = connection.getresponse()
        return got.status, got.headers.get("retry-after", ""), got.read()
    finally:
        connection.close()
