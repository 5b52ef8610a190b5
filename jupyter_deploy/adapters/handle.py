"""An endpoint as a Python value: what the model does is asked over HTTP, the rest looks after it."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from jupyter_deploy import errors, settings
from jupyter_deploy.adapters import card
from jupyter_deploy.adapters import session as sessions
from jupyter_deploy.adapters import view as words
from jupyter_deploy.adapters.calls import Caller
from jupyter_deploy.adapters.follow import Follower
from jupyter_deploy.adapters.keyholder import Keyholder
from jupyter_deploy.adapters.listing import Listing, brief
from jupyter_deploy.adapters.live import LiveCard
from jupyter_deploy.adapters.view import View
from jupyter_deploy.adapters.watching import SPAN, Figures, displayed, plotted
from jupyter_deploy.agent.client import AgentClient
from jupyter_deploy.agent.lifecycle import connect
from jupyter_deploy.bentos.python.endpoint.contract import Contract
from jupyter_deploy.values import Endpoint as State
from jupyter_deploy.values import Options, Release


class Standing(State, frozen=True):
    """An endpoint as it was when it was asked for, which a notebook shows as lines of text."""

    @classmethod
    def of(cls, state: State) -> Standing:
        """Take an endpoint as the agent tells it.

        Args:
            state: The endpoint.

        Returns:
            The same.
        """
        return cls(**msgspec.structs.asdict(state))

    def __repr__(self) -> str:
        nothing = {"stopped": "stopped: nothing answers", "nothing": "nothing answers", "nothing yet": "nothing answers yet"}
        answers = f"{self.name}@{self.answering} ({self.state}) answers" if self.answering else nothing[card.unanswered(self)]
        return f"{answers} at {self.url}, key in {self.key_file}\n{card.releases(self, time.time())['text/plain']}"


class Endpoint(Keyholder):
    """An endpoint: `predict` and whatever else its model has call it, the rest looks after it.

    Args:
        name: The endpoint's name.
        client: The agent; found, and started if need be, if not given.
        view: What is known of the release that this handle follows; the newest one if not given.
        options: What it was deployed with; the settings that apply here if not given.
    """

    def __init__(
        self, name: str, *, client: AgentClient | None = None, view: View | None = None, options: Options | None = None
    ) -> None:
        self._client = client or connect()
        self._start = view or newest(self._client, name)
        self._options = options or settings.read(Path.cwd(), {}, name)[0].options()
        self.name = name
        self._following: Follower | None = None
        self._caller: Caller | None = None
        self._card: LiveCard | None = None
        self._waited = 0  # the execution count of the cell that last waited while a card was displayed

    @property
    def url(self) -> str:
        """The endpoint's one URL, ending in a slash."""
        return self.view.endpoint.url

    @property
    def key_file(self) -> Path:
        """The file with the owner's key, readable by its owner alone."""
        return Path(self.view.endpoint.key_file)

    @property
    def view(self) -> View:
        """What is known of the release that this handle follows."""
        return self._following.view if self._following is not None else self._start

    @brief
    def wait(self, timeout: float | None = None) -> Endpoint:
        """Block until the verified release serves.

        Args:
            timeout: Seconds to wait at most; None for as long as it takes.

        Returns:
            This endpoint.

        Raises:
            Refused: If the release did not answer as the notebook did; the message shows the rows.
            DeployError: If it failed otherwise.
            TimeoutError: If the time is over; the deploy goes on.
        """
        follower = self.follow()
        if not follower.until_ended(timeout):
            raise TimeoutError(
                f"{self.view.release.tag} is at `{self.view.release.state}` after {timeout:g} s; the deploy goes on."
            )
        if self._card is not None and self._card.is_alive():
            self._card.join(5)  # so that a notebook that is saved now shows the end
        if self._card is not None:
            self._waited = sessions.shell().execution_count
        if follower.error is not None:
            raise follower.error
        check(self.view.release)
        return self

    @brief
    def status(self) -> Standing:
        """Look at the endpoint.

        Returns:
            Its URL, which release answers, contract, key file and releases.
        """
        return Standing.of(self._client.endpoint(self.name))

    @brief
    def logs(self, lines: int = 100, release: int | None = None) -> Listing[str]:
        """Read what the endpoint's processes wrote.

        Args:
            lines: How many lines at most.
            release: The release's number; the newest one if not given.

        Returns:
            The last lines, oldest first.
        """
        found = self._client.logs(self.name, lines, release)
        return Listing(found, "\n".join(found))

    @brief
    def releases(self) -> Listing[Release]:
        """List the kept releases.

        Returns:
            The releases, newest first.
        """
        endpoint = self._client.endpoint(self.name, whole=True)
        return Listing(endpoint.releases, card.releases(endpoint, time.time())["text/plain"])

    @brief
    def rollback(self, to: int | None = None) -> Standing:
        """Let an older verified release answer again.

        Args:
            to: Its number; the newest one below the answering one if not given.

        Returns:
            The endpoint as it is now.
        """
        return Standing.of(self._client.rollback(self.name, to))

    @brief
    def promote(self, to: int | None = None) -> Standing:
        """Let a newer verified release answer, or start a stopped endpoint again.

        Args:
            to: Its number; the newest one above the answering one, or the one that answered last, if not given.

        Returns:
            The endpoint as it is now.
        """
        return Standing.of(self._client.promote(self.name, to))

    @brief
    def stop(self) -> Standing:
        """Let nothing answer any more; releases and keys are kept.

        Returns:
            The endpoint as it is now.
        """
        return Standing.of(self._client.halt(self.name))

    @brief
    def cancel(self) -> Release:
        """Stop the deploy that this handle follows; what served before goes on serving.

        Returns:
            The release.
        """
        return self._client.cancel(self.name, self.view.release.number)

    @brief
    def remove(self) -> None:
        """End the endpoint with its releases and keys."""
        self._client.remove(self.name)

    @brief
    def metrics(self) -> Figures:
        """Look at the endpoint's figures: requests, latency, errors, rows, workers, queue, memory, releases.

        Returns:
            The figures, which a notebook shows as a live widget and anything else as text.
        """
        return Figures(self._client, self.name, self.follow)

    @brief
    def plot(self, span: int = SPAN) -> Any:
        """Draw the endpoint's figures with matplotlib.

        Args:
            span: The seconds up to now: 300, 3600 or 86400.

        Returns:
            A matplotlib figure.
        """
        return plotted(self._client.samples(self.name, span))

    def curl(self) -> str:
        """Write the shell command that calls the endpoint; it reads the key from its file.

        Returns:
            The command.
        """
        return words.curl(self.view)

    def follow(self) -> Follower:
        """Follow the release in the background, for the card and for `wait`.

        Returns:
            The follower; one for each handle.
        """
        if self._following is None:
            self._following = Follower(self._client, self._start)
            self._following.start()
        return self._following

    # ----- the model's own methods

    def __call__(self, *args: Any, **named: Any) -> Any:
        """Call the method that the contract names first."""
        return self._call(self.contract.methods[0].name, *args, **named)

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("_"):
            methods = [method.name for method in self.contract.methods]
            if name in methods:
                return partial(self._call, name)
            raise AttributeError(
                f"`{self.name}` has no method `{name}`. {errors.did_you_mean(name, [*methods, *dir(type(self))])}".rstrip()
            )
        raise AttributeError(name)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *(method.name for method in self.contract.methods)]

    @property
    def contract(self) -> Contract:
        """What each method accepts and returns, with the classes and names of its columns."""
        return self.view.contract or Contract(methods=())

    @brief
    def _call(self, name: str, *args: Any, **named: Any) -> Any:
        method = self.contract.method(name)
        if method is None:
            raise errors.BadInput(f"`{self.name}` has no method `{name}`.")
        self._until_answered()
        if self._caller is None:
            self._caller = Caller(self.name, self.url, self.key_file, self._options.deadline, repeat=self._options.retry)
        return self._caller.call(self.url, method, args, named)

    def _until_answered(self) -> None:
        """Wait for the first answer: a call in the cell after `%deploy` comes before the preview is there."""
        version = 0
        while self.view.endpoint.answering is None and not self.view.release.url:
            follower = self.follow()
            if follower.error is not None:
                raise follower.error
            if follower.ended:
                check(self.view.release)
                return
            version = follower.changed_since(version, None)

    # ----- how it looks

    def __repr__(self) -> str:
        return f"<Endpoint {self.view.release.tag} · {self.view.state} · {self.url}>"

    def _ipython_display_(self) -> None:
        """Display the card, which then changes in place; once in one run of a cell, and one line where that waited for it."""
        running = sessions.shell()
        if self._card is not None and self._waited == running.execution_count != self._card.cell:
            running.display_pub.publish(data={"text/plain": repr(self)}, metadata={})
        elif self._card is None or self._card.cell != running.execution_count:
            self._card = displayed(running, self.follow(), self._client)
            self._card.show()


def newest(client: AgentClient, name: str) -> View:
    """Choose the release of an endpoint that people ask about: the newest while it is on its way, else the one that answers.

    Args:
        client: The agent.
        name: The endpoint's name.

    Returns:
        What is shown of it.

    Raises:
        UnknownName: If there is no such endpoint, or it has no release.
    """
    endpoint = client.endpoint(name)
    if not endpoint.releases:
        raise errors.UnknownName(f"`{name}` has no release.", "Deploy it again.")
    last = endpoint.releases[0]
    answering = next((one for one in endpoint.releases if one.number == endpoint.answering), last)
    return View(endpoint=endpoint, release=answering if last.ended else last)


def chosen(client: AgentClient, name: str, number: int) -> View:
    """Look at one release.

    Args:
        client: The agent.
        name: The endpoint's name.
        number: The release's number.

    Returns:
        What is shown of it.

    Raises:
        UnknownName: If there is no such release.
    """
    endpoint = client.endpoint(name, whole=True)
    found = next((one for one in endpoint.releases if one.number == number), None)
    if found is None:
        raise errors.UnknownName(f"There is no release {name}@{number}.", f"`jupyter deploy releases {name}` lists them.")
    return View(endpoint=endpoint, release=found)


def check(release: Release) -> None:
    """Raise if a release that has ended does not serve.

    Args:
        release: The release.

    Raises:
        Refused: If it did not answer as the notebook did.
        DeployError: If it ended otherwise.
    """
    if release.state == "serving" or (release.state == "retired" and release.verified):
        return
    kinds = {"refused": errors.Refused, "cancelled": errors.Cancelled, "failed": errors.ReleaseFailed}
    rows = [f"  {one.method}, golden row {one.row}: notebook {one.expected}, release {one.got}" for one in release.differences[:10]]
    reason = f"{release.tag} is {release.state}: {release.reason}" if release.reason else f"{release.tag} is {release.state}."
    raise kinds.get(release.state, errors.DeployError)("\n".join([reason, *rows]), release.hint)
