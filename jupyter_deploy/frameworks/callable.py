"""The last resort: any object with a method to call, and any function."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import Any

from jupyter_deploy import errors
from jupyter_deploy.frameworks.base import DATA, METHODS, About, Saved, save_pickle
from jupyter_deploy.values import Input

_MOST = 1_000  # elements that are looked at for a model
CAN = "A fitted model, an object with a method such as `predict`, or a function can be deployed."


class Callable:
    """Takes everything, and says what is wrong with it where nothing of it can be called."""

    name = "callable"
    about = About(
        title="Python",
        takes="functions, async ones too, and any object with such a method; generators, whose answers can be streamed",
        methods="the function itself; of objects `predict`, `predict_proba`, `decision_function`, `score_samples`, `transform`",
        saved="cloudpickle",
        example="def model(rows: list[float]) -> list[float]:\n    return [2 * one for one in rows]\n\n\nX = [1.0, 2.0]\n",
    )

    def accepts(self, model: object) -> bool:  # noqa: ARG002 (the last resort takes all)
        """Say yes: whatever cannot be deployed is refused by `check`, with the reason."""
        return True

    def check(self, model: object, name: str) -> None:
        """Refuse a class, a module, data, and whatever else has nothing to call."""
        if isinstance(model, type):
            raise errors.NotDeployable(
                f"`{name}` is the class {model.__name__}, not an object of it.",
                f"Make one first, `model = {model.__name__}(...)`, then deploy `model`.",
            )
        if isinstance(model, ModuleType):
            raise errors.NotDeployable(f"`{name}` is a module.", f"{CAN} Name one of its functions, such as `{name}.predict`.")
        if not self.methods(model):
            article = "an" if type(model).__name__[0] in "aeiouAEIOU" else "a"
            within = _within(model, name)
            hint = f"{CAN} It holds one: `%deploy {within}`." if within else CAN
            raise errors.NotDeployable(f"`{name}` is {article} {type(model).__name__}, which cannot be called.", hint)

    def serve(self, model: object) -> object:
        """Give the model itself."""
        return model

    def methods(self, model: object) -> tuple[str, ...]:
        """List the known methods that the object has, or the empty name of the object itself where it can only be called."""
        if type(model).__module__.partition(".")[0] in DATA and not callable(model):
            return ()
        named = tuple(method for method in METHODS if callable(getattr(model, method, None)))
        return named or (("",) if callable(model) else ())

    def contract(self, model: object) -> Input | None:  # noqa: ARG002 (nothing is known of any object)
        """Say that the object itself tells nothing of its input."""
        return None

    def save(self, model: object, folder: Path, pickler: Any) -> Saved:
        """Pickle the object."""
        return save_pickle(model, folder, pickler)


def _within(model: object, name: str) -> str:
    """Find the first model among the elements or attributes of what is none; gives the expression for it."""
    if isinstance(model, dict):
        held = ((f"{name}[{key!r}]", one) for key, one in model.items())
    elif isinstance(model, (list, tuple)):
        held = ((f"{name}[{at}]", one) for at, one in enumerate(model))
    else:
        held = ((f"{name}.{key}", one) for key, one in getattr(model, "__dict__", {}).items())
    models = (path for path, one in islice(held, _MOST) if not isinstance(one, type) and _has_method(one))
    return next(models, "")


def _has_method(one: object) -> bool:
    of_data = type(one).__module__.partition(".")[0] in DATA
    return not of_data and any(callable(getattr(type(one), method, None)) for method in METHODS)
