"""Models whose libraries have threads or loops of their own answer in a release's forked workers."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from jupyter_deploy.answers import same
from jupyter_deploy.capture import capture
from tests.serving import Machine, machine

DATA = "import numpy as np\nX = np.random.default_rng(0).normal(size=(200, 3))\ny = (X[:, 0] > 0).astype(int)\n"
MODELS = {
    "asyncio": (
        "import asyncio\nCLIENT = []\n"
        "async def model(rows):\n"
        "    if not CLIENT:\n        CLIENT.append(asyncio.Queue(1))\n"
        "    found = []\n"
        "    for x in rows:\n"
        "        put = asyncio.create_task(CLIENT[0].put(x * 2))\n        found.append(await CLIENT[0].get())\n        await put\n"
        "    return found\nX = [1, 2, 3]\n"
    ),
    "xgboost": f"{DATA}import xgboost\nmodel = xgboost.train({{}}, xgboost.DMatrix(X, y), 5)",
}  # fmt: skip


@pytest.fixture(scope="module")
def running() -> Iterator[Machine]:
    """Give the tests a target of their own."""
    with machine() as made:
        yield made


@pytest.mark.parametrize("name", [name for name in MODELS if importlib.util.find_spec(name)])
def test_answers_in_workers(running: Machine, tmp_path: Path, name: str) -> None:
    """Two workers, forked after the model was loaded, give the notebook's answers, large bodies and small ones, again and again."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec(MODELS[name], namespace)
    taken = capture("model", namespace, name="churn", folder=tmp_path / "taken", example=namespace["X"])
    golden = json.loads((tmp_path / "taken" / "golden.json").read_text())[0]
    launch = msgspec.structs.replace(running.launch(list(MODELS).index(name) + 1), folder=taken.folder)
    running.target.start(launch)

    for count in (1, len(golden["rows"])) * 4:
        answers = running.predict(launch.id, *golden["rows"][:count])
        assert same(golden["answers"][:count], answers, 1e-5)
