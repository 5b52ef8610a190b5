"""Loads a model in ONNX's format, and lets it take rows and answer them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .. import devices

CUDA = "CUDAExecutionProvider"
DTYPES = {
    "tensor(float)": "float32", "tensor(double)": "float64", "tensor(float16)": "float16", "tensor(bool)": "bool",
    "tensor(string)": "object",
    **{f"tensor({kind}{bits})": f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)},
}  # fmt: skip
"""numpy's names for the kinds of tensors that rows can be made into."""


class Rows:
    """A session of ONNX Runtime that takes tables, arrays and lists of objects.

    Args:
        session: The session.
        data: The model as bytes; what the notebook keeps of it.
    """

    def __init__(self, session: Any, data: bytes = b"") -> None:
        self._session, self._data = session, data
        self.inputs = [(one.name, tuple(one.shape), DTYPES.get(one.type, "")) for one in session.get_inputs()]
        self._outputs = [(one.name, one.type) for one in session.get_outputs()]
        self.classes_: Any = None
        if self.tells_probabilities:
            self.predict_proba = self._predict_proba

    def __reduce__(self) -> Any:
        return type(self._session), (self._data,)

    @property
    def tells_probabilities(self) -> bool:
        """Whether the second of two outputs holds probabilities, as those of converted classifiers do."""
        return len(self._outputs) == 2 and ("prob" in self._outputs[1][0].lower() or self._outputs[1][1].startswith("seq(map("))

    @property
    def columns(self) -> bool:
        """Whether each of several inputs is a column of a table."""
        return len(self.inputs) > 1 and all(len(shape) == 1 or shape[1:] == (1,) for _, shape, _ in self.inputs)

    def predict(self, rows: Any) -> Any:
        """Answer rows.

        Args:
            rows: For one input an array; for several a table, or a list with an object of them for each row.

        Returns:
            The output, or the labels; a list with an object for each row where there are several outputs.
        """
        found = self._run(rows)
        if len(found) == 1 or self.tells_probabilities:
            return found[0]
        names = [name for name, _ in self._outputs]
        return [dict(zip(names, row, strict=True)) for row in zip(*found, strict=True)]

    def _predict_proba(self, rows: Any) -> Any:
        import numpy as np

        found = self._run(rows)[1]
        if not isinstance(found, list):
            return found
        classes = list(found[0])
        self.classes_ = np.array(classes)
        return np.array([[row[one] for one in classes] for row in found])

    def _run(self, rows: Any) -> list[Any]:
        fed = {name: self._tensor(rows, name, shape, dtype) for name, shape, dtype in self.inputs}
        if self.inputs[0][1][:1] != (1,):
            found: list[Any] = self._session.run(None, fed)
            return found
        count = len(next(iter(fed.values())))
        parts = [self._session.run(None, {name: one[at : at + 1] for name, one in fed.items()}) for at in range(count)]
        return [_joined(of) for of in zip(*parts, strict=True)]

    def _tensor(self, rows: Any, name: str, shape: tuple[Any, ...], dtype: str) -> Any:
        import numpy as np

        if len(self.inputs) > 1 or (isinstance(rows, list) and rows and isinstance(rows[0], dict)):
            rows = rows[name] if hasattr(rows, "columns") else [row[name] for row in rows]
        made = np.asarray(rows.toarray() if hasattr(rows, "toarray") else rows)
        made = made.astype(str).astype(object) if dtype == "object" else made.astype(dtype or None)
        return made[:, None] if made.ndim + 1 == len(shape) else made


def _joined(parts: tuple[Any, ...]) -> Any:
    import numpy as np

    return [one for part in parts for one in part] if isinstance(parts[0], list) else np.concatenate(parts)


def load(path: Path) -> Rows:
    """Load a model.

    Args:
        path: The file.

    Returns:
        What takes rows.

    Raises:
        ImportError: If ONNX Runtime is missing.
        RuntimeError: If the worker has a GPU and this ONNX Runtime cannot use it.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # a session's threads do not outlive the fork of a worker
    gpu = [CUDA] if devices.device() == devices.CUDA else []
    session = onnxruntime.InferenceSession(str(path), options, providers=[*gpu, "CPUExecutionProvider"])
    if gpu and CUDA not in session.get_providers():  # it says so in a warning alone
        raise RuntimeError("this ONNX Runtime computes on the processor alone; install onnxruntime-gpu, or deploy without `gpu`")
    return Rows(session)
