"""A real Envoy in front of workers without a model: routes, limits, its own replies, switching, removal, its death."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench import load
from jupyter_deploy import errors
from jupyter_deploy.targets.base import Traffic
from jupyter_deploy.targets.local import ports, router, sockets
from jupyter_deploy.targets.local.envoy import Envoy
from jupyter_deploy.targets.local.watch import Watch, ended
from jupyter_deploy.values import Options

WORKER = Path(__file__).parents[1] / "raw_worker.py"


class Bench:
    """A router with workers of one release each, on a port of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.watch = Watch()
        self.journal = folder / "journal"
        self.envoy = self.another()
        self.processes: list[subprocess.Popen[bytes]] = []
        self.envoy.open()

    def another(self, port: int | None = None) -> Envoy:
        """Look at the same files as a later agent does."""
        return Envoy(self.folder / "router", self.folder, self.watch, port)

    def worker(self, release: str, workers: int = 1) -> router.Config:
        """Start workers of a release and describe their cluster."""
        paths = [self.folder / f"{release}-{number}.sock" for number in range(workers)]
        for path in paths:
            arguments = [sys.executable, str(WORKER), str(path), release, str(self.journal)]
            self.processes.append(subprocess.Popen(arguments))
        for path in paths:
            while sockets.listener_of(path) is None:
                time.sleep(0.01)
        return router.cluster(router.Cluster(id=release, sockets=tuple(map(str, paths))))

    def route(self, *weights: str, **options: Any) -> None:
        """Send all calls of the endpoint `churn` to some releases."""
        share = dict.fromkeys(weights, 100 // len(weights))
        self.envoy.apply("rds", [router.routes([Traffic(endpoint="churn", weights=share, options=Options(**options))])])

    def call(self, path: str, body: Any = None, **headers: str) -> tuple[int, dict[str, str], Any]:
        """Send one request through the router."""
        connection = http.client.HTTPConnection("127.0.0.1", self.envoy.port, timeout=60)
        connection.request("GET" if body is None else "POST", path, None if body is None else json.dumps(body), headers)
        return answer_of(connection)

    def plan(self, rate: float = 100, retry: float = 0.0) -> load.Plan:
        """Plan a load whose answers must hold the request's own id and the release that the header names."""

        def check(number: int, answer: load.Answer) -> str:
            if answer.status != 200:
                return f"status {answer.status}"
            got = json.loads(answer.body)
            right = (number, answer.headers["jd-release"]) == (got["id"], got["release"])
            return "" if right else f"wrong content {got}"

        url = f"http://127.0.0.1:{self.envoy.port}/churn/predict"
        return load.Plan(url, rate, lambda number: json.dumps({"id": number}).encode(), check, retry=retry)

    def close(self) -> None:
        """End everything."""
        self.envoy.stop()
        self.watch.close()
        for process in self.processes:
            process.kill()
            process.wait()


def answer_of(connection: http.client.HTTPConnection) -> tuple[int, dict[str, str], Any]:
    answer = connection.getresponse()
    data = answer.read()
    connection.close()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}, json.loads(data) if data else None


@pytest.fixture
def folder() -> Iterator[Path]:
    """Give a short folder, because sockets lie in it."""
    made = Path(tempfile.mkdtemp(prefix="jd-"))
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture
def bench(folder: Path) -> Iterator[Bench]:
    """Give a router that runs, without any release."""
    made = Bench(folder)
    yield made
    made.close()


def check_problem(got: tuple[int, dict[str, str], Any], status: int, code: str) -> None:
    """Check that an answer of the router is the problem that it should be."""
    answered, headers, body = got
    assert (status, code, status) == (answered, body["code"], body["status"])
    assert "application/problem+json" == headers["content-type"]
    assert body["title"]
    assert body["detail"]


def test_unknown_path_is_a_problem(bench: Bench) -> None:
    """A path at which nothing answers is a 404 that says how a URL looks, with the caller's request id and no endpoint's name."""
    bench.envoy.apply("cds", [bench.worker("secret@1")])
    bench.envoy.apply("rds", [router.routes([Traffic(endpoint="secret", weights={"secret@1": 100})])])
    got = bench.call("/", **{"x-request-id": "abc"})

    check_problem(got, 404, "no_such_route")
    assert "abc" == got[2]["request_id"] == got[1]["jd-request-id"]
    assert "POST /churn/predict" in got[2]["detail"]
    assert "secret" not in json.dumps(got[2])
    check_problem(bench.call("/secre/predict", {}), 404, "no_such_route")


def test_bad_heads_are_problems(bench: Bench) -> None:
    """A head with a forbidden header, an escaped slash or too many bytes is refused as a problem."""
    check_problem(bench.call("/", a_b="1"), 400, "bad_request")
    check_problem(bench.call("/churn%2Fpredict"), 400, "bad_request")
    check_problem(bench.call("/", long="x" * 20_000), 431, "head_too_large")


def test_large_body_is_a_problem(bench: Bench) -> None:
    """A body above the endpoint's limit is refused from its announced length alone, a chunked one once it has grown too large."""
    bench.envoy.apply("cds", [bench.worker("churn@1")])
    bench.route("churn@1", body_limit=1000)
    announced = http.client.HTTPConnection("127.0.0.1", bench.envoy.port, timeout=10)
    announced.putrequest("POST", "/churn/predict")
    announced.putheader("content-length", "1001")
    announced.endheaders()
    chunked = http.client.HTTPConnection("127.0.0.1", bench.envoy.port, timeout=10)
    chunked.request("POST", "/churn/predict", iter([b"x" * 600, b"x" * 600]))

    check_problem(answer_of(announced), 413, "body_too_large")
    check_problem(answer_of(chunked), 413, "body_too_large")
    assert 200 == bench.call("/churn/predict", {"id": 1, "fill": "x" * 900})[0]


def test_missing_worker_is_a_problem(bench: Bench) -> None:
    """Where no worker can be reached the answer is a 503 that may be tried again."""
    bench.envoy.apply("cds", [router.cluster(router.Cluster(id="churn@1", sockets=(str(bench.folder / "none.sock"),)))])
    bench.route("churn@1")
    got = bench.call("/churn/predict", {})

    check_problem(got, 503, "no_worker")
    assert "1" == got[1]["retry-after"]


def test_worker_that_speaks_no_http_is_a_problem(bench: Bench) -> None:
    """What a worker answers that is not HTTP never reaches the caller."""
    path = bench.folder / "garbage.sock"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen(100)

    def talk() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.recv(1000)
                connection.sendall(b"this is not HTTP\r\n\r\n")

    threading.Thread(target=talk, daemon=True).start()
    bench.envoy.apply("cds", [router.cluster(router.Cluster(id="churn@1", sockets=(str(path),)))])
    bench.route("churn@1", retry=False)
    got = bench.call("/churn/predict", {})
    listener.close()

    check_problem(got, 502, "bad_answer")


@pytest.mark.slow
def test_worker_that_never_answers_is_a_problem(bench: Bench) -> None:
    """A worker that neither answers nor gives up is given up by the router after the deadline."""
    bench.envoy.apply("cds", [bench.worker("churn@1")])
    bench.route("churn@1", deadline=0.5, retry=False)

    check_problem(bench.call("/churn/predict", {"id": 1, "sleep": 60}), 504, "deadline_exceeded")


@pytest.mark.slow
def test_slow_head_is_a_problem(bench: Bench) -> None:
    """A caller that does not finish its request's head is told so and let go."""
    with socket.create_connection(("127.0.0.1", bench.envoy.port), timeout=60) as connection:
        connection.sendall(b"POST /churn/predict HTTP/1.1\r\nhost: x\r\n")
        head, _, body = connection.makefile("rb").read().partition(b"\r\n\r\n")

    assert b"HTTP/1.1 408 Request Timeout" == head.splitlines()[0]
    assert "request_too_slow" == json.loads(body)["code"]


def test_a_slow_body_is_a_problem_after_the_time_for_bodies(bench: Bench) -> None:
    """A body that does not arrive in time is answered 408; the router takes up another time while it runs."""
    bench.envoy.apply("cds", [bench.worker("churn@1")])
    bench.route("churn@1")
    bench.envoy.wait_for_bodies(0.3)
    assert 0.3 == bench.another().body_time

    with socket.create_connection(("127.0.0.1", bench.envoy.port)) as caller:
        caller.sendall(b"POST /churn/predict HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n[")
        assert caller.recv(4096).startswith(b"HTTP/1.1 408 ")

    bench.envoy.wait_for_bodies(20.0)
    assert 20.0 == bench.another().body_time
    assert 200 == bench.call("/churn/predict", {"id": 1})[0]


def test_missing_slash_redirects(bench: Bench) -> None:
    """An endpoint's name without the slash leads to its page, the method kept."""
    bench.envoy.apply("cds", [bench.worker("churn@1")])
    bench.route("churn@1")
    status, headers, _ = bench.call("/churn", {"id": 1})

    assert (308, f"http://127.0.0.1:{bench.envoy.port}/churn/") == (status, headers["location"])
    assert "/predict" == bench.call("/churn/predict")[2]["path"]
    assert 404 == bench.call("/churnx/predict")[0]


def test_release_beside_answers_at_its_own_path(bench: Bench) -> None:
    """A preview beside the serving release answers at its own path and nowhere else."""
    bench.envoy.apply("cds", [bench.worker("churn@1"), bench.worker("churn@2-preview")])
    traffic = Traffic(endpoint="churn", weights={"churn@1": 100}, beside={"churn@2": "churn@2-preview"})
    bench.envoy.apply("rds", [router.routes([traffic])])

    assert "churn@1" == bench.call("/churn/predict", {"id": 1})[2]["release"]
    assert "churn@2-preview" == bench.call("/churn@2/predict", {"id": 1})[2]["release"]


def test_switching_loses_nothing(bench: Bench) -> None:
    """Under load no request fails while traffic is switched, and none sent after the acknowledgement gets the old release."""
    bench.envoy.apply("cds", [bench.worker("churn@1", 2), bench.worker("churn@2", 2)])
    bench.route("churn@1")
    switches = []
    with load.running(bench.plan()) as report:
        for release in ("churn@2", "churn@1") * 5:
            time.sleep(0.3)
            begun = time.monotonic()
            bench.route(release)
            switches.append((begun, time.monotonic(), release))
        time.sleep(0.3)

    assert {} == report.reasons
    for (_, acknowledged, release), (next_begun, *_) in zip(switches, [*switches[1:], (float("inf"),)], strict=True):
        between = {call.release for call in report.calls if acknowledged <= call.sent and call.ended < next_begun}
        assert {release} == between


def test_removed_cluster_finishes_what_is_in_flight(bench: Bench) -> None:
    """A call that takes half a second is answered although its release is switched away and removed meanwhile."""
    first, second = bench.worker("churn@1"), bench.worker("churn@2")
    bench.envoy.apply("cds", [first, second])
    bench.route("churn@1")
    got: list[Any] = []
    caller = threading.Thread(target=lambda: got.append(bench.call("/churn/predict", {"id": 1, "sleep": 0.5})))
    caller.start()
    while not bench.envoy.busy("churn@1"):
        time.sleep(0.01)
    bench.route("churn@2")
    bench.envoy.apply("cds", [second])
    caller.join()

    assert (200, "churn@1") == (got[0][0], got[0][2]["release"])


def test_slow_upload_keeps_its_cluster_busy(bench: Bench) -> None:
    """A request whose body is still arriving keeps the release that its head chose busy, until it is answered."""
    bench.envoy.apply("cds", [bench.worker("churn@1"), bench.worker("churn@2")])
    bench.route("churn@1")
    body = json.dumps({"id": 7}).encode()
    slow = http.client.HTTPConnection("127.0.0.1", bench.envoy.port, timeout=10)
    slow.putrequest("POST", "/churn/predict")
    slow.putheader("content-length", str(len(body)))
    slow.endheaders()
    while not bench.envoy.busy("churn@1"):
        time.sleep(0.01)
    bench.route("churn@2")

    assert bench.envoy.busy("churn@1")
    slow.send(body)
    assert "churn@1" == answer_of(slow)[2]["release"]
    assert not bench.envoy.busy("churn@1")


def test_refused_configuration_keeps_the_old(bench: Bench) -> None:
    """What Envoy refuses is an error with Envoy's reason; the old traffic goes on, also after Envoy was started again."""
    bench.envoy.apply("cds", [bench.worker("churn@1")])
    bench.route("churn@1")
    with pytest.raises(errors.RouterFailed, match="unknown weighted cluster 'churn@9'"):
        bench.route("churn@9")
    deep = router.Cluster(id="churn@3", sockets=("/tmp/" + "x" * 120,))
    with pytest.raises(errors.RouterFailed, match="churn@3"):
        bench.envoy.apply("cds", [*bench.envoy.clusters().values(), router.cluster(deep)])

    assert "churn@1" == bench.call("/churn/predict", {"id": 1})[2]["release"]
    kill(bench)
    assert "churn@1" == bench.call("/churn/predict", {"id": 1})[2]["release"]


def kill(bench: Bench) -> None:
    """Kill Envoy and wait until another has taken its place."""
    pid = bench.envoy.pid
    assert pid
    os.kill(pid, signal.SIGKILL)
    while bench.envoy.pid == pid or not ports_open(bench):
        time.sleep(0.005)


def ports_open(bench: Bench) -> bool:
    try:
        socket.create_connection(("127.0.0.1", bench.envoy.port)).close()
    except OSError:
        return False
    return True


def test_request_that_began_is_not_repeated(bench: Bench) -> None:
    """With `retry = false` a call that kills its worker is never sent to another one; with it, it is."""
    bench.envoy.apply("cds", [bench.worker("churn@1", 2)])
    bench.route("churn@1", retry=False)
    check_problem(bench.call("/churn/predict", {"id": 1, "die": True}), 503, "no_worker")

    assert 1 == len(bench.journal.read_text().splitlines())
    bench.route("churn@1", retry=True)
    check_problem(bench.call("/churn/predict", {"id": 2, "die": True}), 503, "no_worker")
    assert 2 == len(bench.journal.read_text().splitlines())  # the second worker's too


def test_unrepeated_calls_still_find_the_living_worker(bench: Bench) -> None:
    """With `retry = false` a call that a dead worker never took goes to the other one."""
    bench.envoy.apply("cds", [bench.worker("churn@1", 2)])
    bench.route("churn@1", retry=False)
    bench.processes[0].kill()
    bench.processes[0].wait()

    assert [200] * 20 == [bench.call("/churn/predict", {"id": number})[0] for number in range(20)]


def test_killed_router_comes_back(bench: Bench) -> None:
    """A killed Envoy comes back with the same port and traffic; a client that tries a refused connection again loses nothing."""
    bench.envoy.apply("cds", [bench.worker("churn@1", 2)])
    bench.route("churn@1")
    with load.running(bench.plan(retry=5.0)) as report:
        for _ in range(2):
            time.sleep(0.5)
            kill(bench)

    assert {} == report.reasons
    assert {"churn@1"} == {call.release for call in report.calls}


def test_running_router_is_adopted(bench: Bench) -> None:
    """A later agent takes over the Envoy that runs, and a second one never runs on the same files."""
    bench.envoy.apply("cds", [bench.worker("churn@1")])
    bench.route("churn@1")
    before = bench.envoy.pid
    bench.envoy.leave()
    bench.envoy = bench.another()
    bench.envoy.open()

    assert before == bench.envoy.pid
    bench.envoy.apply("rds", [router.routes([])])
    assert 404 == bench.call("/churn/predict", {"id": 1})[0]


def test_other_port_replaces_the_running_router(bench: Bench) -> None:
    """When the settings name another port, the running Envoy is replaced and the traffic answers there."""
    bench.envoy.apply("cds", [bench.worker("churn@1")])
    bench.route("churn@1")
    before = bench.envoy.pid
    assert before
    bench.envoy.leave()
    port = next(port for port in range(bench.envoy.port + 1, bench.envoy.port + 100) if ports.free(port))
    bench.envoy = bench.another(port)
    bench.envoy.open()

    assert ended(before, 0)
    assert port == bench.envoy.port
    assert "churn@1" == bench.call("/churn/predict", {"id": 1})[2]["release"]


def test_hung_router_is_replaced(bench: Bench) -> None:
    """An Envoy that runs but does not answer is not adopted."""
    before = bench.envoy.pid
    assert before
    bench.envoy.leave()
    os.kill(before, signal.SIGSTOP)
    bench.envoy.open()

    assert ended(before, 0)
    assert 404 == bench.call("/")[0]


def test_stale_files_do_not_stop_a_start(bench: Bench) -> None:
    """The router starts on what a crash leaves: half a file, routes without their clusters, a socket without a process."""
    bench.envoy.stop()
    files = bench.folder / "router"
    (files / "cds.json").write_text('{"version_info": "7", "resour')
    stale = router.routes([Traffic(endpoint="a", weights={"a@1": 1})])
    (files / "rds.json").write_text(json.dumps(router.discovery("9", [stale])))
    (bench.folder / "router.sock").unlink(missing_ok=True)
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(bench.folder / "router.sock"))
    left.close()
    bench.envoy.open()

    assert 404 == bench.call("/a/predict", {})[0]
    bench.envoy.apply("cds", [bench.worker("churn@1")])
    bench.route("churn@1")
    assert 200 == bench.call("/churn/predict", {"id": 1})[0]


def test_port_in_use(folder: Path) -> None:
    """A port that another program has is an error that names that program, and nothing runs afterwards."""
    watch = Watch()
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        envoy = Envoy(folder / "router", folder, watch, listener.getsockname()[1])
        with pytest.raises(errors.PortInUse, match=rf"\(process {os.getpid()}\)"):
            envoy.open()

    assert envoy.pid is None
    envoy.stop()
    watch.close()


def test_administration_is_private(bench: Bench) -> None:
    """Envoy's administration is a socket that its owner alone can open, and no port."""
    mode = (bench.folder / "router.sock").stat().st_mode & 0o777
    listening = subprocess.run(["cat", f"/proc/{bench.envoy.pid}/net/tcp"], capture_output=True, text=True, check=True).stdout

    assert 0o600 == mode
    assert bench.envoy.pid == sockets.listener_of(bench.folder / "router.sock")
    assert f"0100007F:{bench.envoy.port:04X}" in listening
