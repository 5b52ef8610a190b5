"""In which format a model is written, and what happens where that loses something."""

from __future__ import annotations

from pathlib import Path

from jupyter_deploy.capture import saving
from jupyter_deploy.frameworks.base import Saved
from jupyter_deploy.values import Contract, Golden, Input, Method, Output

METHOD = Method(name="predict", attribute="predict", input=Input(kind="list"), output=Output(kind="list"))


class Doubling:
    """Stands for what a loader gives."""

    def predict(self, rows: list[float]) -> list[float]:
        """Double each row."""
        return [2 * one for one in rows]


def written(folder: Path) -> Saved:
    """Write a model twice."""
    import pickle

    for name in ("model.own", "model.pkl"):
        (folder / name).write_bytes(pickle.dumps(Doubling()))
    return Saved("model.own", "its own format", "cloudpickle", spare=Saved("model.pkl", "cloudpickle", "cloudpickle"))


def keep(folder: Path, saved: Saved, answers: list[float]) -> Saved:
    """Decide which one stays."""
    return saving.keep(saved, folder, Contract(methods=(METHOD,)), [Golden(method="predict", rows=[1, 2], answers=answers)], 1e-6)


def test_a_format_that_answers_alike_is_kept(tmp_path: Path) -> None:
    """Of the two that were written the library's own stays."""
    saved = keep(tmp_path, written(tmp_path), [2, 4])

    assert ("model.own", "its own format", None) == (saved.file, saved.told, saved.spare)
    assert ["model.own"] == [one.name for one in tmp_path.iterdir()]


def test_a_format_that_answers_otherwise_is_not(tmp_path: Path) -> None:
    """The pickle stays, and says why."""
    saved = keep(tmp_path, written(tmp_path), [2, 5])

    assert "cloudpickle, because loaded from its own format it answers `predict` otherwise" == saved.told
    assert ["model.pkl"] == [one.name for one in tmp_path.iterdir()]


def test_a_format_that_cannot_be_loaded_is_not(tmp_path: Path) -> None:
    """The pickle stays, and says what happened."""
    saved = written(tmp_path)
    (tmp_path / "model.own").write_bytes(b"not a model")

    assert "cloudpickle, because it cannot be loaded from its own format: UnpicklingError" == keep(tmp_path, saved, [2, 4]).told


def test_a_model_that_cannot_be_written_twice_stays_as_it_is(tmp_path: Path) -> None:
    """Where there is no spare nothing is asked."""
    only = Saved("model.pkl", "cloudpickle", "missing")

    assert only == keep(tmp_path, only, [0])
