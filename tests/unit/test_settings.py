"""Settings come from their sources in order, and a mistake is named where it stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_deploy import errors, settings
from jupyter_deploy.values import Options


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in settings.Settings.__struct_fields__:
        monkeypatch.delenv(f"JUPYTER_DEPLOY_{name.upper()}", raising=False)


def test_defaults(tmp_path: Path) -> None:
    """Without any source, every field has its default, and the options are the agent's own defaults."""
    got, origins = settings.read(tmp_path, {})

    assert settings.Settings() == got
    assert Options() == got.options()
    assert {"default"} == set(origins.values())


def test_order_of_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Later sources override earlier ones: pyproject.toml, deploy.toml, environment, arguments."""
    folder = tmp_path / "notebooks"
    folder.mkdir()
    (tmp_path / "pyproject.toml").write_text("[tool.jupyter-deploy]\nworkers = 3\nkeep = 3\nretry = false\ngolden_rows = 3\n")
    (folder / "deploy.toml").write_text("workers = 4\nkeep = 4\ngolden_rows = 4\n")
    monkeypatch.setenv("JUPYTER_DEPLOY_WORKERS", "5")
    monkeypatch.setenv("JUPYTER_DEPLOY_KEEP", "5")

    got, origins = settings.read(folder, {"workers": 6, "tolerance": None})

    assert (6, 5, 4, False) == (got.workers, got.keep, got.golden_rows, got.retry)
    assert "argument" == origins["workers"]
    assert "environment variable JUPYTER_DEPLOY_KEEP" == origins["keep"]
    assert f"{folder / 'deploy.toml'}:3" == origins["golden_rows"]
    assert f"{tmp_path / 'pyproject.toml'}:4" == origins["retry"]
    assert "default" == origins["tolerance"]


def test_nearest_pyproject_with_a_table(tmp_path: Path) -> None:
    """The nearest pyproject.toml that has the table counts; one without it is passed over."""
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text("[tool.jupyter-deploy]\nworkers = 3\n")
    (tmp_path / "a" / "pyproject.toml").write_text("[tool.other]\nworkers = 4\n")

    assert 3 == settings.read(folder, {})[0].workers


def test_endpoint_table(tmp_path: Path) -> None:
    """An endpoint's own table overrides the file's other values for that endpoint alone."""
    (tmp_path / "deploy.toml").write_text("workers = 3\n\n[endpoints.churn]\nworkers = 4\n")

    churn, origins = settings.read(tmp_path, {}, endpoint="churn")

    assert 4 == churn.workers
    assert f"{tmp_path / 'deploy.toml'}:4 [endpoints.churn]" == origins["workers"]
    assert 3 == settings.read(tmp_path, {}, endpoint="prices")[0].workers


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("workres = 2", "There is no setting `workres` ({file}:1).\nDid you mean `workers`?"),
        ("\nworkers = 'two'", "`workers` must be a whole number from 1 to 256, but is the text 'two' ({file}:2)."),
        ("workers = 0", "`workers` must be a whole number from 1 to 256, but is 0 ({file}:1)."),
        ("workers = true", "`workers` must be a whole number from 1 to 256, but is true ({file}:1)."),
        ("retry = 1", "`retry` must be true or false, but is 1 ({file}:1)."),
        ("target = 3", "`target` must be a text, but is 3 ({file}:1)."),
        ("target = 'locla'", "There is no target `locla` ({file}:1).\nDid you mean `local`?"),
        ("locker = 'conda'", "There is no locker `conda` ({file}:1).\nThere are: uv, pip-tools."),
        ("port = 0", "`port` must be a whole number from 1 to 65,535, but is 0 ({file}:1)."),
        ("[endpoints.churn]\nkepe = 2", "There is no setting `kepe` ({file}:2 [endpoints.churn]).\nDid you mean `keep`?"),
        ("endpoints = 3", "`endpoints` in {file} must hold one table an endpoint.\nWrite `[endpoints.churn]`."),
    ],
)
def test_mistakes_in_a_file(tmp_path: Path, text: str, expected: str) -> None:
    """A mistake is named with file, line, key, what was expected and what was found."""
    (tmp_path / "deploy.toml").write_text(text)

    with pytest.raises(errors.BadSetting) as caught:
        settings.read(tmp_path, {})

    assert expected.format(file=tmp_path / "deploy.toml") == str(caught.value)


def test_broken_toml(tmp_path: Path) -> None:
    """A file that is not TOML is named with the parser's reason."""
    (tmp_path / "deploy.toml").write_text("workers = [\nretry = false")

    with pytest.raises(errors.BadSetting, match=r"deploy\.toml is not valid TOML: .*line 2"):
        settings.read(tmp_path, {})


def test_unknown_argument(tmp_path: Path) -> None:
    """A misspelt argument is an error with the nearest name."""
    with pytest.raises(errors.BadSetting) as caught:
        settings.read(tmp_path, {"worker": 2})

    assert "There is no setting `worker` (argument)." == caught.value.message
    assert caught.value.hint.startswith("Did you mean `workers`")


def test_environment_values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Environment variables are texts that stand for numbers and truth values."""
    monkeypatch.setenv("JUPYTER_DEPLOY_RETRY", "false")
    monkeypatch.setenv("JUPYTER_DEPLOY_TOLERANCE", "0.01")
    monkeypatch.setenv("JUPYTER_DEPLOY_PORT", "8123")

    got, _ = settings.read(tmp_path, {})

    assert (False, 0.01, 8123) == (got.retry, got.tolerance, got.port)


def test_misspelt_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that looks like a misspelt setting is an error, while one that resembles none is left alone."""
    monkeypatch.setenv("JUPYTER_DEPLOY_SOMETHING_ELSE_ALTOGETHER", "1")
    settings.read(tmp_path, {})
    monkeypatch.setenv("JUPYTER_DEPLOY_WORKRES", "2")

    with pytest.raises(errors.BadSetting) as caught:
        settings.read(tmp_path, {})

    assert "The environment variable JUPYTER_DEPLOY_WORKRES names no setting.\nDid you mean `workers`?" == str(caught.value)
