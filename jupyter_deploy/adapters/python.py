"""Deploy and call from Python: `deploy(model, name="churn")` gives an `Endpoint`, which answers as the model does."""

from __future__ import annotations

import secrets
import shutil
import sys
import time
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from jupyter_deploy import capture as captures
from jupyter_deploy import errors, settings
from jupyter_deploy.adapters import card
from jupyter_deploy.adapters import session as sessions
from jupyter_deploy.adapters import view as words
from jupyter_deploy.adapters.calls import Caller
from jupyter_deploy.adapters.follow import Follower
from jupyter_deploy.adapters.live import LiveCard
from jupyter_deploy.adapters.session import Session
from jupyter_deploy.adapters.view import View
from jupyter_deploy.agent.client import AgentClient
from jupyter_deploy.agent.lifecycle import connect
from jupyter_deploy.bentos.python.endpoint.contract import Contract, Golden
from jupyter_deploy.home import Home
from jupyter_deploy.values import Capture, Options, Release, check_name, from_json, suggest_name
from jupyter_deploy.values import Endpoint as State

T = TypeVar("T")


class Prepared(NamedTuple):
    """A capture that is ready to be launched.

    Attributes:
        capture: The capture; its files lie in the staging folder.
        options: What to do with it.
        taken: Seconds that it took.
    """

    capture: Capture
    options: Options
    taken: float


def deploy(
    model: Any,
    *,
    name: str | None = None,
    example: Any = captures.MISSING,
    folder: str | Path | None = None,
    wait: bool = False,
    **arguments: Any,
) -> Endpoint:
    """Turn a fitted model into an endpoint.

    Args:
        model: The model, or a text with the expression that gives it, such as `"models['churn']"`.
        name: The endpoint's name; made from the variable's name if not given.
        example: Some rows of the model's input, such as `X_test`, where nothing else tells what it accepts.
        folder: The folder whose modules and `deploy.toml` count; the notebook's or the working folder if not given.
        wait: Whether to return only when the verified release serves.
        **arguments: Settings for this deploy alone, such as `workers=4`.

    Returns:
        The endpoint, being deployed.

    Raises:
        DeployError: If the model cannot be deployed as asked; with `wait`, also if its release is refused or fails.
    """
    session = sessions.of_caller(sys._getframe(1))  # noqa: SLF001 (the only way to see the caller's names)
    expression, session = _expression(model, name, session)
    session = session._replace(folder=Path(folder).absolute()) if folder is not None else session
    endpoint = launch(*prepare(expression, session, name, example, arguments))
    if wait:
        endpoint.wait()
    return endpoint


def prepare(expression: str, session: Session, name: str | None, example: Any, arguments: dict[str, Any]) -> Prepared:
    """Capture a model with the settings that apply to it; nothing is deployed.

    Args:
        expression: What gives the model in the session.
        session: The caller's session.
        name: The endpoint's name, if given.
        example: Some rows, if given.
        arguments: Settings for this deploy alone.

    Returns:
        The capture, in a staging folder of its own, the options, and how long it took.

    Raises:
        DeployError: If the model cannot be deployed as asked; nothing is left behind.
    """
    began = time.perf_counter()
    chosen = check_name(name) if name else suggest_name(expression)
    read, _ = settings.read(session.folder, arguments, chosen)
    folder = Home.find().make().staging / secrets.token_hex(8)
    try:
        capture = captures.capture(
            expression, session.namespace, name=chosen, folder=folder, cells=session.cells, beside=session.folder,
            golden_rows=read.golden_rows, example=example,
        )  # fmt: skip
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return Prepared(capture, read.options(), time.perf_counter() - began)


def launch(capture: Capture, options: Options, taken: float) -> Endpoint:
    """Hand a capture to the agent.

    Args:
        capture: The capture.
        options: What to do.
        taken: Seconds that the capture took.

    Returns:
        The endpoint, being deployed.
    """
    example = _example(capture)  # the agent moves the folder
    client = connect()
    release = client.deploy(capture, options)
    view = View(endpoint=client.endpoint(capture.endpoint), release=release, capture=capture, example=example, taken=taken)
    return Endpoint(capture.endpoint, client=client, view=view, options=options)


class Endpoint:
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
        self._start = view or _newest(self._client, name)
        self._options = options or settings.read(Path.cwd(), {}, name)[0].options()
        self.name = name
        self._following: Follower | None = None
        self._caller: Caller | None = None
        self._card: LiveCard | None = None

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
        if follower.error is not None:
            raise follower.error
        check(self.view.release)
        return self

    def status(self) -> State:
        """Look at the endpoint.

        Returns:
            Its URL, which release answers, contract, key file and releases.
        """
        return self._client.endpoint(self.name)

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

    def releases(self) -> Listing[Release]:
        """List the kept releases.

        Returns:
            The releases, newest first.
        """
        endpoint = self.status()
        return Listing(endpoint.releases, card.releases(endpoint, time.time())["text/plain"])

    def rollback(self, to: int | None = None) -> State:
        """Let an older verified release answer again.

        Args:
            to: Its number; the newest one below the answering one if not given.

        Returns:
            The endpoint as it is now.
        """
        return self._client.rollback(self.name, to)

    def cancel(self) -> Release:
        """Stop the deploy that this handle follows; what served before goes on serving.

        Returns:
            The release.
        """
        return self._client.cancel(self.name, self.view.release.number)

    def remove(self) -> None:
        """End the endpoint with its releases and keys."""
        self._client.remove(self.name)

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
        return self._call(self._contract().methods[0].name, *args, **named)

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("_"):
            methods = [method.name for method in self._contract().methods]
            if name in methods:
                return partial(self._call, name)
            raise AttributeError(
                f"`{self.name}` has no method `{name}`. {errors.did_you_mean(name, [*methods, *dir(type(self))])}".rstrip()
            )
        raise AttributeError(name)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *(method.name for method in self._contract().methods)]

    def _contract(self) -> Contract:
        return self.view.contract or Contract(methods=())

    def _call(self, name: str, *args: Any, **named: Any) -> Any:
        method = self._contract().method(name)
        if method is None:
            raise errors.BadInput(f"`{self.name}` has no method `{name}`.")
        if self._caller is None:
            self._caller = Caller(self.name, self.url, self.key_file, self._options.deadline, repeat=self._options.retry)
        return self._caller.call(self.url, method, args, named)

    # ----- how it looks

    def __repr__(self) -> str:
        return f"<Endpoint {self.view.release.tag} · {self.view.state} · {self.url}>"

    def _ipython_display_(self) -> None:
        """Display the card, which then changes in place; at most once in one run of a cell."""
        running = sessions.shell()
        if self._card is None or self._card.cell != running.execution_count:
            self._card = LiveCard(running, self.follow())
            self._card.show()


class Listing(list[T]):
    """A list that a notebook shows as lines of text.

    Args:
        items: What it holds.
        text: How it is shown.
    """

    def __init__(self, items: Iterable[T], text: str) -> None:
        super().__init__(items)
        self._text = text

    def __repr__(self) -> str:
        return self._text


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


def _newest(client: AgentClient, name: str) -> View:
    endpoint = client.endpoint(name)
    if not endpoint.releases:
        raise errors.UnknownName(f"`{name}` has no release.", "Deploy it again.")
    answering = next((one for one in endpoint.releases if one.number == endpoint.answering), endpoint.releases[0])
    running = endpoint.releases[0]
    return View(endpoint=endpoint, release=answering if running.ended else running)


def _expression(model: Any, name: str | None, session: Session) -> tuple[str, Session]:
    """Find the text under which the capture finds the model; a model without a variable is lent one."""
    if isinstance(model, str):
        return model, session
    found = sessions.name_of(model, session.namespace)
    if found:
        return found, session
    if not name:
        raise errors.BadInput(
            "No variable holds this model, so the endpoint has no name.", 'Give one: `deploy(..., name="churn")`.'
        )
    lent = name.replace("-", "_")
    while lent in session.namespace:
        lent += "_"
    return lent, session._replace(namespace={**session.namespace, lent: model})


def _example(capture: Capture) -> Any:
    """Take the first golden row of the method that is shown first."""
    path = Path(capture.folder) / "golden.json"
    golden = from_json(path.read_bytes(), list[Golden]) if path.exists() else []
    first = capture.contract.methods[0].name if capture.contract.methods else ""
    return next((one.rows[0] for one in golden if one.method == first and one.rows), None)
