"""What a terminal says: its own commands where a text names a notebook's, and a question only where somebody can answer it."""

from __future__ import annotations

import pytest
import typer

from jupyter_deploy import errors
from jupyter_deploy.adapters import terminal
from jupyter_deploy.adapters.cli import app
from jupyter_deploy.adapters.commands import confirmed
from jupyter_deploy.adapters.verbs import VERBS


@pytest.mark.parametrize("verb", VERBS)
def test_a_hint_names_the_terminals_own_command(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each verb of the magic that a hint names is one that the terminal has too."""
    known = typer.main.get_command(app).commands  # type: ignore[attr-defined]  # it is a group
    with pytest.raises(typer.Exit), terminal.failing(as_json=False):
        raise errors.Conflict("No.", f"See `%deploy {verb} churn`.")

    assert verb in known
    assert f"→ See `jupyter deploy {verb} churn`." in capsys.readouterr().err


def test_what_is_deployed_by_a_line_stays_the_notebooks() -> None:
    """A variable is deployed in a notebook alone."""
    assert "`%deploy model`" == terminal._spoken("`%deploy model`")


@pytest.mark.parametrize("as_json", [False, True])
def test_nobody_is_asked_where_there_is_no_terminal(as_json: bool) -> None:
    """A pipeline must say --yes; then nothing is asked."""
    with pytest.raises(typer.BadParameter, match="say --yes"):
        confirmed("Remove it?", yes=False, as_json=as_json)

    confirmed("Remove it?", yes=True, as_json=as_json)
