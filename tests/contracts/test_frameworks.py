"""What every framework must do, run on every one in the registry, a third party's too: each brings an example of its own."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from jupyter_deploy import errors, plugins
from jupyter_deploy.answers import same
from jupyter_deploy.capture import capture, saving
from jupyter_deploy.capture.pickling import objects
from jupyter_deploy.frameworks.base import Framework
from tests.serving import Machine, machine

KINDS = ("frame", "array", "series", "list", "arguments", "value")
HEAVY = {
    **dict.fromkeys(("mlflow", "statsmodels", "torch", "transformers"), (pytest.mark.frameworks,)),
    **dict.fromkeys(("keras", "tensorflow"), (pytest.mark.frameworks, pytest.mark.tensorflow)),
}


@pytest.fixture(params=[pytest.param(name, marks=HEAVY.get(name, ())) for name in plugins.names("frameworks")])
def framework(request: pytest.FixtureRequest) -> Framework:
    """Give a test each framework whose library is there."""
    made: Framework = plugins.load("frameworks", request.param)()
    for module in made.about.needs:
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed")
    assert request.param == made.name
    return made


@pytest.fixture
def example(framework: Framework) -> dict[str, Any]:
    """Run a framework's example as a notebook's cell."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec(framework.about.example, namespace)
    return namespace


@pytest.fixture(scope="module")
def running() -> Iterator[Machine]:
    """Give the tests a target of their own."""
    with machine() as made:
        yield made


def test_takes_its_models(framework: Framework, example: dict[str, Any]) -> None:
    """It accepts its model before any other framework does, finds nothing wrong with it, and knows a method to call."""
    model = example["model"]
    takers = (name for name in plugins.names("frameworks") if plugins.load("frameworks", name)().accepts(model))

    assert framework.name == next(takers)
    framework.check(model, "model")
    methods = framework.methods(model)
    served = framework.serve(model)
    assert all(callable(getattr(served, method) if method else served) for method in methods)
    assert len(methods) == len(set(methods)) > 0


def test_refuses_a_class(framework: Framework, example: dict[str, Any]) -> None:
    """A class in place of an object of it is refused, with what to write instead."""
    kind = Path if framework.name == "callable" else type(example["model"])
    if isinstance(example["model"], str):
        pytest.skip("its models are given by their path")
    assert framework.accepts(kind)
    with pytest.raises(errors.NotDeployable, match=f"`model` is the class {kind.__name__}") as raised:
        framework.check(kind, "model")

    assert "`model = " in raised.value.hint


def test_refuses_what_is_not_fitted(framework: Framework, example: dict[str, Any]) -> None:
    """What cannot answer yet is refused before it is asked."""
    if not framework.about.unfitted:
        pytest.skip("none of its models can be without a fit")
    model = eval(framework.about.unfitted, example)
    assert framework.accepts(model)
    with pytest.raises(errors.NotDeployable, match="`model`") as raised:
        framework.check(model, "model")

    assert raised.value.hint


def test_answers_from_what_it_saves(framework: Framework, example: dict[str, Any], running: Machine, tmp_path: Path) -> None:
    """A worker that loads what it saved, in a process of its own, answers over HTTP what the notebook's model does."""
    folder = tmp_path / "taken"
    taken = capture("model", example, name="churn", folder=folder, example=example["X"])
    golden = json.loads((folder / "golden.json").read_text())
    number = plugins.names("frameworks").index(framework.name) + 1
    launch = msgspec.structs.replace(running.launch(number, start_deadline=240.0, deadline=240.0), folder=taken.folder)
    running.target.start(launch)

    assert {one.name for one in taken.contract.methods} == {one["method"] for one in golden}
    for one in golden[:1]:
        for count in (1, len(one["rows"])) * 2:
            answers = running.predict(launch.id, *one["rows"][:count])
            assert same(one["answers"][:count], answers, 1e-5)


def test_what_it_saves_is_what_it_says(framework: Framework, example: dict[str, Any], tmp_path: Path) -> None:
    """Every part of what it saved is there, the same model gives the same bytes, and its loader is one of the worker's."""
    model = example["model"]
    folders = [tmp_path / name for name in "ab"]
    for folder in folders:
        folder.mkdir()
    saved, _ = (framework.save(model, folder, objects.dump) for folder in folders)

    contents = [{one.relative_to(folder): one.read_bytes() for one in folder.rglob("*") if one.is_file()} for folder in folders]
    assert contents[0] == contents[1]
    assert all((folders[0] / one.file).exists() and one.format for one in (saved, saved.spare) if one)
    assert importlib.util.find_spec(f"{saving.LOADERS}.{saved.loader}")


def test_knows_input_or_says_so(framework: Framework, example: dict[str, Any]) -> None:
    """It tells the input that its model knows, or nothing."""
    known = framework.contract(example["model"])

    assert known is None or known.kind in KINDS


def test_tells_people_what_it_is(framework: Framework) -> None:
    """It says what it takes, which methods become routes and how they are saved."""
    assert all((framework.about.title, framework.about.takes, framework.about.methods, framework.about.saved))


@pytest.mark.parametrize("name", plugins.names("frameworks"))
def test_imports_nothing_heavy(name: str) -> None:
    """Being asked about a plain object imports no library of models."""
    kind = plugins.load("frameworks", name)
    libraries = ("sklearn", "numpy", "pandas", "bentoml", "xgboost", "onnxruntime", "torch", "tensorflow", "transformers", "mlflow")
    code = (
        f"import sys, {kind.__module__} as module\nmodule.{kind.__name__}().accepts(object())\n"
        f"print([one for one in {libraries} if one in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])

    assert "[]\n" == done.stdout
