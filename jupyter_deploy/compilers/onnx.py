"""Faster forms for ONNX Runtime."""

from __future__ import annotations

from collections.abc import Collection

from jupyter_deploy.bentos.python.endpoint.contract import Manifest


class _Onnx:
    """What the compilers to ONNX have in common."""

    name: str
    engine = "ONNX Runtime"
    serving = ("onnxruntime",)
    tools: tuple[str, ...] = ("onnx",)

    @property
    def converter(self) -> str:
        """The module that converts bears the framework's name."""
        return self.name

    def accepts(self, manifest: Manifest) -> str:  # noqa: ARG002 (the converter itself knows best)
        """Say yes: whether there is a form is seen when it is tried."""
        return ""

    def converting(self, packages: Collection[str]) -> tuple[str, ...]:
        """List the tools that are not there."""
        return tuple(one for one in self.tools if one not in packages)


class Sklearn(_Onnx):
    """scikit-learn's estimators and pipelines, with those of other libraries within."""

    name = "sklearn"
    tools = ("onnx", "skl2onnx")


class Xgboost(_Onnx):
    """xgboost's boosters and estimators."""

    name = "xgboost"


class Lightgbm(_Onnx):
    """lightgbm's boosters and estimators."""

    name = "lightgbm"


class Torch(_Onnx):
    """PyTorch's modules."""

    name = "torch"
    tools = ("onnx", "onnxscript")

    def accepts(self, manifest: Manifest) -> str:
        """Refuse TorchScript, which is compiled already."""
        return "it is TorchScript, which is compiled already" if manifest.model.endswith(".ts") else ""
