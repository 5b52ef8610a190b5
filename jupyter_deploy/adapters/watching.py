"""Chooses how an endpoint is watched: with the widget in a notebook, as a card or as text elsewhere."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from jupyter_deploy.adapters import figures, session
from jupyter_deploy.adapters.follow import Follower
from jupyter_deploy.adapters.live import LiveCard, in_notebook
from jupyter_deploy.agent.client import AgentClient
from jupyter_deploy.values import Series

if TYPE_CHECKING:  # matplotlib is only for those who look
    from jupyter_deploy.adapters.widgets.snapshot import Plot

SPAN = 300  # seconds


class Figures:
    """The figures of an endpoint: a live widget in a notebook, lines of text elsewhere.

    Args:
        client: The agent.
        name: The endpoint's name.
        follow: Gives what follows its release.

    Attributes:
        series: The samples of the last `SPAN` seconds.
    """

    def __init__(self, client: AgentClient, name: str, follow: Callable[[], Follower]) -> None:
        self._client = client
        self._follow = follow
        self.series: Series = client.samples(name, SPAN)

    def __repr__(self) -> str:
        return "\n".join(figures.lines(self.series))

    def _ipython_display_(self) -> None:
        shell = session.shell()
        if in_notebook(shell):
            displayed(shell, self._follow(), self._client).show()
        else:
            print(self)


def displayed(shell: Any, follower: Follower, client: AgentClient) -> LiveCard:
    """Make what is displayed of a release.

    Args:
        shell: The IPython shell.
        follower: What it shows.
        client: The agent.

    Returns:
        The widget; the card where there is no kernel, or one without anywidget, or nobody built the widget's script.
    """
    if in_notebook(shell):
        with contextlib.suppress(ImportError, FileNotFoundError):
            from jupyter_deploy.adapters.widgets.display import LiveWidget

            return LiveWidget(shell, follower, client)
    return LiveCard(shell, follower)


def plotted(series: Series) -> Plot:
    """Draw figures with matplotlib.

    Args:
        series: The samples.

    Returns:
        A matplotlib figure.
    """
    from jupyter_deploy.adapters.widgets import snapshot

    return snapshot.figure(series)
