"""The saved notebook is compared with what ran: true differences are told, and one that was run from top to bottom has none."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from jupyter_deploy.capture.cells import Notebook
from jupyter_deploy.capture.noticing import stale
from jupyter_deploy.capture.pickling.objects import Reached
from jupyter_deploy.values import History

LOAD = "import numpy as np\nfrom tools import Model, read, show\nnp.random.seed(0)"
DATA = "X, y = read('data.csv')\nX['b'] = X['a'] + 1"
CLEAN = "LIMIT = 3\n\ndef clean(x):\n    return x.clip(LIMIT)"
FIT = "model = Model(clean)\nmodel.fit(X, y)"
SHOW = "show(model, X.head())\nfor i in range(3):\n    print(i)"
EDITED = "stands otherwise in the saved notebook: it was edited after it ran. What ran is deployed."
ALL = (LOAD, DATA, CLEAN, FIT, SHOW)


def findings(ran: Sequence[str], saved: Sequence[str], expression: str = "model", **history: Any) -> list[str]:
    """Compare cells as they ran with a notebook that was saved after them."""
    cells = list(enumerate(ran, 1))
    known = History(**{"times": {number: 10.0 + number for number, _ in cells}, **history})
    file = stale.Saved([(None, source) for source in saved], 1_000.0)
    found = stale.findings(expression, cells, known, file, Reached(), Notebook(cells), {})
    assert {"cell"} >= {one.kind for one in found}
    return [f"{one.subject}: {one.message}" for one in found]


@pytest.mark.parametrize(
    "ran",
    [
        ALL,
        (*ALL, *ALL),
        (LOAD, CLEAN, DATA, FIT),
        (LOAD, DATA, CLEAN, FIT, FIT, FIT),
        (LOAD, LOAD, DATA, CLEAN, CLEAN, FIT, SHOW, SHOW, DATA, FIT),
        (*ALL, "model.predict(X)", "scratch = 5"),
        (LOAD, DATA, "LIMIT = 2", CLEAN, FIT),
        ("%load_ext jupyter_deploy", "!pip list", *ALL, "%deploy model"),
    ],
    ids=["once", "twice", "independent cells swapped", "fitted again", "again and again", "scratch", "overwritten", "magics"],
)
def test_what_runs_alike_is_no_finding(ran: tuple[str, ...]) -> None:
    """Cells that ran again to the same effect, independent ones in another order, and others that do not matter are silent."""
    assert [] == findings(ran, ALL)


@pytest.mark.parametrize(
    "saved",
    [
        (LOAD, DATA, CLEAN, FIT),
        (LOAD + "\n# a comment", "  \n", DATA, CLEAN.replace("LIMIT = 3", "LIMIT  =  3  # three"), FIT, "model = None"),
        (LOAD.replace("np\nfrom", "np, os\nfrom"), DATA, CLEAN, "def other(): pass", FIT, "%deploy model", "X = None", "LIMIT = 9"),
    ],
    ids=["unused cell gone", "comments and layout", "new cells below"],
)
def test_what_makes_the_same_is_no_finding(saved: tuple[str, ...]) -> None:
    """Edits that cannot change the model are silent, as are cells below the one that deploys."""
    assert [] == findings(ALL, saved)


def test_edited_cell() -> None:
    """A cell that was edited after it ran is named, with what it made."""
    told = findings(ALL, (LOAD, DATA, CLEAN.replace("clip", "floor"), FIT, SHOW))

    assert [f"cell 3: Cell 3, which made `clean`, {EDITED}"] == told


def test_deleted_cell() -> None:
    """A cell that is no longer there is named."""
    told = findings(ALL, (LOAD, CLEAN, FIT, SHOW))

    assert ["cell 2: Cell 2, which made `X`, `y`, is no longer in the saved notebook. What ran is deployed."] == told


def test_edited_fit() -> None:
    """A statement that only changes what is there is told as edited where it changes it otherwise now."""
    told = findings(ALL, (LOAD, DATA, CLEAN, FIT.replace("X, y", "X, y, 1"), SHOW))

    assert [f"cell 4: Cell 4, which made `model`, {EDITED}"] == told


def test_rerun_without_the_model() -> None:
    """A value that was changed and run again does not count while the model was made with the older one."""
    told = findings((*ALL, CLEAN.replace("3", "4")), (LOAD, DATA, CLEAN.replace("3", "4"), FIT, SHOW))

    assert [f"cell 3: Cell 3, which made `LIMIT`, {EDITED}"] == told


def test_functions_look_globals_up_when_called() -> None:
    """A function that is deployed has its globals as they are now, so a newer value of one is what counts."""
    function = "def predict(x):\n    return x > LIMIT"

    assert [] == findings(("LIMIT = 1", function, "LIMIT = 2"), ("LIMIT = 2", function), "predict")
    assert ["cell 3"] == [
        one.partition(":")[0] for one in findings(("LIMIT = 1", function, "LIMIT = 2"), ("LIMIT = 1", function), "predict")
    ]


def test_other_order() -> None:
    """Cells that ran in another order than they stand in are named where the model depends on it."""
    scale, shift = "X = X * 2", "X = X + 1"

    told = findings((LOAD, DATA, scale, shift, CLEAN, FIT), (LOAD, DATA, shift, scale, CLEAN, FIT))

    assert ["cell 4: Cell 4 ran after cell 3 and stands above it in the saved notebook; the model depends on both."] == told


@pytest.mark.parametrize("double", ["X = X * 2", "X['a'] = X.a * 2", "X.a = X['a'] * 2"])
def test_run_again_on_what_was_left(double: str) -> None:
    """A cell that adds to what it had left is named where it ran more often than it stands there."""
    told = findings((LOAD, DATA, double, double, CLEAN, FIT), (LOAD, DATA, double, CLEAN, FIT))

    assert ["cell 4: Cell 4 ran 2 times, each time on what the last had left of `X`; the saved notebook does so once."] == told


def test_cell_that_did_not_run() -> None:
    """A cell of the saved notebook that would take part and never ran is named by its first line."""
    told = findings((LOAD, DATA, CLEAN, FIT), (LOAD, DATA, "X = X.dropna()", CLEAN, FIT))

    assert [
        "cell 4: The saved notebook makes `X` in a cell that did not run as it stands: `X = X.dropna()`. What ran is deployed."
    ] == told


def test_skipped_value() -> None:
    """A name that another cell binds in the saved order is named, with the cell that bound it here."""
    told = findings(("k = 2", "k = 1", "model = Model(k)"), ("k = 1", "k = 2", "model = Model(k)"))

    assert ["cell 1: Cell 1 would make `k` if the saved notebook ran from top to bottom, but here cell 2 does."] == told


def test_cell_that_failed() -> None:
    """Of a cell that failed only what stands above the failing statement counts."""
    ran = ("k = 1", "model = Model(k)", "k = 2\nmodel = Model(k, oops=1)\nk = 3")

    assert [] == findings(ran[:2], ran[:2])
    assert [] == findings(ran, ran[:2], failed={3: 0})
    assert [] == findings(ran, ran[:2], failed={3: 2})
    assert [] == findings(ran, ran, failed={3: 2})


def test_file_that_cannot_know_yet() -> None:
    """Nothing is said of a cell that ran after the file was saved."""
    edited = CLEAN.replace("clip", "floor")
    cells = list(enumerate((*ALL, edited, FIT), 1))
    file = stale.Saved([(number, source) for number, source in enumerate(ALL, 1)], 100.0)
    late = History(times={number: 10.0 if number < 6 else 200.0 for number, _ in cells})

    assert [] == stale.findings("model", cells, late, file, Reached(), Notebook(cells), {})


def test_kernel_that_noted_no_times() -> None:
    """Without times the file must be younger than the kernel and hold a cell with the very count under which it ran."""
    cells = list(enumerate(ALL, 1))
    counted = [(1, LOAD), (2, DATA), (4, FIT), (5, SHOW)]

    def told(at: float, began: float | None, saved: list[tuple[int | None, str]]) -> list[str]:
        file = stale.Saved(saved, at)
        return [one.subject for one in stale.findings("model", cells, History(began=began), file, Reached(), Notebook(cells), {})]

    assert ["cell 3"] == told(100.0, 50.0, [*counted])
    assert [] == told(100.0, 150.0, [*counted])
    assert [] == told(100.0, None, [*counted])
    assert [] == told(100.0, 50.0, [(None, source) for _, source in counted])


def test_redefined_function(session: Any) -> None:
    """A function that the model holds as an older cell defined it is told without any file; one defined alike again is not."""
    fit = "from sklearn.preprocessing import FunctionTransformer\nmodel = FunctionTransformer(clean)\nmodel.fit_transform([[1.0]])"
    session.run("def clean(x):\n    return x", fit, "def clean(x):\n    # again\n    return x")
    assert () == session.capture("model").findings

    found = session.run("def clean(x):\n    return [[2.0]]").capture("model").findings

    expected = "`model` holds `clean` as cell 1 defined it; cell 4 has defined it otherwise since. What it holds is deployed."
    assert [("cell", "cell 1", expected)] == [(one.kind, one.subject, one.message) for one in found]


def test_capture_finds_the_file(session: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file that Jupyter named to the kernel is read, whatever its name."""
    cells = ("k = 2", "def double(x: float) -> float:\n    return k * x\ndouble(2.0)")
    session.run(*cells)
    file = session.folder / "Übung 1 (Äpfel).ipynb"
    monkeypatch.setenv("JPY_SESSION_NAME", str(file))
    history = History(times={1: time.time() - 60, 2: time.time() - 60})

    def told(*saved: str) -> list[str]:
        sources = [{"cell_type": "markdown", "source": ["# k"]}, *({"cell_type": "code", "source": one} for one in saved)]
        file.write_text(json.dumps({"cells": sources, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}), encoding="utf-8")
        return [one.subject for one in session.capture("double", history=history).findings]

    assert [] == told(*cells)
    assert ["cell 1"] == told("k = 3", cells[1])
    assert ["cell 1"] == told(cells[1])


@pytest.mark.parametrize("content", ["", "{}", '{"cells": 3}', "[]", "# jupytext", '{"worksheets": []}'])
def test_file_that_is_no_notebook(tmp_path: Path, content: str) -> None:
    """What is no notebook is not compared."""
    file = tmp_path / "nb.ipynb"
    file.write_text(content)

    assert stale.read(file) is None
    assert stale.read(None) is None
    assert stale.read(tmp_path / "gone.ipynb") is None
    os.truncate(file, 0)
    assert stale.read(file) is None
