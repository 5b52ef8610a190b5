"""What the form asks, in a real kernel: silently, without a trace in the session, and as the magic does it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from jupyter_client import BlockingKernelClient, KernelManager

from jupyter_deploy.adapters.form import MIME
from jupyter_deploy.agent.lifecycle import connect
from jupyter_deploy.home import Home

SETUP = """
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
X, y = load_iris(return_X_y=True, as_frame=True)
model = LogisticRegression(max_iter=500).fit(X, y)
expected = model.predict(X)
raw = LogisticRegression()
"""
MODULE = "__import__('jupyter_deploy.adapters.form', fromlist=['form'])"
PATIENCE = 120.0  # seconds; longer than any of this takes


class Kernel:
    """A running kernel, asked as the browser does."""

    def __init__(self, client: BlockingKernelClient) -> None:
        self._client = client

    def run(self, source: str, *, silent: bool = False) -> list[dict[str, Any]]:
        """Run source, and give the content of all that came back on the way."""
        heard: list[dict[str, Any]] = []
        reply = self._client.execute_interactive(
            source, silent=silent, store_history=not silent, allow_stdin=False, timeout=PATIENCE,
            output_hook=lambda message: heard.append(message["content"]),
        )  # fmt: skip
        assert "ok" == reply["content"]["status"], reply["content"]
        return heard

    def value(self, expression: str) -> str:
        """Give what an expression prints."""
        return "".join(one.get("text", "") for one in self.run(f"print({expression})")).strip()

    def ask(self, verb: str, **asked: Any) -> dict[str, Any]:
        """Ask the form's question."""
        given = repr(json.dumps(asked)) if asked else ""
        heard = self.run(f"{MODULE}.{verb}({given})", silent=True)
        (text,) = [one["data"][MIME] for one in heard if MIME in one.get("data", {})]
        told: dict[str, Any] = json.loads(text)
        return told

    def answer(self, verb: str, **asked: Any) -> dict[str, Any]:
        """Ask what there must be an answer to."""
        told = self.ask(verb, **asked)
        assert "answer" in told, told
        return dict(told["answer"])


@pytest.fixture(scope="module")
def kernel(shared_home: Home, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """Give a kernel in which a model is fitted, and which has not loaded the magic."""
    folder = tmp_path_factory.mktemp("notebook")
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(cwd=str(folder))
    client = manager.blocking_client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=PATIENCE)
        running = Kernel(client)
        running.run(SETUP)
        yield running
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def test_the_variables(kernel: Kernel) -> None:
    """The models of the session come with what can be chosen for a deploy."""
    told = kernel.answer("variables")

    assert [("model", ""), ("raw", "`raw` is a LogisticRegression that has not been fitted.")] == [
        (one["expression"], one["why"]) for one in told["candidates"]
    ]
    assert ["X", "expected", "y"] == sorted(told["rows"])
    assert ["local"] == told["targets"]
    assert {"target": "local", "workers": 2, "threads": 0, "memory": 0, "gpu": 0} == told["settings"]


def test_a_question_leaves_no_trace(kernel: Kernel) -> None:
    """Neither the names, nor the last result, nor the history of the session change."""
    names = "sorted(name for name in globals() if not name.startswith('_i'))"
    kernel.run("41 + 1")
    before = json.loads(kernel.value(f"__import__('json').dumps([_, len(In), {names}])"))
    kernel.ask("variables")
    kernel.ask("preflight", expression="model")
    kernel.ask("preflight", expression="nothing")
    after = json.loads(kernel.value(f"__import__('json').dumps([_, len(In), {names}])"))

    assert [42, before[1] + 1, before[2]] == after


def test_what_a_deploy_would_take(kernel: Kernel, shared_home: Home) -> None:
    """The dry run tells contract, golden rows with the cell that they are from, and packages; nothing is left behind."""
    asked = {"expression": "model", "name": "iris", "settings": {"workers": 1}, "more": "--golden 20"}
    plan = kernel.answer("preflight", **asked)

    assert plan["golden"].startswith("20 for predict, 20 for predict_proba")
    assert "from cell 1: model.predict(X)" in plan["golden"]
    assert "table with 4 columns" == plan["contract"][0]["text"]
    assert "scikit-learn" in [name for name, _ in plan["packages"]]
    assert "%load_ext jupyter_deploy\n%deploy model --name iris --workers 1 --golden 20" == plan["cell"]
    assert [] == list(shared_home.staging.iterdir())


@pytest.mark.parametrize(
    ("asked", "code", "part"),
    [
        ({"expression": "modle"}, "UnknownName", "Did you mean `model`?"),
        ({"expression": "raw"}, "NotDeployable", "raw.fit(X, y)"),
        ({"expression": "model", "name": "No Name"}, "BadName", "no-name"),
        ({"expression": "model", "settings": {"workers": 0}}, "BadSetting", ""),
        ({"expression": "model", "settings": {"workers": "many"}}, "BadInput", ""),
        ({"expression": "model", "example": "X_test"}, "UnknownName", ""),
        ({"expression": "model", "more": "--golden none"}, "BadInput", "%deploy?"),
        ({"expression": "model", "more": "--env NOWHERE"}, "BadInput", ""),
    ],
)
def test_why_not(kernel: Kernel, asked: dict[str, Any], code: str, part: str) -> None:
    """What cannot be deployed comes with the reason and what to do."""
    trouble = kernel.ask("preflight", **asked)["trouble"]

    assert code == trouble["code"]
    assert trouble["message"]
    assert part in trouble["hint"]


def test_what_the_authors_own_code_raises(kernel: Kernel) -> None:
    """An error that is none of ours comes with its traceback."""
    kernel.run(
        "class Own:\n    def predict(self, rows):\n        return 1 / 0\n    def __reduce__(self):\n        raise KeyError('odd')"
    )
    kernel.run("own = Own()")
    trouble = kernel.ask("preflight", expression="own")["trouble"]

    assert trouble["message"]


def test_a_deploy(kernel: Kernel, shared_home: Home) -> None:
    """The release is the one that the magic makes: from the same notebook, cells and capture."""
    told = kernel.answer("launch", expression="model", name="iris", settings={"workers": 1})
    release = next(one for one in connect(shared_home).endpoint("iris").releases if one.number == told["number"])
    kernel.run("%load_ext jupyter_deploy")
    kernel.run("%deploy model --name iris --workers 1 --json")
    again = connect(shared_home).endpoint("iris").releases[0]

    assert ("iris", 1) == (told["endpoint"], told["number"])
    assert release.capture == again.capture
    assert release.provenance.kernel == again.provenance.kernel
    assert release.provenance.cells == again.provenance.cells
