"""The live widget: it shows a release on its way, and then the figures of its endpoint.

What the page needs at once is the widget's state, which a page that is loaded again gets from the kernel; figures are messages,
which no notebook saves. The page asks the Jupyter server for them; only where that has no answer does the kernel send figures.
"""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import anywidget
import msgspec
import traitlets

from jupyter_deploy import errors
from jupyter_deploy.adapters import card
from jupyter_deploy.adapters import view as words
from jupyter_deploy.adapters.view import View
from jupyter_deploy.agent.client import AgentClient

STATIC = Path(__file__).parent / "static"
SPANS = (300, 3600, 86_400)  # seconds
LEASE = 900.0  # seconds for which figures are sent to a page that says nothing more
LOOK = 5.0  # seconds between two looks at which release answers, and whether anybody is still there


class EndpointWidget(anywidget.AnyWidget):
    """The widget.

    Args:
        client: The agent.
        view: What is shown.

    Attributes:
        shown: The endpoint and the release, as JSON.
        details: What is shown beside them: the call from a shell as text; findings, contract and golden rows as markup.
        home: The agent's folder, by which the page knows whether its Jupyter server talks to the same agent.
    """

    _esm = (STATIC / "metrics.js").read_text(encoding="utf-8")
    _css = (STATIC / "metrics.css").read_text(encoding="utf-8")
    shown = traitlets.Dict().tag(sync=True)
    details = traitlets.Dict().tag(sync=True)
    home = traitlets.Unicode().tag(sync=True)

    def __init__(self, client: AgentClient, view: View) -> None:
        super().__init__(shown=shown(view), details=details(view), home=str(client.home.root))
        self._client = client
        self._view = view
        self._rests = False  # whether the page has said that it needs no figures of the kernel
        self._feed: Feed | None = None
        self.on_msg(self._answer)

    def tell(self, view: View) -> None:
        """Show what is known by now.

        Args:
            view: What is shown.
        """
        self._view = view
        self.shown, self.details = shown(view), details(view)

    def feed(self) -> None:
        """Send a sample each second unless the page needs none; from a thread, because a busy kernel sends nothing else."""
        if self._rests:
            return
        until = time.monotonic() + LEASE
        if self._feed is not None and self._feed.is_alive():
            self._feed.until = until
        else:
            self._feed = Feed(self, self._client, self._view, until)
            self._feed.start()

    def _answer(self, _widget: Any, asked: Any, _buffers: Any) -> None:
        """Do what the page asks for: only to look, never to act."""
        wanted = asked.get("do") if isinstance(asked, dict) else None
        if wanted in ("watch", "rest"):
            self._rests = wanted == "rest"
            self.feed()
            if self._rests and self._feed is not None:
                self._feed.until = 0.0
        elif wanted == "history" and asked.get("span") in SPANS:
            self._history(asked["span"])

    def _history(self, span: int) -> None:
        try:
            self.send({"series": msgspec.to_builtins(self._client.samples(self._view.endpoint.name, span))})
        except errors.DeployError as error:
            self.send({"trouble": str(error)})


class Feed(threading.Thread):
    """Sends what is seen of an endpoint to the page, as long as the page wants it.

    Args:
        widget: Where to send it.
        client: The agent.
        view: What is shown.
        until: When to end, by the monotonic clock.
    """

    def __init__(self, widget: EndpointWidget, client: AgentClient, view: View, until: float) -> None:
        super().__init__(name=f"figures {view.endpoint.name}", daemon=True)
        self.until = until
        self._widget = widget
        self._client = client
        self._view = view

    def run(self) -> None:
        """Send sample after sample, until nobody wants them, or there will be no more."""
        goes_on = True
        try:
            while goes_on and time.monotonic() <= self.until:
                goes_on = self._send()
        except errors.DeployError as error:
            self._widget.send({"trouble": str(error)})

    def _send(self) -> bool:
        """Send what comes; gives whether more may come after a while in which nothing ran."""
        looked = time.monotonic()
        try:
            for sample in self._client.sample_stream(self._view.endpoint.name, patience=LOOK):
                if time.monotonic() > self.until:
                    return False
                self._widget.send({"sample": msgspec.to_builtins(sample)})
                if time.monotonic() - looked > LOOK:
                    looked = time.monotonic()
                    self._look()
        except TimeoutError:
            self._look()
            return True
        return False

    def _look(self) -> None:
        endpoint = self._client.endpoint(self._view.endpoint.name)
        same = (one for one in endpoint.releases if one.number == self._view.release.number)
        view = msgspec.structs.replace(self._view, endpoint=endpoint, release=next(same, self._view.release))
        if view != self._view and view.release.ended:
            self._view = view
            self._widget.tell(view)


def shown(view: View) -> dict[str, Any]:
    """Choose what the page is told about a release and its endpoint.

    Args:
        view: What is shown.

    Returns:
        JSON.
    """
    endpoint = view.endpoint
    return {
        "endpoint": {"name": endpoint.name, "url": endpoint.url, "answering": endpoint.answering, "state": endpoint.state},
        "release": msgspec.to_builtins(view.release),
        "about": f"{view.capture.kind}, {words.size(view.capture.size)}" if view.capture else "",
        "note": view.note,
        "now": time.time(),
    }


def details(view: View) -> dict[str, str]:
    """Draw what the page shows beside the release and its figures.

    Args:
        view: What is shown.

    Returns:
        `findings` and `contract` as markup without a script, `call` as text.
    """
    return {"findings": card.findings(view), "contract": card.accepted(view), "call": words.curl(view)}
