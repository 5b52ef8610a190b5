"""The widget gets all that a card tells; its output is written twice, and holds all that is needed without it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from jupyter_deploy.adapters.follow import Follower
from jupyter_deploy.adapters.live import LiveCard
from jupyter_deploy.adapters.view import View
from jupyter_deploy.adapters.watching import Figures, displayed
from jupyter_deploy.adapters.widgets import display, metrics


class Shell:
    """What a kernel's shell is for a display: it keeps what was published."""

    execution_count = 3
    kernel: object | None = object()

    def __init__(self) -> None:
        self.published: list[dict[str, Any]] = []
        self.display_pub = self

    def publish(self, **message: Any) -> None:
        """Keep a message."""
        self.published.append(message)


@pytest.fixture
def follow(make: Any, agent: Callable[..., Any]) -> Callable[..., Follower]:
    """Give a function that follows a release through the given steps."""

    def started(*steps: Any, **fields: Any) -> Follower:
        view = View(endpoint=make.endpoint(**fields), release=make.release("captured"), capture=make.capture())
        follower = Follower(agent(*steps), view)
        follower.start()
        return follower

    return started


def test_the_output_is_written_twice(make: Any, follow: Callable[..., Follower]) -> None:
    """As it begins and as it ended, however many stages lie between, so that the page builds the widget once more at most."""
    shell = Shell()
    steps = [make.release(stage, {stage: 1.0}) for stage in ("preview", "locked", "environment", "bundled", "verified", "serving")]
    follower = follow(*steps)

    shown = displayed(shell, follower, follower._client)
    shown.show()
    shown.join(60)

    assert [False, True] == [message["update"] for message in shell.published]
    assert 1 == len({message["transient"]["display_id"] for message in shell.published})
    last = shell.published[-1]["data"]
    assert {"text/html", "text/plain", "image/png", display.WIDGET, display.OUTPUT} == set(last)
    assert shell.published[0]["data"][display.WIDGET] == last[display.WIDGET]
    assert "churn@1 · verified" in last["text/plain"]
    assert "rate 10/s" in last["text/plain"]


def test_a_broken_matplotlib_keeps_no_output_from_its_end(
    make: Any, follow: Callable[..., Follower], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The figures stand there as text; the card tells how the release ended."""
    monkeypatch.setattr(display, "SNAPSHOT", "tests.no_such_module")
    shell, follower = Shell(), follow(make.release("verified", {"verified": 1.0}), make.release("serving", {"verified": 1.0}))
    shown = displayed(shell, follower, follower._client)
    shown.refresh()
    follower.until_ended(10)
    shown.refresh()
    shown.end()

    assert "image/png" not in shell.published[-1]["data"]
    assert "rate 10/s" in shell.published[-1]["data"]["text/plain"]


def test_an_agent_that_has_gone_has_no_figures(make: Any, follow: Callable[..., Follower]) -> None:
    """The output tells the end without them."""
    shell = Shell()
    follower = follow(make.release("serving"))
    follower.until_ended(10)
    follower._client.unreachable = 1000

    shown = displayed(shell, follower, follower._client)
    shown.show()
    shown.join(60)

    assert "image/png" not in shell.published[-1]["data"]
    assert "churn@1 · verified" in shell.published[-1]["data"]["text/plain"]


def test_the_page_is_told_all(make: Any, agent: Callable[..., Any]) -> None:
    """Endpoint and release as JSON; findings, contract and golden rows as markup without a script; the call as text."""
    view = View(endpoint=make.endpoint(), release=make.release(), capture=make.capture())

    widget = metrics.EndpointWidget(agent(), view)

    assert ("churn", 1, 1) == (
        widget.shown["endpoint"]["name"], widget.shown["endpoint"]["answering"], widget.shown["release"]["number"],
    )  # fmt: skip
    assert "RandomForestClassifier, 1.2 MB" == widget.shown["about"]
    assert "/home/ada" == widget.home
    assert "18 to 99" in widget.details["contract"]
    assert "<script" not in widget.details["contract"]
    assert widget.details["call"].startswith("curl ")


class Recorded(metrics.EndpointWidget):
    """A widget that keeps what it sends."""

    def __init__(self, *args: Any) -> None:
        self.sent: list[Any] = []
        super().__init__(*args)

    def send(self, content: Any, buffers: Any = None) -> None:
        """Keep a message."""
        self.sent.append(content)


def test_figures_are_messages_and_no_state(make: Any, agent: Callable[..., Any]) -> None:
    """A thousand samples leave the widget's state, which a notebook may save, as it was."""
    view = View(endpoint=make.endpoint(), release=make.release(), capture=make.capture())
    widget = Recorded(agent(), view)
    before = widget.get_state()

    for _ in range(1000):
        metrics.Feed(widget, agent(), view, float("inf")).run()
    widget._answer(widget, {"do": "history", "span": 3600}, [])

    assert 1001 == len(widget.sent)
    assert 10 == widget.sent[0]["sample"]["requests"]
    assert 3600 == widget.sent[-1]["series"]["span"]
    assert before == widget.get_state()


def test_a_page_that_needs_no_figures_gets_none(make: Any, agent: Callable[..., Any]) -> None:
    """Where the Jupyter server tells the page, the kernel keeps quiet until it is asked again."""
    widget = Recorded(agent(), View(endpoint=make.endpoint(), release=make.release()))

    widget._answer(widget, {"do": "rest"}, [])
    widget.feed()
    assert widget._feed is None
    widget._answer(widget, {"do": "watch"}, [])
    widget._feed.join(10)

    assert [10] == [message["sample"]["requests"] for message in widget.sent]


def test_a_page_of_an_endpoint_that_was_stopped_is_told(make: Any, agent: Callable[..., Any]) -> None:
    """While nothing runs there are no figures, but who answers is told, and they come once something runs again."""
    known = agent(make.release("retired"))
    known.silences, known.answering = 2, None
    widget = Recorded(known, View(endpoint=make.endpoint(), release=make.release()))

    metrics.Feed(widget, known, widget._view, float("inf")).run()

    assert widget.shown["endpoint"]["answering"] is None
    assert ["sample"] == [kind for message in widget.sent for kind in message]


def test_nobody_is_followed_for_a_page_that_has_gone(make: Any, agent: Callable[..., Any]) -> None:
    """The thread ends though no sample wakes it, and with it what the agent does for it."""
    known = agent(make.release())
    known.silences = 1_000_000
    widget = Recorded(known, View(endpoint=make.endpoint(), release=make.release()))
    feed = metrics.Feed(widget, known, widget._view, float("inf"))
    feed.start()
    feed.until = 0.0
    feed.join(30)

    assert not feed.is_alive()
    assert [] == widget.sent


@pytest.mark.parametrize(
    "asked",
    [
        None,
        3,
        {},
        {"do": "remove"},
        {"do": [1]},
        {"do": "history", "span": [300]},
        {"do": "history", "span": "300; rm"},
        {"do": "history"},
    ],
)
def test_the_page_cannot_act_through_the_kernel(make: Any, agent: Callable[..., Any], asked: Any) -> None:
    """Only looking is answered; whatever else a page sends is passed over."""
    view = View(endpoint=make.endpoint(), release=make.release())
    widget = metrics.EndpointWidget(agent(), view)

    widget._answer(widget, asked, [])

    assert widget._feed is None


def test_a_terminal_has_the_card(follow: Callable[..., Follower], make: Any) -> None:
    """Where there is no kernel, what is displayed is no widget; figures are lines of text."""
    shell = Shell()
    shell.kernel = None
    follower = follow(make.release("serving"))

    shown = displayed(shell, follower, follower._client)
    shown.show()

    assert LiveCard is type(shown)
    assert {"text/html", "text/plain"} == set(shell.published[0]["data"])
    assert "rate 10/s" in repr(Figures(follower._client, "churn", lambda: follower))
