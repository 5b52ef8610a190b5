"""Environment variables: what the model's code reads is told unless it is declared; values stay out of the capture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from jupyter_deploy import errors
from jupyter_deploy.bentos.python.endpoint import model
from jupyter_deploy.capture import Terms
from jupyter_deploy.capture.noticing import environment


def told(session: Any, body: str, *declared: str, before: str = "import os") -> list[str]:
    """Deploy a function with that body; give the variables that are told."""
    session.run(f"{before}\ndef f(x: float) -> float:\n    {body}\n    return x\nf(1.0)")
    return [one.subject for one in session.capture("f", terms=Terms(env=declared)).findings if one.kind == "environment"]


@pytest.mark.parametrize(
    ("before", "body"),
    [
        ("import os", "os.environ['ASKED']"),
        ("import os", "os.environ.get('ASKED', 'none')"),
        ("import os", "os.getenv('ASKED')"),
        ("import os", "os.getenv(key='ASKED')"),
        ("import os as system", "system.environ['ASKED']"),
        ("from os import environ", "environ['ASKED']"),
        ("from os import environ as e, getenv as g", "g('ASKED')"),
        ("from os import environ as e, getenv as g", "e.get('ASKED')"),
        ("", "import os\n    os.environ['ASKED']"),
        ("", "from os import environ\n    environ['ASKED']"),
        ("import os\nNAME = 'ASKED'", "os.environ[NAME]"),
        ("import os", "name = 'ASK' + 'ED'\n    os.environ[name]"),
        ("import os", "'ASKED' in os.environ"),
        ("import os\ndef inner():\n    return os.environ['ASKED']", "inner()"),
        ("import os\nclass Inner:\n    def ask(self):\n        return os.environ['ASKED']", "Inner().ask()"),
    ],
)
def test_what_is_read_is_told(session: Any, monkeypatch: pytest.MonkeyPatch, before: str, body: str) -> None:
    """A variable is found under whatever name the environment has, unless it is declared."""
    monkeypatch.setenv("ASKED", "value")

    assert ["ASKED"] == told(session, body, before=before)
    assert [] == told(session, body, "ASKED", before=before)


@pytest.mark.parametrize(
    "body",
    [
        "os.environ['HOME']", "os.environ.get('LANG')", "os.getenv('OMP_NUM_THREADS')", "os.environ['PUT'] = '1'",
        "{'ASKED': 1}['ASKED']", "environ = {'ASKED': 1}\n    environ['ASKED']", "os.path.join('ASKED')",
    ],
)  # fmt: skip
def test_what_is_harmless_is_not_told(session: Any, body: str) -> None:
    """What every process has, what is written, and dictionaries that only look alike are no findings."""
    assert [] == told(session, body)


def test_modules_beside_the_notebook(session: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a module what is imported and reached counts; what only its training reads does not."""
    (session.folder / "asking.py").write_text(
        "import os\nTOKEN = os.environ.get('AT_IMPORT')\ndef train():\n    return os.environ['TRAINING']\n"
        "def ask():\n    return os.getenv('IN_USE')\nif __name__ == '__main__':\n    os.environ['AS_SCRIPT']\n"
    )
    monkeypatch.syspath_prepend(str(session.folder))

    assert ["AT_IMPORT", "IN_USE"] == told(session, "asking.ask()", before="import asking")


def test_message(session: Any) -> None:
    """A finding says who reads it, and what to do."""
    session.run("import os\ndef f(x: float) -> float:\n    os.environ.get('ASKED')\n    return x\nf(1.0)")

    (found,) = session.capture("f").findings

    assert "The environment variable `ASKED` is not given to releases, and `f` in cell 1 reads it." == found.message
    assert "Add `--env ASKED`: its value goes to the release, and into no file of the bundle." == found.hint


def test_values_stay_out_of_the_capture(session: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The capture holds a variable's name and never its value, and its digest does not depend on the value."""
    session.run(
        "from os import environ\ndef f(x: float) -> float:\n    return x + float('ASKED' in environ) + len(environ['ASKED'][:1])"
    )
    digests = set()
    for value in ("a-value-that-nobody-should-see", "another-value-that-nobody-see"):
        monkeypatch.setenv("ASKED", value)
        session.run("f(1.0)") if len(session.cells) == 1 else None
        taken = session.capture("f", terms=Terms(env=("ASKED",)))
        digests.add(taken.digest)
        assert not any(value.encode() in file.read_bytes() for file in Path(taken.folder).rglob("*") if file.is_file())

    assert ("ASKED",) == taken.environment
    assert '"environment":["ASKED"]' in Path(taken.folder, "manifest.json").read_text()
    assert 1 == len(digests)


def test_release_without_a_declared_variable(session: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bundle that is served where a declared variable is not set says so when it loads."""
    monkeypatch.setenv("ASKED", "1")
    session.run("import os\ndef f(x: float) -> float:\n    return x + float(os.environ['ASKED'])\nf(1.0)")
    taken = session.capture("f", terms=Terms(env=("ASKED",)))
    monkeypatch.delenv("ASKED")

    with pytest.raises(RuntimeError, match="The model reads the environment variables ASKED, which are not set: set them first"):
        model.load(Path(taken.folder))


def test_declared_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names come once and in order; one that is not set or is no name is refused without telling a value."""
    monkeypatch.setenv("B_NAME", "1")
    monkeypatch.setenv("A_NAME", "")

    assert ("A_NAME", "B_NAME") == environment.check(["B_NAME", "A_NAME", "B_NAME"])
    with pytest.raises(errors.BadInput) as unset:
        environment.check(["B_NAMEX"])
    assert "The environment variable `B_NAMEX` is not set in this kernel.\nDid you mean `B_NAME` or `A_NAME`?" == str(unset.value)
    with pytest.raises(errors.BadInput) as valued:
        environment.check(["PASSWORD=hunter2"])
    assert "hunter2" not in str(valued.value)
    assert str(valued.value).startswith("`--env` takes a variable's name, and `PASSWORD…` is none.")
