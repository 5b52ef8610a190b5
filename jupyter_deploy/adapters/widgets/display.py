"""What a notebook displays of an endpoint: the widget, and in the same output all that is needed by readers without a kernel."""

from __future__ import annotations

import contextlib
import importlib
import time
from base64 import b64encode
from typing import Any

from jupyter_deploy import errors
from jupyter_deploy.adapters import card
from jupyter_deploy.adapters.follow import Follower
from jupyter_deploy.adapters.live import LiveCard
from jupyter_deploy.adapters.view import View
from jupyter_deploy.adapters.widgets import metrics
from jupyter_deploy.agent.client import AgentClient
from jupyter_deploy.values import Series

WIDGET = "application/vnd.jupyter.widget-view+json"
OUTPUT = (
    "application/vnd.jupyterlab-deploy.view+json"  # for this project's own view, which shows the rest where the widget has gone
)
SNAPSHOT = "jupyter_deploy.adapters.widgets.snapshot"  # brings matplotlib, so it is imported when a release is nearly there
SPAN = 300  # seconds that a saved notebook shows
NEARLY = "verified"  # the stage in which there is time for that


class LiveWidget(LiveCard):
    """A displayed widget; its output is written twice: as it begins and as it ended, for the page builds it anew each time.

    Args:
        shell: The IPython shell.
        follower: What it shows.
        client: The agent.
    """

    def __init__(self, shell: Any, follower: Follower, client: AgentClient) -> None:
        super().__init__(shell, follower)
        self._client = client
        self._told = follower.view
        self._widget = metrics.EndpointWidget(client, self._told)

    def drawn(self) -> dict[str, Any]:
        """Draw the release as it is now, without figures.

        Returns:
            A mime bundle.
        """
        return bundle(self.follower.view, self._widget.model_id)

    def refresh(self) -> None:
        """Tell the page what changed, and leave the output as it is; the page counts the seconds itself."""
        view = self.follower.view
        if view is self._told:
            return
        self._told = view
        self._widget.tell(view)
        if any(stage.name == NEARLY for stage in view.release.stages):
            with contextlib.suppress(Exception):  # the author's matplotlib may be broken in any way; `drawn` does without it
                importlib.import_module(SNAPSHOT)

    def end(self) -> None:
        """Tell the page how the release ended, and leave all of it in the output for readers without a kernel."""
        view = self.follower.view
        self._widget.tell(view)
        series = None
        if view.endpoint.answering is not None:
            with contextlib.suppress(errors.DeployError):  # an agent that has gone has no figures, and the card says that it has
                series = self._client.samples(view.endpoint.name, SPAN)
        self.publish(bundle(view, self._widget.model_id, series), update=True)
        self._widget.feed()


def bundle(view: View, model: str, series: Series | None = None) -> dict[str, Any]:
    """Put together an output for every reader.

    Args:
        view: What is shown.
        model: The widget's id.
        series: The figures; none where None.

    Returns:
        A mime bundle.
    """
    picture = drawn(series) if series else b""
    made: dict[str, Any] = dict(card.bundle(view, time.time(), series, picture))
    if picture:
        made["image/png"] = b64encode(picture).decode("ascii")
    return {**made, WIDGET: {"version_major": 2, "version_minor": 0, "model_id": model}, OUTPUT: {}}


def drawn(series: Series) -> bytes:
    """Draw the charts.

    Args:
        series: The figures.

    Returns:
        A PNG; nothing where the author's matplotlib cannot draw it: the figures stand beside it as text.
    """
    try:
        snapshot = importlib.import_module(SNAPSHOT)
        return bytes(snapshot.png(snapshot.figure(series)))
    except Exception:  # a broken style file or font must not keep the output from its end
        return b""
