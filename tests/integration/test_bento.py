"""A bundle is a genuine Bento: BentoML itself opens, serves, documents and calls it, in a clean environment made from its lock."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import bentoml
import cloudpickle
import httpx
import pytest
import yaml
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier

from jupyter_deploy import bundle as bundles
from jupyter_deploy import home
from jupyter_deploy.languages.python import Python
from jupyter_deploy.values import Bundle, Capture, Contract, Golden, Input, Manifest, Method, Output, to_json

PATIENCE = 60  # seconds until a served bundle must answer
pytestmark = pytest.mark.slow


class Served(NamedTuple):
    """A bundle that `bentoml serve` runs.

    Attributes:
        bundle: The bundle.
        url: Where it answers.
        key: What opens it.
        rows: Rows to ask for.
        answers: The notebook's answers to them.
    """

    bundle: Bundle
    url: str
    key: str
    rows: list[list[float]]
    answers: list[int]


def iris(folder: Path) -> Capture:
    """Capture a forest by hand, as the kernel does, with a module that opens a data file when it is imported."""
    features, target = load_iris(return_X_y=True)
    model = RandomForestClassifier(10, random_state=0).fit(features, target)
    rows = features[::30]
    contract = Contract(
        methods=(
            Method(
                name="predict",
                attribute="predict",
                input=Input(kind="array", shape=(None, 4), dtype="float64"),
                output=Output(kind="array", shape=(None,), dtype="int64"),
            ),
        )
    )
    golden = [Golden(method="predict", rows=rows.tolist(), answers=model.predict(rows).tolist())]
    manifest = Manifest(
        endpoint="iris", language_version="3.11.7", framework="sklearn", sources="sources", preload=("beside_iris",)
    )  # fmt: skip
    home.write(folder / "sources" / "beside_iris.py", b"assert 'petal' == open('data/words.txt').read()")
    home.write(folder / "sources" / "data" / "words.txt", b"petal")
    home.write(folder / "model" / "model.pkl", cloudpickle.dumps(model))
    for name, value in {"manifest": manifest, "contract": contract, "golden": golden, "cells": []}.items():
        home.write(folder / f"{name}.json", to_json(value))
    return Capture(
        endpoint="iris",
        variable="model",
        kind="RandomForestClassifier",
        digest=home.digest_of(folder),
        folder=str(folder),
        size=home.size_of(folder),
        contract=contract,
        golden={"predict": len(rows)},
        golden_origin="cell 3",
        modules=("sklearn.ensemble._forest",),
        interpreter=sys.executable,
        path=tuple(sys.path[1:]),
        language_version="3.11.7",
    )


def free_port() -> int:
    """Find a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until a server says that it is ready."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and server.poll() is None:
        try:
            if httpx.get(f"{url}/readyz").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    pytest.fail(log.read_text())


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Lock, install, bundle and serve a model, each with the real thing."""
    folder = tmp_path_factory.mktemp("bento")
    capture, language = iris(folder / "capture"), Python()
    lock = language.lock(capture, "uv", folder / "locks")
    python = language.environment(capture, lock, folder / "environments")
    bundle = bundles.build(capture, lock, folder / "bundles")
    port, log = free_port(), folder / "log"
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "BENTOML", "JD_"))}
    command = [str(python.parent / "bentoml"), "serve", bundle.folder, "--host", "127.0.0.1", "--port", str(port)]
    with log.open("wb") as sink:
        server = subprocess.Popen(
            command, env=env | {"BENTOML_HOME": str(folder / "home")}, stdout=sink, stderr=sink, start_new_session=True
        )
    try:
        url = f"http://127.0.0.1:{port}"
        wait_for(url, server, log)
        golden = bundles.read_golden(Path(capture.folder))[0]
        yield Served(bundle, url, (folder / "home" / "jd-iris.key").read_text().strip(), golden.rows, golden.answers)
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(30)


def test_bentoml_opens_it(served: Served) -> None:
    """`Bento.from_path` reads tag, service and interface."""
    bento = bentoml.Bento.from_path(served.bundle.folder)

    assert served.bundle.tag == str(bento.tag)
    assert "iris" == bento.entry_service
    assert ["predict"] == [route["name"] for route in bento.info.schema["routes"]]
    assert bento.doc.startswith("# iris")


def test_bentoml_exports_and_imports_it(served: Served, tmp_path: Path) -> None:
    """BentoML's own export and import keep it whole."""
    archive = bentoml.Bento.from_path(served.bundle.folder).export(str(tmp_path / "iris.tar"))

    assert served.bundle.tag == str(bentoml.Bento.import_from(archive).tag)


def test_bentoml_writes_a_containerfile(served: Served) -> None:
    """`bentoml containerize` finds what it builds an image from, and installs by hash."""
    from bentoml._internal.container import construct_containerfile

    with construct_containerfile(bentoml.Bento.from_path(served.bundle.folder)) as (context, containerfile):
        text = Path(containerfile).read_text()
        assert "FROM python:" in text
        assert (Path(context) / "env" / "docker" / "entrypoint.sh").is_file()
        assert (Path(context) / "env" / "python" / "requirements.txt").read_text().startswith("--require-hashes\n")


def test_served_bundle_answers_as_the_notebook(served: Served) -> None:
    """A plain request with the key gets the notebook's own answers."""
    answer = httpx.post(f"{served.url}/predict", json={"rows": served.rows}, headers={"Authorization": f"Bearer {served.key}"})

    assert {"predictions": served.answers} == answer.json()


def test_bentoml_client_calls_it(served: Served) -> None:
    """BentoML's own client works with the key as its token."""
    with bentoml.SyncHTTPClient(served.url, token=served.key) as client:
        assert {"predictions": served.answers} == client.predict(rows=served.rows)


def test_without_the_key_nothing_is_told(served: Served) -> None:
    """Nobody without the key predicts or reads the contract; the page's shell and the probes are open."""
    closed = ("/docs.json", "/schema.json", "/metrics", "/contract.json")

    assert 401 == httpx.post(f"{served.url}/predict", json={"rows": served.rows}).status_code
    assert [401] * len(closed) == [httpx.get(f"{served.url}{path}").status_code for path in closed]
    assert [200] * 3 == [httpx.get(f"{served.url}{path}").status_code for path in ("/", "/livez", "/readyz")]


def test_docs_describe_the_model(served: Served) -> None:
    """The served description has the same paths as the one in the bundle."""
    told = httpx.get(f"{served.url}/docs.json", headers={"Authorization": f"Bearer {served.key}"}).json()
    written = yaml.safe_load((Path(served.bundle.folder) / "apis" / "openapi.yaml").read_text())

    assert "/predict" in told["paths"]
    assert list(told["paths"]) == list(written["paths"])


def test_key_is_the_owners_alone(served: Served) -> None:
    """The key's file is readable by its owner only."""
    file = Path(served.bundle.folder).parents[1] / "home" / "jd-iris.key"

    assert 0o600 == file.stat().st_mode & 0o777
