"""`jupyter deploy` as a shell sees it: what it prints, and how it exits."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest

import jupyter_deploy
from jupyter_deploy.home import Home

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]

FIT = """
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
X, y = load_iris(return_X_y=True, as_frame=True)
model = LogisticRegression(max_iter=500).fit(X, y)
model.predict(X)
"""
ROW = {"sepal length (cm)": 5.1, "sepal width (cm)": 3.5, "petal length (cm)": 1.4, "petal width (cm)": 0.2}


def cli(*arguments: str, stdin: str = "", cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command without a terminal."""
    command = [sys.executable, "-c", "from jupyter_deploy.adapters.cli import main; main()", *arguments]
    env = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH")))),
    }
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, env=env, cwd=cwd, timeout=280)


def notebook(folder: Path, *sources: str, kernel: str = "python3") -> Path:
    """Write a notebook."""
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    book.metadata["kernelspec"] = {"name": kernel, "display_name": kernel, "language": "python"}
    path = folder / "training.ipynb"
    nbformat.write(book, path)
    return path


@pytest.fixture(scope="module")
def deployed(shared_home: Home, tmp_path_factory: pytest.TempPathFactory) -> subprocess.CompletedProcess[str]:
    """Run a notebook that reads a file beside it, and deploy its model as `iris`."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "here.txt").write_text("beside")
    path = notebook(folder, "assert open('here.txt').read() == 'beside'", FIT)
    before = path.read_bytes()
    done = cli("run", str(path), "model", "--name", "iris", "--timeout", "250", cwd=folder.parent)
    assert before == path.read_bytes()
    return done


def test_run_exits_0_when_the_verified_release_serves(deployed: subprocess.CompletedProcess[str]) -> None:
    """Without a terminal it prints a line a stage and the call at the end; cells are told on standard error."""
    assert (0, "") == (deployed.returncode, "" if deployed.returncode == 0 else deployed.stderr)
    stages = [line.split()[1] for line in deployed.stdout.splitlines() if line.startswith("iris@1 ")]
    assert ["captured", "preview", "locked", "environment", "bundled", "verified", "serving"] == stages
    assert "iris/predict" in deployed.stdout.splitlines()[-1]
    assert "cell 2 of 2" in deployed.stderr
    assert "\x1b" not in deployed.stdout + deployed.stderr


def test_a_release_knows_its_notebook(deployed: subprocess.CompletedProcess[str]) -> None:
    """Where it came from is kept, also for a notebook that ran without a browser; nothing was found in it."""
    assert 0 == deployed.returncode
    release = json.loads(cli("status", "iris", "--json").stdout)["releases"][-1]

    assert "training.ipynb" == release["provenance"]["notebook"]
    assert [2] == release["provenance"]["cells"]
    assert [] == [one for one in release["findings"] if one["kind"] in ("cell", "file", "module", "patch", "environment")]


def test_golden_shows_inputs_answers_and_where_they_were_found(deployed: subprocess.CompletedProcess[str]) -> None:
    """As a table of the first method or of the one that is named, or as JSON with all of them."""
    table, chosen, whole = (cli("golden", "iris", *more) for more in ([], ["--method", "predict_proba"], ["--json"]))

    lines = table.stdout.splitlines()
    assert ["row", "input", "notebook", "answered", "found", "in"] == lines[0].split()
    assert lines[1].startswith('0    {"sepal length (cm)":5.1,') and lines[1].rstrip().endswith("model.predict(X)")
    assert (102, "100 golden rows of `predict`") == (len(lines), lines[-1].partition(";")[0])
    assert "100 golden rows of `predict_proba`" in chosen.stdout
    assert {"predict", "predict_proba", "decision_function"} <= {one["method"] for one in json.loads(whole.stdout)}
    assert ROW == json.loads(whole.stdout)[0]["rows"][0]


def test_golden_of_a_method_that_is_not_there(deployed: subprocess.CompletedProcess[str]) -> None:
    """An unknown method and an unknown release are told, with what there is."""
    method, release = cli("golden", "iris", "--method", "predict_prob"), cli("golden", "iris", "--release", "9")

    assert (1, 1) == (method.returncode, release.returncode)
    assert "Did you mean `predict_proba`" in method.stderr
    assert "iris@9" in release.stderr


def test_check_throws_the_same_hostile_bodies_again(deployed: subprocess.CompletedProcess[str]) -> None:
    """Nothing is wrong with what it made of them; the same seed makes the same ones, and one of them can be sent alone."""
    first, again = (json.loads(cli("check", "iris", "--seed", "7", "--count", "80", "--json").stdout) for _ in range(2))
    alone = json.loads(cli("check", "iris", "--seed", "7", "--body", "3", "--json").stdout)
    told = cli("check", "iris", "--count", "20")

    assert (80, 0, []) == (first["sent"], first["wrong"], first["findings"])
    assert first["statuses"] == again["statuses"]
    assert {"200", "422 invalid_input"} <= first["statuses"].keys()
    assert (3, []) == (alone["number"], alone["wrong"])
    assert (0, "Nothing is wrong.") == (told.returncode, told.stdout.splitlines()[-1])
    assert "iris: 20 hostile bodies, seed " in told.stdout


def test_check_needs_an_endpoint_or_an_archive(deployed: subprocess.CompletedProcess[str]) -> None:
    """What is neither, and a method that there is not, are told."""
    assert 0 == deployed.returncode
    nothing, method = cli("check", "irs"), cli("check", "iris", "--method", "predictt")

    assert (1, 1) == (nothing.returncode, method.returncode)
    assert "Did you mean `iris`" in nothing.stderr
    assert "Did you mean `predict`" in method.stderr


def test_lock_shows_packages_and_the_lock_itself(deployed: subprocess.CompletedProcess[str]) -> None:
    """As a table, as the text that pip takes, as JSON, for another machine, and as what differs from another release."""
    table, text, whole, other, same = (
        cli("lock", "iris", *more) for more in ([], ["--show"], ["--json"], ["--platform", "linux/arm64"], ["--diff", "iris@1"])
    )
    packages = {one["name"]: one["version"] for one in json.loads(whole.stdout)["packages"]}

    assert ["scikit-learn", packages["scikit-learn"], "index"] in [line.split() for line in table.stdout.splitlines()]
    pin = f"scikit-learn=={packages['scikit-learn']} \\\n    --hash=sha256:"
    assert pin in text.stdout and pin in other.stdout
    assert (0, "Its packages are those of iris@1.\n") == (same.returncode, same.stdout)
    assert "is no release of `iris`" in cli("lock", "iris", "--diff", "other@1").stderr


def test_without_a_command_it_lists(deployed: subprocess.CompletedProcess[str]) -> None:
    """It shows what is deployed and names the commands."""
    done = cli()

    assert 0 == done.returncode
    assert "iris      iris@1 verified" in done.stdout
    told = next(line for line in done.stdout.splitlines() if line.startswith("Commands: "))
    assert ["run", "list", "status"] == told.split()[1:4]
    assert {"history", "diff", "export", "import", "check", "agent"} <= {word.rstrip(".") for word in told.split()}
    assert "jupyter deploy --help" in done.stdout


def test_jupyter_finds_the_command(shared_home: Home, tmp_path: Path) -> None:
    """`jupyter deploy` runs the program that the project's script of that name starts."""
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    module, _, function = scripts["jupyter-deploy"].partition(":")
    program = tmp_path / "jupyter-deploy"
    program.write_text(f"#!{sys.executable}\nfrom {module} import {function}\n{function}()\n")
    program.chmod(0o755)
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}

    done = subprocess.run(
        [sys.executable, "-m", "jupyter", "deploy", "--version"], capture_output=True, text=True, check=False, env=env
    )

    assert (0, f"{jupyter_deploy.__version__}\n") == (done.returncode, done.stdout)


def test_what_nothing_needs_is_told(deployed: subprocess.CompletedProcess[str]) -> None:
    """Where every file belongs to a release, there is nothing to free, and a person reads that."""
    assert (0, "Nothing to free: releases need all that is kept.\n") == ((done := cli("gc")).returncode, done.stdout)
    freed = json.loads(cli("gc", "--json").stdout)
    assert {"captures", "bundles", "environments", "locks", "staging"} <= set(freed)
    assert {0} == set(freed.values())


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        ((), list), (("list",), list), (("status", "iris"), dict), (("logs", "iris"), list), (("releases", "iris"), list),
        (("config",), dict), (("agent", "status"), dict),
    ],
)  # fmt: skip
def test_json(deployed: subprocess.CompletedProcess[str], arguments: tuple[str, ...], kind: type[Any]) -> None:
    """With --json, standard output holds one JSON value and nothing else."""
    done = cli(*arguments, "--json")

    assert (0, "") == (done.returncode, done.stderr)
    assert isinstance(json.loads(done.stdout), kind)


@pytest.mark.parametrize("how", ["argument", "file", "stdin"])
def test_call(deployed: subprocess.CompletedProcess[str], tmp_path: Path, how: str) -> None:
    """A call takes its JSON from the line, a file or standard input, and prints the answer's JSON."""
    body = json.dumps({"rows": [ROW]})
    (tmp_path / "rows.json").write_text(body)
    data = {"argument": body, "file": f"@{tmp_path / 'rows.json'}", "stdin": "@-"}[how]

    done = cli("call", "iris", "predict", "--data", data, stdin=body)

    assert {"predictions": [0]} == json.loads(done.stdout)


def test_a_call_with_a_wrong_field(deployed: subprocess.CompletedProcess[str]) -> None:
    """The field is named, its value is not."""
    done = cli("call", "iris", "--data", json.dumps({"rows": [{**ROW, "petal width (cm)": "very-secret"}]}))

    assert 1 == done.returncode
    assert "petal width (cm)" in done.stderr
    assert "very-secret" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("status", "irsi"), 1, "Did you mean `iris`?"),
        (("call", "iris", "predcit", "-d", "[]"), 1, "Did you mean `predict`"),
        (("rollback", "iris"), 1, "no older verified release"),
        (("promote", "iris"), 1, "no newer verified release"),
        (("stop", "iris"), 2, "say --yes"),
        (("remove", "iris"), 2, "say --yes"),
        (("agent", "stop"), 2, "say --yes or --keep"),
        (("status",), 2, "Missing argument"),
        (("nothing",), 2, "No such command"),
        (("run", "nothing.ipynb", "model"), 1, "There is no notebook nothing.ipynb."),
    ],
)
def test_exit_codes(deployed: subprocess.CompletedProcess[str], arguments: tuple[str, ...], code: int, told: str) -> None:
    """1 for a deploy error, 2 for wrong usage; the reason is on standard error, and nobody is asked without a terminal."""
    done = cli(*arguments)

    assert (code, "") == (done.returncode, done.stdout)
    assert told in " ".join(done.stderr.replace("│", " ").split())


def test_an_error_as_json(deployed: subprocess.CompletedProcess[str]) -> None:
    """With --json an error is JSON too."""
    done = cli("status", "irsi", "--json")

    assert 1 == done.returncode
    assert {"code": "UnknownName", "message": "There is no endpoint `irsi`.", "hint": "Did you mean `iris`?"} == json.loads(
        done.stdout
    )["error"]


def test_run_stops_at_the_first_failing_cell(shared_home: Home, tmp_path: Path) -> None:
    """The cell is quoted with its error, later ones do not run, nothing is deployed."""
    path = notebook(tmp_path, "x = 1", "ratio = x / 0  # oh", "open('later.txt', 'w')")

    done = cli("run", str(path), "x")

    assert 1 == done.returncode
    assert "Cell 2 of 3 in training.ipynb failed: ZeroDivisionError: division by zero" in done.stderr
    assert "ratio = x / 0  # oh" in done.stderr
    assert not (tmp_path / "later.txt").exists()


def test_run_tells_a_misspelt_variable(shared_home: Home, tmp_path: Path) -> None:
    """The kernel's own error comes through with its hint."""
    done = cli("run", str(notebook(tmp_path, FIT)), "modle", "--json")

    assert 1 == done.returncode
    assert ("UnknownName", "Did you mean `model`?") == tuple(json.loads(done.stdout)["error"][key] for key in ("code", "hint"))


def test_run_gives_up_in_time(shared_home: Home, tmp_path: Path) -> None:
    """A notebook that takes too long exits with 124, as `timeout` does."""
    done = cli("run", str(notebook(tmp_path, "import time; time.sleep(200)")), "x", "--timeout", "4")

    assert 124 == done.returncode
    assert "Cell 1 of 1 in training.ipynb was still running when the time was over." in done.stderr


def test_run_without_its_kernel(tmp_path: Path) -> None:
    """A kernel that is not installed is named, with those that are."""
    done = cli("run", str(notebook(tmp_path, "1", kernel="snake9")), "x")

    assert 1 == done.returncode
    assert "There is no kernel `snake9` here." in done.stderr


def test_a_refused_release_exits_with_3(shared_home: Home, tmp_path: Path) -> None:
    """A pipeline can tell a release that answered otherwise from any other failure."""
    moody = "import os\ndef moody(rows):\n    return [os.getpid() for _ in range(len(rows))]\n"

    done = cli("run", str(notebook(tmp_path, moody)), "moody", "--example", "[1.5, 2.5]", "--name", "moody")

    assert 3 == done.returncode
    assert "golden row 0: notebook" in done.stderr


def test_config_names_the_origin(tmp_path: Path) -> None:
    """Each value stands with the file and line it came from; a mistake there is an error."""
    (tmp_path / "deploy.toml").write_text("workers = 3\n")
    shown = cli("config", str(tmp_path))
    (tmp_path / "deploy.toml").write_text("wrokers = 3\n")
    wrong = cli("config", str(tmp_path))

    assert ["workers", "3", f"{tmp_path / 'deploy.toml'}:1"] == next(
        line.split() for line in shown.stdout.splitlines() if "workers" in line
    )
    assert (1, True) == (wrong.returncode, "Did you mean `workers`" in wrong.stderr)


def test_nothing_is_deployed(home: Home) -> None:
    """In an empty home there is nothing to list, and no agent is started to say so."""
    done = cli("list")

    assert (0, "Nothing is deployed.") == (done.returncode, done.stdout[:20])
    assert not home.agent_socket.exists()


def test_remove(deployed: subprocess.CompletedProcess[str]) -> None:
    """With --yes the endpoint is gone."""
    assert 0 == cli("remove", "iris", "--yes").returncode
    assert "iris" not in cli("list").stdout
