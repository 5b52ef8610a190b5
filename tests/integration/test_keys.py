"""Keys with real parts: made through the agent and the command line, kept to by the workers behind the router."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

import jupyter_deploy as jd
from jupyter_deploy import errors
from jupyter_deploy.agent.lifecycle import connect, wait_for_end
from jupyter_deploy.home import Home
from jupyter_deploy.values import Grant, KeyInfo
from tests.serving import until

FRAME, TARGET = load_iris(return_X_y=True, as_frame=True)
BODY = {"rows": FRAME.head(2).to_dict("records")}
CALLERS = 8
WORKERS = 3


def model(penalty: float) -> LogisticRegression:
    """Fit a small model."""
    return LogisticRegression(C=penalty, max_iter=500).fit(FRAME, TARGET)


@pytest.fixture(scope="module")
def churn(shared_home: Home) -> Iterator[jd.Endpoint]:
    """Give an endpoint whose first release serves with several workers."""
    yield jd.deploy(model(1.0), name="churn", example=FRAME, workers=WORKERS, wait=True)


def call(endpoint: jd.Endpoint, secret: str, path: str = "predict") -> httpx.Response:
    """Call an endpoint through its router."""
    headers = {"Authorization": f"Bearer {secret}"}
    return httpx.post(endpoint.url + path, json=BODY, headers=headers, trust_env=False, timeout=30)


def answered(endpoint: jd.Endpoint, secret: str) -> int:
    """Call an endpoint that may not be there yet: 0 where nobody listens, 503 where its release starts."""
    with contextlib.suppress(httpx.TransportError):
        status = call(endpoint, secret).status_code
        return 0 if status == 503 else status
    return 0


def press(endpoint: jd.Endpoint, secret: str, times: int) -> Counter[int]:
    """Call an endpoint many times at once, and count the statuses."""
    with ThreadPoolExecutor(CALLERS) as pool:
        return Counter(pool.map(lambda _: call(endpoint, secret).status_code, range(times)))


def make(home: Home, owner: str = "ci", **terms: object) -> tuple[str, KeyInfo]:
    """Make a key through the agent."""
    made = connect(home).make_key("churn", Grant(owner=owner, **terms))  # type: ignore[arg-type]
    return made.secret, made.key


def told(home: Home, id: str) -> KeyInfo:
    """Look at one key."""
    return next(one for one in connect(home).keys("churn") if one.id == id)


def listed(endpoint: jd.Endpoint) -> list[KeyInfo]:
    """List the keys as a handle does."""
    found: list[KeyInfo] = endpoint.keys()
    return found


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `jupyter deploy`."""
    command = [sys.executable, "-c", "from jupyter_deploy.adapters.cli import main; main()", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def test_a_quota_is_exact_over_all_workers(churn: jd.Endpoint, shared_home: Home) -> None:
    """Of many calls at once, as many are answered as the key is good for; the others are told when to come again."""
    secret, key = make(shared_home, quota=40)

    assert {200: 40, 429: 80} == press(churn, secret, 120)
    refused = call(churn, secret)
    assert ("application/problem+json", "quota_exceeded") == (refused.headers["content-type"], refused.json()["code"])
    assert 0 < int(refused.headers["retry-after"]) <= 86_400
    until(lambda: told(shared_home, key.id).used == 40)


def test_a_key_is_kept_to_its_methods(churn: jd.Endpoint, shared_home: Home) -> None:
    """By every protocol; it reads descriptions as any key does."""
    secret, _ = make(shared_home, methods=("predict",))
    refused = call(churn, secret, "predict_proba")

    assert (403, "out_of_scope") == (refused.status_code, refused.json()["code"])
    assert 403 == call(churn, secret, "v2/models/churn.predict_proba/infer").status_code
    assert 200 == call(churn, secret).status_code
    assert 200 == httpx.get(f"{churn.url}contract.json", headers={"Authorization": f"Bearer {secret}"}).status_code


def test_a_key_ends_by_itself(churn: jd.Endpoint, shared_home: Home) -> None:
    """At once it opens, and without anybody's doing it does not any more."""
    secret, _ = make(shared_home, expires=time.time() + 3)

    assert 200 == call(churn, secret).status_code
    until(lambda: call(churn, secret).status_code == 401)
    assert "key_expired" == call(churn, secret).json()["code"]


def test_a_revoked_key_opens_nothing(churn: jd.Endpoint, shared_home: Home) -> None:
    """Within half a second at every worker; what it was used for stays told."""
    secret, key = make(shared_home, owner="Ada's laptop")
    assert 200 == call(churn, secret).status_code
    ended = connect(shared_home).revoke_key("churn", key.id)
    time.sleep(0.5)

    assert {401: 20} == press(churn, secret, 20)
    assert ended.revoked is not None
    until(lambda: told(shared_home, key.id).used == 1)
    with pytest.raises(errors.UnknownName):
        connect(shared_home).revoke_key("churn", "key-0")


def test_the_owners_own_key_is_replaced_by_another(churn: jd.Endpoint, shared_home: Home) -> None:
    """The handle goes on, as the file holds a key all the time; the old secret opens nothing."""
    old = churn.key_file.read_text().strip()
    (own,) = [one for one in listed(churn) if one.own]
    churn.revoke_key(own.id)

    assert list(model(1.0).predict(FRAME.head(2))) == list(churn.predict(FRAME.head(2)))
    until(lambda: call(churn, old).status_code == 401)
    assert [own.owner] == [one.owner for one in listed(churn) if one.own]


def test_a_quota_goes_on_at_the_next_release_and_with_the_next_agent(churn: jd.Endpoint, shared_home: Home) -> None:
    """Neither a switch nor an agent that is killed, nor a new start of everything, gives back what was used."""
    secret, key = make(shared_home, quota=15)
    assert {200: 10} == press(churn, secret, 10)
    health = jd.deploy(model(0.5), name="churn", example=FRAME, workers=WORKERS, wait=True)
    assert "churn@2" == call(health, health.key_file.read_text().strip()).headers["jd-release"]

    assert {200: 2} == press(churn, secret, 2)
    os.kill(connect(shared_home).status()["pid"], signal.SIGKILL)
    assert {200: 3, 429: 7} == press(churn, secret, 10)
    until(lambda: told(shared_home, key.id).used == 15)
    last = told(shared_home, key.id).last_used
    assert last is not None
    assert key.created <= last <= time.time()

    connect(shared_home).stop()
    wait_for_end(shared_home)
    until(lambda: connect(shared_home).endpoint("churn").answering == 2)
    until(lambda: answered(churn, churn.key_file.read_text().strip()) == 200)
    assert 429 == call(churn, secret).status_code


def test_the_command_line_shows_a_secret_once(churn: jd.Endpoint, shared_home: Home, tmp_path: Path) -> None:
    """On standard output alone, or in a file for its owner alone; a list and the agent's log never hold it."""
    made = run("keys", "make", "churn", "--owner", "night\u00e9 & day", "--method", "predict", "--expires", "30d", "--quota", "100")
    secret = made.stdout.strip()
    filed = run("keys", "make", "churn", "--owner", "ci", "--out", str(tmp_path / "ci.key"), "--json")
    listed = run("keys", "list", "churn")

    assert (0, 0, 0) == (made.returncode, filed.returncode, listed.returncode), made.stderr + filed.stderr + listed.stderr
    assert 200 == call(churn, secret).status_code
    assert 0o600 == stat.S_IMODE((tmp_path / "ci.key").stat().st_mode)
    assert 200 == call(churn, (tmp_path / "ci.key").read_text().strip()).status_code
    assert "ci" == json.loads(filed.stdout)["owner"]
    assert secret not in made.stderr + listed.stdout + shared_home.agent_log.read_text()
    assert "nighté & day" in listed.stdout
    assert 1 == run("keys", "make", "churn", "--owner", "ci", "--out", str(tmp_path / "ci.key")).returncode
    assert 0 == run("keys", "revoke", "churn", json.loads(filed.stdout)["id"]).returncode


def test_the_handle_writes_a_secret_into_a_file(churn: jd.Endpoint, tmp_path: Path) -> None:
    """What a cell shows holds its id and never the secret; a wrong method is told with the right one."""
    key = churn.make_key("report", tmp_path / "report.key", methods=["predict"], days=1, quota=5)
    secret = (tmp_path / "report.key").read_text().strip()

    assert 200 == call(churn, secret).status_code
    assert key.id in repr(churn.keys())
    assert secret not in repr(churn.keys()) + repr(key)
    with pytest.raises(errors.BadInput, match="no method `predikt`") as refused:
        churn.make_key("report", tmp_path / "other.key", methods=["predikt"])
    assert "predict" in refused.value.hint
    assert not (tmp_path / "other.key").exists()
