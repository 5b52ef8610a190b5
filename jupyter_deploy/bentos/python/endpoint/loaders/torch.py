"""Loads modules of PyTorch's, and lets them take arrays."""

from __future__ import annotations

import contextlib
import functools
import inspect
import itertools
import pickle
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from .. import devices, weights

MODULE, WEIGHTS = "module.pkl", "weights.safetensors"
SCRIPT = ".ts"
"""How the name of a file with TorchScript ends."""


class Inference:
    """A module that takes arrays, tables and tensors, and answers in evaluation mode and without gradients.

    Args:
        module: The module.
        settled: Whether it is in evaluation mode for good; else each call puts it there and back.
    """

    def __init__(self, module: Any, *, settled: bool = False) -> None:
        self.module, self._settled = module, settled
        first = next(itertools.chain(module.parameters(), module.buffers()), None)
        self._device = getattr(first, "device", None)
        self._short = next((one.dtype for one in module.parameters() if one.is_floating_point()), None)

    def __reduce__(self) -> Any:
        """Give what a look at the module should see; TorchScript pickles in its own format alone."""
        scripted = any(base.__name__ == "ScriptModule" for base in type(self.module).__mro__)
        return tuple, ([type(self.module) if scripted else self.module],)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name in ("called", "module", "rows_of"):
            raise AttributeError(name)
        found = getattr(self.module, name)
        if not inspect.ismethod(found):
            return found

        @functools.wraps(found)
        def asked(*positional: Any, **named: Any) -> Any:
            return self._ask(found, positional, named)

        return asked

    @property
    def __signature__(self) -> inspect.Signature:
        return inspect.signature(self.module.forward)

    def __call__(self, *positional: Any, **named: Any) -> Any:  # noqa: D102 (as the class says)
        return self._ask(self.module, positional, named)

    def _ask(self, function: Any, positional: tuple[Any, ...], named: Mapping[str, Any]) -> Any:
        import torch

        with torch.no_grad(), contextlib.nullcontext() if self._settled else evaluating(self.module):
            answer = function(*map(self._tensor, positional), **{name: self._tensor(one) for name, one in named.items()})
        return {name: one for name, one in answer.items() if one is not None} if isinstance(answer, dict) else answer

    def _tensor(self, value: Any) -> Any:
        import torch

        if hasattr(value, "to_numpy"):  # a table or a column
            value = value.to_numpy()
        if type(value).__module__ == "numpy" and value.dtype.kind in "biuf":
            value = torch.from_numpy(value if value.flags.writeable and value.flags.c_contiguous else value.copy())
            if value.is_floating_point() and self._short is not None:
                value = value.to(self._short)
        if isinstance(value, torch.Tensor) and self._device is not None:
            half = self._short in (torch.bfloat16, torch.float16) and value.is_floating_point()
            value = value.to(device=self._device, dtype=self._short if half else None)
        return value


@contextlib.contextmanager
def evaluating(module: Any) -> Iterator[None]:
    """Put a module and all within it into evaluation mode for a while.

    Args:
        module: The module.
    """
    training = [one for one in module.modules() if getattr(one, "training", False)]
    for one in training:
        one.training = False
    try:
        yield
    finally:
        for one in training:
            one.training = True


class Unpickler(pickle.Unpickler):
    """Loads a module whose tensors lie in a file of their own.

    Args:
        file: The pickle.
        tensors: The tensors by name.
    """

    def __init__(self, file: Any, tensors: Mapping[str, Any]) -> None:
        super().__init__(file)
        self._tensors = tensors
        self._parameters: dict[str, Any] = {}

    def persistent_load(self, pid: Any) -> Any:
        """Give a tensor.

        Args:
            pid: Its name, and for a parameter whether it takes gradients.

        Returns:
            The tensor or the parameter, which is the same one each time.
        """
        import torch

        name, *trained = pid
        if not trained:
            return self._tensors[name]
        if name not in self._parameters:
            self._parameters[name] = torch.nn.Parameter(self._tensors[name], requires_grad=trained[0])
        return self._parameters[name]


def load(path: Path) -> Inference:
    """Load a module, running the author's code.

    Args:
        path: The folder with its pickle and its weights, or a file of TorchScript.

    Returns:
        What takes arrays.

    Raises:
        ImportError: If PyTorch is missing.
    """
    import torch

    if path.suffix == SCRIPT:
        module = torch.jit.load(str(path), map_location="cpu")
    else:
        with (path / MODULE).open("rb") as file:
            module = Unpickler(file, weights.read(path / WEIGHTS)).load()
    return Inference(module.eval().to(devices.device()), settled=True)
