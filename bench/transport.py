"""What a row costs: as JSON and as Arrow, from one row a request to many, beside the same model called in this process."""

from __future__ import annotations

import http.client
import io
import json
import re
import time
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlsplit

import tables
from kernel import key_of
from ours import METHOD, deploy
from report import Report, table

from jupyter_deploy.home import Home

NAME = "table"
LIMITS = {"body_limit": 1 << 30, "row_limit": 2_000_000, "compile": "off"}
JSON, ARROW = "application/json", "application/vnd.apache.arrow.stream"
ENOUGH, MOST = 1.0, 30  # seconds of one figure, and how many calls it may take
MOST_JSON = 100_000  # rows
BAR = 1.3  # of the call in process, for 100,000 rows as Arrow


def measure_rows(report: Report, home: Home, sizes: Sequence[int]) -> None:
    """Measure every size in every form.

    Args:
        report: Takes the figures.
        home: The agent's folders.
        sizes: Rows a request.
    """
    url = deploy(home, NAME, NAME, workers=1, **LIMITS)
    caller, model, lines = Caller(url, key_of(home, NAME)), tables.fit(), []
    for size in sizes:
        data = tables.frame(size)
        forms = {"JSON rows": (JSON, as_rows), "JSON columns": (JSON, as_columns), "Arrow": (ARROW, as_arrow)}
        called, _ = timed(lambda data=data: model.predict(data))
        for form, (kind, write) in forms.items():
            if size > MOST_JSON and kind == JSON:
                continue
            body = write(data)
            caller.post(body, kind)  # warms up
            before = caller.model()
            whole, times = timed(lambda body=body, kind=kind: caller.post(body, kind))
            seconds = (caller.model() - before) / times
            lines.append((size, form, *(1e6 * one / size for one in (whole, seconds, whole - seconds, called)), whole / called))
            report.add(f"{size} rows as {form}: us a row", 1e6 * whole / size)
            report.add(f"{size} rows as {form}: us a row, of which transport", 1e6 * (whole - seconds) / size)
            bar = BAR if size == 100_000 and form == "Arrow" else None
            report.add(f"{size} rows as {form}: times the call in process", whole / called, most=bar)
        report.add(f"{size} rows in process: us a row", 1e6 * called / size)
    print("Random forest through the router, microseconds a row")
    table(("rows", "as", "whole", "model", "transport", "in process", "times"), lines)


class Caller:
    """One connection.

    Args:
        url: The endpoint's URL.
        key: The key's secret.
    """

    def __init__(self, url: str, key: str) -> None:
        parts = urlsplit(url)
        self._path, self._key = parts.path, key
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=600)

    def post(self, body: bytes, kind: str) -> bytes:
        """Ask for predictions, in the form that was sent."""
        return self._send("POST", METHOD, body, {"content-type": kind, "accept": kind})

    def model(self) -> float:
        """Read how many seconds the model has computed so far."""
        text = self._send("GET", "metrics", None, {}).decode()
        found = re.search(rf'jd_model_seconds_sum{{[^}}]*method="{METHOD}"}} (\S+)', text)
        assert found is not None
        return float(found[1])

    def _send(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> bytes:
        self._connection.request(method, self._path + path, body, {**headers, "authorization": f"Bearer {self._key}"})
        answer = self._connection.getresponse()
        found = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"status {answer.status}: {found[:500].decode(errors='replace')}")
        return found


def timed(call: Callable[[], Any]) -> tuple[float, int]:
    """Give the mean of the seconds that a call takes, and of how many."""
    taken: list[float] = []
    while not taken or (sum(taken) < ENOUGH and len(taken) < MOST):
        began = time.perf_counter()
        call()
        taken.append(time.perf_counter() - began)
    return sum(taken) / len(taken), len(taken)


def as_rows(data: Any) -> bytes:
    """Write a table as an object a row."""
    return json.dumps({"rows": data.to_dict("records")}).encode()


def as_columns(data: Any) -> bytes:
    """Write a table as a list a column."""
    return json.dumps({"columns": data.to_dict("list")}).encode()


def as_arrow(data: Any) -> bytes:
    """Write a table as Arrow's stream."""
    import pyarrow as pa

    made, sink = pa.Table.from_pandas(data, preserve_index=False), io.BytesIO()
    with pa.ipc.new_stream(sink, made.schema) as stream:
        stream.write_table(made)
    return sink.getvalue()
