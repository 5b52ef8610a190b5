"""The agent, or what converts, is killed while a faster form is made: the release serves on, and the next agent begins again."""

from __future__ import annotations

import time
from collections.abc import Callable

import httpx
import psutil
import pytest
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier

import jupyter_deploy as jd
from jupyter_deploy.agent.lifecycle import connect
from jupyter_deploy.home import Home
from jupyter_deploy.soundness import examine
from jupyter_deploy.values import Release
from tests.faults.arena import end

pytestmark = pytest.mark.timeout(600)
FRAME, TARGET = load_iris(return_X_y=True, as_frame=True)


def wait(true: Callable[[], object]) -> None:
    """Wait until something is true, with long looks away."""
    while not true():
        time.sleep(0.2)


def release(home: Home) -> Release:
    """Ask the agent for the release."""
    return connect(home).endpoint("iris").releases[0]


def is_compiling(home: Home) -> bool:
    """Say whether the release's faster form is being made."""
    return any(stage.name == "compiled" and stage.seconds is None for stage in release(home).stages)


def ask(endpoint: jd.Endpoint) -> list[int]:
    """Call the endpoint over HTTP with every row."""
    headers = {"Authorization": f"Bearer {endpoint.key_file.read_text().strip()}"}
    answer = httpx.post(f"{endpoint.url}predict", json={"rows": FRAME.to_dict("records")}, headers=headers, trust_env=False)
    assert 200 == answer.status_code, answer.text
    predictions: list[int] = answer.json()["predictions"]
    return predictions


def converters() -> list[psutil.Process]:
    """List the processes that convert."""
    return [one for one in psutil.process_iter(["cmdline"]) if (one.info["cmdline"] or [])[1:] == ["-m", "convert"]]


@pytest.fixture
def model() -> RandomForestClassifier:
    """Fit a forest."""
    return RandomForestClassifier(50, random_state=0).fit(FRAME, TARGET)


def test_an_agent_that_is_killed_begins_again(home: Home, model: RandomForestClassifier) -> None:
    """The release answers before, meanwhile and after, and in the end its faster form does."""
    endpoint = jd.deploy(model, name="iris", example=FRAME, wait=True, preview=False, compile="auto")
    wait(lambda: is_compiling(home))

    end(connect(home).status()["pid"])

    assert model.predict(FRAME).tolist() == ask(endpoint)
    wait(lambda: release(home).compiled)
    assert ("serving", True) == (release(home).state, release(home).compiled[0].kept)
    assert model.predict(FRAME).tolist() == ask(endpoint)
    assert ["compiled"] == [stage.name for stage in release(home).stages if stage.name == "compiled"]
    assert () == examine(home).flaws


def test_a_converter_that_is_killed_changes_nothing(home: Home, model: RandomForestClassifier) -> None:
    """The model itself goes on answering, and the reason is told."""
    before = {one.pid for one in converters()}
    endpoint = jd.deploy(model, name="iris", example=FRAME, wait=True, preview=False, compile="auto")
    wait(lambda: {one.pid for one in converters()} - before)
    for one in converters():
        if one.pid not in before:
            end(one.pid)
    wait(lambda: release(home).compiled)
    (attempt,) = release(home).compiled

    assert ("serving", "", False) == (release(home).state, release(home).faster, attempt.kept)
    assert "The converter failed" in attempt.reason
    assert model.predict(FRAME).tolist() == ask(endpoint)


def test_removing_an_endpoint_ends_what_is_made_for_it(home: Home, model: RandomForestClassifier) -> None:
    """Nothing is left of a release whose faster form was being made."""
    jd.deploy(model, name="iris", example=FRAME, wait=True, preview=False, compile="auto")
    wait(lambda: is_compiling(home))

    connect(home).remove("iris")

    assert [] == connect(home).endpoints()
    assert () == examine(home).flaws


def test_cancelling_leaves_the_model_as_it_is(home: Home, model: RandomForestClassifier) -> None:
    """The owner stops the search; nobody looks again, and the release serves on."""
    endpoint = jd.deploy(model, name="iris", example=FRAME, wait=True, preview=False, compile="auto")
    wait(lambda: is_compiling(home))

    connect(home).cancel("iris", 1)

    assert "cancelled by its owner" == release(home).compiled[0].reason
    assert ("serving", "") == (release(home).state, release(home).faster)
    assert model.predict(FRAME).tolist() == ask(endpoint)
