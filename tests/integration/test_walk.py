"""The whole walk with real parts: kernel-side capture, agent, lock, clean environment, Bento, Envoy, workers."""

from __future__ import annotations

import os
import socket
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pandas as pd
import psutil
import pytest
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

import jupyter_deploy as jd
from jupyter_deploy import errors
from jupyter_deploy.agent.lifecycle import connect, wait_for_end
from jupyter_deploy.home import Home
from jupyter_deploy.values import STAGES, Manifest, from_json
from tests.serving import until

FRAME, TARGET = load_iris(return_X_y=True, as_frame=True)
ROWS = FRAME.head(5).to_dict("records")


MOODY = """
import os

class Moody:
    def predict(self, rows):
        return [float(os.getpid())] * len(rows)

moody = Moody()
"""
PATIENT = """
import os

class Patient:
    def __init__(self, pipe, mode):
        self.pipe, self.mode = pipe, mode

    def __setstate__(self, state):
        self.__dict__ = state
        if os.path.exists(self.pipe):
            open(self.pipe, self.mode).close()  # returns once the other end is opened too

    def predict(self, rows):
        return [2 * one for one in rows]
"""
CHANCE = """
import numpy

class Chance:
    def __init__(self, model):
        self.model = model

    def predict(self, rows):
        return self.model.predict(rows) + numpy.random.random(len(rows))
"""


def forest(seed: int) -> RandomForestClassifier:
    """Fit a small forest."""
    return RandomForestClassifier(10, random_state=seed).fit(FRAME, TARGET)


def call(endpoint: jd.Endpoint, key: str | None = "own", path: str = "predict", url: str = "") -> httpx.Response:
    """Call an endpoint as a colleague does, over HTTP; at another URL than its own if one is given."""
    secret = endpoint.key_file.read_text().strip() if key == "own" else key
    headers = {"Authorization": f"Bearer {secret}"} if secret else {}
    return httpx.post((url or endpoint.url) + path, json={"rows": ROWS}, headers=headers, trust_env=False)


def released(answer: httpx.Response) -> tuple[str, str]:
    """Read which release gave an answer, and how it stood."""
    return answer.headers["jd-release"], answer.headers["jd-state"]


@pytest.fixture(scope="module")
def churn(shared_home: Home) -> Iterator[jd.Endpoint]:
    """Give an endpoint whose first release serves."""
    yield jd.deploy(forest(0), name="churn", example=FRAME, wait=True)


def test_a_model_becomes_a_verified_endpoint(churn: jd.Endpoint) -> None:
    """The URL answers as the model does, and says which release it is."""
    answer = call(churn)

    assert list(forest(0).predict(FRAME.head(5))) == answer.json()["predictions"]
    assert ("churn@1", "verified") == (answer.headers["jd-release"], answer.headers["jd-state"])


def test_every_stage_is_in_the_journal_with_its_time(churn: jd.Endpoint) -> None:
    """Nothing is skipped, and each stage took some time."""
    stages = churn.releases()[-1].stages

    assert list(STAGES) == [one.name for one in stages][: len(STAGES)]
    assert all(one.seconds is not None and one.detail for one in stages)
    assert "its model is shared by fork" in next(one.detail for one in stages if one.name == "serving")


def test_a_method_is_batched_where_its_rows_alone_are_answered_as_together(churn: jd.Endpoint, shared_home: Home) -> None:
    """The release, its manifest and its running workers know what the golden rows showed."""
    release = churn.releases()[-1]
    told = from_json((shared_home.releases / "churn" / str(release.number) / "manifest.json").read_bytes(), Manifest)

    assert release.batching == told.batching
    assert ["predict", "predict_proba", "predict_log_proba"] == [one.method for one in release.batching if one.on]


def test_the_client_gives_back_the_models_own_kind(churn: jd.Endpoint) -> None:
    """An array in dtype and shape as the notebook's own."""
    expected, got = forest(0).predict_proba(FRAME), churn.predict_proba(FRAME)

    assert (expected.dtype, expected.shape) == (got.dtype, got.shape)
    np.testing.assert_allclose(expected, got, rtol=1e-9)


@pytest.mark.parametrize("key", [None, "", "wrong", "jd_" + "a" * 49])
@pytest.mark.parametrize("path", ["predict", "metrics", "docs.json", "contract.json", "nothing"])
def test_without_the_key_nothing_is_told(churn: jd.Endpoint, key: str | None, path: str) -> None:
    """No key or a wrong one gets 401 and no detail, on known and unknown routes alike."""
    answer = call(churn, key, path)

    assert 401 == answer.status_code
    assert {"type", "title", "status", "code", "request_id"} >= set(answer.json())


@pytest.mark.parametrize("path", ["livez", "readyz", ""])
def test_probes_and_the_pages_shell_are_open(churn: jd.Endpoint, path: str) -> None:
    """They need no key and tell nothing of the model."""
    answer = httpx.get(churn.url + path, trust_env=False)

    assert 200 == answer.status_code
    assert "sepal" not in answer.text


def test_the_key_is_in_a_private_file_and_nowhere_else(churn: jd.Endpoint, shared_home: Home) -> None:
    """The file has mode 0600, and no other file of the home holds the secret."""
    secret = churn.key_file.read_bytes().strip()
    holders = [
        path
        for path in shared_home.root.rglob("*")
        if path.is_file() and "environments" not in path.parts and secret in path.read_bytes()
    ]

    assert (0o600, [churn.key_file]) == (churn.key_file.stat().st_mode & 0o777, holders)


def test_the_same_capture_is_not_deployed_twice(churn: jd.Endpoint) -> None:
    """Running the cell again gives the release that serves already."""
    again = jd.deploy(forest(0), name="churn", example=FRAME, wait=True)

    assert 1 == again.view.release.number


def test_a_changed_model_takes_over_and_can_be_rolled_back(churn: jd.Endpoint) -> None:
    """The second release previews beside the first, then answers; after a rollback the first answers again."""
    second = jd.deploy(forest(1), name="churn", example=FRAME)
    second.wait()
    assert "churn@2" == call(second).headers["jd-release"]

    second.rollback()
    assert "churn@1" == call(second).headers["jd-release"]
    assert list(forest(0).predict(FRAME.head(5))) == call(second).json()["predictions"]

    second.rollback(to=2)
    assert "churn@2" == call(second).headers["jd-release"]


def running_of(endpoint: str, home: Home) -> list[Path]:
    """List what says that a release of an endpoint runs."""
    told = {file: file.read_text() for file in home.runtime.glob("*/launch.json") if file.exists()}
    return [file for file, text in told.items() if f'"endpoint":"{endpoint}"' in text]


def test_a_stopped_endpoint_answers_503_until_it_is_started_again(shared_home: Home) -> None:
    """Its callers are told, its processes end, a new agent leaves it so; then what answered last answers, with the same key."""
    for seed in (0, 1):
        held = jd.deploy(forest(seed), name="held", example=FRAME, wait=True)
    held.rollback()
    assert running_of("held", shared_home)
    stopped = held.stop()
    answer = call(held)

    assert (None, "") == (stopped.answering, stopped.state)
    assert (503, "stopped") == (answer.status_code, answer.json()["code"])
    assert "retry-after" not in answer.headers
    until(lambda: not running_of("held", shared_home))
    connect(shared_home).stop(everything=False)
    wait_for_end(shared_home)
    assert connect(shared_home).endpoint("held").answering is None
    assert 503 == call(held).status_code

    held.promote()
    assert ("held@1", "verified") == released(call(held))
    held.promote()
    assert ("held@2", "verified") == released(call(held))


def test_a_stop_ends_a_deploy_that_is_on_its_way(shared_home: Home) -> None:
    """It is cancelled, and answers neither at the endpoint's URL nor at a path of its own."""
    held = jd.deploy(forest(11), name="held", example=FRAME)
    held.stop()
    with pytest.raises(errors.Cancelled):
        held.wait()

    assert 503 == call(held).status_code
    assert ("cancelled", "") == (held.releases()[0].state, held.releases()[0].url)


def test_there_is_nothing_below_the_first_release(shared_home: Home) -> None:
    """A rollback without an older verified release is refused with what to do."""
    only = jd.deploy(forest(3), name="only", example=FRAME, wait=True)

    with pytest.raises(errors.Conflict, match="no older verified release"):
        only.rollback()


def test_a_model_that_answers_otherwise_is_refused_and_the_older_one_serves_on(churn: jd.Endpoint) -> None:
    """The reason shows golden row, expected and got; the URL's release does not change."""
    before = call(churn).headers["jd-release"]
    cell: dict[str, Any] = {"__name__": "__main__"}
    exec(MOODY, cell)  # as a notebook's cell

    with pytest.raises(errors.Refused, match="golden answers differ") as caught:
        jd.deploy(cell["moody"], name="churn", example=FRAME, wait=True)

    refused = churn.releases()[0]
    assert ("refused", 100) == (refused.state, len(refused.differences))
    assert f"golden row 0: notebook {os.getpid()}.0, release " in str(caught.value)
    assert before == call(churn).headers["jd-release"]


def test_a_model_that_draws_random_numbers_is_refused_before_anything_is_deployed(churn: jd.Endpoint) -> None:
    """It is asked twice in the kernel; the endpoint has no release more, and the message says what may be done."""
    cell: dict[str, Any] = {"__name__": "__main__"}
    exec(CHANCE, cell)  # as a notebook's cell
    before = len(churn.releases())

    with pytest.raises(errors.NonDeterministic, match="does not answer twice alike") as caught:
        jd.deploy(cell["Chance"](forest(0)), name="churn", example=FRAME)

    assert "--nondeterministic" in str(caught.value)
    assert before == len(churn.releases())


def test_a_model_that_draws_random_numbers_serves_and_is_marked_where_that_is_wanted(shared_home: Home) -> None:
    """Shapes and types of its answers were compared, and its journal and its list of releases say so."""
    cell: dict[str, Any] = {"__name__": "__main__"}
    exec(CHANCE, cell)  # as a notebook's cell
    chance = jd.deploy(cell["Chance"](forest(0)), name="chance", example=FRAME, nondeterministic=True, wait=True)

    release = chance.releases()[0]
    (verified,) = [stage for stage in release.stages if stage.name == "verified"]
    assert ("serving", True) == (release.state, release.nondeterministic)
    assert verified.detail.startswith("100 golden answers reproduced (non-deterministic: shapes and types alone, no values)")
    assert "non-deterministic" in str(chance.releases())
    assert call(chance).json()["predictions"] != call(chance).json()["predictions"]


def test_many_golden_rows_are_verified_in_bodies_that_the_release_takes(shared_home: Home) -> None:
    """Of 500 rows with a limit of 4 kB each is asked, and the agent shows them with the notebook's answers."""
    wide = pd.concat([FRAME + step / 100 for step in range(4)], ignore_index=True)
    many = jd.deploy(forest(0), name="many", example=wide, golden_rows=500, body_limit=4096, wait=True)

    golden = connect(shared_home).golden("many", 1)
    counts = Counter(one.method for one in golden for _ in one.rows)
    (verified,) = [stage for stage in many.releases()[0].stages if stage.name == "verified"]
    assert {500} == set(counts.values())
    assert f"{500 * len(counts)} golden answers reproduced (floats within 1e-06)" == verified.detail
    assert golden[0].answers == forest(0).predict(pd.DataFrame(golden[0].rows)).tolist()


def test_a_live_preview_that_is_refused_gives_the_url_back(churn: jd.Endpoint) -> None:
    """The verified release that it had replaced answers again, and the preview goes on at a path of its own."""
    before = call(churn).headers["jd-release"]
    cell: dict[str, Any] = {"__name__": "__main__"}
    exec(MOODY, cell)  # as a notebook's cell

    live = jd.deploy(cell["moody"], name="churn", example=FRAME.head(50), preview_live=True)
    with pytest.raises(errors.Refused):
        live.wait()
    refused = live.releases()[0]

    assert (before, "verified") == released(call(churn))
    assert (refused.tag, "preview") == released(call(churn, url=refused.url))


def test_a_live_preview_that_passes_retires_the_release_before(churn: jd.Endpoint) -> None:
    """One release alone is told to serve, also where a preview had taken its URL before."""
    jd.deploy(forest(7), name="churn", example=FRAME, preview_live=True, wait=True)

    assert ["serving"] == [one.state for one in churn.releases() if one.state == "serving"]


def test_a_release_of_another_library_shares_the_lock(churn: jd.Endpoint) -> None:
    """A model of the same packages finds lock and environment made."""
    other = jd.deploy(LogisticRegression(max_iter=500).fit(FRAME, TARGET), name="other", example=FRAME, wait=True)

    stages = {stage.name: stage for stage in other.view.release.stages}
    assert stages["environment"].detail.startswith("found")


def test_removing_leaves_nothing(shared_home: Home) -> None:
    """The URL answers 404, the key's file is gone, the name is unknown."""
    gone = jd.deploy(forest(4), name="gone", example=FRAME, wait=True)
    secret, url = gone.key_file, gone.url
    gone.remove()

    assert 404 == httpx.post(url + "predict", json={"rows": ROWS}, trust_env=False).status_code
    assert not secret.exists()
    with pytest.raises(errors.UnknownName):
        connect().endpoint("gone")


def test_a_cancelled_deploy_leaves_what_served(churn: jd.Endpoint) -> None:
    """The release ends as cancelled and the older one answers."""
    before = call(churn).headers["jd-release"]
    endpoint = jd.deploy(forest(5), name="churn", example=FRAME)
    endpoint.cancel()

    with pytest.raises(errors.Cancelled):
        endpoint.wait()
    assert before == call(churn).headers["jd-release"]


def test_a_rollback_takes_the_place_of_a_deploy_on_its_way(churn: jd.Endpoint) -> None:
    """Twice in a row, so that what is rolled back to has to be started again: it answers, and the deploy is cancelled."""
    older = jd.deploy(forest(20), name="churn", example=FRAME, wait=True).view.release
    jd.deploy(forest(21), name="churn", example=FRAME, wait=True)
    jd.deploy(forest(22), name="churn", example=FRAME, wait=True)
    for seed in (23, 24):
        deploy = jd.deploy(forest(seed), name="churn", example=FRAME)
        deploy.rollback()
        with pytest.raises(errors.Cancelled):
            deploy.wait()

    assert {(200, older.tag)} == {(answer.status_code, answer.headers["jd-release"]) for answer in map(call, [churn] * 100)}


def test_endpoints_answer_while_there_is_no_agent_and_after_it_is_back(churn: jd.Endpoint, shared_home: Home) -> None:
    """An agent that is killed takes nothing along; the next one adopts what runs."""
    before = call(churn).headers["jd-release"]
    os.kill(connect(shared_home).status()["pid"], 9)
    wait_for_end(shared_home)
    assert before == call(churn).headers["jd-release"]

    assert "verified" == connect(shared_home).endpoint("churn").state
    assert before == call(churn).headers["jd-release"]


def test_no_network_while_locking_keeps_the_preview_and_goes_on_later(home: Home, tmp_path: Path) -> None:
    """The release fails with what is missing while its preview answers; with the network back the same command finishes it."""
    offline = {
        "UV_CACHE_DIR": str(tmp_path),
        "UV_DEFAULT_INDEX": "http://127.0.0.1:9/simple",
        "UV_FIND_LINKS": "",
        "UV_HTTP_RETRIES": "0",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in offline.items():
            patch.setenv(name, value)
        endpoint = jd.deploy(forest(6), name="late", example=FRAME)
        with pytest.raises(errors.DeployError, match="network"):
            endpoint.wait()
        assert ("late@1", "preview") == (call(endpoint).headers["jd-release"], call(endpoint).headers["jd-state"])
        connect(home).stop()
        wait_for_end(home)

    again = jd.deploy(forest(6), name="late", example=FRAME, wait=True)

    assert ("late@1", "verified") == (call(again).headers["jd-release"], call(again).headers["jd-state"])


def test_nothing_listens_beyond_loopback(churn: jd.Endpoint, shared_home: Home) -> None:
    """The agent's descendants and the router open one TCP port, the endpoint's, on 127.0.0.1."""
    ours = [process for process in psutil.process_iter() if of_home(process, shared_home)]
    listening = {
        (one.laddr.ip, one.laddr.port) for process in ours for one in process.net_connections("tcp") if one.status == "LISTEN"
    }

    assert {("127.0.0.1", httpx.URL(churn.url).port)} == listening


def test_the_settings_choose_the_port_once(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first deploy serves at the port of `deploy.toml`; another port for a running agent is refused with what to do."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "deploy.toml").write_text(f"port = {port}\n")

    assert f"http://127.0.0.1:{port}/here/" == jd.deploy(forest(0), name="here", example=FRAME).url
    with pytest.raises(errors.Conflict, match=f"ask for port {port + 1}, but the agent serves at {port}"):
        jd.deploy(forest(0), name="there", example=FRAME, port=port + 1)


def test_a_port_that_another_program_has_is_named(home: Home) -> None:
    """The deploy fails, names the program and says how to choose another port."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("JUPYTER_DEPLOY_PORT", str(taken.getsockname()[1]))
            with pytest.raises(errors.DeployError, match=r"is used by .*\(process \d+\)"):
                jd.deploy(forest(0), name="here", example=FRAME, wait=True)


def is_up(endpoint: jd.Endpoint) -> bool:
    """Say whether an endpoint answers again."""
    try:
        return httpx.get(f"{endpoint.url}readyz", trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def test_releases_start_together_after_the_agent_has(home: Home, tmp_path: Path) -> None:
    """Two models, each of which is loaded only while the other one is, answer again: none has to wait for the other to be ready."""
    pipe, known = tmp_path / "pipe", {"wait": True, "preview": False, "isolation": False, "compile": "off", "example": [1.0]}
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec(PATIENT, namespace)
    made = {name: namespace["Patient"](str(pipe), mode) for name, mode in (("reader", "r"), ("writer", "w"))}
    endpoints = [jd.deploy(model, name=name, **known) for name, model in made.items()]
    connect(home).stop()
    wait_for_end(home)
    os.mkfifo(pipe)
    connect(home)
    until(lambda: all(map(is_up, endpoints)))

    assert [[2.0], [2.0]] == [one.predict([1.0]) for one in endpoints]


def test_a_port_that_was_taken_meanwhile_is_told_and_taken_back(home: Home) -> None:
    """While another program has the port, whoever looks is told; once it is free the endpoint answers again by itself."""
    endpoint = jd.deploy(forest(0), name="here", example=FRAME, wait=True)
    connect(home).stop()
    wait_for_end(home)

    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", httpx.URL(endpoint.url).port))
        taken.listen()
        client = connect(home)
        until(lambda: "is used by" in client.status()["trouble"])

    until(lambda: not client.status()["trouble"])
    assert ("here@1", "verified") == released(call(endpoint))


def of_home(process: psutil.Process, home: Home) -> bool:
    """Say whether a process belongs to the agent of a home folder."""
    try:
        return process.pid != os.getpid() and str(home.root) in (
            process.environ().get("JUPYTER_DEPLOY_HOME"),
            *process.environ().values(),
        )
    except psutil.Error:
        return False
