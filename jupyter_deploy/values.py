"""The values that walk through a deploy, in the order in which they are made.

Capture -> Lock -> Bundle -> Release -> Endpoint, Key

Each is frozen and goes to JSON and back (`to_json`, `from_json`); none does I/O. The contract, the golden rows and the manifest
are shared with the workers, so they are defined beside them, in `bentos/python/endpoint/contract.py`.
"""

from __future__ import annotations

import re
from typing import Any, Literal, TypeVar

import msgspec

from jupyter_deploy import errors
from jupyter_deploy.bentos.python.endpoint.contract import Column, Contract, Golden, Input, Manifest, Method, Output

__all__ = [
    "STAGES", "Bundle", "Capture", "Cell", "Column", "Contract", "Difference", "Endpoint", "Finding", "Golden", "Input", "Key",
    "Lock", "Manifest", "Method", "Options", "Output", "Provenance", "Release", "Requirement", "Stage", "State", "Taken",
    "check_name", "from_json", "to_json",
]  # fmt: skip

STAGES = ("captured", "preview", "locked", "environment", "bundled", "verified", "serving")
State = Literal[
    "captured", "preview", "locked", "environment", "bundled", "verified", "serving", "refused", "failed", "cancelled", "retired"
]
ENDED = frozenset({"serving", "refused", "failed", "cancelled", "retired"})
NAME = re.compile(r"[a-z]([-a-z0-9]{0,38}[a-z0-9])?")

T = TypeVar("T")


class Value(msgspec.Struct, frozen=True):
    """A frozen value with a JSON form."""


class Cell(Value, frozen=True, kw_only=True):
    """A notebook cell that the capture came from.

    Attributes:
        number: The execution count under which it ran.
        source: Its source as it ran.
        why: What in it was reached, such as `defines clean` or `assigns model`.
    """

    number: int
    source: str
    why: str


class Taken(Value, frozen=True, kw_only=True):
    """One thing that a capture took along.

    Attributes:
        path: The way that reached it, as a person would write it: `model.steps[0][1].func → clean → STOPWORDS`.
        kind: What it is, such as `function`, `class`, `DataFrame`, `module file`, `data file`.
        size: Its size in bytes, as written.
    """

    path: str
    kind: str
    size: int


FindingKind = Literal["cell", "file", "environment", "module", "patch", "package", "secret", "contract", "golden", "isolation"]


class Finding(Value, frozen=True, kw_only=True):
    """Something that a person should know of before they trust a release; it stops nothing by itself.

    Attributes:
        kind: What it is about.
        subject: The cell, path, variable, module or package that it is about, such as `cell 7` or `numpy`.
        message: What was found and where, in one sentence.
        hint: What to do about it; empty where nothing is to be done.
    """

    kind: FindingKind
    subject: str
    message: str
    hint: str = ""


class Provenance(Value, frozen=True, kw_only=True):
    """Where a release came from; kept with the release, since the same capture may be deployed again from elsewhere.

    Attributes:
        user: Who deployed it: the system's user, and where Jupyter tells it the person.
        host: The machine's name.
        at: When the capture was made, in seconds since the epoch.
        notebook: The notebook's name; empty where the kernel does not know it.
        kernel: The kernel's implementation, version and interpreter.
        revision: The git commit that the notebook's folder stands at; empty outside of git.
        dirty: The files below that folder that differ from the commit, at most 50; empty where none does.
        cells: The execution counts of the cells that the capture came from.
    """

    user: str = ""
    host: str = ""
    at: float = 0.0
    notebook: str = ""
    kernel: str = ""
    revision: str = ""
    dirty: tuple[str, ...] = ()
    cells: tuple[int, ...] = ()


class Capture(Value, frozen=True, kw_only=True):
    """What was taken from the live kernel; its files lie in `folder`.

    The folder holds `manifest.json`, `contract.json`, `golden.json`, `cells.json`, `model/` and, where modules beside the
    notebook are reached, `sources/`.

    Attributes:
        endpoint: The endpoint's name.
        variable: The expression that was deployed.
        kind: The model's class, for people.
        digest: SHA-256 over the folder's content, hexadecimal.
        folder: The folder with the files.
        size: The files' size in bytes.
        contract: What the methods accept and return.
        golden: How many golden rows there are, by method.
        golden_origin: Where they were found.
        modules: Every module that the model's code imports, dotted.
        interpreter: The kernel's interpreter.
        path: The kernel's module path, without the folder of the notebook.
        language: The kernel's language.
        language_version: Its version.
        notebook: The notebook's name, where the kernel knows it.
        seconds: How long the capture took.
        taken: What was taken along and the way that reached it, the biggest first.
        findings: What a person should know of before they trust it.
        environment: The names of environment variables that the model is declared to read.
        provenance: Where it came from; no part of the digest.
    """

    endpoint: str
    variable: str
    kind: str
    digest: str
    folder: str
    size: int
    contract: Contract
    golden: dict[str, int]
    golden_origin: str
    modules: tuple[str, ...]
    interpreter: str
    path: tuple[str, ...]
    language: str = "python"
    language_version: str
    notebook: str = ""
    seconds: float = 0.0
    taken: tuple[Taken, ...] = ()
    findings: tuple[Finding, ...] = ()
    environment: tuple[str, ...] = ()
    provenance: Provenance = Provenance()


class Requirement(Value, frozen=True, kw_only=True):
    """One installed distribution at the version that the kernel has."""

    name: str
    version: str


class Lock(Value, frozen=True, kw_only=True):
    """Every package by exact version and hash.

    Attributes:
        digest: SHA-256 of what the lock was made from (requirements, constraints, interpreter version, platform).
        text: The lock in `pip-compile` format, with hashes and without any index's address.
        packages: What it holds, in order of name.
        python: The interpreter's version, such as `3.11`.
        locker: Which locker made it.
    """

    digest: str
    text: str
    packages: tuple[Requirement, ...]
    python: str
    locker: str


class Bundle(Value, frozen=True, kw_only=True):
    """A genuine Bento plus `manifest.json`; immutable.

    Attributes:
        digest: SHA-256 over its content, hexadecimal.
        folder: Where it lies.
        tag: The Bento's tag, such as `churn:3f9a…`.
        size: Its size in bytes.
    """

    digest: str
    folder: str
    tag: str
    size: int


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


class Key(Value, frozen=True, kw_only=True):
    """What a caller presents; only its hash is kept.

    Attributes:
        id: Its public id, which stands in lists and logs.
        endpoint: The endpoint that it opens.
        hash: HMAC-SHA-256 of the secret, hexadecimal.
        owner: Whom it belongs to.
        created: Seconds since the epoch.
        revoked: Seconds since the epoch; None while it is valid.
    """

    id: str
    endpoint: str
    hash: str
    owner: str
    created: float
    revoked: float | None = None


class Options(Value, frozen=True, kw_only=True):
    """What a deploy is asked to do beyond its defaults; each field stands in `settings.Settings` too.

    Attributes:
        target: Where to run.
        workers: How many worker processes a release has.
        tolerance: Relative tolerance of floats when golden rows are compared.
        retry: Whether the router may repeat a request that no worker has begun to answer.
        network: Whether a verified release may reach the network.
        deadline: Seconds after which a call is given up and its worker replaced.
        body_limit: The largest request body, in bytes.
        preview: Whether to answer from the kernel's environment at once.
        preview_live: Whether an unverified preview may replace a verified release at the endpoint's URL.
        locker: Which locker makes the lock.
        keep: How many earlier verified releases stay ready behind the one that answers, to be rolled back to at once.
        nondeterministic: Whether golden answers are compared by shape and type only, for a model that draws random numbers.
    """

    target: str = "local"
    workers: int = 2
    tolerance: float = 1e-6
    retry: bool = True
    network: bool = False
    deadline: float = 30.0
    body_limit: int = 10 * 1024 * 1024
    preview: bool = True
    preview_live: bool = False
    locker: str = "uv"
    keep: int = 1
    nondeterministic: bool = False


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
        text: A variable's name or whatever somebody typed.

    Returns:
        The nearest valid name; `model` where nothing of the text is usable.
    """
    words = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    return re.sub(r"^[^a-z]+", "", words)[:40].rstrip("-") or "model"


def to_json(value: Any) -> bytes:
    """Write a value as JSON.

    Args:
        value: One of the values of this module, or a container of them.

    Returns:
        UTF-8 JSON.
    """
    return msgspec.json.encode(value)


def from_json(data: bytes | str, kind: type[T]) -> T:
    """Read a value from JSON.

    Args:
        data: UTF-8 JSON.
        kind: The value's class.

    Returns:
        The value.

    Raises:
        BadInput: If the JSON does not hold such a value; the message names the place within it.
    """
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.MsgspecError as error:
        raise errors.BadInput(f"This is not a {kind.__name__}: {error}.") from error
