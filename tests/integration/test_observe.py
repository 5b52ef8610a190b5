"""What is seen of a real endpoint: by the agent's routes, by its client, and by `jupyter deploy metrics`."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import httpx
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

import jupyter_deploy as jd
from jupyter_deploy import errors
from jupyter_deploy.agent.lifecycle import connect, wait_for_end
from jupyter_deploy.home import Home
from jupyter_deploy.store import Store
from jupyter_deploy.values import Options, Overview, Sample, from_json
from tests.serving import until

FRAME, TARGET = load_iris(return_X_y=True, as_frame=True)
ROWS = FRAME.head(5).to_dict("records")


def model(scale: float = 1.0) -> LogisticRegression:
    """Fit a small model."""
    return LogisticRegression(C=scale, max_iter=500).fit(FRAME, TARGET)


@pytest.fixture(scope="module")
def churn(shared_home: Home) -> Iterator[jd.Endpoint]:
    """Give an endpoint whose first release serves."""
    yield jd.deploy(model(), name="churn", example=FRAME, wait=True)


def call(endpoint: jd.Endpoint, times: int = 1, key: str | None = None) -> None:
    """Call an endpoint as a colleague does, over HTTP."""
    headers = {"Authorization": f"Bearer {key or endpoint.key_file.read_text().strip()}"}
    with httpx.Client(trust_env=False) as client:
        for _ in range(times):
            client.post(endpoint.url + "predict", json={"rows": ROWS}, headers=headers)


def agent(home: Home) -> httpx.Client:
    """Open a connection to the agent, as the server extension does."""
    return httpx.Client(transport=httpx.HTTPTransport(uds=str(home.agent_socket)), base_url="http://agent", timeout=30)


class Following:
    """Follows the samples of an endpoint in the background."""

    def __init__(self, home: Home) -> None:
        self.samples: list[Sample] = []
        self._client = connect(home)
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()
        until(lambda: len(self.samples) > 1)  # the first one may have begun before what was called last

    def _follow(self) -> None:
        with contextlib.suppress(errors.AgentUnreachable):  # it ends before this does
            for sample in self._client.sample_stream("churn"):
                self.samples.append(sample)

    def total(self, what: str) -> int:
        """Add up what was seen."""
        return sum(getattr(one, what) for one in list(self.samples))


def test_calls_are_seen_as_they_come(churn: jd.Endpoint, shared_home: Home) -> None:
    """Those who follow are told of every request, its rows, its latency, and which release answered."""
    following = Following(shared_home)
    requests, rows = following.total("requests"), following.total("rows")
    call(churn, 20)
    until(lambda: (requests + 20, rows + 100) == (following.total("requests"), following.total("rows")))
    last = next(one for one in reversed(following.samples) if one.p50 is not None and one.p99 is not None)

    assert {"churn@1"} == {tag for one in following.samples for tag in one.split}
    assert 0 < (last.p50 or 0) <= (last.p99 or 0) < 10
    assert (2, 0) == (last.workers, last.errors)
    assert last.memory > 10_000_000


def test_refused_calls_are_told_apart(churn: jd.Endpoint, shared_home: Home) -> None:
    """A call without a valid key is a request that was refused, and no error."""
    following = Following(shared_home)
    refused = following.total("refused")
    call(churn, 3, key="jd_wrong")
    until(lambda: following.total("refused") == refused + 3)

    assert 0 == following.total("errors")


def test_a_summary_is_sent_only_where_it_is_new(churn: jd.Endpoint, shared_home: Home) -> None:
    """Whoever has the newest one is told so with status 304 and no body; after a call it is another one."""
    with agent(shared_home) as client:

        def ask(tag: str) -> httpx.Response:
            return client.get("/summary", headers={"if-none-match": tag})

        same = ask("")
        while (answer := ask(same.headers["etag"])).status_code != 304:  # a rate moves until the calls of other tests are old
            same = answer
        call(churn)
        until(lambda: ask(same.headers["etag"]).status_code == 200)

    assert (b"", same.headers["etag"]) == (answer.content, answer.headers["etag"])
    assert f'"{from_json(same.content, Overview).version}"' == same.headers["etag"]


def test_a_summary_has_what_a_list_shows(churn: jd.Endpoint, shared_home: Home) -> None:
    """One line: where it answers, what answers, since when, how much it is asked."""
    client = connect(shared_home)
    client.summary()
    call(churn, 5)
    until(lambda: client.summary().endpoints[0].rate > 0)
    (one,) = client.summary().endpoints

    assert (churn.url, "local", 1, "verified", 1) == (one.url, one.target, one.answering, one.state, one.keys)
    assert one.release is not None
    assert one.release.verified
    assert one.release.ended
    assert (30, 30) == (len(one.rates), len(one.p95s))


def test_history_outlives_the_agent(churn: jd.Endpoint, shared_home: Home) -> None:
    """What one agent has seen, the next one tells."""
    client = connect(shared_home)
    call(churn, 4)
    called = time.time()
    until(lambda: bool(client.samples("churn", since=called).samples))
    before = sum(one.requests for one in client.samples("churn", 86400).samples)
    client.stop(everything=False)
    wait_for_end(shared_home)
    again = connect(shared_home)
    until(lambda: bool(again.samples("churn", 3600).samples))

    assert before >= 4
    assert [before, before] == [sum(one.requests for one in again.samples("churn", span).samples) for span in (3600, 86400)]


def test_a_killed_router_is_counted_anew(churn: jd.Endpoint, shared_home: Home) -> None:
    """After it was started again, each request is still told once."""
    call(churn, 3)
    following = Following(shared_home)
    before = following.total("requests")
    pid = next(int(one.name) for one in Path("/proc").glob("[0-9]*") if _is_router(one, shared_home))
    os.kill(pid, signal.SIGKILL)
    until(lambda: _answers(churn))
    call(churn, 7)
    until(lambda: following.total("requests") >= before + 7)
    seen = following.total("requests")
    count = len(following.samples)
    until(lambda: len(following.samples) > count + 1)

    assert seen == following.total("requests")
    assert seen - before <= 7 + 1  # the one call that found it answering


def test_logs_are_told_as_they_are_written(churn: jd.Endpoint, shared_home: Home) -> None:
    """First what was written last, then each line as it comes, whatever stands in it."""
    text, told = '"quoted" <b>bold</b> \u2028 \x85 and so on', iter(connect(shared_home).log_stream("churn", 1, lines=2))
    begun = [next(told), next(told)]
    with (shared_home.releases / "churn" / "1" / "verified.log").open("a") as log:
        log.write(f"{text}\n")

    assert all(begun)
    assert text in told  # after what the preview may just write as it ends


def test_streams_end_with_their_agent(home: Home) -> None:
    """Whoever follows is told that the agent has ended, and the agent does not wait for them."""
    home.make()
    store = Store(home.store)
    store.add_endpoint("churn", "local")
    store.add_release("churn", "c0ffee", Options())
    client, ended = connect(home), []

    def follow(lines: Iterable[object]) -> None:
        with pytest.raises(errors.AgentUnreachable):
            list(lines)
        ended.append(lines)

    streams = [connect(home).sample_stream("churn"), connect(home).log_stream("churn", 1)]
    threads = [threading.Thread(target=follow, args=(one,)) for one in streams]
    for one in threads:
        one.start()
    client.stop()
    wait_for_end(home)
    for one in threads:
        one.join()

    assert 2 == len(ended)
    assert "Exception in ASGI" not in home.agent_log.read_text()


@pytest.mark.parametrize("path", ["samples", "samples/stream", "logs/stream"])
def test_what_is_not_there_is_named(churn: jd.Endpoint, shared_home: Home, path: str) -> None:
    """A stream of nothing is a problem, and not an empty answer."""
    with agent(shared_home) as client:
        answer = client.get(f"/endpoints/chrun/{path}")

    assert (404, "UnknownName") == (answer.status_code, answer.json()["code"])


@pytest.mark.parametrize("query", ["span=60", "span=x", "span=inf", "since=yesterday", "since=nan"])
def test_a_wrong_time_is_refused(churn: jd.Endpoint, shared_home: Home, query: str) -> None:
    """The problem says what is wrong."""
    with agent(shared_home) as client:
        answer = client.get(f"/endpoints/churn/samples?{query}")

    assert (400, "BadInput") == (answer.status_code, answer.json()["code"])


def metrics(*arguments: str) -> subprocess.Popen[str]:
    """Start `jupyter deploy metrics`."""
    command = [sys.executable, "-c", "from jupyter_deploy.adapters.cli import main; main()", "metrics", *arguments]
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True)


def test_the_command_line_shows_figures(churn: jd.Endpoint, shared_home: Home) -> None:
    """Once as text or JSON, and with --watch a line each second."""
    call(churn)
    text, _ = metrics("churn").communicate()
    shown, _ = metrics("churn", "--json", "--span", "3600").communicate()
    with metrics("churn", "--watch") as watching:
        assert watching.stdout is not None
        head, line = watching.stdout.readline(), watching.stdout.readline()
        watching.terminate()

    assert "workers 2" in text
    assert ("churn", 3600) == (json.loads(shown)["endpoint"], json.loads(shown)["span"])
    assert head.split()[0] == "time"
    assert len(line.split()) >= 12


def test_a_stopped_endpoint_has_no_samples_and_a_removed_one_ends_its_streams(churn: jd.Endpoint, shared_home: Home) -> None:
    """Whoever follows it may lose patience, is told of its end, and an endpoint of the same name begins without a past."""
    second = jd.deploy(model(0.5), name="price", example=FRAME, wait=True)
    client = connect(shared_home)
    call(second, 2)
    until(lambda: sum(one.requests for one in client.samples("price").samples) >= 2)
    second.stop()
    with pytest.raises(TimeoutError):  # nothing runs, so nothing comes
        list(client.sample_stream("price", patience=2.0))
    streams = threading.Thread(target=lambda: list(client.sample_stream("price")))
    streams.start()
    second.remove()
    streams.join()

    with pytest.raises(errors.UnknownName):
        client.samples("price")


def _is_router(process: Path, home: Home) -> bool:
    """Say whether a process is this home's router."""
    try:
        return str(home.router / "bootstrap.json") in (process / "cmdline").read_text().split("\0")
    except OSError:
        return False


def _answers(endpoint: jd.Endpoint) -> bool:
    """Say whether an endpoint can be reached, with one call that is counted where it can."""
    try:
        call(endpoint)
    except httpx.TransportError:
        return False
    return True
