"""From a live variable to a capture."""

from __future__ import annotations

import functools
import os
import platform
import re
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from jupyter_deploy import errors, home, plugins
from jupyter_deploy.bentos.python.endpoint import schema
from jupyter_deploy.capture import report, saving, sources
from jupyter_deploy.capture.asking import calls, contract, golden
from jupyter_deploy.capture.cells import Notebook
from jupyter_deploy.capture.leaks import secrets
from jupyter_deploy.capture.noticing import environment, files, modes, provenance
from jupyter_deploy.capture.noticing import findings as look
from jupyter_deploy.capture.pickling import objects
from jupyter_deploy.frameworks.base import Framework
from jupyter_deploy.values import Capture, Cell, Contract, Golden, History, Input, Manifest, Output, Taken, to_json

_NEEDED = {"frame": "pandas", "series": "pandas", "array": "numpy", "sparse": "scipy.sparse"}
"""What a worker needs to make the arguments of a contract; the model's own pickle may not name it."""

_URI = re.compile(r"[a-z][a-z-]*:/[^\s'\"]+")


class Terms(NamedTuple):
    """On which terms a model is captured.

    Attributes:
        golden_rows: How many golden rows of each method to keep at most.
        include: Data files and folders to take along, relative to the notebook's folder; patterns are allowed.
        env: The names of environment variables that the model is declared to read.
        allow_secret: Paths of what looks like a secret and is none.
        nondeterministic: Whether the model may answer twice otherwise.
        tolerance: Relative tolerance of floats when two answers are compared.
    """

    golden_rows: int = 100
    include: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    allow_secret: tuple[str, ...] = ()
    nondeterministic: bool = False
    tolerance: float = 1e-6


TERMS = Terms()
HISTORY = History()


def capture(
    expression: str, namespace: dict[str, Any], *, name: str, folder: Path, example: Any = contract.MISSING,
    cells: Sequence[tuple[int, str]] = (), beside: Path | None = None, terms: Terms = TERMS,
    history: History = HISTORY,
) -> Capture:  # fmt: skip
    """Take a model out of the live kernel: its files, the code that it reaches, contract and golden rows.

    Args:
        expression: The variable, or any expression, which is evaluated once; or a URI such as `models:/churn/3`, as it stands.
        namespace: The notebook's variables.
        name: The endpoint's name.
        folder: A fresh folder to write into; what it holds after an error is of no use.
        example: Rows to call the model on; looked for in the cells and variables where `MISSING`.
        cells: The executed cells in the order in which they ran: execution count and source.
        beside: The notebook's folder, whose modules are taken along.
        terms: What to take along and how much to ask.
        history: What else is known of the executed cells.

    Returns:
        The capture; its files lie in the folder.

    Raises:
        BadInput: If there is no such variable, it cannot answer or leave the kernel, nothing says what it accepts, or a secret
            would leave the kernel with it.
    """
    began, expression = time.perf_counter(), expression.strip()
    expression = repr(expression) if _URI.fullmatch(expression) else expression
    model = evaluate(expression, namespace)
    framework = find_framework(model)
    framework.check(model, expression)
    around = look.Around(expression, namespace, cells, history, Notebook(cells), (beside or Path.cwd()).resolve())
    taken = _take(model, framework, around, name=name, folder=folder, example=example, beside=beside, terms=terms)
    return msgspec.structs.replace(taken, seconds=time.perf_counter() - began)


def _take(
    model: Any, framework: Framework, around: look.Around, *,
    name: str, folder: Path, example: Any, beside: Path | None, terms: Terms,
) -> Capture:  # fmt: skip
    expression, namespace, notebook, here = around.expression, around.namespace, around.notebook, around.beside
    revision = provenance.ask(here)  # git takes its time beside the capture
    served = framework.serve(model)
    declared, included = environment.check(terms.env), files.find(terms.include, here)
    seen = _look(served, expression, notebook, beside, included, terms)  # before anything is written
    home.check_room(folder, seen.reached.size)
    taken = report.of_objects(served, expression, describe(model), seen.reached)
    seen.reached.reduced.clear()  # which may hold much
    pickler = functools.partial(objects.dump, name=expression, place=notebook.place)
    (folder / "model").mkdir(parents=True, exist_ok=True)
    saved = framework.save(model, folder / "model", pickler)  # before the model is asked, which may change it
    known, kind = framework.contract(model), f"{framework.about.title} model" if isinstance(model, str) else describe(model)
    own = framework.name == "callable" or (known is not None and known.kind == "arguments")
    search = calls.Search(model, expression, framework.methods(model), namespace, own=own, served=served)
    asked = _ask(served, search, contract.find(search, notebook, example, known), example, terms)
    seen.secrets.answers(asked.contract, asked.golden)
    seen.secrets.stop()
    saved = saving.keep(saved, folder / "model", asked.contract, asked.golden, terms.tolerance)
    seen.reached.modules.update(dict.fromkeys(saved.modules, True))
    found = sources.find([*seen.reached.modules, *_needed(asked.contract)], beside)
    taken += [*report.of_files(expression, found.files, found.ways), *_told(included)]
    manifest = Manifest(
        endpoint=name, language_version=platform.python_version(), framework=framework.name, loader=saved.loader,
        model=f"model/{saved.file}", saved=saved.told, sources=_copy(found, included, here, folder),
        preload=_loaded(seen.reached, asked.contract, found), environment=declared,
    )  # fmt: skip
    findings = (
        *modes.findings(getattr(served, "module", model), expression),
        *look.collect(around, seen.reached, found, included, declared),
    )
    told = notebook_name(namespace)
    _write(folder, manifest=manifest, contract=schema.document(asked.contract), golden=asked.golden, cells=seen.origin)
    return Capture(
        endpoint=name, variable=expression, kind=kind, digest=home.digest_of(folder), folder=str(folder),
        size=home.size_of(folder), contract=asked.contract, golden=_counts(asked.golden),
        golden_origin=asked.origin, findings=(*findings, *asked.findings, *seen.secrets.findings()),
        modules=found.installed, imported=sources.of_notebook(namespace), environment=declared,
        interpreter=sys.executable, path=module_path(beside), language_version=manifest.language_version,
        notebook=told, provenance=provenance.describe(told, revision, notebook.numbers(seen.origin)),
        taken=report.complete(taken, home.size_of(folder / "model")), saved=saved.told,
    )  # fmt: skip


class _Seen(NamedTuple):
    """What a model reaches, as far as can be told without writing anything.

    Attributes:
        reached: What its pickle meets.
        origin: The cells that it came from.
        secrets: What was looked at for secrets.
    """

    reached: objects.Reached
    origin: list[Cell]
    secrets: secrets.Search


def _look(
    model: object, expression: str, notebook: Notebook, beside: Path | None, included: Sequence[files.Included], terms: Terms
) -> _Seen:
    seen = _Seen(objects.Reached(), [], secrets.Search(terms.allow_secret))
    seen.secrets.model(model, expression, reached=seen.reached, place=notebook.place)
    seen.origin.extend(notebook.sources(expression, seen.reached.defined))
    data = {one.path: one.file for one in included}
    seen.secrets.code(expression, seen.origin, {**sources.find(seen.reached.modules, beside).files, **data})
    seen.secrets.stop()
    return seen


def evaluate(expression: str, namespace: dict[str, Any]) -> Any:
    """Evaluate what a person wants to deploy.

    Args:
        expression: A variable, or any expression.
        namespace: The notebook's variables.

    Returns:
        Its value.

    Raises:
        UnknownName: If one of its variables or attributes does not exist; says which names come near.
        BadInput: If it is no expression, or raises.
    """
    try:
        return eval(compile(expression, "<deploy>", "eval"), namespace)  # noqa: S307 (the user's own expression in the user's own kernel)
    except SyntaxError as error:
        raise errors.BadInput(f"`{expression}` is not a Python expression.", "Give a variable, such as `%deploy model`.") from error
    except NameError as error:
        unknown = error.name or expression
        near = errors.did_you_mean(unknown, (one for one in namespace if not one.startswith("_")))
        message = f"There is no variable `{unknown}` in this notebook."
        raise errors.UnknownName(message, near or "Run the cell that makes it.") from error
    except AttributeError as error:
        near = errors.did_you_mean(error.name or "", dir(error.obj))
        raise errors.UnknownName(f"`{expression}` cannot be evaluated: {error}.", near) from error
    except Exception as error:  # the user's own expression, which may raise anything
        raise errors.BadInput(f"`{expression}` cannot be evaluated: {type(error).__name__}: {error}") from error


def find_framework(model: object) -> Framework:
    """Find the framework that takes a model.

    Args:
        model: The live object.

    Returns:
        The first one that accepts it.

    Raises:
        NotDeployable: If none does.
    """
    for one in plugins.names("frameworks"):
        framework: Framework = plugins.load("frameworks", one)()
        if framework.accepts(model):
            return framework
    raise errors.NotDeployable(f"No framework takes a {type(model).__name__}.")


def _ask(served: object, search: calls.Search, found: contract.Found, example: Any, terms: Terms) -> golden.Asked:
    """Ask the model on the first data that it takes, and on whatever else it was called on."""
    failures: list[str] = []
    question = golden.Question(served, search.expression, found.methods, terms.golden_rows, terms.tolerance, terms.nondeterministic)
    for data in found.candidates:
        if failures and data.by_name and not data.value:  # nothing but a signature, and that promises what does not hold
            break
        try:
            return golden.ask(question, data, found.recorded, found.training)
        except golden.NoAnswer as error:
            if type(error.__cause__).__name__ == "NotFittedError":  # scikit-learn's, which is not imported here
                hint = f"Run `{search.expression}.fit(X, y)` first, then deploy it."
                raise errors.NotDeployable(f"`{search.expression}` has not been fitted.", hint) from error
            if isinstance(error.__cause__, NameError):
                raise _name_is_gone(search, error.__cause__) from error
            failures.append(str(error))
    if example is not contract.MISSING:
        raise contract.unfit_example(search, failures)
    raise contract.nothing_found(search, failures)


def _name_is_gone(search: calls.Search, error: NameError) -> errors.NotDeployable:
    near = errors.did_you_mean(error.name or "", (one for one in search.namespace if not one.startswith("_")))
    return errors.NotDeployable(
        f"`{search.expression}` fails when it is called: {error}.", near or "Run the cell that defines it, then deploy again."
    )


def _counts(asked: Sequence[Golden]) -> dict[str, int]:
    """Count the golden rows of each method."""
    counts: dict[str, int] = {}
    for one in asked:
        counts[one.method] = counts.get(one.method, 0) + len(one.rows)
    return counts


def _needed(described: Contract) -> Iterable[str]:
    """List the modules that a worker imports to build arguments and to read answers."""
    sides: list[Input | Output] = [side for method in described.methods for side in (method.input, method.output)]
    sides += [column.holds for method in described.methods for column in method.input.columns if column.holds is not None]
    return dict.fromkeys(side.library if side.library == "polars" else _NEEDED[side.kind] for side in sides if side.kind in _NEEDED)


def _loaded(reached: objects.Reached, described: Contract, found: sources.Sources) -> tuple[str, ...]:
    """List what loading the model imports; what a function imports while it runs may never be needed."""
    met = {one for one, is_met in reached.modules.items() if is_met}
    return tuple(sorted((met | set(_needed(described))) & set(found.installed)))


def _copy(found: sources.Sources, included: Sequence[files.Included], here: Path, folder: Path) -> str:
    """Copy modules and data files; gives the folder that stands for the notebook's, or nothing where there are none."""
    place = files.home_of(included, here)
    sources.copy(found.files, folder / place)
    files.copy(included, folder / place)
    return place if found.files or included else ""


def _told(included: Iterable[files.Included]) -> list[Taken]:
    return [Taken(path=f"--include {one.path}", kind="included file", size=one.size) for one in included]


def _write(folder: Path, **values: Any) -> None:
    for stem, value in values.items():
        (folder / f"{stem}.json").write_bytes(to_json(value))


def describe(model: object) -> str:
    """Name a model's kind for people.

    Args:
        model: The live object.

    Returns:
        Its class, with the steps of a pipeline; for a function, `function` and its name.
    """
    if hasattr(model, "__qualname__") and not isinstance(model, type):
        return f"function {getattr(model, '__name__', model)}"
    steps = getattr(model, "steps", None)
    if isinstance(steps, list) and all(isinstance(step, tuple) and len(step) == 2 for step in steps):
        return f"{type(model).__name__}: {', '.join(type(step[1]).__name__ for step in steps)}"
    return type(model).__name__


def module_path(beside: Path | None) -> tuple[str, ...]:
    """List where this kernel finds modules, without the notebook's own folder.

    Args:
        beside: The notebook's folder.

    Returns:
        Absolute paths that exist.
    """
    own = {(beside or Path()).absolute(), Path.cwd()}
    return tuple(one for one in sys.path if one and Path(one).absolute() not in own and Path(one).exists())


def notebook_name(namespace: dict[str, Any]) -> str:
    """Find the notebook's name.

    Args:
        namespace: The notebook's variables, where some front ends leave it.

    Returns:
        The file's name; empty where neither Jupyter nor the front end told the kernel.
    """
    told = namespace.get("__session__") or os.environ.get("JPY_SESSION_NAME") or namespace.get("__vsc_ipynb_file__") or ""
    return Path(str(told)).name
