"""Models that MLflow has saved: by folder, by URI, loaded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mlflow.pyfunc")

import mlflow
import mlflow.sklearn
import numpy as np
import pandas as pd
from mlflow.models import infer_signature
from sklearn.linear_model import LogisticRegression

from jupyter_deploy import errors
from jupyter_deploy.bentos.python.endpoint import codec
from jupyter_deploy.bentos.python.endpoint import model as endpoint
from jupyter_deploy.capture import capture
from jupyter_deploy.values import Capture, Golden, from_json, suggest_name

ROWS = pd.DataFrame(np.random.default_rng(0).normal(size=(40, 2)), columns=["age", "spent"])
NEEDS = ["mlflow-skinny", "numpy", "pandas", "scikit-learn"]
"""Written down, since to find them out MLflow imports every library that it knows."""
FITTED = LogisticRegression().fit(ROWS, np.where(ROWS.age > 0, "stays", "goes"))


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """Save a model with signature and input example."""
    signature = infer_signature(ROWS, FITTED.predict(ROWS))
    mlflow.sklearn.save_model(FITTED, tmp_path / "saved", signature=signature, input_example=ROWS[:3], pip_requirements=NEEDS)
    return tmp_path / "saved"


def take(expression: str, folder: Path, **names: Any) -> Capture:
    """Capture what an expression gives."""
    example = {"example": names.pop("example")} if "example" in names else {}
    return capture(expression, {"__name__": "__main__", **names}, name="churn", folder=folder, **example)


def register(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Log a model to a registry of files in a folder, which is where this kernel's MLflow looks."""
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    for which in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"):
        monkeypatch.setenv(which, (place / "registry").as_uri())
    monkeypatch.chdir(place)
    with mlflow.start_run():
        mlflow.sklearn.log_model(
            FITTED, name="churn", registered_model_name="churn", signature=infer_signature(ROWS, FITTED.predict(ROWS)),
            input_example=ROWS[:3], pip_requirements=NEEDS,
        )  # fmt: skip


def files(folder: Path) -> dict[str, bytes]:
    """Read every file of a folder."""
    return {str(one.relative_to(folder)): one.read_bytes() for one in folder.rglob("*") if one.is_file()}


def golden_of(folder: Path) -> list[Golden]:
    """Load what was captured, hold its answers against the golden ones, and give those."""
    loaded = endpoint.load(folder)
    golden = from_json((folder / "golden.json").read_bytes(), list[Golden])
    for one in golden:
        answer = json.loads(loaded.methods[one.method](codec.to_json({"rows": one.rows})))["predictions"]
        assert one.answers == answer
    return golden


def test_a_folder_goes_along_as_it_is(saved: Path, tmp_path: Path) -> None:
    """The folder is copied, its signature is the contract, its input example the golden rows, its requirements are locked."""
    taken = take(repr(str(saved)), tmp_path / "taken")

    assert ("MLflow model", "MLflow's own folder") == (taken.kind, taken.saved)
    assert files(saved) == files(tmp_path / "taken" / "model" / "mlflow")
    assert [("age", "float64"), ("spent", "float64")] == [
        (one.name, one.dtype) for one in taken.contract.methods[0].input.columns
    ]  # fmt: skip
    assert {"predict": 3} == taken.golden
    assert "the model's own input example" == taken.golden_origin
    assert {"mlflow", "sklearn"} <= {one.partition(".")[0] for one in taken.modules}
    (golden,) = golden_of(tmp_path / "taken")
    assert FITTED.predict(ROWS[:3]).tolist() == golden.answers


@pytest.mark.parametrize("expression", ['"models:/churn/1"', "models:/churn/1", 'mlflow.pyfunc.load_model("models:/churn/1")'])
def test_a_registered_model_is_found_by_the_kernels_own_registry(
    expression: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A URI, in quotes or without, and a model that was loaded from one, are looked up where the kernel's MLflow looks."""
    register(tmp_path, monkeypatch)
    taken = take(expression, tmp_path / "taken", mlflow=mlflow)

    assert "MLflow's own folder" == taken.saved
    assert {"predict": 3} == taken.golden
    golden_of(tmp_path / "taken")


def test_an_endpoint_is_called_like_the_registered_model() -> None:
    """The name of a URI is that of the model, without version or alias."""
    assert ["churn", "churn", "churn-model"] == [
        suggest_name(one) for one in ("models:/churn/3", '"models:/churn@champion"', "models:/Churn Model/1")
    ]  # fmt: skip


def test_a_loaded_model_whose_folder_is_unknown_is_pickled(saved: Path, tmp_path: Path) -> None:
    """A model that was loaded from a path does not tell it."""
    taken = take("model", tmp_path / "taken", model=mlflow.pyfunc.load_model(str(saved)))

    assert "cloudpickle, because the folder that it was loaded from is not known" == taken.saved
    golden_of(tmp_path / "taken")


def test_code_of_ones_own(tmp_path: Path) -> None:
    """A model of one's own class answers through MLflow."""

    class Shout(mlflow.pyfunc.PythonModel):
        def predict(self, context: Any, model_input: Any, params: Any = None) -> Any:
            return [one.upper() for one in model_input["text"]]

    example = pd.DataFrame({"text": ["a", "b"]})
    mlflow.pyfunc.save_model(tmp_path / "shout", python_model=Shout(), input_example=example, pip_requirements=NEEDS)
    take(repr(str(tmp_path / "shout")), tmp_path / "taken")
    (golden,) = golden_of(tmp_path / "taken")

    assert ["A", "B"] == golden.answers


def test_without_signature_an_example_is_needed(tmp_path: Path) -> None:
    """A folder without signature and input example is asked with rows that are given."""
    mlflow.sklearn.save_model(FITTED, tmp_path / "bare", pip_requirements=NEEDS)
    with pytest.raises(errors.NoContract, match="Nothing says what"):
        take(repr(str(tmp_path / "bare")), tmp_path / "first")

    assert {"predict": 40} == take(repr(str(tmp_path / "bare")), tmp_path / "second", example=ROWS).golden


def test_a_secret_in_the_folder_stops_the_capture(saved: Path, tmp_path: Path) -> None:
    """The files of the folder are searched, and the message names the one that holds it."""
    secret = "AKIA" + "QWERTYUIOPASDFGH"
    (saved / "settings.txt").write_text(f"key = {secret}\n")
    with pytest.raises(errors.SecretFound, match=r"settings\.txt") as raised:
        take(repr(str(saved)), tmp_path / "taken")

    assert secret not in str(raised.value)


def test_what_is_not_there_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that the registry does not have is refused with MLflow's own words."""
    register(tmp_path, monkeypatch)
    with pytest.raises(errors.NotDeployable, match="MLflow does not load"):
        take("models:/nobody/1", tmp_path / "taken")
