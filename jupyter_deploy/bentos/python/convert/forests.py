"""scikit-learn's forests for skl2onnx, in double precision; its own conversion of them sums in single precision."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from .forms import Impossible
from .nodes import Steps
from .trees import Ensemble

Node = tuple[int, int, int, float, bool]


def register() -> None:
    """Have skl2onnx convert forests through here."""
    from sklearn import ensemble, tree

    classifiers: dict[Any, Any] = {
        tree.DecisionTreeClassifier: _votes, tree.ExtraTreeClassifier: _votes, ensemble.RandomForestClassifier: _votes,
        ensemble.ExtraTreesClassifier: _votes, ensemble.GradientBoostingClassifier: _boosted_classes,
        ensemble.HistGradientBoostingClassifier: _boosted_classes,
    }  # fmt: skip
    regressors: dict[Any, Any] = {
        tree.DecisionTreeRegressor: _means, tree.ExtraTreeRegressor: _means, ensemble.RandomForestRegressor: _means,
        ensemble.ExtraTreesRegressor: _means, ensemble.GradientBoostingRegressor: _boosted,
        ensemble.HistGradientBoostingRegressor: _boosted,
    }  # fmt: skip
    register_kinds(classifiers, regressors)


def register_kinds(classifiers: dict[Any, Any], regressors: dict[Any, Any]) -> None:
    """Have skl2onnx convert some classes in its graphs by functions of ours.

    Args:
        classifiers: What converts each class of classifiers.
        regressors: What converts each class of regressors.
    """
    from skl2onnx import update_registered_converter

    choices: dict[str, list[Any]] = {name: [True, False] for name in ("raw_scores", "output_class_labels", "nocl")}
    choices["zipmap"] = [True, False, "columns"]
    for kind, convert in classifiers.items():
        update_registered_converter(kind, f"Exact{kind.__name__}", _class_shapes, convert, options=choices)
    for kind, convert in regressors.items():
        update_registered_converter(kind, f"Exact{kind.__name__}", _number_shapes, convert)


def _class_shapes(operator: Any) -> None:
    from skl2onnx.common.data_types import DoubleTensorType
    from skl2onnx.common.shape_calculator import calculate_linear_classifier_output_shapes

    calculate_linear_classifier_output_shapes(operator)
    operator.outputs[1].type = DoubleTensorType(operator.outputs[1].type.shape)


def _number_shapes(operator: Any) -> None:
    from skl2onnx.common.data_types import DoubleTensorType
    from skl2onnx.common.shape_calculator import calculate_linear_regressor_output_shapes

    calculate_linear_regressor_output_shapes(operator)
    operator.outputs[0].type = DoubleTensorType(operator.outputs[0].type.shape)


def _votes(scope: Any, operator: Any, container: Any) -> None:
    """The mean of what each tree says of each class."""
    model, steps = operator.raw_operator, Steps(scope, container)
    if getattr(model, "n_outputs_", 1) != 1:
        raise Impossible("it has several outputs")
    forest, classes = _forest(model), model.classes_
    fractions = [one.value[:, 0, :] / one.value[:, 0, :].sum(axis=1, keepdims=True) for one in forest]
    pure = len(classes) == 2 and all(((of == 0) | (of == 1)).all() for of in fractions)
    ensemble = Ensemble(1 if pure else len(classes))
    for at in [1] if pure else range(len(classes)):
        for one, of in zip(forest, fractions, strict=True):
            ensemble.add(_nodes(one), lambda leaf, of=of, at=at: of[leaf, at], target=0 if pure else at)  # type: ignore[misc]
    sums = steps.sum(ensemble, steps.doubles(operator.inputs[0].full_name, single=True))
    count = steps.constant([float(len(forest))])
    if pure:  # whole numbers, so that a tie of two classes stays one
        sums = steps.add("Concat", steps.add("Sub", count, sums), sums, axis=1)
    steps.add("Div", sums, count, into=operator.outputs[1].full_name)
    steps.label(sums, classes, operator.outputs[0].full_name)


def _means(scope: Any, operator: Any, container: Any) -> None:
    """The mean of what each tree answers."""
    model, steps = operator.raw_operator, Steps(scope, container)
    forest, targets = _forest(model), int(getattr(model, "n_outputs_", 1))
    ensemble = Ensemble(targets)
    for target in range(targets):
        for one in forest:
            ensemble.add(_nodes(one), lambda leaf, one=one, target=target: one.value[leaf, target, 0], target)  # type: ignore[misc]
    sums = steps.sum(ensemble, steps.doubles(operator.inputs[0].full_name, single=True))
    steps.add("Div", sums, steps.constant([float(len(forest))]), into=operator.outputs[0].full_name)


def _boosted(scope: Any, operator: Any, container: Any) -> None:
    """A sum of trees, through the inverse of the loss's link."""
    model, steps = operator.raw_operator, Steps(scope, container)
    link = type(getattr(getattr(model, "_loss", None), "link", None)).__name__
    kind = {"IdentityLink": "Identity", "NoneType": "Identity", "LogLink": "Exp"}.get(link)
    if kind is None:
        raise Impossible(f"its loss has the link {link}")
    steps.add(kind, _raw(model, steps, operator.inputs[0].full_name), into=operator.outputs[0].full_name)


def _boosted_classes(scope: Any, operator: Any, container: Any) -> None:
    """Sums of trees, made into probabilities."""
    model, steps = operator.raw_operator, Steps(scope, container)
    raw = _raw(model, steps, operator.inputs[0].full_name)
    if len(model.classes_) > 2:
        shown = both = steps.add("Softmax", raw, axis=1)
    else:
        odds = steps.add("Mul", raw, steps.constant([2.0])) if getattr(model, "loss", "") == "exponential" else raw
        positive = steps.add("Sigmoid", odds)
        both = shown = steps.add("Concat", steps.add("Sub", steps.constant([1.0]), positive), positive, axis=1)
    if container.get_options(model, {"raw_scores": False}).get("raw_scores", False):
        shown = raw
    steps.add("Identity", shown, into=operator.outputs[1].full_name)
    steps.label(both, model.classes_, operator.outputs[0].full_name)


def _raw(model: Any, steps: Steps, rows: str) -> str:
    """Add what a boosted model sums up."""
    hist = hasattr(model, "_predictors")
    trees, base = _of_histograms(model) if hist else _of_gradients(model)
    targets = len(base)
    ensemble = Ensemble(targets)
    for nodes, weight, target in trees:
        ensemble.add(nodes, weight, target)
    sums = steps.sum(ensemble, steps.doubles(rows, single=not hist))
    return steps.add("Add", sums, steps.constant(base))


Tree = tuple[list[Node], Callable[[int], float], int]


def _of_gradients(model: Any) -> tuple[list[Tree], list[float]]:
    import numpy as np

    first = model.init_
    if not isinstance(first, str) and not type(first).__name__.startswith("Dummy"):
        raise Impossible("it begins with another model")
    base = [float(one) for one in model._raw_predict_init(np.zeros((1, model.n_features_in_), dtype=np.float32))[0]]  # noqa: SLF001
    trees = []
    for stage in model.estimators_:
        for target, one in enumerate(stage):
            values = one.tree_.value[:, 0, 0] * model.learning_rate
            trees.append((list(_nodes(one.tree_)), values.__getitem__, target))
    return trees, base


def _of_histograms(model: Any) -> tuple[list[Tree], list[float]]:
    import numpy as np

    trees = []
    for stage in model._predictors:  # noqa: SLF001
        for target, one in enumerate(stage):
            nodes = one.nodes
            if nodes["is_categorical"].any():
                raise Impossible("it has categorical features")
            columns = (nodes[name].tolist() for name in ("left", "right", "feature_idx", "num_threshold", "missing_go_to_left"))
            listed: list[Node] = [
                (-1, -1, 0, 0.0, False) if leaf else (*node[:4], bool(node[4]))
                for leaf, node in zip(nodes["is_leaf"], zip(*columns, strict=True), strict=True)
            ]
            trees.append((listed, nodes["value"].__getitem__, target))
    return trees, [float(one) for one in np.ravel(model._baseline_prediction)]  # noqa: SLF001


def _forest(model: Any) -> list[Any]:
    """List the trees of a forest, or of one that stands alone."""
    return [one.tree_ for one in model.estimators_] if hasattr(model, "estimators_") else [model.tree_]


def _nodes(tree: Any) -> Iterator[Node]:
    """List the nodes of one of scikit-learn's trees."""
    gaps = getattr(tree, "missing_go_to_left", None)
    for at in range(tree.node_count):
        to_left = bool(gaps[at]) if gaps is not None else False
        yield int(tree.children_left[at]), int(tree.children_right[at]), int(tree.feature[at]), float(tree.threshold[at]), to_left
