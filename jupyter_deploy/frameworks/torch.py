"""PyTorch's modules: one's own classes, `Sequential`, TorchScript, compiled ones."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

from jupyter_deploy import errors
from jupyter_deploy.bentos.python.endpoint import weights
from jupyter_deploy.bentos.python.endpoint.loaders.torch import MODULE, SCRIPT, WEIGHTS, Inference
from jupyter_deploy.frameworks.base import TABLE, About, Saved
from jupyter_deploy.values import Input

METHODS = ("predict", "predict_proba", "transform")


class Torch:
    """Takes `torch.nn.Module`; never imports PyTorch, which the model's own kernel has."""

    name = "torch"
    about = About(
        title="PyTorch",
        takes="`torch.nn.Module` in evaluation mode: one's own classes, `Sequential`, TorchScript, compiled ones; "
        "arrays and tensors in, the same out",
        methods="the module itself, or its class's `predict`, `predict_proba`, `transform`",
        saved="safetensors, its class with cloudpickle; TorchScript as it is",
        example=f"{TABLE}import torch\n\nX = X.astype('float32')\n"
        "model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU(), torch.nn.Linear(4, 1))\n",
        unfitted="torch.nn.LazyLinear(1)",
        needs=("torch",),
    )

    def accepts(self, model: object) -> bool:
        """Say whether the model, or the class that was given by mistake, is a module."""
        return _is_a(model, "torch.nn.modules.module", "Module")

    def check(self, model: Any, name: str) -> None:
        """Refuse a class, and a module whose layers do not know their sizes yet."""
        if isinstance(model, type):
            raise errors.NotDeployable(
                f"`{name}` is the class {model.__name__}, not an object of it.",
                f"Make one and train it first, `model = {model.__name__}(...)`, then deploy `model`.",
            )
        if any("Uninitialized" in type(one).__name__ for one in model.parameters()):
            raise errors.NotDeployable(
                f"`{name}` has layers that do not know their sizes yet.", f"Call `{name}(...)` once, then deploy it."
            )

    def serve(self, model: Any) -> object:
        """Give what takes arrays and answers in evaluation mode, where the module itself takes tensors."""
        return Inference(_own(model))

    def methods(self, model: object) -> tuple[str, ...]:
        """List what the module's own class has; else it is called itself."""
        if _is_a(model, "sentence_transformers", "SentenceTransformer"):
            return ("encode",)
        return tuple(one for one in METHODS if callable(getattr(type(model), one, None))) or ("",)

    def contract(self, model: Any) -> Input | None:
        """Read the number of features where the first of a sequence of layers tells it."""
        first = _own(model)
        while _is_a(first, "torch.nn.modules.container", "Sequential") and len(first):
            first = next(iter(first))
        if _is_a(first, "torch.nn.modules.linear", "Linear"):
            return Input(kind="array", shape=(None, int(first.in_features)), dtype="float32", library="torch")
        return None

    def save(self, model: Any, folder: Path, pickler: Any) -> Saved:
        """Write the tensors as safetensors and the module without them as a pickle; TorchScript in its own format."""
        module = _own(model)
        if _is_a(module, "torch.jit._script", "ScriptModule"):
            importlib.import_module("torch").jit.save(module, str(folder / f"model{SCRIPT}"))
            return Saved(f"model{SCRIPT}", "TorchScript", self.name, modules=("torch",))
        apart = Apart(module)
        (folder / "module").mkdir()
        with (folder / "module" / MODULE).open("wb") as file:
            pickler(module, file, apart=apart)
        weights.write(apart.tensors, folder / "module" / WEIGHTS)
        return Saved("module", "safetensors, its class with cloudpickle", self.name, modules=("torch",))


class Apart:
    """Takes tensors out of a pickle.

    Args:
        module: The module, which names its tensors.
    """

    def __init__(self, module: Any) -> None:
        torch: Any = sys.modules["torch"]
        self._kinds = torch.Tensor, torch.nn.Parameter
        self._names = {id(tensor): name for name, tensor in reversed(list(module.state_dict(keep_vars=True).items()))}
        self.tensors: dict[str, Any] = {}

    def __call__(self, obj: Any) -> tuple[Any, ...] | None:
        """Take one object out, if it is a tensor that the format can hold.

        Args:
            obj: The object.

        Returns:
            The name under which it is written, and for a parameter whether it takes gradients; None for everything else.
        """
        if type(obj) not in self._kinds or obj.__dict__ or not weights.holds(obj):
            return None
        name = self._names.setdefault(id(obj), f"tensor-{len(self.tensors)}")
        self.tensors[name] = obj
        return (name, obj.requires_grad) if type(obj) is self._kinds[1] else (name,)


def _is_a(model: object, module: str, name: str) -> bool:
    """Say whether a model, or a class, derives from a class of that name."""
    kind = model if isinstance(model, type) else type(model)
    return any(base.__name__ == name and base.__module__.startswith(module) for base in kind.__mro__)


def _own(model: Any) -> Any:
    """Give the module that `torch.compile` was called with, which answers the same and can leave the kernel."""
    return getattr(model, "_orig_mod", model)
