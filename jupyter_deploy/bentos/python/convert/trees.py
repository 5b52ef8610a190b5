"""Forests as one node of ONNX's, with every threshold and leaf in double precision, so that sums are what the forest's own are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

DOMAIN, OPSET = "ai.onnx.ml", 5
ASIDE = "jupyter.deploy"  # stands for the domain until the graph is whole: skl2onnx knows an older one alone
LESS_OR_EQUAL, LESS = 0, 1
NAN_LEFT = "nodes_missing_value_tracks_true"


class Ensemble:
    """Collects trees.

    Args:
        targets: How many numbers the ensemble answers.
        mode: How a value is compared with a threshold for the first branch to be taken.
        single: Whether it compares and sums in single precision, one tree after the other, as some libraries do.
    """

    def __init__(self, targets: int, mode: int = LESS_OR_EQUAL, *, single: bool = False) -> None:
        self._targets, self._mode, self._single = targets, mode, single
        self._nodes: dict[str, list[Any]] = {
            name: [] for name in ("features", "splits", "true", "false", "true_leaf", "false_leaf", "nan")
        }
        self._leaves: list[tuple[int, float]] = []
        self._roots: list[int] = []

    def add(self, tree: Iterable[tuple[int, int, int, float, bool]], weight: Callable[[int], float], target: int = 0) -> None:
        """Add a tree.

        Args:
            tree: For each of its nodes, the first being the root: its two branches, of which -1 stands for none, then feature and
                threshold, and whether missing values take the first branch.
            weight: Gives what a leaf adds.
            target: What it is added to.
        """
        nodes = list(tree)
        inner = [place for place, node in enumerate(nodes) if node[0] != -1] or [0]
        first = len(self._nodes["features"])
        known = {place: first + at for at, place in enumerate(inner)}
        self._roots.append(first)
        for place in inner:
            left, right, feature, threshold, nan = nodes[place]
            lone = left == -1  # the whole tree is one leaf, and ONNX has none: both branches lead to it
            self._nodes["features"].append(0 if lone else int(feature))
            self._nodes["splits"].append(0.0 if lone else float(threshold))
            self._nodes["nan"].append(int(nan))
            for child, branch in ((left, "true"), (right, "false")):
                at = place if lone else child
                is_leaf = lone or at not in known
                self._nodes[branch].append(self._leaf(target, weight(at)) if is_leaf else known[at])
                self._nodes[f"{branch}_leaf"].append(int(is_leaf))

    def begin(self, values: Sequence[float]) -> None:
        """Begin each sum with a number, by trees that are one leaf.

        Args:
            values: The numbers.
        """
        for target, value in enumerate(values):
            self.add([(-1, -1, 0, 0.0, False)], lambda _, value=value: value, target)  # type: ignore[misc]

    def attributes(self) -> dict[str, Any]:
        """Give the attributes of ONNX's node `TreeEnsemble`."""
        from onnx import TensorProto, helper

        nodes, count = self._nodes, len(self._nodes["features"])
        weights = [weight for _, weight in self._leaves]
        kind = TensorProto.FLOAT if self._single else TensorProto.DOUBLE
        made = {
            "n_targets": self._targets, "aggregate_function": 1, "post_transform": 0, "tree_roots": self._roots,
            "nodes_featureids": nodes["features"], "nodes_truenodeids": nodes["true"], "nodes_falsenodeids": nodes["false"],
            "nodes_trueleafs": nodes["true_leaf"], "nodes_falseleafs": nodes["false_leaf"],
            "nodes_splits": helper.make_tensor("splits", kind, [count], nodes["splits"]),
            "nodes_modes": helper.make_tensor("modes", TensorProto.UINT8, [count], [self._mode] * count),
            "leaf_targetids": [target for target, _ in self._leaves],
            "leaf_weights": helper.make_tensor("weights", kind, [len(weights)], weights),
        }  # fmt: skip
        return {**made, NAN_LEFT: nodes["nan"]} if any(nodes["nan"]) else made

    def _leaf(self, target: int, weight: float) -> int:
        self._leaves.append((target, float(weight)))
        return len(self._leaves) - 1


def settle(model: Any) -> bytes:
    """Give a finished graph's trees their own domain.

    Args:
        model: The graph, as one of onnx's messages.

    Returns:
        It, in ONNX's format.
    """
    from onnx import helper

    nodes = [node for node in model.graph.node if node.domain == ASIDE]
    for node in nodes:
        node.domain = DOMAIN
    if nodes:
        known = {one.domain: one.version for one in model.opset_import if one.domain not in (DOMAIN, ASIDE)}
        del model.opset_import[:]
        model.opset_import.extend(helper.make_opsetid(name, version) for name, version in {**known, DOMAIN: OPSET}.items())
        model.ir_version = max(model.ir_version, 10)
    data: bytes = model.SerializeToString()
    return data
