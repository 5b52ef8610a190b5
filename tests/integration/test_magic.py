"""`%deploy` in a real kernel, with a real agent behind it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from jupyter_deploy.home import Home

SETUP = """
%load_ext jupyter_deploy
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
X, y = load_iris(return_X_y=True, as_frame=True)
model = LogisticRegression(max_iter=500).fit(X, y)
expected, chances = model.predict(X), model.predict_proba(X)
"""


class Notebook:
    """A notebook in a running kernel."""

    def __init__(self, folder: Path) -> None:
        self.book = nbformat.v4.new_notebook()
        self.client = NotebookClient(self.book, kernel_name="python3", timeout=240, resources={"metadata": {"path": str(folder)}})

    def run(self, source: str, *, fails: bool = False) -> Any:
        """Run a cell at the notebook's end.

        Args:
            source: Its source.
            fails: Whether it is expected to.

        Returns:
            The cell with its outputs, which change as long as others run.
        """
        cell = nbformat.v4.new_code_cell(source, metadata={"tags": ["raises-exception"] if fails else []})
        self.book.cells.append(cell)
        self.client.execute_cell(cell, len(self.book.cells) - 1)
        return cell


def shown(cell: Any, kind: str = "text/plain") -> str:
    """Join what a cell displays, of one kind."""
    return "\n".join(str(output["data"][kind]) for output in cell.outputs if kind in output.get("data", {}))


def printed(cell: Any) -> str:
    """Join what a cell prints."""
    return "".join(output["text"] for output in cell.outputs if output.output_type == "stream" and output.name == "stdout")


def failure(cell: Any) -> list[str]:
    """List the lines with which a cell failed, without colours."""
    error = next(output for output in cell.outputs if output.output_type == "error")
    return [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in error.traceback]


@pytest.fixture(scope="module")
def notebook(shared_home: Home, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Notebook]:
    """Give a notebook whose model is fitted, and is being deployed as `churn` by cell 2; cell 3 waits until it serves."""
    running = Notebook(tmp_path_factory.mktemp("notebook"))
    with running.client.setup_kernel():
        running.run(SETUP)
        running.run("ep = %deploy model --name churn")
        running.run("ep.wait(200)")
        yield running


def test_the_card_is_displayed_once_and_keeps_the_last_state(notebook: Notebook) -> None:
    """An assignment shows one card; it was updated in place while another cell ran, and the saved notebook keeps the end."""
    card = notebook.book.cells[1]

    assert 1 == len(card.outputs)
    assert "churn@1 · verified" in shown(card)
    for stage in ("captured", "preview", "locked", "environment", "bundled", "verified", "serving"):
        assert f"✓ {stage}" in shown(card)
    assert "golden rows: 100 for predict" in shown(card)
    assert "from cell 1: model.predict" in shown(card)


def test_the_saved_notebook_holds_no_secret(notebook: Notebook, shared_home: Home) -> None:
    """The key's file is named; what it holds stands nowhere in the notebook."""
    secret = (shared_home.keys / "churn.key").read_text().strip()
    saved = nbformat.writes(notebook.book)

    assert secret.startswith("jd_")
    assert secret not in saved
    assert "churn.key" in saved


def test_the_endpoint_answers_as_the_model(notebook: Notebook) -> None:
    """A DataFrame in, the model's own kind of answer out, for each of its methods."""
    cell = notebook.run(
        "import numpy as np\n"
        "got = ep.predict(X)\n"
        "print((got == expected).all(), got.dtype == expected.dtype, np.allclose(ep.predict_proba(X), chances))"
    )

    assert "True True True\n" == printed(cell)


def test_a_bare_line_shows_the_card_once(notebook: Notebook) -> None:
    """`%deploy model` as a cell's last line shows the card, and no second one as the cell's value; nor a new release."""
    cell = notebook.run("%deploy model --name churn")

    assert 1 == len(cell.outputs)
    assert "churn@1 · verified" in shown(cell)


def test_the_handle_shows_its_card(notebook: Notebook) -> None:
    """The handle as a cell's value is the card, in HTML without a script."""
    markup = shown(notebook.run("ep"), "text/html")

    assert "churn@1" in markup
    assert "<script" not in markup


def test_the_curl_line_works(notebook: Notebook) -> None:
    """What the card tells to type answers with a prediction."""
    command = printed(notebook.run("print(ep.curl())"))

    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)

    assert 1 == len(json.loads(done.stdout)["predictions"])


def test_what_is_deployed(notebook: Notebook) -> None:
    """`%deploy` alone lists the endpoints with a line of help."""
    text = shown(notebook.run("%deploy"))

    assert "churn     churn@1 verified  churn@1 verified" in text
    assert "%deploy?" in text


def test_verbs(notebook: Notebook) -> None:
    """Status, releases, logs, history and changes are there as magics, also as JSON."""
    assert "churn@1 · verified" in shown(notebook.run("%deploy status churn"))
    assert "churn@1  verified" in shown(notebook.run("%deploy releases churn"))
    assert "churn@1" in shown(notebook.run("%deploy logs churn --lines 5"))
    assert "endpoint made" in shown(notebook.run("%deploy history churn"))
    assert "churn@1 → churn@1: the same model" in shown(notebook.run("%deploy diff churn@1 churn@1"))
    assert "churn" == json.loads(printed(notebook.run("%deploy status churn --json")))["name"]


def test_a_dry_run_deploys_nothing(notebook: Notebook, shared_home: Home) -> None:
    """It shows what would be taken along, and leaves nothing behind."""
    cell = notebook.run("%deploy model --name other --dry-run")

    assert "would become the endpoint other" in shown(cell)
    assert "other" not in shown(notebook.run("%deploy"))
    assert [] == list(shared_home.staging.iterdir())


@pytest.mark.parametrize(
    ("line", "name", "message", "hint"),
    [
        ("%deploy modle", "UnknownName", "no variable `modle`", "Did you mean `model`?"),
        ("%deploy model --name Churn_1", "BadName", "`Churn_1` cannot be an endpoint's name", "Try `churn-1`."),
        ("%deploy LogisticRegression", "NotDeployable", "LogisticRegression", ""),
        ("%deploy LogisticRegression()", "NotDeployable", "has not been fitted", ""),
        ("%deploy model --example X_tset", "UnknownName", "There is no variable `X_tset`", ""),
        ("%deploy logs chrun", "UnknownName", "There is no endpoint `chrun`", "Did you mean `churn`?"),
        ("%deploy promote churn", "Conflict", "`churn` has no newer verified release.", "rollback churn"),
        ("%deploy model --workers 0", "BadSetting", "`workers` must be a whole number from 1 to 256, but is 0", ""),
    ],
)
def test_a_mistake_is_told_in_three_lines(notebook: Notebook, line: str, name: str, message: str, hint: str) -> None:
    """What, why, what to do; no traceback."""
    lines = failure(notebook.run(line, fails=True))

    assert f"did not work: {name}" in lines[0]
    assert message in lines[1]
    assert hint in lines[-1]
    assert len(lines) <= 3


def test_a_wrong_option_is_no_traceback(notebook: Notebook) -> None:
    """A misspelt option is a usage error with a pointer to the help."""
    line = "get_ipython().run_line_magic('deploy', 'model --nmae x')"
    cell = notebook.run(f"try:\n    {line}\nexcept Exception as error:\n    print(type(error).__name__, error)")

    assert printed(cell).startswith("UsageError unrecognized arguments: --nmae")


def test_a_refused_release_raises_its_rows(notebook: Notebook) -> None:
    """A model that answers otherwise in a clean environment is refused with the rows; the older release serves on."""
    notebook.run(
        "import os\n"
        "class Moody:\n"
        "    def predict(self, rows):\n"
        "        return [float(os.getpid()) for _ in range(len(rows))]\n"
        "moody = Moody()"
    )
    card = notebook.run("moody_ep = %deploy moody --name churn --example X.head(3)")
    cell = notebook.run(
        "try:\n    moody_ep.wait(200)\nexcept Exception as error:\n    print(type(error).__name__)\n    print(error)"
    )

    assert printed(cell).startswith("Refused\nchurn@2 is refused")
    assert "golden row 0: notebook" in printed(cell)
    assert "churn@2 · refused" in shown(card)
    assert "notebook answered" in shown(card, "text/html")
    assert "True\n" == printed(notebook.run("print((ep.predict(X) == expected).all())"))


def test_loading_is_light() -> None:
    """Loading the extension imports nothing heavy in the foreground: the thread that warms up is held back to see it."""
    source = (
        "import sys, threading\n"
        "from IPython.core.interactiveshell import InteractiveShell\n"
        "threading.Timer.start = lambda self: None\n"
        "shell = InteractiveShell.instance()\n"
        "shell.run_line_magic('load_ext', 'jupyter_deploy')\n"
        "heavy = {'bentoml', 'kubernetes', 'matplotlib', 'sklearn', 'pandas', 'numpy', 'httpx', 'cloudpickle', 'typer', 'rich'}\n"
        "print(sorted(heavy & set(sys.modules)), 'deploy' in shell.magics_manager.magics['line'])\n"
    )

    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True)

    assert "[] True" == done.stdout.strip()


def test_unloading_takes_the_magic_away() -> None:
    """After `%unload_ext` there is no `%deploy`, and loading again brings it back."""
    source = (
        "import threading\n"
        "from IPython.core.interactiveshell import InteractiveShell\n"
        "threading.Timer.start = lambda self: None\n"
        "shell = InteractiveShell.instance()\n"
        "for magic in ('load_ext', 'unload_ext', 'load_ext'):\n"
        "    shell.run_line_magic(magic, 'jupyter_deploy')\n"
        "    print('deploy' in shell.magics_manager.magics['line'])\n"
    )

    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True)

    assert ["True", "False", "True"] == done.stdout.split()
