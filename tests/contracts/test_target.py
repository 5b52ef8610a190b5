"""What every target must do; run on each implementation with real processes."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from bench import load
from jupyter_deploy import errors, plugins
from jupyter_deploy.targets.base import Target, Traffic
from jupyter_deploy.targets.local import sockets
from tests.serving import KERNEL, SECRET, Machine, machine, until


@pytest.fixture(params=sorted(plugins.BUILT_IN["targets"]))
def made(request: pytest.FixtureRequest) -> Iterator[Machine]:
    """Give a target on which nothing runs."""
    with machine() as one:
        assert isinstance(one.target, plugins.load("targets", request.param))
        yield one


def test_target_names_itself(made: Machine) -> None:
    """A target has the name under which it is registered and a URL for an endpoint that ends in a slash."""
    target: Target = made.target

    assert target.name in plugins.names("targets")
    assert target.url("churn").endswith("/churn/")
    assert target.url("churn") == target.url("churn")


def test_release_answers_before_any_traffic(made: Machine) -> None:
    """A started release is ready and can be called directly, though no traffic goes to it."""
    launch = made.start(3)

    assert "ready" == made.target.status()[launch].phase
    assert [6, 9] == made.predict(launch, 2, 3)
    assert 0 == made.target.samples(launch)["requests"]


def test_samples_are_those_of_the_metrics(made: Machine) -> None:
    """What a release's workers counted is told without a key and without asking a worker."""
    launch = made.start(3)
    made.predict(launch, 2, 3)
    found = {
        (name, labels.get("method"), labels.get("code")): value for name, labels, value in made.target.samples(launch)["metrics"]
    }

    assert 1 == found["jd_requests_total", "predict", "200"]
    assert 2 == found["jd_rows_total", "predict", None]
    assert [] == made.target.samples("churn@99")["metrics"]


def test_counts_are_what_callers_got(made: Machine) -> None:
    """All releases are told of at once, with what was refused, and with what the router answered because no worker could."""
    launch, idle = made.start(3), made.start(4)
    made.switch(idle)
    made.switch(launch, retry=False)
    url, right = made.target.url("churn") + "predict", {"authorization": f"Bearer {SECRET}"}
    asked = ([1], right), ([1], {}), ([{"die": True}], right)
    statuses = [httpx.post(url, json={"rows": rows}, headers=headers, trust_env=False).status_code for rows, headers in asked]
    counts = made.target.counts() or {}

    assert [200, 401, 503] == statuses
    assert (3, 1, 1) == (counts[launch].requests, counts[launch].errors, counts[launch].refused)
    assert (0, 2) == (counts[idle].requests, counts[idle].workers)


def test_a_stopped_endpoint_says_so(made: Machine) -> None:
    """Its callers get 503 with a code of its own, whatever they call; an endpoint at which nothing ever answered is unknown."""
    made.switch(made.start(3))
    made.target.switch({"churn": Traffic(endpoint="churn", stopped=True), "other": Traffic(endpoint="other")})
    url = made.target.url("churn")
    told = [httpx.post(f"{url}{path}", json={"rows": [1]}, trust_env=False) for path in ("predict", "", "livez")]

    assert {(503, "stopped")} == {(one.status_code, one.json()["code"]) for one in told}
    assert 404 == httpx.get(made.target.url("other"), trust_env=False).status_code


def test_start_can_be_repeated(made: Machine) -> None:
    """Starting what runs changes nothing."""
    launch = made.start(3)
    before = made.target.status()
    made.start(3)

    assert before == made.target.status()
    assert 2 == len(before[launch].workers)


def test_start_replaces_what_was_started_otherwise(made: Machine) -> None:
    """Starting the same release with other options, as after a change of settings, runs it with those."""
    launch = made.start(3, workers=1)
    made.start(3, workers=2)

    assert 2 == len(made.target.status()[launch].workers)


def test_batching_is_changed_while_it_runs(made: Machine) -> None:
    """Whether one call of the model may answer several requests is changed, and told at the start, without replacing a worker."""
    launch = made.launch(3)
    made.target.start(launch)
    before = made.target.status()
    made.target.batch(launch.id, ("predict",))
    made.target.start(msgspec.structs.replace(launch, batched=("predict",)))
    made.again()
    made.target.start(launch)

    assert before == made.target.status()
    with pytest.raises(errors.ReleaseFailed, match="churn@9"):
        made.target.batch("churn@9", ())


def test_model_that_cannot_be_loaded(made: Machine) -> None:
    """A model that cannot be loaded is an error with the exception's class and text, and leaves nothing running."""
    launch = made.launch(1)
    (Path(launch.folder) / "model" / "model.pkl").write_bytes(b"no pickle")
    with pytest.raises(errors.ReleaseFailed, match=r"churn@1-preview could not be started: UnpicklingError"):
        made.target.start(launch)

    assert {} == made.target.status()


def test_interpreter_that_does_not_exist(made: Machine) -> None:
    """An interpreter that is gone is an error that names it."""
    launch = msgspec.structs.replace(made.launch(1), interpreter="/gone/python")
    with pytest.raises(errors.ReleaseFailed, match="/gone/python"):
        made.target.start(launch)


def test_call_of_what_does_not_run(made: Machine) -> None:
    """Calling a release that was not started is an error that names it."""
    with pytest.raises(errors.ReleaseFailed, match="churn@9"):
        made.target.call("churn@9", "/predict", b"{}", SECRET)


def test_call_without_a_key(made: Machine) -> None:
    """A release refuses a key that it does not know, and says nothing more."""
    launch = made.start(1)
    status, body = made.target.call(launch, "/predict", b'{"rows": [1]}', "jd_wrong")

    assert 401 == status
    assert "unauthorized" == json.loads(body)["code"]


def test_traffic_follows_the_switch(made: Machine) -> None:
    """After the switch every call at the endpoint's URL is answered by the release that it names, and is counted there."""
    first, second = made.start(2), made.start(3)
    made.switch(first)
    with load.running(made.plan()) as report:
        until(lambda: len(report.calls) > 20)
        made.switch(second)
        until(lambda: len(report.calls) > 60)
        made.switch(first)
        until(lambda: len(report.calls) > 100)

    assert {} == report.reasons
    assert {"churn@2", "churn@3"} == {call.release for call in report.calls}
    assert len(report.calls) == made.target.samples(first)["succeeded"] + made.target.samples(second)["succeeded"]


def test_switch_to_what_does_not_run(made: Machine) -> None:
    """Traffic for a release that does not run is refused, and the old traffic stays."""
    made.switch(made.start(2))
    with pytest.raises(errors.ReleaseFailed, match="churn@9"):
        made.switch("churn@9")

    assert {} == load.run(made.plan(), 0.2).reasons


def test_release_beside(made: Machine) -> None:
    """A release beside answers at its own path, and the endpoint's URL goes on being answered by the other one."""
    first, second = made.start(2), made.start(3)
    made.target.switch({"churn": Traffic(endpoint="churn", weights={first: 100}, beside={"churn@3": second})})
    plan = made.plan()
    beside = replace(plan, url=made.target.url("churn@3") + "predict")

    assert {"churn@3"} == {call.release for call in load.run(beside, 0.2).calls if not call.failure}
    assert {"churn@2"} == {call.release for call in load.run(plan, 0.2).calls if not call.failure}


def test_stop_lets_calls_finish(made: Machine) -> None:
    """A release that is stopped after the traffic left it answers what it had begun and is gone; stopping again does nothing."""
    first, second = made.start(2), made.start(3)
    made.switch(first)
    body = b'{"rows": [{"sleep": 0.5}]}'
    slow = replace(made.plan(rate=2), body=lambda _: body, check=lambda _, answer: "" if answer.status == 200 else "refused")
    with load.running(slow) as report:
        until(lambda: made.target.samples(first)["in_flight"] > 0)
        made.switch(second)
        made.target.stop(first)
        assert {second} == set(made.target.status())

    assert {} == report.reasons
    assert "churn@2" in {call.release for call in report.calls}
    made.target.stop(first)


def test_release_with_traffic_is_not_stopped(made: Machine) -> None:
    """Stopping a release that answers calls is an error, and it goes on answering."""
    launch = made.start(2)
    made.switch(launch)
    with pytest.raises(errors.Conflict, match="churn@2-preview still answers"):
        made.target.stop(launch)

    assert {} == load.run(made.plan(), 0.2).reasons


def test_two_releases_start_at_the_same_time(made: Machine) -> None:
    """Starts from several threads do not disturb each other."""
    threads = [threading.Thread(target=made.start, args=(number,)) for number in (2, 3, 4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {f"churn@{number}-preview": [number] for number in (2, 3, 4)} == {
        launch: made.predict(launch, 1) for launch in made.target.status()
    }


def test_everything_goes_on_without_the_agent(made: Machine) -> None:
    """When the agent ends, releases and router go on answering, and the next agent knows them."""
    launch = made.start(2)
    made.switch(launch)
    with load.running(made.plan()) as report:
        until(lambda: len(report.calls) > 10)
        before, url = made.target.status(), made.target.url("churn")
        made.again()
        assert (before, url) == (made.target.status(), made.target.url("churn"))
        made.start(2)
        made.switch(launch)
        assert before == made.target.status()
        made.switch(made.start(3))
        made.target.stop(launch)
        until(lambda: any(call.release == "churn@3" for call in report.calls))

    assert {} == report.reasons


def test_warming_is_for_previews(made: Machine) -> None:
    """A warmed kernel's preview runs in a process that has done the kernel's imports."""
    made.target.warm(KERNEL["interpreter"], KERNEL["path"], ("colorsys",), os.getpid())
    until(lambda: any(map(sockets.listener_of, made.home.runtime.glob("e-*.sock"))))
    launch = made.launch(5, _knows_module())
    made.target.start(launch)

    assert [True] == made.predict(launch.id, "colorsys")


def _knows_module() -> Any:
    class Knows:
        def predict(self, rows: list[str]) -> list[bool]:
            import sys

            return [row in sys.modules for row in rows]

    return Knows()


def test_close_ends_everything(made: Machine) -> None:
    """Closing with everything leaves neither a release nor a router."""
    made.switch(made.start(2))
    made.target.close(everything=True)
    made.target = type(made.target)(made.home)

    assert {} == made.target.status()
    assert {"ConnectionRefusedError"} == {reason.partition(":")[0] for reason in load.run(made.plan(), 0.1).reasons}


def test_after_close_nothing_is_started(made: Machine) -> None:
    """A thread that still deploys while its agent ends leaves neither a release nor a router behind."""
    made.switch(made.start(2))
    closed, launch = made.target, made.launch(3)
    closed.close(everything=True)
    made.target = type(closed)(made.home)
    for late in (lambda: closed.start(launch), lambda: closed.switch({})):
        with pytest.raises(errors.DeployError, match="he agent ends"):
            late()

    assert {} == made.target.status()
    assert {"ConnectionRefusedError"} == {reason.partition(":")[0] for reason in load.run(made.plan(), 0.1).reasons}
