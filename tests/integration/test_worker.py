"""A release as processes: environment parent, release parent, workers, called over their Unix sockets."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cloudpickle
import httpx
import msgspec
import pandas as pd
import pytest
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier

import jupyter_deploy.bentos.python
from jupyter_deploy.bentos.python.endpoint import codec, keys
from jupyter_deploy.bentos.python.endpoint.contract import Contract, Golden, Input, Manifest, Method, Output
from jupyter_deploy.bentos.python.endpoint.control import ask

PYTHON = Path(jupyter_deploy.bentos.python.__file__).parent
SECRET = keys.make_key()
PATIENCE = 60.0


def until(condition: Callable[[], Any]) -> Any:
    """Wait until something holds, and give it."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        with contextlib.suppress(OSError):
            if found := condition():
                return found
        time.sleep(0.01)
    raise TimeoutError


def write(
    folder: Path, model: Any, methods: tuple[Method, ...], golden: list[Golden], sources: dict[str, str] | None = None
) -> Path:
    """Write a capture folder as the kernel does."""
    (folder / "model").mkdir(parents=True)
    (folder / "model" / "model.pkl").write_bytes(model if isinstance(model, bytes) else cloudpickle.dumps(model))
    for name, text in (sources or {}).items():
        (folder / "sources").mkdir(exist_ok=True)
        (folder / "sources" / name).write_text(text)
    manifest = Manifest(endpoint="churn", language_version="3", framework="any", sources="sources" if sources else "")
    files = {"manifest": manifest, "contract": Contract(methods=methods), "golden": golden}
    for name, value in files.items():
        (folder / f"{name}.json").write_bytes(msgspec.json.encode(value))
    return folder


def forest(folder: Path) -> Path:
    """Capture a random forest on real data, with its answers to five rows."""
    frame, labels = load_iris(return_X_y=True, as_frame=True)
    model = RandomForestClassifier(50, random_state=0).fit(frame, labels)
    methods, golden = [], []
    for name in ("predict", "predict_proba"):
        answer = getattr(model, name)(frame.iloc[::30])
        described, output = codec.describe_input(frame), codec.describe_output(answer, 5)
        methods.append(Method(name=name, attribute=name, input=described, output=output))
        rows = codec.encode_input(frame.iloc[::30], described)
        golden.append(Golden(method=name, rows=rows, answers=codec.encode_answer(answer, output)))
    return write(folder, model, tuple(methods), golden)


def function(folder: Path, made: Any, golden: list[Golden] | None = None, **options: Any) -> Path:
    """Capture a function of one list, or whatever pickled bytes are given."""
    method = Method(name="predict", input=Input(kind="list"), output=Output(kind="list"))
    return write(folder, made, (method,), golden or [], **options)


class Parent:
    """An environment parent in a short folder of its own."""

    def __init__(self, folder: Path, *flags: str) -> None:
        self.folder = folder
        self.control = folder / "c"
        pepper = os.urandom(32)
        hashed = {"pepper": pepper.hex(), "keys": [{"id": "key-1", "hash": keys.hash_key(SECRET, pepper)}]}
        (folder / "keys.json").write_text(json.dumps(hashed))
        self.log = (folder / "parent.log").open("wb")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "endpoint.parent", "--control", str(self.control), *flags],
            env={**os.environ, "PYTHONPATH": str(PYTHON), "TMPDIR": str(folder)}, stdout=self.log, stderr=self.log, cwd=folder,
        )  # fmt: skip
        self.releases: list[Release] = []

    def release(self, capture: Path, **options: Any) -> Release:
        """Start a release, without waiting for it."""
        until(self.control.exists)
        made = Release(self, capture, options)
        self.releases.append(made)
        return made

    def close(self) -> None:
        """End everything."""
        for release in self.releases:
            for pid in release.pids():
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(pid, signal.SIGKILL)
        self.process.kill()
        self.process.wait()
        self.log.close()


class Release:
    """One release of an environment parent."""

    def __init__(self, parent: Parent, capture: Path, options: dict[str, Any]) -> None:
        self.folder = parent.folder / f"r{len(parent.releases)}"
        self.log = parent.folder / f"r{len(parent.releases)}.log"
        self.command: dict[str, Any] = {
            "do": "release", "release": "churn@1", "state": "preview", "folder": str(capture), "runtime": str(self.folder),
            "workers": 2, "keys": str(parent.folder / "keys.json"), "log": str(self.log), "network": True,
            "limits": {"body": 100_000}, "silence": 5.0, **options,
        }  # fmt: skip
        self.answer = ask(parent.control, self.command)

    def pids(self) -> list[int]:
        """Name the release parent's process group, if it was started."""
        return [self.answer["pid"]] if self.answer["ok"] else []

    def ask(self, **command: Any) -> dict[str, Any]:
        """Send a command to the release parent."""
        return ask(self.folder / "parent.sock", command)

    def status(self) -> dict[str, Any]:
        """Ask how it is."""
        return self.ask(do="status")

    def ready(self) -> Release:
        """Wait until it is no longer loading."""
        until(lambda: self.status()["phase"] != "loading")
        return self

    def call(
        self, path: str = "predict", body: Any = None, *, worker: int = 0, key: str = SECRET, **options: Any
    ) -> httpx.Response:
        """Call a worker over its own socket."""
        transport = httpx.HTTPTransport(uds=str(self.folder / f"w{worker}.sock"), retries=0)
        headers = {"authorization": f"Bearer {key}"} if key else {}
        with httpx.Client(transport=transport, base_url="http://worker", headers=headers, timeout=PATIENCE) as client:
            return client.get(path, **options) if body is None else client.post(path, json={"rows": body}, **options)

    def ended(self) -> bool:
        """Say whether its folder is gone, which is the last thing it does."""
        return not self.folder.exists()


@pytest.fixture(scope="module")
def short() -> Iterator[Path]:
    """Make a folder whose name leaves room for a socket's address."""
    with tempfile.TemporaryDirectory(prefix="jd-") as name:
        yield Path(name)


@pytest.fixture(scope="module", params=["plain", "bentoml"])
def parent(request: pytest.FixtureRequest, short: Path) -> Iterator[Parent]:
    """Run an environment parent, with BentoML behind its releases and without."""
    folder = short / request.param
    folder.mkdir()
    made = Parent(folder, "--preload", "sklearn.ensemble,pandas", *(["--bentoml"] if request.param == "bentoml" else []))
    yield made
    made.close()


@pytest.fixture
def plain(short: Path, tmp_path: Path) -> Iterator[Parent]:
    """Run an environment parent for one test."""
    folder = Path(tempfile.mkdtemp(dir=short))
    made = Parent(folder)
    yield made
    made.close()


@pytest.fixture(scope="module")
def captured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Capture a forest once."""
    return forest(tmp_path_factory.mktemp("capture") / "forest")


def test_a_release_answers_as_the_notebook_did(parent: Parent, captured: Path) -> None:
    """Every golden row gets the notebook's own answer from each worker, marked with the release."""
    release = parent.release(captured).ready()
    golden = json.loads((captured / "golden.json").read_text())

    for worker in (0, 1):
        for one in golden:
            got = release.call(one["method"], one["rows"], worker=worker)
            assert one["answers"] == got.json()["predictions"]
            assert ("churn@1", "preview") == (got.headers["jd-release"], got.headers["jd-state"])
    release.ask(do="stop", grace=5)
    until(release.ended)


def test_documents_are_served_with_a_key_alone(parent: Parent, captured: Path) -> None:
    """OpenAPI, contract and metrics, and BentoML's own pages where it is there, need a key; the page and the probes do not."""
    release = parent.release(captured).ready()
    inner = {"docs": 200, "schema.json": 200} if "bentoml" in parent.folder.name else {"docs": 404, "schema.json": 404}
    with_key = {"docs.json": 200, "contract.json": 200, "metrics": 200, "nope": 404, **inner}

    assert with_key == {path: release.call(path).status_code for path in with_key}
    assert {401} == {release.call(path, key="").status_code for path in with_key}
    assert {200} == {release.call(path, key="").status_code for path in ("", "livez", "readyz")}


def test_a_killed_worker_is_replaced(parent: Parent, captured: Path) -> None:
    """A worker that is killed is forked again on the socket that its parent holds; whoever calls meanwhile is answered."""
    release = parent.release(captured).ready()
    rows = json.loads((captured / "golden.json").read_text())[0]["rows"]
    first = release.status()["workers"]
    for _ in range(3):
        for pid in release.status()["workers"]:
            os.kill(pid, signal.SIGKILL)
        assert [200, 200] == [release.call("predict", rows, worker=worker).status_code for worker in (0, 1)]
        until(lambda: len(release.status()["workers"]) == 2)
    status = release.status()

    assert 6 == status["restarts"]
    assert not set(first) & set(status["workers"])


def test_batching_is_said_at_the_start_and_later(plain: Parent, captured: Path) -> None:
    """A release is told which methods are batched when it starts, and others while it runs."""
    release = plain.release(captured, workers=1, batched=["predict"]).ready()
    assert ["predict"] == release.status()["batched"]
    release.ask(do="batch", methods=["predict_proba"])

    assert ["predict_proba"] == release.status()["batched"]


def test_a_stopped_worker_is_replaced(parent: Parent, captured: Path) -> None:
    """A worker without a heartbeat is killed and forked again; its counters go on."""
    release = parent.release(captured, silence=0.5, workers=1).ready()
    release.call("predict", [])
    (pid,) = release.status()["workers"]
    os.kill(pid, signal.SIGSTOP)

    assert 200 == release.call("predict", []).status_code
    assert 1 == release.status()["restarts"]
    assert 'method="predict",status="2xx",code="200"} 2' in release.call("metrics").text


def test_stop_lets_calls_finish(plain: Parent, tmp_path: Path) -> None:
    """A call in flight is answered while its release ends; afterwards nothing is left."""

    def slow(rows: list[Any]) -> list[Any]:
        import time

        time.sleep(1.0)
        return rows

    release = plain.release(function(tmp_path / "slow", slow)).ready()
    code = f"""
import httpx
client = httpx.Client(transport=httpx.HTTPTransport(uds={str(release.folder / "w0.sock")!r}), timeout=30)
print("asking", flush=True)
print(client.post("http://w/predict", json=[7], headers={{"authorization": "Bearer {SECRET}"}}).json(), flush=True)
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as caller:
        assert caller.stdout is not None
        assert "asking\n" == caller.stdout.readline()
        time.sleep(0.3)
        workers = release.status()["workers"]
        answered = release.ask(do="stop", grace=20)
        until(release.ended)

        assert ({"ok": True}, "{'predictions': [7]}\n") == (answered, caller.stdout.readline())
    assert not [pid for pid in workers if Path(f"/proc/{pid}").exists()]


@pytest.mark.parametrize("quick", [0, 5], ids=["first call", "after quick calls"])
def test_a_call_past_its_deadline_is_given_up(plain: Parent, tmp_path: Path, quick: int) -> None:
    """The caller is told with 504, and the worker that hangs is replaced, also where every call before was quick."""

    def hang(rows: list[Any]) -> list[Any]:
        import contextlib
        import time

        with contextlib.suppress(Exception):  # as a model's own code may do; it keeps nothing
            time.sleep(60 if rows == ["hang"] else 0)
        return rows

    release = plain.release(function(tmp_path / "hang", hang), limits={"deadline": 0.5}, workers=1).ready()
    assert [["fine"]] * quick == [release.call(body=["fine"]).json()["predictions"] for _ in range(quick)]
    got = release.call(body=["hang"])

    assert (504, "deadline_exceeded") == (got.status_code, got.json()["code"])
    until(lambda: release.status()["restarts"] == 1)
    assert ["fine"] == release.call(body=["fine"]).json()["predictions"]


def test_temporary_files_end_with_the_release(parent: Parent, tmp_path: Path) -> None:
    """What model and BentoML write into the folder for temporary files lies in one of the release's own, and goes with it."""

    def leave(rows: list[Any]) -> list[Any]:
        import tempfile

        return [tempfile.mkstemp()[1] for _ in rows]

    release = parent.release(function(tmp_path / "leave", leave)).ready()
    files = [Path(release.call(body=["row"], worker=worker).json()["predictions"][0]) for worker in (0, 1)]
    (folder,) = {file.parent for file in files}
    assert (True, 0o700) == (all(file.exists() for file in files), folder.stat().st_mode & 0o777)

    release.ask(do="stop")
    until(release.ended)
    assert not folder.exists()


def test_a_model_that_cannot_be_loaded_says_why(plain: Parent, tmp_path: Path) -> None:
    """The reason is there to be asked for, with the exception's class and text, until the release is told to end."""
    broken = b"cno_such_package\nThing\n."
    release = plain.release(function(tmp_path / "broken", broken)).ready()
    status = release.status()

    assert ("failed", "ModuleNotFoundError: No module named 'no_such_package'") == (status["phase"], status["reason"])
    release.ask(do="stop")
    until(release.ended)


def test_loading_can_be_watched_and_stopped(plain: Parent, tmp_path: Path) -> None:
    """While a model loads its release says so, and can be ended."""
    slow = cloudpickle.dumps(_Reduced("time", "sleep", (60,)))
    release = plain.release(function(tmp_path / "slow", slow))

    assert "loading" == until(release.status)["phase"]
    assert {"ok": True} == release.ask(do="stop")
    until(release.ended)


def test_workers_that_die_at_once_are_a_failure(plain: Parent, tmp_path: Path) -> None:
    """A model that ends its process whenever it is warmed up makes its release fail, not fork for ever."""

    def die(rows: list[Any]) -> list[Any]:
        import os

        os.abort()

    golden = [Golden(method="predict", rows=[1], answers=[1])]
    status = plain.release(function(tmp_path / "die", die, golden)).ready().status()

    assert "failed" == status["phase"]
    assert "before they are ready" in status["reason"]


def test_too_little_memory_is_told_before_anything_answers(plain: Parent, tmp_path: Path) -> None:
    """Workers that are ended for their memory as they are warmed up make the release fail with the setting and both figures."""

    def wait(rows: list[Any]) -> list[Any]:
        import threading

        threading.Event().wait()

    golden = [Golden(method="predict", rows=[1], answers=[1])]
    status = plain.release(function(tmp_path / "wait", wait, golden), limits={"memory": 4096}).ready().status()

    assert "failed" == status["phase"]
    assert re.search(r"has [\d,]+ bytes before it answers, and `memory` allows 4,096\.", status["reason"])


def test_a_failing_warm_up_is_not_fatal(plain: Parent, tmp_path: Path) -> None:
    """A model that raises on its golden row is served; the log says where it raised and not with which words."""

    def fail(rows: list[Any]) -> list[Any]:
        raise ValueError("secret words")

    release = plain.release(function(tmp_path / "fail", fail, [Golden(method="predict", rows=[1], answers=[1])])).ready()
    events = [json.loads(line) for line in release.log.read_text().splitlines()]

    assert "ready" == release.status()["phase"]
    assert {"ValueError"} == {one["error"] for one in events if one["event"] == "warm_up_failed"}
    assert "secret words" not in release.log.read_text()


def test_modules_beside_the_notebook_are_found(plain: Parent, tmp_path: Path) -> None:
    """Captured source files are on the module path, and what the model prints stands in the log."""
    sources = {"beside.py": "def double(rows):\n    print('doubling')\n    return [2 * row for row in rows]\n"}
    release = plain.release(function(tmp_path / "beside", b"cbeside\ndouble\n.", sources=sources)).ready()

    assert [2, 4] == release.call(body=[1, 2]).json()["predictions"]


def test_named_arguments_are_one_call_a_row(plain: Parent, tmp_path: Path) -> None:
    """A function of named arguments is called once for each row, its defaults left to it."""

    def price(area: float, factor: float = 2.0) -> dict[str, float]:
        return {"price": area * factor}

    described = codec.describe_arguments([{"area": 1.0, "factor": 2.0}], price)
    method = Method(name="price", input=described, output=Output(kind="list"))
    release = plain.release(write(tmp_path / "price", price, (method,), [])).ready()

    assert [{"price": 6.0}, {"price": 3.0}] == release.call("price", [{"area": 3}, {"area": 3, "factor": 1}]).json()["predictions"]


def test_a_release_without_network_has_none(plain: Parent, tmp_path: Path) -> None:
    """Where the system allows it, a release that must not reach the network cannot; where not, its status says so."""

    def connect(rows: list[Any]) -> list[Any]:
        import socket

        try:
            with socket.create_connection(("127.0.0.1", rows[0]), timeout=5):
                return ["reached"]
        except OSError as error:
            return [type(error).__name__]

    import socket

    capture = function(tmp_path / "net", connect)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        release = plain.release(capture, network=False).ready()
        got = release.call(body=[port]).json()["predictions"]

        assert (["reached"] == got) == release.status()["network"]
        assert ["reached"] == plain.release(capture).ready().call(body=[port]).json()["predictions"]


def test_orphans_serve_until_their_path_is_taken(plain: Parent, captured: Path) -> None:
    """Workers outlive their release parent, and end when a new release binds their paths."""
    old = plain.release(captured).ready()
    workers = old.status()["workers"]
    os.kill(old.answer["pid"], signal.SIGKILL)
    rows = json.loads((captured / "golden.json").read_text())[0]["rows"]

    assert 200 == old.call("predict", rows).status_code

    new = plain.release(captured, runtime=str(old.folder), release="churn@2")
    new.folder = old.folder
    until(lambda: "churn@2" == old.call("livez", key="").headers["jd-release"])
    until(lambda: not [pid for pid in workers if _runs(pid)])
    new.ask(do="stop", grace=1)


def test_a_release_gives_way_to_its_successor(plain: Parent, captured: Path) -> None:
    """A release whose sockets were taken over ends by itself and leaves the folder to the other."""
    old = plain.release(captured).ready()
    new = plain.release(captured, runtime=str(old.folder), release="churn@2")
    until(lambda: not _runs(old.answer["pid"]))
    new.folder = old.folder

    assert "churn@2" == new.ready().call("livez").headers["jd-release"]


def test_the_environment_parent_imports_and_tells(plain: Parent) -> None:
    """Modules are imported on command; one that cannot be is named with the reason and disturbs nothing."""
    before = until(lambda: ask(plain.control, {"do": "status"}))
    got = ask(plain.control, {"do": "import", "modules": ["wave", "no_such_module"], "path": []})
    after = ask(plain.control, {"do": "status"})

    assert {"ok": True, "failed": {"no_such_module": "ModuleNotFoundError: No module named 'no_such_module'"}} == got
    assert (plain.process.pid, True) == (after["pid"], after["modules"] > before["modules"])


def test_a_command_with_a_gap_is_refused(plain: Parent) -> None:
    """A release command without its keys or with a wrong type is refused, and the parent goes on."""
    until(plain.control.exists)

    assert "state" in ask(plain.control, {"do": "release", "release": "churn@1"})["error"]
    assert "unknown command" == ask(plain.control, {"do": "dance"})["error"]
    assert ask(plain.control, {"do": "status"})["ok"]


def test_releases_outlive_the_environment_parent(plain: Parent, captured: Path) -> None:
    """An environment parent that is told to stop ends; its releases go on."""
    release = plain.release(captured).ready()
    answered = ask(plain.control, {"do": "stop"})
    plain.process.wait(PATIENCE)

    assert ({"ok": True}, False) == (answered, plain.control.exists())
    assert 200 == release.call("livez").status_code


@pytest.mark.parametrize("flags", [("--idle", "0.5"), ("--owner", "OWNER")], ids=["idle", "owner gone"])
def test_the_environment_parent_ends_by_itself(short: Path, flags: tuple[str, str]) -> None:
    """An environment parent that nobody asks, or whose kernel is gone, ends."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as owner:
        made = Parent(Path(tempfile.mkdtemp(dir=short)), *(one.replace("OWNER", str(owner.pid)) for one in flags))
        until(made.control.exists)
        owner.communicate(b"\n")
        code = made.process.wait(PATIENCE)
        made.close()

    assert 0 == code


def _runs(pid: int) -> bool:
    """Say whether a process runs, zombies apart."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class _Reduced:
    """Pickles as a call."""

    def __init__(self, module: str, name: str, arguments: tuple[Any, ...]) -> None:
        self._call = (module, name, arguments)

    def __reduce__(self) -> tuple[Any, ...]:
        module, name, arguments = self._call
        return getattr(__import__(module), name), arguments


def test_a_frame_of_texts_is_answered(plain: Parent, tmp_path: Path) -> None:
    """A function of a frame gets a frame, and what it returns comes back row by row."""

    def shout(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.assign(text=frame["text"].str.upper())

    frame = pd.DataFrame({"text": ["a", "b"], "number": [1, 2]})
    output = codec.describe_output(shout(frame), 2)
    method = Method(name="shout", input=codec.describe_input(frame), output=output)
    release = plain.release(write(tmp_path / "shout", shout, (method,), [])).ready()
    got = release.call("shout", frame.to_dict("records")).json()["predictions"]

    pd.testing.assert_frame_equal(shout(frame), codec.decode_answer(got, output))
