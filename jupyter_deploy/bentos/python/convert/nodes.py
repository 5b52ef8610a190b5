"""Puts graphs together node by node, within skl2onnx's or alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .trees import ASIDE, OPSET, Ensemble, settle


class Steps:
    """Adds nodes to a graph, each with one output.

    Args:
        scope: Gives names that nobody else has.
        container: Takes the nodes.
    """

    def __init__(self, scope: Any, container: Any) -> None:
        self._scope, self._container = scope, container

    def add(self, kind: str, *inputs: str, into: str = "", domain: str = "", version: int | None = None, **attributes: Any) -> str:
        """Add a node; gives the name of what it makes, which is `into` where that is given."""
        made = into or self._scope.get_unique_variable_name(kind.lower())
        name = self._scope.get_unique_operator_name(kind)
        more = {"op_version": version} if version is not None else {}
        self._container.add_node(kind, list(inputs), [made], op_domain=domain, name=name, **more, **attributes)
        return made

    def constant(self, values: Sequence[Any], kind: str = "DOUBLE") -> str:
        """Add a constant list; gives its name."""
        from onnx import TensorProto

        name: str = self._scope.get_unique_variable_name("constant")
        plain = [one.encode() if isinstance(one, str) else one for one in values]
        self._container.add_initializer(name, getattr(TensorProto, kind), [len(plain)], plain)
        return name

    def sum(self, ensemble: Ensemble, rows: str) -> str:
        """Add an ensemble; gives the name of its sums."""
        return self.add("TreeEnsemble", rows, domain=ASIDE, version=1, **ensemble.attributes())

    def floats(self, made: str, *, single: bool) -> str:
        """Round to single precision, where that is asked for."""
        from onnx import TensorProto

        return self.add("Cast", made, to=TensorProto.FLOAT) if single else made

    def doubles(self, rows: str, *, single: bool) -> str:
        """Make rows into what an ensemble compares: doubles, which come from single precision where the model itself rounds."""
        from onnx import TensorProto

        rounded = self.add("Cast", rows, to=TensorProto.FLOAT) if single else rows
        return self.add("Cast", rounded, to=TensorProto.DOUBLE)

    def label(self, scores: str, classes: Any, into: str) -> None:
        """Add the class with the largest score."""
        place = self.add("ArgMax", scores, axis=1, keepdims=0)
        texts = classes.dtype.kind in "OUS"
        names = [str(one) for one in classes] if texts else [int(one) for one in classes]
        self.add("Gather", self.constant(names, "STRING" if texts else "INT64"), place, axis=0, into=into)


class Alone:
    """A graph that is not skl2onnx's: scope and container in one."""

    def __init__(self) -> None:
        self._nodes: list[Any] = []
        self._constants: list[Any] = []
        self._count = 0

    def get_unique_variable_name(self, name: str) -> str:
        """Give a name that nobody else has."""
        self._count += 1
        return f"{name}{self._count}"

    get_unique_operator_name = get_unique_variable_name

    def add_node(
        self, kind: str, inputs: list[str], outputs: list[str], op_domain: str = "", name: str = "", **attributes: Any
    ) -> None:
        """Take a node."""
        from onnx import helper

        attributes.pop("op_version", None)
        self._nodes.append(helper.make_node(kind, inputs, outputs, name=name, domain=op_domain, **attributes))

    def add_initializer(self, name: str, kind: int, shape: list[int], values: list[Any]) -> None:
        """Take a constant."""
        from onnx import helper

        self._constants.append(helper.make_tensor(name, kind, shape, values))

    def graph(self, width: int, outputs: Sequence[str], *, whole: bool = False) -> bytes:
        """Finish.

        Args:
            width: How many doubles a row has, as the input `X`.
            outputs: The names of the outputs: tables of doubles, but for `label`.
            whole: Whether labels are whole numbers; they are texts otherwise.

        Returns:
            The graph in ONNX's format.
        """
        from onnx import TensorProto, helper

        rows = helper.make_tensor_value_info("X", TensorProto.DOUBLE, [None, width])
        labels = TensorProto.INT64 if whole else TensorProto.STRING
        made = [
            helper.make_tensor_value_info(name, *((labels, [None]) if name == "label" else (TensorProto.DOUBLE, [None, None])))
            for name in outputs
        ]
        graph = helper.make_graph(self._nodes, "model", [rows], made, self._constants)
        opsets = [helper.make_opsetid("", 20), helper.make_opsetid("ai.onnx.ml", OPSET)]
        return settle(helper.make_model(graph, opset_imports=opsets, ir_version=10))
