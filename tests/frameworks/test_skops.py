"""Models of scikit-learn's in the format of skops."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("skops.io")

import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from jupyter_deploy.answers import same
from jupyter_deploy.bentos.python.endpoint import codec
from jupyter_deploy.bentos.python.endpoint import model as endpoint
from jupyter_deploy.capture import capture
from jupyter_deploy.values import Capture, Golden, from_json

X = np.random.default_rng(0).normal(size=(60, 3))
Y = (X[:, 0] > 0).astype(int)
AGAIN = """
import numpy as np
import skops.io
from pathlib import Path
from sklearn.ensemble import RandomForestClassifier
from jupyter_deploy.bentos.python.endpoint.loaders import skops as format
filler = [object() for _ in range({filler})]
X = np.random.default_rng(0).normal(size=(60, 3))
format.write(RandomForestClassifier(5, random_state=0).fit(X, X[:, 0] > 0), Path({path!r}))
"""


def take(model: Any, folder: Path) -> Capture:
    """Capture a model in a session that has imported skops."""
    return capture("model", {"__name__": "__main__", "model": model}, name="churn", folder=folder, example=X)


@pytest.mark.parametrize(
    "model",
    [
        make_pipeline(StandardScaler(), LogisticRegression()).fit(X, Y),
        RandomForestClassifier(5, random_state=0).fit(X, Y),
        make_pipeline(FunctionTransformer(np.abs), LogisticRegression()).fit(X, Y),
    ],
    ids=["pipeline", "forest", "function of numpy's"],
)
def test_answers_from_skops(model: Any, tmp_path: Path) -> None:
    """Models of known classes are written with skops, which goes into the lock, and answer as in the notebook."""
    taken = take(model, tmp_path)
    loaded = endpoint.load(tmp_path)

    assert "skops" == taken.saved
    assert "skops" in taken.modules
    for one in from_json((tmp_path / "golden.json").read_bytes(), list[Golden]):
        answer = json.loads(loaded.methods[one.method](codec.to_json({"rows": one.rows})))["predictions"]
        assert same(one.answers, answer, 1e-9)


def test_code_of_ones_own_is_pickled(tmp_path: Path) -> None:
    """No function of the notebook goes into skops; the reason names it."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec("def half(rows):\n    return rows / 2\n", namespace)
    model = make_pipeline(FunctionTransformer(namespace["half"]), LogisticRegression()).fit(X, Y)

    assert "cloudpickle, because skops does not take it: it holds a __main__.half" == take(model, tmp_path).saved


def test_the_same_bytes_in_every_kernel(tmp_path: Path) -> None:
    """Neither times nor addresses are in what is written."""
    files = [tmp_path / "a.skops", tmp_path / "b.skops"]
    for number, file in enumerate(files):
        code = AGAIN.format(filler=1 + 5000 * number, path=str(file))
        subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])

    assert files[0].read_bytes() == files[1].read_bytes()
