"""Which release is meant by a rollback and by a promotion."""

from __future__ import annotations

from typing import Any

import pytest

from jupyter_deploy import errors, switches
from jupyter_deploy.values import Endpoint, Release, Stage


def release(number: int, state: Any = "retired", *answered: float, verified: bool = True) -> Release:
    """Give a release that began to answer, or ceased to, at some times."""
    stages = tuple(Stage(name="serving", started=at, seconds=0.0) for at in answered)
    return Release(endpoint="churn", number=number, state=state, created=0.0, capture="", verified=verified, stages=stages)


def endpoint(answering: int | None, state: Any, *releases: Release) -> Endpoint:
    """Give an endpoint."""
    newest_first = tuple(sorted(releases, key=lambda one: one.number, reverse=True))
    return Endpoint(name="churn", url="", target="local", answering=answering, state=state, key_file="", releases=newest_first)


THREE = (release(1, "retired", 1.0), release(2, "serving", 2.0, 9.0), release(3, "retired", 3.0))


def test_the_newest_above_what_answers_is_promoted() -> None:
    """Whenever it answered last, and although an older one answered later."""
    assert 3 == switches.newer(endpoint(2, "verified", *THREE), None).number


def test_the_newest_below_what_answers_is_rolled_back_to() -> None:
    """One that has served."""
    assert 1 == switches.older(endpoint(2, "verified", *THREE, release(0, "failed", verified=False)), None).number


def test_a_stopped_endpoint_is_started_with_what_answered_last() -> None:
    """What was rolled back from before does not come back by that."""
    assert 2 == switches.newer(endpoint(None, "", *THREE), None).number


def test_a_preview_gives_way_to_what_was_verified() -> None:
    """Whatever its own number is."""
    assert 2 == switches.newer(endpoint(4, "preview", *THREE, release(4, "failed", verified=False)), None).number


@pytest.mark.parametrize("choose", [switches.newer, switches.older])
@pytest.mark.parametrize("state", ["verified", "bundled", "refused"])
def test_what_is_on_its_way_or_was_refused_is_never_meant(choose: Any, state: str) -> None:
    """Neither by itself nor by its number: the one will answer by itself, the other not at all."""
    with pytest.raises(errors.Conflict, match="churn@4"):
        choose(endpoint(2, "verified", *THREE, release(4, state, verified=state == "verified")), 4)


@pytest.mark.parametrize("choose", [switches.newer, switches.older])
def test_what_answers_already_is_not_meant(choose: Any) -> None:
    """The others are listed."""
    with pytest.raises(errors.Conflict) as caught:
        choose(endpoint(2, "verified", *THREE), 2)

    assert "There are: churn@3, churn@1." == caught.value.hint


def test_where_there_is_nothing_newer_the_hint_says_what_else_can_be_done() -> None:
    """Roll back, or deploy."""
    with pytest.raises(errors.Conflict, match="no newer verified release") as above:
        switches.newer(endpoint(3, "verified", *THREE), None)
    with pytest.raises(errors.Conflict) as none:
        switches.newer(endpoint(None, ""), None)

    assert "rollback churn" in above.value.hint
    assert "Deploy the model that you want." == none.value.hint
