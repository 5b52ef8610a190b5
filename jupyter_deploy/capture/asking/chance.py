"""Chance: what a model draws from while it is asked, kept out of its answers where it can be, and told where it cannot."""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import random
import sys
import warnings
from collections.abc import Iterator
from typing import Any, NamedTuple

from jupyter_deploy import errors
from jupyter_deploy.answers import ABSOLUTE, alike, needed, same

SMALL = 0.1  # a tolerance above it says that the answers have little to do with each other
LONGEST = 120  # characters of an answer that people see


@contextlib.contextmanager
def undisturbed(seed: int) -> Iterator[None]:
    """Keep the notebook's random numbers, output and warnings as they are while the model is asked.

    Args:
        seed: What the global random numbers begin with meanwhile. With another seed a model that draws from them answers otherwise,
            which the notebook's own state, kept as it is, would hide.
    """
    with contextlib.ExitStack() as stack:
        for numbers in (_python(seed), _numpy(seed), _torch(seed)):
            stack.enter_context(numbers)
        stack.enter_context(warnings.catch_warnings())
        stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
        warnings.simplefilter("ignore")
        yield


@contextlib.contextmanager
def _python(seed: int) -> Iterator[None]:
    state = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(state)


@contextlib.contextmanager
def _numpy(seed: int) -> Iterator[None]:
    numpy: Any = sys.modules.get("numpy")
    if not hasattr(numpy, "random"):
        yield
        return
    state = numpy.random.get_state()
    with contextlib.suppress(TypeError, ValueError):  # the notebook put a generator in its place that cannot be seeded so
        numpy.random.seed(seed)
    try:
        yield
    finally:
        numpy.random.set_state(state)


@contextlib.contextmanager
def _torch(seed: int) -> Iterator[None]:
    torch: Any = sys.modules.get("torch")
    if not hasattr(torch, "default_generator"):
        yield
        return
    generators = [torch.default_generator]
    if torch.cuda.is_initialized():
        generators += torch.cuda.default_generators
    states = [one.get_state() for one in generators]
    for one in generators:
        one.manual_seed(seed)
    try:
        yield
    finally:
        for one, state in zip(generators, states, strict=True):
            one.set_state(state)


class Twice(NamedTuple):
    """What a model answered to the same rows.

    Attributes:
        first: One answer a row, as JSON.
        second: The answers when it was asked again.
    """

    first: list[Any]
    second: list[Any]

    def agree(self, tolerance: float, *, shape_only: bool, scale: float = ABSOLUTE) -> bool:
        """Say whether the answers are the same, floats within a relative tolerance, or at least of one shape."""
        return alike(*self) if shape_only else same(*self, tolerance, scale)

    def differing(self, tolerance: float, scale: float = ABSOLUTE) -> tuple[int, str, str]:
        """Find the first row that differs, and both answers to it."""
        pairs = itertools.zip_longest(*self)
        row = next((at for at, pair in enumerate(pairs) if not same(*pair, tolerance, scale)), 0)
        first, second = (_short(one[row]) if row < len(one) else "nothing" for one in self)
        return row, first, second


def refuse(model: Any, name: str, method: str, twice: Twice, tolerance: float) -> errors.NonDeterministic:
    """Say that a model does not answer twice alike.

    Args:
        model: The live model.
        name: What the person called it.
        method: The method that was asked.
        twice: Its answers, which do not agree.
        tolerance: The relative tolerance that was applied.

    Returns:
        The error to raise.
    """
    row, first, second = twice.differing(tolerance)
    return errors.NonDeterministic(
        f"`{name}` does not answer twice alike: row {row} of `{method}` is {first} the first time and {second} the second.",
        f"{_seeds(model)}{_tolerance(twice)}, or deploy it with `--nondeterministic`, which compares shapes and types alone.",
    )


def refuse_shape(name: str, method: str, twice: Twice) -> errors.NonDeterministic:
    """Say that not even shape and type of a model's answers are the same.

    Args:
        name: What the person called it.
        method: The method that was asked.
        twice: Its answers, which are not alike.

    Returns:
        The error to raise.
    """
    pairs = enumerate(itertools.zip_longest(*twice))
    row, first, second = next((at, _short(a), _short(b)) for at, (a, b) in pairs if not alike(a, b))
    return errors.NonDeterministic(
        f"`{name}` does not answer twice in one form: row {row} of `{method}` is {first} the first time and {second} the second.",
        "A release can be verified only if shape and type of its answers stay the same.",
    )


def _seeds(model: Any) -> str:
    if getattr(model, "training", None) is True and hasattr(model, "eval"):
        return "Call its `eval()`: in training mode parts of it draw random numbers"
    drawn = {
        name for name, value in _parameters(model).items() if name.endswith("random_state") and not hasattr(value, "__index__")
    }
    if drawn:
        return f"Set {', '.join(f'`{one}`' for one in sorted(drawn)[:5])} to a number and fit it again"
    return "Let it set a seed in each call and keep nothing between calls"


def _tolerance(twice: Twice) -> str:
    enough = needed(*twice)
    return f", or give `--tolerance {float(f'{2 * enough:.0e}'):g}`" if enough is not None and enough <= SMALL else ""


def _parameters(model: Any) -> dict[str, Any]:
    try:
        return dict(model.get_params(deep=True))
    except Exception:  # noqa: BLE001 (the author's own class, which may have no such method or another one of that name)
        return {}


def _short(answer: Any) -> str:
    text = json.dumps(answer, ensure_ascii=False)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
