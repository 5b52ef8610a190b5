"""What runs and is called: releases with their journal, and endpoints."""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

from jupyter_deploy import errors
from jupyter_deploy.bentos.python.endpoint.contract import Attempt, Batching, Contract
from jupyter_deploy.values.base import Value
from jupyter_deploy.values.capture import Finding, Provenance

STAGES = ("captured", "preview", "locked", "environment", "bundled", "verified", "serving")
State = Literal[
    "captured", "preview", "locked", "environment", "bundled", "verified", "serving", "refused", "failed", "cancelled", "retired"
]
ENDED = frozenset({"serving", "refused", "failed", "cancelled", "retired"})
NAME = re.compile(r"[a-z]([-a-z0-9]{0,38}[a-z0-9])?")


class Difference(Value, frozen=True, kw_only=True):
    """One golden row that a release answered otherwise than the notebook.

    Attributes:
        method: The method that was called.
        row: The row's number within the golden rows, from 0.
        expected: The notebook's answer, shortened for people.
        got: The release's answer, shortened for people.
    """

    method: str
    row: int
    expected: str
    got: str


class Stage(Value, frozen=True, kw_only=True):
    """One finished or running stage of a release.

    Attributes:
        name: One of `STAGES`, or `refused`, `failed`, `cancelled`, `retired`.
        started: Seconds since the epoch.
        seconds: How long it took; None while it runs.
        detail: One line for people.
    """

    name: str
    started: float
    seconds: float | None = None
    detail: str = ""


class Event(Value, frozen=True, kw_only=True):
    """One line of the audit.

    Attributes:
        at: When, in seconds since the epoch.
        who: Who did it.
        action: What was done, such as `deploy`, `serving`, `rollback`.
        subject: To what, such as `churn@7`.
        detail: More; never an input, an answer or a secret.
    """

    at: float
    who: str = ""
    action: str
    subject: str
    detail: str = ""


class Options(Value, frozen=True, kw_only=True):
    """What a deploy is asked to do beyond its defaults; each field stands in `settings.Settings` too.

    Attributes:
        target: Where to run.
        workers: How many worker processes a release has.
        threads: Threads of the model's own libraries in each worker; 0 divides the machine's cores among the workers.
        memory: Bytes that each worker may have beyond what it shares with the others; 0 stands for no limit.
        gpu: How many GPUs a release has, one worker on each; 0 stands for none.
        tolerance: Relative tolerance of floats when golden rows are compared.
        retry: Whether the router may repeat a request that no worker has begun to answer.
        network: Whether a verified release may reach the network.
        isolation: Whether a release is kept from files, processes and sockets that are not its own.
        deadline: Seconds after which a call is given up and its worker replaced.
        start_deadline: Seconds for a release to load its model and become ready.
        stage_deadline: Seconds after which a stage of the deploy is given up.
        body_limit: The largest request body, in bytes.
        body_deadline: Seconds for a whole request body to arrive.
        row_limit: The most rows of one request.
        queue: The most requests that wait for the model in one worker; more are refused with status 429.
        batch: The most rows of one call of the model that answers several waiting requests; 1 stands for one request a call.
        strict: Whether values outside of what the notebook's own data held are refused.
        compile: Whether a faster form of the model is looked for: `auto` takes one that proves itself, `off` never looks,
            `require` refuses the release where there is none.
        quantize: Whether a form in 8-bit integers is tried too.
        quantize_tolerance: Relative tolerance of floats for that form.
        preview: Whether to answer from the kernel's environment at once.
        preview_live: Whether an unverified preview may replace a verified release at the endpoint's URL.
        locker: Which locker makes the lock.
        keep: How many earlier verified releases stay ready behind the one that answers, to be rolled back to at once.
        nondeterministic: Whether golden answers are compared by shape and type only, for a model that draws random numbers.
    """

    target: str = "local"
    workers: int = 2
    threads: int = 0
    memory: int = 0
    gpu: int = 0
    tolerance: float = 1e-6
    retry: bool = True
    network: bool = False
    isolation: bool = True
    deadline: float = 30.0
    start_deadline: float = 60.0
    stage_deadline: float = 1800.0
    body_limit: int = 16 * 1024 * 1024
    body_deadline: float = 10.0
    row_limit: int = 100_000
    queue: int = 256
    batch: int = 512
    strict: bool = False
    compile: Literal["auto", "off", "require"] = "auto"
    quantize: bool = False
    quantize_tolerance: float = 0.01
    preview: bool = True
    preview_live: bool = False
    locker: str = "uv"
    keep: int = 1
    nondeterministic: bool = False


class Release(Value, frozen=True, kw_only=True):
    """One bundle (or preview) on one target, numbered per endpoint.

    Attributes:
        endpoint: The endpoint's name.
        number: Its number, from 1.
        state: The last finished stage, or how it ended.
        created: Seconds since the epoch.
        url: The path of its own at which this release answers while it runs; empty otherwise.
        capture: The capture's digest.
        lock: The lock's digest; empty before `locked`.
        bundle: The bundle's digest; empty before `bundled`.
        stages: The journal, oldest first.
        reason: Why it was refused or failed.
        hint: What to do about it.
        differences: The golden rows that differ, where it was refused for them.
        verified: Whether its bundle reproduced the golden rows.
        findings: What a person should know of before they trust it, from every stage.
        provenance: Where it came from.
        nondeterministic: Whether only shapes and types of its golden answers were compared.
        batching: Which methods answer several requests in one call; empty before it was verified.
        compiled: Which faster forms of its model were tried.
        faster: The digest of the bundle with the faster form that answers in place of the model itself; empty where none does.
        faster_lock: The digest of that bundle's lock.
    """

    endpoint: str
    number: int
    state: State
    created: float
    url: str = ""
    capture: str
    lock: str = ""
    bundle: str = ""
    stages: tuple[Stage, ...] = ()
    reason: str = ""
    hint: str = ""
    differences: tuple[Difference, ...] = ()
    verified: bool = False
    findings: tuple[Finding, ...] = ()
    provenance: Provenance = Provenance()
    nondeterministic: bool = False
    batching: tuple[Batching, ...] = ()
    compiled: tuple[Attempt, ...] = ()
    faster: str = ""
    faster_lock: str = ""

    @property
    def tag(self) -> str:
        """The release's name, such as `churn@7`."""
        return f"{self.endpoint}@{self.number}"

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it by itself."""
        return self.state in ENDED


class Endpoint(Value, frozen=True, kw_only=True):
    """A name that colleagues call.

    Attributes:
        name: Its name.
        url: Its one URL, ending in a slash.
        target: Where its releases run.
        answering: The number of the release that answers at the URL; None before the first one does.
        state: `verified` or `preview`, of what answers at the URL; empty before anything does.
        key_file: The file, readable by its owner alone, that holds the owner's key.
        contract: What it accepts and returns.
        releases: Every kept release, newest first.
    """

    name: str
    url: str
    target: str
    answering: int | None = None
    state: Literal["", "preview", "verified"] = ""
    key_file: str
    contract: Contract | None = None
    releases: tuple[Release, ...] = ()


def check_name(name: str) -> str:
    """Check an endpoint's name.

    Args:
        name: The name.

    Returns:
        The same name.

    Raises:
        BadName: If it cannot stand in a URL; the hint gives the nearest name that can.
    """
    if NAME.fullmatch(name):
        return name
    rule = "a name has at most 40 lower-case letters, digits and hyphens, begins with a letter and does not end with a hyphen"
    raise errors.BadName(f"`{name}` cannot be an endpoint's name: {rule}.", f"Try `{suggest_name(name)}`.")


def suggest_name(text: str) -> str:
    """Make an endpoint's name out of any text.

    Args:
        text: A variable's name or whatever somebody typed; of the URI of a registered model, its name counts.

    Returns:
        The nearest valid name; `model` where nothing of the text is usable.
    """
    registered = re.fullmatch(r"""["']?models:/([^/@"']+).*""", text.strip())
    text = registered[1] if registered else text
    plain = "".join(one for one in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(one))
    words = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
    return re.sub(r"^[^a-z]+", "", words)[:40].rstrip("-") or "model"
