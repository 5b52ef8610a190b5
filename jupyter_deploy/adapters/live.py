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
        self._shell = shell
        self._follower = follower
        self._id = f"jupyter-deploy-{secrets.token_hex(8)}"
        self._shown: dict[str, str] = {}

    def show(self) -> None:
        """Display the card and, in a notebook, keep it up to date until the release has ended."""
        self._publish(update=False)
        if getattr(self._shell, "kernel", None) is not None:  # a terminal cannot take back what it printed
            self.start()

    def run(self) -> None:
        """Draw the card again after each change and each tick."""
        version = 0
        while not self._follower.ended:
            version = self._follower.changed_since(version, TICK)
            self._publish(update=True)
        self._publish(update=True)

    def _publish(self, *, update: bool) -> None:
        bundle = card.bundle(self._follower.view, time.time())
        if bundle != self._shown:
            self._shown = bundle
            self._shell.display_pub.publish(data=bundle, metadata={}, transient={"display_id": self._id}, update=update)
