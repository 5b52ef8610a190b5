"""Single steps by themselves: capture with its secret scan, lock, environment."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import statistics
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from models import Large
from report import Report, table
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier

from jupyter_deploy import capture as captures
from jupyter_deploy import plugins
from jupyter_deploy.installer import run_uv
from jupyter_deploy.languages.base import Language
from jupyter_deploy.values import Capture


def forest(seed: int = 0) -> tuple[RandomForestClassifier, Any]:
    """Fit a forest of about 3 MB.

    Args:
        seed: The seed.

    Returns:
        The forest and the data that it was fitted on.
    """
    data, target = make_classification(2000, 20, n_informative=10, flip_y=0.05, random_state=seed)
    return RandomForestClassifier(n_estimators=100, random_state=seed).fit(data, target), data


def measure_captures(report: Report, times: int, large: int) -> None:
    """Measure captures with everything that belongs to them: the search for secrets, contract, golden rows.

    Args:
        report: Takes the figures.
        times: How many captures of each model.
        large: The size of the large model in bytes.
    """
    model, data = forest()
    seconds, size = timed_captures(model, data, times)
    rows = [("forest", size / 1e6, min(seconds), statistics.median(seconds), max(seconds))]
    report.add("capture_forest_3mb_s", statistics.median(seconds), most=0.3)
    seconds, size = timed_captures(Large(large), [1.0, 2.0], max(2, times // 2))
    rows.append(("array", size / 1e6, min(seconds), statistics.median(seconds), max(seconds)))
    report.add(f"capture_array_{size / 1e9:.1g}gb_s", statistics.median(seconds), most=3.0)
    print("Capture, seconds")
    table(("model", "MB", "best", "middle", "worst"), rows)


def timed_captures(model: Any, example: Any, times: int) -> tuple[list[float], int]:
    """Capture a model again and again.

    Args:
        model: The model.
        example: Rows to ask it.
        times: How often; one more comes before that does not count.

    Returns:
        Seconds of each, and the capture's size in bytes.
    """
    seconds, size = [], 0
    for _ in range(times + 1):
        with captured(model, example) as (one, took):
            seconds.append(took)
            size = one.size
    return seconds[1:], size


@contextlib.contextmanager
def captured(model: Any, example: Any) -> Iterator[tuple[Capture, float]]:
    """Capture a model; its folder ends with the block.

    Args:
        model: The model.
        example: Rows to ask it.

    Yields:
        The capture and how many seconds it took.
    """
    folder = Path(tempfile.mkdtemp(prefix="jdb-"))
    try:
        began = time.perf_counter()
        one = captures.capture("model", {"model": model}, name="bench", folder=folder / "capture", example=example)
        yield one, time.perf_counter() - began
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def measure_packages(report: Report, counts: tuple[int, ...]) -> None:
    """Measure locks and environments: of a scikit-learn model, and of models that reach many more packages.

    Args:
        report: Takes the figures.
        counts: How many packages more.
    """
    language: Language = plugins.load("languages", "python")()
    model, data = forest()
    rows = []
    with captured(model, data) as (one, _), places() as (locks, environments, cache):
        with variables(UV_CACHE_DIR=str(cache)):
            lock, cold = timed(partial(language.lock, one, "uv", locks / "cold"))
        lock, warm = timed(partial(language.lock, one, "uv", locks / "warm"))
        _, same = timed(partial(language.lock, one, "uv", locks / "warm"))
        language.environment(one, lock, environments / "first")  # fills the package cache
        _, made = timed(partial(language.environment, one, lock, environments / "second"))
        _, found = timed(partial(language.environment, one, lock, environments / "second"))
        rows.append((len(lock.packages), cold, warm, same, made, found))
    report.add("lock_70_packages_cold_s", cold, most=5.0)
    report.add("lock_70_packages_unchanged_s", same, most=0.5)
    report.add("environment_warm_cache_s", made, most=5.0)
    rows += [measure_more_packages(report, language, count) for count in counts]
    print("Lock and environment, seconds")
    table(("packages", "lock, nothing cached", "lock, metadata cached", "unchanged", "environment made", "environment found"), rows)


def measure_more_packages(report: Report, language: Language, count: int) -> tuple[Any, ...]:
    """Lock and install a model that reaches some packages more.

    Args:
        report: Takes the figures.
        language: Locks and installs.
        count: How many packages more.

    Returns:
        A row of the table.
    """
    names = [f"jdbench-{count}-{number}" for number in range(count)]
    with places() as (locks, environments, cache), packaged(names, cache.parent) as site:
        modules = [name.replace("-", "_") for name in names]
        source = "\n".join(["def model(rows):", *(f"    import {one}" for one in modules), "    return [len(rows)] * len(rows)"])
        namespace: dict[str, Any] = {"__name__": "__main__"}
        exec(source, namespace)
        with captured(namespace["model"], [1.0, 2.0]) as (one, _):
            lock, warm = timed(partial(language.lock, one, "uv", locks))
            _, same = timed(partial(language.lock, one, "uv", locks))
            _, made = timed(partial(language.environment, one, lock, environments))
            _, found = timed(partial(language.environment, one, lock, environments))
    report.add(f"lock_{count}_more_unchanged_s", same)
    report.add(f"lock_{count}_more_s", warm)
    assert str(site) not in lock.text
    return len(lock.packages), "", warm, same, made, found


@contextlib.contextmanager
def packaged(names: list[str], folder: Path) -> Iterator[Path]:
    """Publish packages at an index on loopback and install them for this interpreter.

    Args:
        names: Their names.
        folder: Where to work.

    Yields:
        The folder that they are installed in, which is on the module path.
    """
    index, site = folder / "index", folder / "site-packages"
    for name in names:
        publish(index, name)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(index)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/simple"
    with variables(UV_EXTRA_INDEX_URL=url):
        done = run_uv(["pip", "install", "--quiet", "--target", str(site), "--python", sys.executable, *names], cwd=folder)
        if done.code:
            raise RuntimeError(done.errors)
        sys.path.append(str(site))
        try:
            yield site
        finally:
            sys.path.remove(str(site))
            server.shutdown()
            server.server_close()


class Quiet(SimpleHTTPRequestHandler):
    """Serves files and says nothing."""

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def publish(index: Path, name: str) -> None:
    """Make a wheel of one empty module and publish it.

    Args:
        index: The index's folder.
        name: The package.
    """
    module = name.replace("-", "_")
    wheel, info = index / f"{module}-1.0-py3-none-any.whl", f"{module}-1.0.dist-info"
    files = {
        f"{module}.py": "",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: bench\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{info}/RECORD"] = "".join(f"{one},,\n" for one in [*files, f"{info}/RECORD"])
    page = index / "simple" / name / "index.html"
    page.parent.mkdir(parents=True)
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    page.write_text(f'<a href="/{wheel.name}#sha256={hashlib.sha256(wheel.read_bytes()).hexdigest()}">{wheel.name}</a>\n')


@contextlib.contextmanager
def places() -> Iterator[tuple[Path, Path, Path]]:
    """Give folders for locks, for environments and for an empty package cache; they end with the block."""
    folder = Path(tempfile.mkdtemp(prefix="jdb-"))
    try:
        found = folder / "locks", folder / "environments", folder / "cache"
        for one in found:
            one.mkdir()
        yield found
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def variables(**given: str) -> Iterator[None]:
    """Set environment variables for the block.

    Args:
        **given: The variables.
    """
    before = {name: os.environ.get(name) for name in given}
    os.environ.update(given)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def timed(step: Any) -> tuple[Any, float]:
    """Do something and take the time.

    Args:
        step: What to do.

    Returns:
        What came of it, and the seconds.
    """
    began = time.perf_counter()
    done = step()
    return done, time.perf_counter() - began
