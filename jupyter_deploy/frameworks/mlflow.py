"""Models that MLflow has saved: the path of one, a URI of its registry, or one that was loaded by `mlflow.pyfunc`."""

from __future__ import annotations

import importlib
import importlib.metadata
import re
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from jupyter_deploy import errors
from jupyter_deploy.bentos.python.endpoint.loaders.mlflow import PyFunc
from jupyter_deploy.frameworks.base import TABLE, About, Saved, save_pickle
from jupyter_deploy.values import Column, Input

URI = re.compile(r"(models|runs|mlflow-artifacts):/\S+")
DESCRIPTION = "MLmodel"
REQUIREMENTS = "requirements.txt"
DTYPES = {
    "boolean": "bool", "integer": "int32", "long": "int64", "float": "float32", "double": "float64", "string": "object",
    "datetime": "datetime64[ns]",
}  # fmt: skip
"""MLflow's names of types, as pandas has them."""


class Mlflow:
    """Takes models by their folder, by their URI, or loaded; imports MLflow only to load one."""

    name = "mlflow"
    about = About(
        title="MLflow",
        takes="a folder that MLflow wrote, `models:/name/version` or `runs:/…` as the kernel's own tracking URI has it, "
        "a loaded `mlflow.pyfunc.PyFuncModel`",
        methods="`predict`; its signature is the contract, its input example gives golden rows",
        saved="the folder as it is",
        example=f"{TABLE}import tempfile\n\nimport mlflow.sklearn\nfrom sklearn.linear_model import LogisticRegression\n\n"
        "model, needs = tempfile.mkdtemp() + '/churn', ['mlflow-skinny', 'scikit-learn']\n"
        "mlflow.sklearn.save_model(LogisticRegression().fit(X, y), model, input_example=X[:5], pip_requirements=needs)\n",
        unfitted="tempfile.mkdtemp() and 'models:/nobody/1'",
        needs=("mlflow", "sklearn"),
    )

    def __init__(self) -> None:
        self._loaded: tuple[object, PyFunc, Path | None] | None = None

    def accepts(self, model: object) -> bool:
        """Say whether the model, or the class that was given by mistake, is one of these."""
        if isinstance(model, (str, Path)):
            return URI.fullmatch(str(model)) is not None or (Path(model) / DESCRIPTION).is_file()
        kind = model if isinstance(model, type) else type(model)
        return any(base.__name__ == "PyFuncModel" and base.__module__.startswith("mlflow.pyfunc") for base in kind.__mro__)

    def check(self, model: object, name: str) -> None:
        """Refuse a class, and what MLflow does not find or load."""
        if isinstance(model, type):
            raise errors.NotDeployable(
                f"`{name}` is the class {model.__name__}, not a model.",
                'Load one first, `model = mlflow.pyfunc.load_model("models:/churn/3")`, then deploy `model`.',
            )
        try:
            self._load(model)
        except ImportError as error:
            raise errors.NotDeployable(
                f"`{name}` needs {error.name or 'a module'}: {error}.",
                "Install it into the kernel's environment, then deploy again.",
            ) from error
        except Exception as error:  # MLflow's own errors, and those of the flavour
            told = str(error).strip().splitlines() or [type(error).__name__]
            raise errors.NotDeployable(
                f"MLflow does not load `{name}`: {told[0]}",
                "Check name and version, and the tracking URI with `mlflow.get_tracking_uri()`.",
            ) from error

    def serve(self, model: object) -> object:
        """Give what takes rows."""
        return self._load(model)[0]

    def methods(self, model: object) -> tuple[str, ...]:  # noqa: ARG002 (every model has the same)
        """List the one method."""
        return ("predict",)

    def contract(self, model: object) -> Input | None:
        """Read the signature that was saved with the model."""
        schema = self._load(model)[0].model.metadata.get_input_schema()
        if schema is None:
            return None
        if schema.is_tensor_spec():
            tensor = schema.inputs[0]
            shape = (None, *(None if one == -1 else int(one) for one in tensor.shape[1:]))
            return None if len(schema.inputs) > 1 else Input(kind="array", shape=shape, dtype=str(tensor.type))
        names = schema.input_names()
        if len(names) != len(schema.inputs) or not all(isinstance(one, str) for one in names):
            return None
        return Input(kind="frame", columns=tuple(_column(one) for one in schema.inputs))

    def save(self, model: object, folder: Path, pickler: Any) -> Saved:
        """Take the folder along as it is; a loaded model whose folder nobody knows is pickled."""
        served, place = self._load(model)
        if place is None:
            return save_pickle(
                served.model, folder, pickler, loader=self.name, reason="the folder that it was loaded from is not known"
            )._replace(modules=("mlflow",))
        shutil.copytree(place, folder / "mlflow", ignore=shutil.ignore_patterns("__pycache__"))
        return Saved("mlflow", "MLflow's own folder", self.name, modules=_modules(place))

    def _load(self, model: Any) -> tuple[PyFunc, Path | None]:
        """Load a model once, from a folder on this machine."""
        if self._loaded is None or self._loaded[0] is not model:
            pyfunc: Any = importlib.import_module("mlflow.pyfunc")
            if isinstance(model, (str, Path)):
                place = Path(model) if (Path(model) / DESCRIPTION).is_file() else _fetched(str(model))
                self._loaded = model, PyFunc(pyfunc.load_model(str(place)), place), place
            else:
                origin = _origin(model.metadata)
                self._loaded = model, PyFunc(model, origin), origin
        return self._loaded[1:]


def _fetched(uri: str) -> Path:
    return Path(importlib.import_module("mlflow.artifacts").download_artifacts(uri))


def _origin(metadata: Any) -> Path | None:
    """Find the folder that a loaded model came from, by what its description says of itself."""
    known, number = str(getattr(metadata, "artifact_path", None) or ""), getattr(metadata, "model_id", None)
    place = Path(url2pathname(urlsplit(known).path) if known.startswith("file:") else known)
    if known and (place / DESCRIPTION).is_file():
        return place
    try:
        return _fetched(f"models:/{number}") if number else None
    except Exception:  # noqa: BLE001 (MLflow's own errors: it was logged to another server, or is gone)
        return None


def _column(one: Any) -> Column:
    kind = getattr(one.type, "name", "")
    return Column(name=one.name, dtype=DTYPES.get(str(kind), "object"), nullable=not getattr(one, "required", True))


def _modules(place: Path) -> tuple[str, ...]:
    """List the modules of the packages that MLflow wrote down for the model, as far as this kernel has them."""
    file = place / REQUIREMENTS
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    wanted = {_plain(name[0]) for line in lines if (name := re.match(r"[A-Za-z0-9][\w.-]*", line.strip()))}
    held = importlib.metadata.packages_distributions()
    found = [module for module, owners in held.items() if module.isidentifier() and wanted & {_plain(one) for one in owners}]
    return tuple(sorted({"mlflow", *(one for one in found if not one.startswith("_"))}))


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
