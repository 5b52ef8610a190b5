"""The handle follows its release, and raises the reason where that does not come to serve."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jupyter_deploy import errors
from jupyter_deploy.adapters.handle import Endpoint, Listing, Standing
from jupyter_deploy.adapters.view import View
from jupyter_deploy.values import Difference, Options


@pytest.fixture
def handle(make: Any, agent: Callable[..., Any]) -> Callable[..., Endpoint]:
    """Give a function that makes a handle whose release goes through the given steps."""

    def made(*steps: Any, **named: Any) -> Endpoint:
        client = agent(*steps, **named)
        view = View(endpoint=make.endpoint(answering=None, state=""), release=make.release("captured"), capture=make.capture())
        return Endpoint("churn", client=client, view=view, options=Options())

    return made


def test_wait_returns_the_endpoint(make: Any, handle: Callable[..., Endpoint]) -> None:
    """Waiting ends when the verified release serves, and gives the handle for the next call."""
    endpoint = handle(make.release("preview"), make.release("serving"))

    assert endpoint is endpoint.wait(10)
    assert "<Endpoint churn@1 · verified · http://127.0.0.1:8484/churn/>" == repr(endpoint)


def test_wait_raises_the_rows(make: Any, handle: Callable[..., Endpoint]) -> None:
    """A refused release raises with the differing rows and what to do."""
    rows = (Difference(method="predict", row=3, expected="1", got="0"),)
    endpoint = handle(make.release("refused", reason="1 of 100 differs.", hint="Set a seed.", differences=rows))

    with pytest.raises(errors.Refused) as caught:
        endpoint.wait(10)

    assert "churn@1 is refused: 1 of 100 differs.\n  predict, golden row 3: notebook 1, release 0\nSet a seed." == str(caught.value)


@pytest.mark.parametrize(("state", "kind"), [("failed", errors.ReleaseFailed), ("cancelled", errors.Cancelled)])
def test_wait_raises_the_reason(make: Any, handle: Callable[..., Endpoint], state: str, kind: type[Exception]) -> None:
    """A release that failed or was cancelled raises its reason."""
    with pytest.raises(kind, match="no network"):
        handle(make.release(state, reason="There is no network.")).wait(10)


def test_wait_gives_up_after_its_time(make: Any, handle: Callable[..., Endpoint]) -> None:
    """When the time is over the deploy goes on, and the message says where it is."""
    gate = threading.Event()
    endpoint = handle(make.release("locked"), make.release("serving"), gate=gate)

    with pytest.raises(TimeoutError, match=r"churn@1 is at `\w+` after 0\.2 s; the deploy goes on"):
        endpoint.wait(0.2)
    gate.set()
    endpoint.wait(10)


def test_an_agent_that_restarts_is_waited_for(make: Any, handle: Callable[..., Endpoint]) -> None:
    """An agent that is away for a moment does not end the waiting."""
    endpoint = handle(make.release("serving"))
    endpoint._client.unreachable = 2

    assert "verified" == endpoint.wait(10).view.state


def test_an_endpoint_that_is_removed_meanwhile(make: Any, handle: Callable[..., Endpoint]) -> None:
    """Waiting for what somebody removed raises."""
    endpoint = handle(make.release("locked"))
    endpoint._client.removed = True

    with pytest.raises(errors.UnknownName, match="no endpoint `churn`"):
        endpoint.wait(10)


def test_the_models_methods_are_attributes(make: Any, handle: Callable[..., Endpoint]) -> None:
    """What the contract names is there for completion; a misspelt one says what comes near."""
    endpoint = handle(make.release("serving"))

    assert {"predict", "predict_proba", "wait", "url"} <= set(dir(endpoint))
    assert callable(endpoint.predict_proba)
    with pytest.raises(AttributeError, match=r"`churn` has no method `predict_prob`\. Did you mean `predict_proba`"):
        endpoint.predict_prob  # noqa: B018 (the access is what is tested)
    assert not hasattr(endpoint, "_repr_html_")


def test_the_handle_has_few_names() -> None:
    """A person can read all public names of the handle at a glance."""
    assert 18 >= len([name for name in vars(Endpoint) if not name.startswith("_")])


def test_a_listing_reads_as_text() -> None:
    """A notebook shows the lines, a program sees the items."""
    shown = Listing(["a", "b"], "a\nb")

    assert (["a", "b"], "a\nb") == (list(shown), repr(shown))


def test_an_error_shows_the_callers_line_alone(make: Any, handle: Callable[..., Endpoint]) -> None:
    """The traceback of a refused release holds nothing of how it came about inside."""
    with pytest.raises(errors.Refused) as caught:
        handle(make.release("refused", reason="1 of 100 differs.")).wait(10)

    assert [Path(__file__).name, "listing.py"] == [entry.path.name for entry in caught.traceback]


def test_a_standing_is_told_in_lines(make: Any, handle: Callable[..., Endpoint]) -> None:
    """What `status` gives shows what answers where, and the releases, instead of every field."""
    standing = Standing.of(make.endpoint(releases=(make.release(),)))

    lines = repr(standing).splitlines()
    assert "churn@1 (verified) answers at http://127.0.0.1:8484/churn/, key in /home/ada/keys/churn.key" == lines[0]
    assert ["churn@1", "verified"] == lines[2].split()[:2]
    assert repr(Standing.of(make.endpoint(answering=None, state=""))).startswith("nothing answers yet at")


@pytest.mark.parametrize(
    ("states", "told"),
    [
        (("retired",), "stopped: nothing answers at"), (("failed", "retired"), "stopped: nothing answers at"),
        (("failed",), "nothing answers at"), (("locked",), "nothing answers yet at"),
    ],
    ids=str,
)  # fmt: skip
def test_a_standing_says_why_nothing_answers(make: Any, states: tuple[str, ...], told: str) -> None:
    """It was stopped, its first release failed, or is on its way."""
    standing = Standing.of(make.endpoint(answering=None, state="", releases=tuple(map(make.release, states))))

    assert repr(standing).startswith(told)


@pytest.mark.parametrize("limit", [{"days": float("nan")}, {"days": float("inf")}, {"quota": float("nan")}], ids=str)
def test_a_key_whose_limit_is_no_number_is_refused(
    make: Any, handle: Callable[..., Endpoint], tmp_path: Path, limit: dict[str, float]
) -> None:
    """Such as the empty cell of a table, which JSON would make a key without a limit of."""
    with pytest.raises(errors.BadInput, match="which is no number"):
        handle(make.release()).make_key("ann", tmp_path / "ann.key", **limit)

    assert [] == list(tmp_path.iterdir())


def test_a_call_of_what_never_answered_raises_its_reason(make: Any, handle: Callable[..., Endpoint]) -> None:
    """Where the first release failed, a call says why instead of what the router makes of it; it waits for that if need be."""
    endpoint = handle(make.release("locked"), make.release("failed", reason="There is no network."))
    endpoint._client.answering = None

    with pytest.raises(errors.ReleaseFailed, match="no network"):
        endpoint.predict([[1]])
