"""Models in ONNX's format: a session of ONNX Runtime, a model of the package onnx, or the path of a file."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from jupyter_deploy import errors
from jupyter_deploy.bentos.python.endpoint.loaders.onnx import Rows
from jupyter_deploy.frameworks.base import TABLE, About, Saved
from jupyter_deploy.values import Column, Input

SUFFIX = ".onnx"


class Onnx:
    """Takes `onnxruntime.InferenceSession`, `onnx.ModelProto`, and paths that end in `.onnx`."""

    name = "onnx"
    about = About(
        title="ONNX",
        takes="`onnxruntime.InferenceSession`, `onnx.ModelProto`, the path of a file",
        methods="`predict`; `predict_proba` of converted classifiers",
        saved="the file as it is",
        example=f"{TABLE}from skl2onnx import to_onnx\nfrom sklearn.linear_model import LogisticRegression\n\n"
        "X = X.astype('float32')\nmodel = to_onnx(LogisticRegression().fit(X, y), X, options={'zipmap': False})\n",
        needs=("onnx", "onnxruntime", "skl2onnx", "sklearn"),
    )

    def __init__(self) -> None:
        self._served: tuple[object, Rows] | None = None

    def accepts(self, model: object) -> bool:
        """Say whether the model, or the class that was given by mistake, is one of these."""
        if isinstance(model, (str, Path)):
            return str(model).endswith(SUFFIX)
        kind = model if isinstance(model, type) else type(model)
        return _is_session(kind) or _is_proto(kind)

    def check(self, model: object, name: str) -> None:
        """Refuse a class, a file that is not there, and what ONNX Runtime does not load."""
        if isinstance(model, type):
            raise errors.NotDeployable(
                f"`{name}` is the class {model.__name__}, not a model.",
                f'Load one first, `model = {model.__name__}("model.onnx")`, then deploy `model`.',
            )
        if isinstance(model, (str, Path)) and not Path(model).is_file():
            raise errors.NotDeployable(f"There is no file {model}.", "Give its path as seen from the notebook's folder.")
        try:
            self.serve(model)
        except ImportError as error:
            raise errors.NotDeployable(
                f"`{name}` needs ONNX Runtime: {error}.", "Install `onnxruntime`, then deploy again."
            ) from error
        except OSError as error:
            raise errors.NotDeployable(
                f"`{name}` was loaded from a file that cannot be read any more: {error}.",
                "Put the file back where it was, or load the model again.",
            ) from error
        except Exception as error:
            raise errors.NotDeployable(
                f"ONNX Runtime does not load `{name}`: {type(error).__name__}: {error}",
                "A model whose weights lie in other files has to be saved as one: `onnx.save(onnx.load(path), path)`.",
            ) from error

    def serve(self, model: Any) -> object:
        """Give what takes rows, where a session itself takes tensors by name."""
        return self._rows(model)

    def _rows(self, model: Any) -> Rows:
        if self._served is None or self._served[0] is not model:  # a large model takes its time to be loaded
            data, session = _bytes(model), model
            if not _is_session(type(model)):
                session = importlib.import_module("onnxruntime").InferenceSession(data, providers=["CPUExecutionProvider"])
            self._served = model, Rows(session, data)
        return self._served[1]

    def methods(self, model: object) -> tuple[str, ...]:
        """List `predict`, and for a converted classifier `predict_proba`."""
        return ("predict", "predict_proba") if self._rows(model).tells_probabilities else ("predict",)

    def contract(self, model: object) -> Input | None:
        """Read the inputs: one tensor of a known shape, or one column each."""
        served = self._rows(model)
        if served.columns:
            return Input(kind="frame", columns=tuple(Column(name=name, dtype=dtype) for name, _, dtype in served.inputs))
        _, shape, dtype = served.inputs[0]
        if len(served.inputs) > 1 or dtype in ("", "object") or not all(isinstance(one, int) for one in shape[1:]):
            return None
        return Input(kind="array", shape=(None, *shape[1:]), dtype=dtype)

    def save(self, model: object, folder: Path, pickler: Any) -> Saved:  # noqa: ARG002 (it has a format of its own)
        """Write the model in ONNX's own format."""
        (folder / f"model{SUFFIX}").write_bytes(_bytes(model))
        return Saved(f"model{SUFFIX}", "ONNX", "onnx")


def _is_session(kind: type) -> bool:
    return any(base.__name__ == "InferenceSession" and base.__module__.startswith("onnxruntime.") for base in kind.__mro__)


def _is_proto(kind: type) -> bool:
    return kind.__name__ == "ModelProto" and kind.__module__.partition(".")[0] == "onnx"


def _bytes(model: Any) -> bytes:
    """Give a model in ONNX's own format; a session keeps what it was made from, or the path of it."""
    if isinstance(model, (str, Path)):
        return Path(model).read_bytes()
    if _is_proto(type(model)):
        data: bytes = model.SerializeToString(deterministic=True)
        return data
    return model._model_bytes or Path(model._model_path).read_bytes()  # noqa: SLF001 (it tells nowhere else)
