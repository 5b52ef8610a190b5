"""What the form of the notebook's toolbar asks the live kernel: what can be deployed, what that would take along, and to deploy it.

The form runs one expression without history, so that neither `_` nor a cell's number changes, and reads one JSON text of the kind
`MIME` from the display messages. A deploy goes the way of the magic: the same session, `python.prepare`, `python.launch`.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable, Iterable
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from IPython.core.error import UsageError

from jupyter_deploy import __version__, errors, plugins, settings, staging
from jupyter_deploy.adapters import magic, models, session
from jupyter_deploy.adapters import view as words
from jupyter_deploy.adapters.models import Candidate
from jupyter_deploy.adapters.verbs import VERBS
from jupyter_deploy.values import Capture, Column, Contract, Finding, Taken, Value, check_name, from_json, to_json

if TYPE_CHECKING:
    from jupyter_deploy.adapters.python import Prepared

MIME = "application/vnd.jupyter-deploy.form+json"
LOAD = "%load_ext jupyter_deploy"
EXAMPLE = 40  # characters of an example
MOST_OWNERS = 3  # packages of one name, above which it is a namespace and says nothing
SIMPLE = re.compile(r"[^\W\d]\w*(\.\w+|\[('[^'\\\s]*'|\"[^\"\\\s]*\"|-?\d+)\])*")


class Wanted(Value, frozen=True, kw_only=True):
    """The settings that the form asks for, as the magic's options are called; None for those that apply anyway."""

    target: str | None = None
    workers: int | None = None
    threads: int | None = None
    memory: int | None = None
    gpu: int | None = None


class Asked(Value, frozen=True, kw_only=True):
    """What the form asks for.

    Attributes:
        expression: What to deploy.
        name: The endpoint's name; made from the expression where empty.
        example: An expression with some rows; looked for where empty.
        settings: The settings that were changed in the form.
        more: Further options, as they stand in the magic's line.
    """

    expression: str
    name: str = ""
    example: str = ""
    settings: Wanted = Wanted()
    more: str = ""


class Trouble(Value, frozen=True, kw_only=True):
    """Why something did not work.

    Attributes:
        code: The error's class.
        message: Why, in one or two sentences.
        hint: What to do; may be empty.
        details: More, for those who want to see it.
    """

    code: str
    message: str
    hint: str = ""
    details: str = ""


class Variables(Value, frozen=True, kw_only=True):
    """What the form begins with.

    Attributes:
        version: The version of this package.
        candidates: What looks like a model.
        rows: Variables with data that a model may take.
        left_out: How many variables were not looked at.
        targets: Where releases can run.
        settings: The settings that apply here.
        trouble: What is wrong with the settings; None where nothing is.
    """

    version: str
    candidates: tuple[Candidate, ...]
    rows: tuple[str, ...]
    left_out: int
    targets: tuple[str, ...]
    settings: Wanted
    trouble: Trouble | None = None


class Shown(Value, frozen=True, kw_only=True):
    """A column or argument, as it is shown."""

    name: str
    dtype: str
    values: str
    example: str


class Accepted(Value, frozen=True, kw_only=True):
    """What some methods accept, and what each of them returns, as it is shown."""

    text: str
    methods: tuple[tuple[str, str], ...]
    columns: tuple[Shown, ...]


class Plan(Value, frozen=True, kw_only=True):
    """What a deploy would take along.

    Attributes:
        endpoint: The endpoint's name.
        variable: What is deployed.
        kind: What it is.
        size: How big the capture is, in bytes.
        saved: In which format the model is written.
        seconds: How long the capture took.
        golden: How many golden rows there are and where they were found.
        contract: What is accepted and returned.
        packages: Installed packages that it imports, with their versions.
        taken: What goes along.
        findings: What a person should know.
        line: The line that deploys the same.
        cell: That line, with what a kernel needs that has not loaded the magic.
    """

    endpoint: str
    variable: str
    kind: str
    size: int
    saved: str
    seconds: float
    golden: str
    contract: tuple[Accepted, ...]
    packages: tuple[tuple[str, str], ...]
    taken: tuple[Taken, ...]
    findings: tuple[Finding, ...]
    line: str
    cell: str


class Launched(Value, frozen=True, kw_only=True):
    """A release on its way, and the cell that deploys the same."""

    endpoint: str
    number: int
    url: str
    cell: str


def variables() -> None:
    """Tell which variables can be deployed, and begin to warm the agent up."""
    _tell(_variables)


def preflight(asked: str) -> None:
    """Tell what a deploy would take along; nothing is deployed.

    Args:
        asked: `Asked` as JSON.
    """
    _tell(lambda: _preflight(from_json(asked, Asked)))


def launch(asked: str) -> None:
    """Deploy, and tell the release that is on its way.

    Args:
        asked: `Asked` as JSON.
    """
    _tell(lambda: _launch(from_json(asked, Asked)))


def line(asked: Asked) -> str:
    """Write the magic's line that deploys the same.

    Args:
        asked: What the form asks for.

    Returns:
        Such as `%deploy model --name churn --workers 4`.
    """
    parts = ["%deploy", _as_one_word(asked.expression, VERBS)]
    parts += ["--name", asked.name] if asked.name else []
    parts += ["--example", _as_one_word(asked.example)] if asked.example else []
    changed = msgspec.structs.asdict(asked.settings)
    parts += [f"--{name} {value}" for name, value in changed.items() if value is not None]
    return " ".join([*parts, *asked.more.split("\n")]).strip()


def _as_one_word(expression: str, taken: tuple[str, ...] = ()) -> str:
    """Put whatever the line would not read as one word of its own into parentheses."""
    plain = " ".join(expression.split("\n")).strip()
    return plain if SIMPLE.fullmatch(plain) and plain not in taken else f"({plain})"


def _tell(answer: Callable[[], Value]) -> None:
    """Publish an answer, or why there is none, as the only JSON text of its kind."""
    try:
        told: dict[str, Any] = {"answer": answer()}
    except errors.DeployError as error:
        told = {"trouble": Trouble(code=error.code, message=error.message, hint=error.hint)}
    except KeyboardInterrupt:
        told = {"trouble": Trouble(code="Cancelled", message="It was cancelled.")}
    except Exception as error:  # the author's own code runs in here, and may raise anything
        why = f"{type(error).__name__}: {error}"
        told = {"trouble": Trouble(code=type(error).__name__, message=why, details=traceback.format_exc())}
    running = session.shell()
    running.display_pub.publish(data={MIME: to_json(told).decode()}, metadata={})


def _variables() -> Variables:
    from jupyter_deploy.adapters import python  # noqa: F401 (now: an interrupt of a check must not meet its import)

    running = session.shell()
    here = session.of_notebook(running)
    found = models.find(here.namespace, here.folder, running.user_ns_hidden)
    read, trouble = settings.Settings(), None
    try:
        read, _ = settings.read(here.folder, {})
    except errors.DeployError as error:
        trouble = Trouble(code=error.code, message=error.message, hint=error.hint)
    if not _is_loaded(running):
        _warm_up(here.folder)
    return Variables(
        version=__version__, candidates=found.candidates, rows=found.rows, left_out=found.left_out,
        targets=plugins.names("targets"), trouble=trouble,
        settings=Wanted(**{name: getattr(read, name) for name in Wanted.__struct_fields__}),
    )  # fmt: skip


def _preflight(asked: Asked) -> Plan:
    capture = _prepare(asked).capture
    staging.leave(Path(capture.folder))
    return _plan(capture, asked)


def _launch(asked: Asked) -> Launched:
    from jupyter_deploy.adapters import python

    endpoint = python.launch(*_prepare(asked))
    return Launched(endpoint=endpoint.name, number=endpoint.view.release.number, url=endpoint.url, cell=_cell(asked))


def _prepare(asked: Asked) -> Prepared:
    """Capture as the magic does, by way of its line."""
    running = session.shell()
    if asked.name:
        check_name(asked.name)
    try:
        parsed = magic.parse(running, line(asked).removeprefix("%deploy "))
    except UsageError as error:
        raise errors.BadInput(str(error).partition("\n")[0], "The options are those of the magic: `%deploy?` shows all.") from error
    return magic.prepare(running, parsed)


def _plan(capture: Capture, asked: Asked) -> Plan:
    return Plan(
        endpoint=capture.endpoint, variable=capture.variable, kind=capture.kind, size=capture.size, saved=capture.saved,
        seconds=capture.seconds, golden=words.golden(capture), contract=_contract(capture.contract),
        packages=_packages(capture.modules), taken=capture.taken, findings=capture.findings, line=line(asked), cell=_cell(asked),
    )  # fmt: skip


def _contract(contract: Contract) -> tuple[Accepted, ...]:
    return tuple(
        Accepted(
            text=words.accepts(given),
            methods=tuple((method.name, words.returns(method.output)) for method in methods),
            columns=tuple(map(_column, given.columns)),
        )
        for given, methods in words.shared_inputs(contract)
    )


def _column(column: Column) -> Shown:
    example = "" if column.example is None else str(column.example)[:EXAMPLE]
    return Shown(name=column.name, dtype=column.dtype, values=words.values_of(column), example=example)


def _packages(modules: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Name the installed packages of modules; what these need in turn, the lock finds out."""
    tops, owners = {module.partition(".")[0] for module in modules}, metadata.packages_distributions()
    found = {name for top in tops if len(owners.get(top, ())) <= MOST_OWNERS for name in owners.get(top, ())}
    return tuple((name, metadata.version(name)) for name in sorted(found))


def _cell(asked: Asked) -> str:
    return line(asked) if _is_loaded(session.shell()) else f"{LOAD}\n{line(asked)}"


def _is_loaded(running: Any) -> bool:
    return "DeployMagics" in running.magics_manager.registry


def _warm_up(folder: Path) -> None:
    """Let the agent import what the kernel has imported while the form is being filled in, as `%load_ext` does."""
    from jupyter_deploy.adapters.warm import Warmer

    Warmer(folder).start()
