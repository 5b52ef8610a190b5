"""The card below a cell that changes in place, also while the kernel is busy with the next cell.

Only messages from a thread reach the browser while a cell runs, so the card is drawn from a thread. It goes through the shell's own
display publisher, which is how IPython's `update_display` works.
"""

from __future__ import annotations

import secrets
import threading
import time
from typing import Any

from jupyter_deploy.adapters import card
from jupyter_deploy.adapters.follow import Follower

TICK = 1.0  # seconds after which the time of a running stage is drawn again


class LiveCard(threading.Thread):
    """A displayed card.

    Args:
        shell: The IPython shell.
        follower: What it shows.

    Attributes:
        cell: The execution count of the cell below which it was displayed.
    """

    def __init__(self, shell: Any, follower: Follower) -> None:
        super().__init__(name=f"card {follower.view.release.tag}", daemon=True)
        self.cell = shell.execution_count
        self.follower = follower
        self._shell = shell
        self._id = f"jupyter-deploy-{secrets.token_hex(8)}"
        self._shown: dict[str, Any] = {}

    def show(self) -> None:
        """Display the card and, in a notebook, keep it up to date until the release has ended."""
        self.publish(self.drawn(), update=False)
        if in_notebook(self._shell):  # a terminal cannot take back what it printed
            self.start()

    def run(self) -> None:
        """Draw the card again after each change and each tick."""
        version = 0
        while not self.follower.ended:
            version = self.follower.changed_since(version, TICK)
            self.refresh()
        self.end()

    def drawn(self) -> dict[str, Any]:
        """Draw the release as it is now.

        Returns:
            A mime bundle.
        """
        return dict(card.bundle(self.follower.view, time.time()))

    def refresh(self) -> None:
        """Show what changed while the release is on its way."""
        self.publish(self.drawn(), update=True)

    def end(self) -> None:
        """Show how the release ended."""
        self.publish(self.drawn(), update=True)

    def publish(self, bundle: dict[str, Any], *, update: bool) -> None:
        """Send a mime bundle, unless it is what is shown already.

        Args:
            bundle: The mime bundle.
            update: Whether it takes the place of what was sent before.
        """
        if bundle != self._shown:
            self._shown = bundle
            self._shell.display_pub.publish(data=bundle, metadata={}, transient={"display_id": self._id}, update=update)


def in_notebook(shell: Any) -> bool:
    """Say whether a shell can change what it has displayed.

    Args:
        shell: The IPython shell.

    Returns:
        Whether a kernel runs it.
    """
    return getattr(shell, "kernel", None) is not None
