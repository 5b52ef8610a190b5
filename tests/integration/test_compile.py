"""A faster form takes the place of a model that serves, once it is proved; nothing else changes, and nobody notices the switch."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier

import jupyter_deploy as jd
from jupyter_deploy import errors, soundness
from jupyter_deploy.adapters import card
from jupyter_deploy.adapters.view import View
from jupyter_deploy.agent.lifecycle import connect, wait_for_end
from jupyter_deploy.home import Home
from jupyter_deploy.targets.base import Launch
from jupyter_deploy.values import Manifest, Release, from_json

pytestmark = pytest.mark.compile
FRAME, TARGET = load_iris(return_X_y=True, as_frame=True)
NAMES = np.array(["setosa", "versicolor", "virginica"])[TARGET]
ROWS = FRAME.to_dict("records")


def until(true: Callable[[], bool]) -> None:
    """Wait until something is true, with long looks away: what is waited for gives way to everything else."""
    while not true():
        time.sleep(0.3)


class Caller(threading.Thread):
    """Calls an endpoint until it is told to stop, and notes what is not answered with 200."""

    def __init__(self, endpoint: jd.Endpoint) -> None:
        super().__init__(daemon=True)
        self.endpoint, self.ended = endpoint, threading.Event()
        self.calls, self.failed = 0, []  # type: int, list[str]

    def run(self) -> None:
        """Call."""
        headers = {"Authorization": f"Bearer {self.endpoint.key_file.read_text().strip()}"}
        with httpx.Client(headers=headers, trust_env=False) as client:
            while not self.ended.wait(0.05):
                self.calls += 1
                try:
                    answer = client.post(f"{self.endpoint.url}predict", json={"rows": ROWS[:2]})
                except httpx.HTTPError as error:
                    self.failed.append(repr(error))
                    continue
                if answer.status_code != 200 or answer.json()["predictions"] != ["setosa", "setosa"]:
                    self.failed.append(f"{answer.status_code} {answer.text}")


def release(home: Home, number: int = 1, name: str = "iris") -> Release:
    """Ask the agent for a release."""
    return next(one for one in connect(home).endpoint(name).releases if one.number == number)


def answers(endpoint: jd.Endpoint, method: str) -> tuple[list[Any], str, str]:
    """Call an endpoint with all rows; gives the answers, and which release gave them in which state."""
    headers = {"Authorization": f"Bearer {endpoint.key_file.read_text().strip()}"}
    got = httpx.post(f"{endpoint.url}{method}", json={"rows": ROWS}, headers=headers, trust_env=False)
    return got.json()["predictions"], got.headers["jd-release"], got.headers["jd-state"]


def is_up(endpoint: jd.Endpoint) -> bool:
    """Say whether an endpoint answers again."""
    try:
        return httpx.get(f"{endpoint.url}readyz", trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


@pytest.fixture(scope="module")
def forest() -> RandomForestClassifier:
    """Fit a forest whose labels are texts."""
    return RandomForestClassifier(100, random_state=0).fit(FRAME, NAMES)


@pytest.fixture(scope="module")
def compiled(shared_home: Home, forest: RandomForestClassifier) -> Iterator[tuple[jd.Endpoint, Caller]]:
    """Deploy it, and call it until its faster form answers."""
    endpoint = jd.deploy(forest, name="iris", example=FRAME, wait=True, preview=False, compile="auto")
    caller = Caller(endpoint)
    caller.start()
    until(lambda: bool(release(shared_home).compiled))
    until(lambda: {"iris@1-compiled"} == set(running(shared_home)))
    caller.ended.set()
    caller.join()
    yield endpoint, caller


def running(home: Home) -> list[str]:
    """List the launches of this home, as their records say."""
    return [from_json(file.read_bytes(), Launch).id for file in home.runtime.glob("*/launch.json")]


def test_the_faster_form_answers_as_the_model_does(
    compiled: tuple[jd.Endpoint, Caller], forest: RandomForestClassifier, shared_home: Home
) -> None:
    """It answers under the release's own name, labels and probabilities as in the notebook; the release goes on serving."""
    labels, chances = answers(compiled[0], "predict"), answers(compiled[0], "predict_proba")
    (attempt,) = release(shared_home).compiled

    assert (forest.predict(FRAME).tolist(), "iris@1", "verified") == labels
    np.testing.assert_allclose(chances[0], forest.predict_proba(FRAME), rtol=1e-9, atol=1e-12)
    assert ("serving", True, "ONNX Runtime") == (release(shared_home).state, attempt.kept, attempt.engine)
    assert attempt.speedup is not None
    assert attempt.speedup >= 1.3
    assert attempt.difference is not None
    assert attempt.difference <= 1e-6


def test_nobody_notices_the_switch(compiled: tuple[jd.Endpoint, Caller]) -> None:
    """Every call while the form was made and took over was answered, and rightly."""
    assert [] == compiled[1].failed
    assert compiled[1].calls > 0


def test_what_was_tried_is_told(compiled: tuple[jd.Endpoint, Caller], shared_home: Home) -> None:
    """The card, the release's manifest and the history say what was tried and what came of it."""
    kept, endpoint = release(shared_home), connect(shared_home).endpoint("iris")
    written = from_json((shared_home.releases / "iris" / "1" / "manifest.json").read_bytes(), Manifest)
    shown = card.text(View(endpoint=endpoint, release=kept), 0.0)

    assert kept.compiled == written.compiled
    assert "compiled with ONNX Runtime: " in shown
    assert ["compiled"] == [one.action for one in connect(shared_home).history("iris") if one.action == "compiled"]


def test_all_of_it_is_kept_whole(compiled: tuple[jd.Endpoint, Caller], shared_home: Home) -> None:
    """Freeing the disk leaves the form's bundle, lock and environment, and takes what only converting needed; all is sound."""
    connect(shared_home).free()
    kept = release(shared_home)

    assert {kept.bundle, kept.faster} == {one.name for one in shared_home.bundles.iterdir()}
    environments = {one.name for one in shared_home.environments.iterdir() if not one.name.startswith(".")}
    assert {kept.lock, kept.faster_lock} == environments
    assert () == soundness.examine(shared_home).flaws


def test_the_next_agent_starts_the_faster_form(
    compiled: tuple[jd.Endpoint, Caller], forest: RandomForestClassifier, shared_home: Home
) -> None:
    """After everything was stopped, the form answers again."""
    connect(shared_home).stop()
    wait_for_end(shared_home)
    connect(shared_home)
    until(lambda: is_up(compiled[0]))

    assert {"iris@1-compiled"} == set(running(shared_home))
    assert forest.predict(FRAME).tolist() == answers(compiled[0], "predict")[0]


def test_a_rollback_brings_the_faster_form_back(
    compiled: tuple[jd.Endpoint, Caller], forest: RandomForestClassifier, shared_home: Home
) -> None:
    """A newer release answers, then the older one again, in its faster form."""
    jd.deploy(RandomForestClassifier(3).fit(FRAME, TARGET), name="iris", example=FRAME, wait=True, preview=False)
    connect(shared_home).rollback("iris")

    assert (forest.predict(FRAME).tolist(), "iris@1", "verified") == answers(compiled[0], "predict")
    assert "iris@1-compiled" in running(shared_home)
    assert "iris@1" not in running(shared_home)


def test_what_has_to_be_compiled_and_cannot_is_refused(shared_home: Home) -> None:
    """With `require` a function never serves, and the reason says why."""

    def price(rooms: float) -> float:
        return 2 * rooms

    with pytest.raises(errors.Refused) as refused:
        jd.deploy(price, name="price", example={"rooms": 2.0}, wait=True, preview=False, compile="require")

    assert "no form of it is as exact and faster. Models of Python have no faster form." in refused.value.message
    assert connect(shared_home).endpoint("price").answering is None


def test_what_has_to_be_compiled_serves_compiled_from_the_first_moment(shared_home: Home, forest: RandomForestClassifier) -> None:
    """With `require` the model itself never answers at the endpoint's URL."""
    endpoint = jd.deploy(forest, name="strict", example=FRAME, wait=True, preview=False, compile="require", stage_deadline=240.0)

    assert ["verified", "compiled", "serving"] == [one.name for one in release(shared_home, 1, "strict").stages][-3:]
    assert forest.predict(FRAME).tolist() == answers(endpoint, "predict")[0]
    until(lambda: "strict@1" not in running(shared_home))
