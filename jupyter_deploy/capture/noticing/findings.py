"""What a person should know of before they trust a release, as far as the kernel can tell; each kind has a module of its own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from jupyter_deploy.capture.cells import Notebook
from jupyter_deploy.capture.noticing import changed, code, environment, files, patches, provenance, stale
from jupyter_deploy.capture.pickling.objects import Reached
from jupyter_deploy.capture.sources import Sources
from jupyter_deploy.values import Finding, History


class Around(NamedTuple):
    """What is around a model.

    Attributes:
        expression: What is deployed.
        namespace: The notebook's variables.
        cells: Execution count and source of every cell that ran, in that order.
        history: What else is known of them.
        notebook: The executed cells, to look code up in.
        beside: The notebook's folder, absolute, links followed.
    """

    expression: str
    namespace: dict[str, Any]
    cells: Sequence[tuple[int, str]]
    history: History
    notebook: Notebook
    beside: Path


def collect(
    around: Around, reached: Reached, found: Sources, included: Sequence[files.Included], declared: Sequence[str]
) -> tuple[Finding, ...]:
    """Look at the cells, files, environment variables, modules and packages that a model needs.

    Args:
        around: What is around it.
        reached: What its pickle meets.
        found: The modules that it imports.
        included: The data files that go along.
        declared: The environment variables that it is declared to read.

    Returns:
        The findings, in the order of these kinds.
    """
    pieces = code.pieces(reached, around.notebook, found.modules, around.beside)
    taken = {one.file for one in included} | {file.resolve() for file in found.files.values()}
    taken |= {file.resolve() for folder in found.in_place for file in folder.rglob("*")}
    saved = stale.read(provenance.notebook_file(around.namespace, around.beside))
    return (
        *stale.findings(around.expression, around.cells, around.history, saved, reached, around.notebook, around.namespace),
        *files.findings(pieces, reached.held, taken, around.beside),
        *environment.findings(pieces, declared),
        *changed.findings(pieces, found.modules),
        *patches.findings([*reached.modules, *found.installed], around.notebook, found.modules),
        *found.findings,
    )
