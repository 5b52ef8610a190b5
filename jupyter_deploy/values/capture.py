"""What is taken from the live kernel."""

from __future__ import annotations

from typing import Literal

from jupyter_deploy.bentos.python.endpoint.contract import Contract
from jupyter_deploy.values.base import Value

FindingKind = Literal["cell", "file", "environment", "module", "patch", "package", "secret", "contract", "golden", "isolation"]


class Cell(Value, frozen=True, kw_only=True):
    """A notebook cell that the capture came from.

    Attributes:
        id: What it is called in tracebacks, `<cell 3f9a12bc>`; made of its source, so that it does not tell how often cells ran.
        source: Its source as it ran.
        why: What in it was reached, such as `defines clean` or `assigns model`.
    """

    id: str
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


class History(Value, frozen=True, kw_only=True):
    """What a session tells about the cells that ran in it, beyond their sources.

    Attributes:
        times: When cells began to run, by execution count, in seconds since the epoch.
        failed: In which line cells failed, by execution count; 0 where nothing of the cell ran.
        began: When the kernel began, in seconds since the epoch; None where that is unknown.
    """

    times: dict[int, float] = {}
    failed: dict[int, int] = {}
    began: float | None = None


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
        cells: The execution counts of the cells that the capture came from, one for each of `cells.json`.
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
    notebook are reached or data files go along, `sources/`.

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
        imported: The top-level modules that the notebook itself imported, whatever the model needs of them.
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
        saved: In which format the model is written, for people, such as `skops`, or `cloudpickle, because ...`.
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
    imported: tuple[str, ...] = ()
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
    saved: str = ""
