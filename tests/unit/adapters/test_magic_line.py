"""How the line behind `%deploy` is read."""

from __future__ import annotations

import pytest
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell

from jupyter_deploy.adapters import magic


@pytest.fixture
def magics() -> magic.DeployMagics:
    """Give the magic in a shell of its own."""
    shell = InteractiveShell()
    shell.user_ns.update({"key": "eu", "n": 3})
    return magic.DeployMagics(shell)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("", []),
        ("  model ", ["model"]),
        ("model;", ["model"]),
        ("model  # the best one", ["model"]),
        ('models["a b"] --name x', ['models["a b"]', "--name", "x"]),
        ("make(a, b='c d') -n x", ["make(a, b='c d')", "-n", "x"]),
        ("(lambda rows: [-1 for row in rows])", ["(lambda rows: [-1 for row in rows])"]),
        ('models["#1"]', ['models["#1"]']),
        (r"f('it\'s  fine') x", [r"f('it\'s  fine')", "x"]),
        ("--name 'two words'", ["--name", "'two words'"]),
    ],
)
def test_words(line: str, expected: list[str]) -> None:
    """A line is split outside of quotes and brackets, and each word stays as it was written."""
    assert expected == magic.words(line)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('models["{key}"]', ['models["{key}"]']),
        ("{'a': model}['a']", ["{'a': model}['a']"]),
        ("scale(model, $n)", ["scale(model, $n)"]),
    ],
)
def test_the_expression_is_taken_as_written(magics: magic.DeployMagics, line: str, expected: list[str]) -> None:
    """Braces and dollars in an expression are Python's, not the shell's."""
    assert expected == magic.parse(magics.shell, line).expression


def test_options(magics: magic.DeployMagics) -> None:
    """Values of options are unquoted and expanded; the example stays an expression."""
    asked = magic.parse(
        magics.shell, "model --name 'churn-{key}' --workers $n --example \"X[['{key}']]\" --no-retry --preview-live -w"
    )

    assert ("churn-eu", 3, "X[['{key}']]") == (asked.name, asked.workers, asked.example)
    assert (False, True, None, True) == (asked.retry, asked.preview_live, asked.preview, asked.wait)


def test_a_path_is_taken_as_a_hint_names_it(magics: magic.DeployMagics) -> None:
    """The path of what is no secret stands in quotes, and may hold what the shell would expand."""
    asked = magic.parse(magics.shell, "model --allow-secret \"model → settings['{key}']\" --allow-secret plain")

    assert ["model → settings['{key}']", "plain"] == asked.allow_secret


def test_names_of_verbs_are_expanded(magics: magic.DeployMagics) -> None:
    """A loop can name endpoints."""
    assert ["status", "eu"] == magic.parse(magics.shell, "status {key}").expression


@pytest.mark.parametrize("line", ["model --worker", "lambda x: -x", "model --workers many"])
def test_wrong_options_are_usage_errors(magics: magic.DeployMagics, line: str) -> None:
    """A wrong option is told without a traceback, with where to read more."""
    with pytest.raises(UsageError, match=r"%deploy\?"):
        magic.parse(magics.shell, line)


def test_a_verb_without_a_name(magics: magic.DeployMagics) -> None:
    """A verb is the verb also where a variable has its name; the message says how to deploy that."""
    magics.shell.user_ns["logs"] = object()

    with pytest.raises(Exception, match="takes one endpoint's name") as caught:
        magics.deploy("logs")

    shown = caught.value._render_traceback_()
    assert "`%deploy logs` takes one endpoint's name." == shown[1]
    assert "→ Such as `%deploy logs churn`. A variable of that name is deployed with `%deploy (logs)`." == shown[2]


def test_diff_takes_one_or_two_releases(magics: magic.DeployMagics) -> None:
    """Neither none nor three releases can be compared, and the message says how it is written."""
    for line in ("diff", "diff churn@1 churn@2 churn@3"):
        with pytest.raises(Exception, match="takes one or two releases") as caught:
            magics.deploy(line)
        assert "→ Such as `%deploy diff churn@1 churn@2`." == caught.value._render_traceback_()[2]


def test_help_names_every_option(magics: magic.DeployMagics) -> None:
    """`%deploy?` shows each option and verb."""
    text = magics.deploy.__doc__ or ""

    assert [] == [word for word in ("--name", "--example", "--dry-run", "--json", "--no-preview", *magic.VERBS) if word not in text]
