"""Boosters of xgboost and lightgbm as sums of trees in double precision, read from what they write down of themselves."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

from .forms import Impossible
from .nodes import Alone, Steps
from .trees import LESS, LESS_OR_EQUAL, Ensemble

Node = tuple[int, int, int, float, bool]
Tree = tuple[list[Node], Callable[[int], float], int]
SIGMOIDS = ("binary:logistic", "reg:logistic", "binary")
SOFTMAXES = ("multi:softprob", "multi:softmax", "multiclass")
PLAIN = (
    "reg:squarederror", "reg:linear", "reg:absoluteerror", "reg:pseudohubererror", "reg:quantileerror", "binary:logitraw",
    "rank:pairwise", "rank:ndcg", "rank:map", "regression", "regression_l1", "huber", "fair", "quantile", "mape", "lambdarank",
)  # fmt: skip
EXPONENTIALS = ("count:poisson", "reg:gamma", "reg:tweedie", "poisson", "gamma", "tweedie")


class Sum(NamedTuple):
    """A booster.

    Attributes:
        trees: For each tree its nodes, what its leaves add, and to which of the numbers.
        base: What each number begins with.
        objective: The name of what it was trained for.
        slope: What the sum is multiplied by before it becomes a probability.
        mode: How values are compared with thresholds.
        single: Whether it rounds values to single precision first.
    """

    trees: list[Tree]
    base: list[float]
    objective: str
    slope: float
    mode: int
    single: bool


def register() -> None:
    """Have skl2onnx convert estimators of both libraries through here, as far as they are installed."""
    from .forests import register_kinds

    for library, wrapped, read in (("xgboost", "XGB", of_xgboost), ("lightgbm", "LGBM", of_lightgbm)):
        try:
            module = __import__(library)
        except ImportError:
            continue

        kinds = getattr(module, f"{wrapped}Classifier"), getattr(module, f"{wrapped}Regressor")
        register_kinds({kinds[0]: _classes(read)}, {kinds[1]: _numbers(read)})


def _classes(read: Callable[[Any], Sum]) -> Callable[[Any, Any, Any], None]:
    def convert(scope: Any, operator: Any, container: Any) -> None:
        model = operator.raw_operator
        steps, found = Steps(scope, container), read(booster_of(model))
        raw, chances = answers(steps, found, operator.inputs[0].full_name, single=found.single)
        each = both(steps, chances, found, single=found.single)
        wants_raw = container.get_options(model, {"raw_scores": False}).get("raw_scores", False)
        steps.add("Identity", raw if wants_raw else each, into=operator.outputs[1].full_name)
        steps.label(each, model.classes_, operator.outputs[0].full_name)

    return convert


def _numbers(read: Callable[[Any], Sum]) -> Callable[[Any, Any, Any], None]:
    def convert(scope: Any, operator: Any, container: Any) -> None:
        steps = Steps(scope, container)
        found = read(booster_of(operator.raw_operator))
        _, made = answers(steps, found, operator.inputs[0].full_name, single=found.single)
        steps.add("Identity", made, into=operator.outputs[0].full_name)

    return convert


def answers(steps: Steps, found: Sum, rows: str, *, single: bool = False) -> tuple[str, str]:
    """Add a booster to a graph.

    Args:
        steps: The graph.
        found: The booster.
        rows: The name of the rows.
        single: Whether to sum in single precision, as xgboost itself does.

    Returns:
        The names of its sums and of what it answers; doubles, which hold single precision where that was asked for.

    Raises:
        Impossible: If nobody knows what its objective does with the sums.
    """
    ensemble = Ensemble(len(found.base), found.mode, single=single)
    if single:
        ensemble.begin(found.base)
    for nodes, weight, target in found.trees:
        ensemble.add(nodes, weight, target)
    if single:
        raw = steps.doubles(steps.sum(ensemble, steps.floats(rows, single=True)), single=False)
    else:
        raw = steps.add("Add", steps.sum(ensemble, steps.doubles(rows, single=found.single)), steps.constant(found.base))
    if found.objective in PLAIN:
        made = raw
    elif found.objective in EXPONENTIALS:
        made = steps.add("Exp", raw)
    elif found.objective in SIGMOIDS and single:
        one = steps.constant([1.0], "FLOAT")
        odds = steps.floats(steps.add("Exp", steps.add("Neg", raw)), single=True)
        made = steps.add("Div", one, steps.add("Add", odds, one))
    elif found.objective in SIGMOIDS:
        made = steps.add("Sigmoid", steps.add("Mul", raw, steps.constant([found.slope])))
    elif found.objective in SOFTMAXES:
        made = steps.add("Softmax", raw, axis=1)
    else:
        raise Impossible(f"its objective is `{found.objective}`")
    return raw, steps.doubles(made, single=single)


def both(steps: Steps, chances: str, found: Sum, *, single: bool = False) -> str:
    """Add the probability of the other of two classes; gives the name of both."""
    if len(found.base) > 1:
        return chances
    other = steps.doubles(steps.add("Sub", steps.constant([1.0]), chances), single=single)
    return steps.add("Concat", other, chances, axis=1)


def of_xgboost(booster: Any) -> Sum:
    """Read a booster of xgboost's.

    Args:
        booster: The booster.

    Returns:
        Its trees.

    Raises:
        Impossible: If it is more than a sum of trees of numbers.
    """
    import numpy as np

    learner = json.loads(booster.save_raw("json"))["learner"]
    if learner["gradient_booster"]["name"] != "gbtree":
        raise Impossible(f"its booster is `{learner['gradient_booster']['name']}`")
    model, objective = learner["gradient_booster"]["model"], learner["objective"]["name"]
    targets = max(1, int(learner["learner_model_param"]["num_class"]), int(learner["learner_model_param"].get("num_target", 1)))
    base = [float(one) for one in learner["learner_model_param"]["base_score"].strip("[]").split(",")]
    base = base * targets if len(base) == 1 else base
    if objective in SIGMOIDS:
        base = [float(-np.log(np.float32(1) / np.float32(one) - np.float32(1))) for one in base]
    elif objective in EXPONENTIALS:
        base = [float(np.log(np.float32(one))) for one in base]
    last = _last_round(booster) * targets * int(model["gbtree_model_param"].get("num_parallel_tree", 1))
    trees: list[Tree] = []
    for tree, target in list(zip(model["trees"], model["tree_info"], strict=True))[: last or None]:
        if any(tree["split_type"]) or int(tree["tree_param"]["size_leaf_vector"]) > 1:
            raise Impossible("it has categorical features, or several numbers in a leaf")
        exact = [float(one) for one in np.array(tree["split_conditions"], dtype=np.float32)]  # written down in fewer digits
        columns = tree["left_children"], tree["right_children"], tree["split_indices"], exact, tree["default_left"]
        trees.append(([(*node[:4], bool(node[4])) for node in zip(*columns, strict=True)], exact.__getitem__, target))
    return Sum(trees, base, objective, 1.0, LESS, single=True)


def of_lightgbm(booster: Any) -> Sum:
    """Read a booster of lightgbm's.

    Args:
        booster: The booster.

    Returns:
        Its trees.

    Raises:
        Impossible: If it is more than a sum of trees of numbers.
    """
    dumped = booster.dump_model(num_iteration=booster.best_iteration or -1)
    if dumped.get("average_output"):
        raise Impossible("its trees are averaged")
    name, *rest = str(dumped.get("objective", "")).split(" ")
    words = dict(one.split(":") for one in rest if ":" in one)
    if "sqrt" in rest:
        raise Impossible("it was trained on roots")
    targets = int(dumped["num_tree_per_iteration"])
    trees: list[Tree] = []
    for at, tree in enumerate(dumped["tree_info"]):
        nodes: list[Node] = []
        values: dict[int, float] = {}
        _flatten(tree["tree_structure"], nodes, values)
        trees.append((nodes, values.__getitem__, at % targets))
    return Sum(trees, [0.0] * targets, name, float(words.get("sigmoid", 1.0)), LESS_OR_EQUAL, single=False)


def _flatten(node: dict[str, Any], nodes: list[Node], values: dict[int, float]) -> int:
    """Lay a tree of lightgbm's out as a list; gives the place of its root."""
    place = len(nodes)
    nodes.append((-1, -1, 0, 0.0, False))
    if "leaf_value" in node:
        values[place] = float(node["leaf_value"])
        return place
    if node["decision_type"] != "<=" or node["missing_type"] == "Zero":
        raise Impossible("it has categorical features, or takes 0 for a missing value")
    left = _flatten(node["left_child"], nodes, values)
    right = _flatten(node["right_child"], nodes, values)
    threshold = float(node["threshold"])
    as_zero = threshold >= 0  # where no value was missing in the training, a missing one counts as 0
    to_left = bool(node["default_left"]) if node["missing_type"] == "NaN" else as_zero
    nodes[place] = (left, right, int(node["split_feature"]), threshold, to_left)
    return place


def booster_of(model: Any) -> Any:
    """Give the booster within an estimator, or what its loader made of it.

    Args:
        model: Any of these, or the booster itself.

    Returns:
        The booster.
    """
    if hasattr(model, "get_booster"):
        return model.get_booster()
    return getattr(model, "booster_", None) or getattr(model, "booster", model)


def _last_round(booster: Any) -> int:
    """Say how many rounds count; 0 where all do."""
    try:
        return int(booster.best_iteration) + 1
    except AttributeError:
        return 0


def graph(found: Sum, width: int, classes: Any = None, *, single: bool = False) -> bytes:
    """Make a graph of a booster alone.

    Args:
        found: The booster.
        width: How many numbers a row has.
        classes: What a classifier's labels are.
        single: Whether to sum in single precision.

    Returns:
        It, in ONNX's format, with the outputs `answer` and `sums`, and for a classifier `label`.
    """
    alone = Alone()
    steps = Steps(alone, alone)
    raw, made = answers(steps, found, "X", single=single)
    outputs = {"sums": steps.add("Identity", raw, into="sums")}
    if classes is not None:
        made = both(steps, made, found, single=single)
        steps.label(made, classes, "label")
        outputs["label"] = "label"
    outputs["answer"] = steps.add("Identity", made, into="answer")
    return alone.graph(width, list(outputs), whole=classes is not None and classes.dtype.kind in "iu")
