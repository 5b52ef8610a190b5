"""A deploy that is hit in the middle: what served goes on serving, and the next agent finishes the rest."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

import jupyter_deploy as jd
from jupyter_deploy.agent.client import AgentClient
from jupyter_deploy.agent.lifecycle import connect, wait_for_end
from jupyter_deploy.home import Home
from jupyter_deploy.targets.local import sockets
from jupyter_deploy.targets.local.watch import kill_session
from jupyter_deploy.values import STAGES, Release

FRAME, TARGET = load_iris(return_X_y=True, as_frame=True)


def model(strength: float) -> LogisticRegression:
    """Fit a model; another strength is another model."""
    return LogisticRegression(C=strength, max_iter=500).fit(FRAME, TARGET)


def answering(endpoint: jd.Endpoint) -> str:
    """Ask the URL which release answers."""
    headers = {"Authorization": f"Bearer {endpoint.key_file.read_text().strip()}"}
    answer = httpx.post(endpoint.url + "predict", json={"rows": FRAME.head(1).to_dict("records")}, headers=headers, trust_env=False)
    return f"{answer.status_code} {answer.headers.get('jd-release')} {answer.headers.get('jd-state')}"


def until(client: AgentClient, name: str, number: int, stage: str) -> None:
    """Wait until a release has begun a stage."""
    for release in client.events(name, number):
        if any(one.name == stage for one in release.stages):
            return


def kill_agent(home: Home) -> None:
    """Kill the agent, as a crash or an administrator would."""
    os.kill(connect(home, start=False).status()["pid"], signal.SIGKILL)
    wait_for_end(home)


def ended(client: AgentClient, name: str, number: int) -> Release:
    """Follow a release to its end."""
    *_, last = client.events(name, number)
    return last


@pytest.mark.parametrize("stage", STAGES[1:])
def test_an_agent_killed_in_any_stage_is_followed_by_one_that_finishes(home: Home, stage: str) -> None:
    """Whichever stage had begun, the next agent goes on and the release serves."""
    endpoint = jd.deploy(model(1.0), name="churn", example=FRAME)
    until(connect(home), "churn", 1, stage)
    kill_agent(home)

    assert "serving" == ended(connect(home), "churn", 1).state
    assert "200 churn@1 verified" == answering(endpoint)


def test_what_serves_goes_on_while_the_next_deploy_is_killed_again_and_again(home: Home) -> None:
    """Killed in every stage of the second deploy, the first release answers throughout, and the second serves in the end."""
    first = jd.deploy(model(1.0), name="churn", example=FRAME, wait=True)
    jd.deploy(model(0.1), name="churn", example=FRAME)
    for stage in STAGES[1:-1]:
        until(connect(home), "churn", 2, stage)
        kill_agent(home)
        assert "200 churn@1 verified" == answering(first)

    assert "serving" == ended(connect(home), "churn", 2).state
    assert "200 churn@2 verified" == answering(first)


def test_deploys_at_once_leave_the_newest_one_serving(home: Home) -> None:
    """Eight callers deploy to one name while the agent starts: no stage is done twice, the newest serves, the others give way."""
    models = [model(0.1 * strength) for strength in range(1, 9)]
    with ThreadPoolExecutor(8) as pool:
        endpoint, *_ = pool.map(lambda one: jd.deploy(one, name="churn", example=FRAME), models)
    newest = ended(connect(home), "churn", 8)

    assert ["serving", *["cancelled"] * 7] == [release.state for release in endpoint.releases()]
    assert [*STAGES] == [stage.name for stage in newest.stages]
    assert "200 churn@8 verified" == answering(endpoint)


def test_a_deploy_that_was_superseded_is_not_taken_up_by_the_next_agent(home: Home) -> None:
    """An agent that is killed while the older of two deploys has not ended yet is followed by one that finishes the newer alone."""
    with slow_installer(home):
        jd.deploy(model(1.0), name="churn", example=FRAME)
        until(connect(home), "churn", 1, "environment")
        endpoint = jd.deploy(model(0.1), name="churn", example=FRAME)
        kill_agent(home)

    assert ["cancelled", "serving"] == [ended(connect(home), "churn", number).state for number in (1, 2)]
    assert "200 churn@2 verified" == answering(endpoint)


@contextlib.contextmanager
def slow_installer(home: Home) -> Iterator[None]:
    """Hold the locks of all clean environments, as another installer that takes its time does."""
    home.environments.mkdir(parents=True)
    jd.deploy(model(9.0), name="warm", example=FRAME, wait=True)
    (lock,) = home.environments.glob(".*.lock")
    shutil.rmtree(home.environments / lock.name[1:].removesuffix(".lock"))
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def test_an_endpoint_that_cannot_come_back_keeps_no_other_down(home: Home) -> None:
    """After everything was stopped, one whose bundle is damaged stays away; the next agent brings the other one back."""
    broken = jd.deploy(model(1.0), name="broken", example=FRAME, wait=True)
    whole = jd.deploy(model(0.1), name="whole", example=FRAME, wait=True)
    shutil.rmtree(home.bundles / broken.releases()[0].bundle)
    connect(home).stop()
    wait_for_end(home)
    connect(home)
    whole.predict(FRAME.head(1))  # it waits for the router

    assert "200 whole@1 verified" == answering(whole)
    assert answering(broken).startswith("404")


def test_a_release_that_is_being_revived_keeps_its_route(home: Home) -> None:
    """All processes of a release are killed, and another endpoint's traffic is switched meanwhile: it answers again at its URL."""
    revived = jd.deploy(model(1.0), name="revived", example=FRAME, wait=True)
    jd.deploy(model(0.5), name="other", example=FRAME, wait=True)
    other = jd.deploy(model(0.1), name="other", example=FRAME, wait=True)
    runtime = home.runtime / hashlib.sha256(b"revived@1").hexdigest()[:8]
    pids = [sockets.listener_of(path) or 0 for path in (*home.runtime.glob("e-*.sock"), runtime / "parent.sock")]
    for pid in pids[:-1]:  # the revival has to wait for them
        os.kill(pid, signal.SIGSTOP)
    kill_session(pids[-1])
    while not answering(revived).startswith("503"):
        time.sleep(0.05)
    other.rollback()

    assert answering(revived).startswith("503")
    for pid in pids[:-1]:
        os.kill(pid, signal.SIGCONT)
    while answering(revived).startswith("503"):
        time.sleep(0.05)
    assert "200 revived@1 verified" == answering(revived)
