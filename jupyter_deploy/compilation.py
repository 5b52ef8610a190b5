"""A faster form of a release's model: made in an environment of its own, proved by the golden rows, kept only if it pays.

Nothing here changes what answers before the proof is complete, and whatever fails leaves the release as it is.
"""

from __future__ import annotations

import contextlib
import contextvars
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import msgspec

from jupyter_deploy import answers, bentos, errors, home, manifest, plugins, process
from jupyter_deploy import bundle as bundles
from jupyter_deploy import release as releases
from jupyter_deploy.compilers.base import Compiler
from jupyter_deploy.languages.base import Language
from jupyter_deploy.store import Store
from jupyter_deploy.traffic import Traffics
from jupyter_deploy.values import Attempt, Bundle, Capture, Lock, Manifest, Options, Release, from_json, to_json
from jupyter_deploy.values.base import Value

NEEDED = 1.3  # times less processor time a request must take
LIMIT = 900.0  # seconds for a conversion
GENTLE = 10  # how much a conversion gives way to everything else, as `nice` counts
SCRIPTS = Path(bentos.__file__).parent / "python"
INHERITED = frozenset({"LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "PATH", "TZ"})
ALONE = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "PYTHONDONTWRITEBYTECODE"), "1")
"""Threads that wait by spinning would count as work of whatever is measured after them."""
FOLDER = "compiled"  # of the form within a bundle, and the name of its loader
REPORT = "report.json"

T = TypeVar("T")


class Form(Value, frozen=True, kw_only=True):
    """What the converter says of one form that it tried.

    Attributes:
        engine: What runs it.
        folder: The folder's name; empty where nothing came of it.
        whole: Whether every method was compiled.
        seconds: How long it took.
        speedup: How many times less processor time a request takes; None where that was not measured.
        reason: What was compiled and what was not, and why.
    """

    engine: str
    folder: str
    whole: bool
    seconds: float
    speedup: float | None
    reason: str


class Compilation:
    """Looks for a faster form of one release.

    Args:
        store: The agent's memory.
        traffics: Starts releases and moves traffic.
        release: The release, whose bundle reproduced the golden rows.
    """

    def __init__(self, store: Store, traffics: Traffics, release: Release) -> None:
        self.store, self.traffics, self.release = store, traffics, release
        self.home = traffics.home
        self.options: Options = store.options(release.endpoint, release.number)
        self.capture = store.find(Capture, release.capture)
        self.language: Language = plugins.load("languages", self.capture.language)()
        self.bundle = store.find(Bundle, release.bundle)
        self.source = Path(self.bundle.folder) / "src"
        self.manifest = from_json((self.source / manifest.FILE).read_bytes(), Manifest)
        self._worst: float | None = None

    def run(self) -> Release:
        """Convert, prove and keep; nothing happens to what answers unless a form is kept.

        Returns:
            The release, which tells what was tried.

        Raises:
            DeployError: Only what stopped it from outside.
        """
        began = time.monotonic()
        engine = "compiled"
        try:
            compiler = self._compiler()
            engine = compiler.engine
            attempts = self._attempts(compiler)
        except (errors.Cancelled, errors.TimedOut):
            raise
        except (errors.DeployError, OSError) as error:
            reason = error.message if isinstance(error, errors.DeployError) else str(error)
            attempts = [Attempt(engine=engine, kept=False, reason=reason, seconds=time.monotonic() - began)]
        self.release = self.store.update(self.release, compiled=tuple(attempts))
        manifest.write(self.release, self.source, self.traffics.folder(self.release))
        return self.release

    def _compiler(self) -> Compiler:
        name = self.manifest.framework
        if self.store.find(Lock, self.release.lock).received:
            raise errors.Refused("It came in an archive, and is only compiled where it was made.")
        if self.options.gpu:
            raise errors.Refused("It runs on a GPU, and compiled forms do not.")
        if name not in plugins.names("compilers"):
            title = plugins.load("frameworks", name)().about.title
            raise errors.Refused(f"Models of {title} have no faster form.")
        compiler: Compiler = plugins.load("compilers", name)()
        why = compiler.accepts(self.manifest)
        if why:
            raise errors.Refused(f"The model cannot be compiled: {why}.")
        return compiler

    def _attempts(self, compiler: Compiler) -> list[Attempt]:
        with _folder(self.home.temporary) as out:
            serving, forms = _gently(lambda: self._convert(compiler, out))
            forms.sort(key=lambda form: (bool(form.folder), form.speedup or 0.0), reverse=True)
            tried: list[Attempt] = []
            for form in forms:
                kept = any(one.kept for one in tried)
                tried.append(self._attempt(form, out / form.folder, serving, done=kept))
            return tried

    def _convert(self, compiler: Compiler, out: Path) -> tuple[Lock, list[Form]]:
        lock = self.store.find(Lock, self.release.lock)
        serving = self.language.extend(self.capture, lock, compiler.serving, self.home.locks)
        tools = compiler.converting({one.name for one in serving.packages})
        python = self.language.environment(
            self.capture, self.language.extend(self.capture, serving, tools, self.home.locks), self.home.environments
        )
        asked = {
            "folder": str(self.source), "out": str(out), "converter": compiler.converter, "speedup": NEEDED,
            "tolerance": self.options.tolerance, "quantize": self.options.quantize,
            "quantize_tolerance": self.options.quantize_tolerance, "isolated": self.options.isolation,
            "network": self.options.network, "own": [str(self.source), str(python.parents[1]), str(SCRIPTS)],
            "hidden": [str(self.home.root), str(self.home.runtime)],
        }  # fmt: skip
        known = {name: value for name, value in os.environ.items() if name in INHERITED}
        env = {**known, **self.traffics.environment(self.release), "PYTHONPATH": str(SCRIPTS), **ALONE}
        done = process.run([str(python), "-m", "convert"], env=env, cwd=out, stdin=json.dumps(asked), timeout=LIMIT)
        if done.code or not (out / REPORT).exists():
            said = next((line for line in reversed(done.errors.splitlines()) if line.strip()), f"it ended with {done.code}")
            raise errors.Refused(f"The converter failed: {said[:300]}")
        forms = from_json((out / REPORT).read_bytes(), list[Form])
        if any(form.folder for form in forms):
            self.language.environment(self.capture, serving, self.home.environments)
        return serving, forms

    def _attempt(self, form: Form, folder: Path, serving: Lock, *, done: bool) -> Attempt:
        """Prove one form, unless another one is kept already."""
        attempt = Attempt(engine=form.engine, kept=False, reason=form.reason, speedup=form.speedup, seconds=form.seconds)
        if done or not form.folder:
            return msgspec.structs.replace(attempt, reason=f"another form is faster; {form.reason}" if form.folder else form.reason)
        tolerance = self.options.quantize_tolerance if "int8" in form.engine else self.options.tolerance
        began, self._worst = time.monotonic(), None
        try:
            bundle = self._bundle(form, folder, serving)
            candidate = msgspec.structs.replace(self.release, faster=bundle.digest, faster_lock=serving.digest)
            self.release = self.traffics.hasten(candidate, lambda launch: self._prove(launch, tolerance))
        except (errors.Cancelled, errors.TimedOut):
            raise
        except errors.DeployError as error:
            reason = f"{form.reason}; but: {error.message}"
        else:
            attempt = msgspec.structs.replace(attempt, kept=True)
            reason = f"{form.reason}; floats within {tolerance:g}, labels equal" if "int8" in form.engine else form.reason
        seconds = form.seconds + time.monotonic() - began
        return msgspec.structs.replace(attempt, reason=reason, difference=self._worst, seconds=seconds)

    def _bundle(self, form: Form, folder: Path, serving: Lock) -> Bundle:
        with _folder(self.home.temporary) as place:
            bundles.link(Path(self.capture.folder), place, without=(manifest.FILE,))
            shutil.copytree(folder, place / FOLDER)
            preload = ("numpy", "onnxruntime") if form.whole else (*self.manifest.preload, "onnxruntime")
            own = msgspec.structs.replace(self.manifest, loader=FOLDER, model=FOLDER, preload=preload)
            home.write(place / manifest.FILE, to_json(own))
            made = bundles.build(msgspec.structs.replace(self.capture, folder=str(place)), serving, self.home.bundles)
        self.store.keep(serving)
        self.store.keep(made)
        return made

    def _prove(self, launch: str, tolerance: float) -> None:
        """Ask a running form for every golden row, together and one by one, through the gate of every release.

        Raises:
            Refused: If it answers otherwise than the notebook.
        """
        golden, ask = bundles.read_golden(Path(self.capture.folder)), self.traffics.caller(self.release, launch)
        found = []
        for one in golden:
            heard: list[object] = []
            found += releases.verify([one], _listening(ask, heard), tolerance, self.options.body_limit, self.options.row_limit)
            self._compare(one.answers, heard)
        if found:
            raise releases.explain(found, golden, tolerance)
        batched = {one.method for one in self.release.batching if one.on}
        seen = releases.probe(golden, self.capture.contract, ask, tolerance)
        wrong = [one for one in seen if one.method in batched and not one.on]
        if wrong:
            raise errors.Refused(f"`{wrong[0].method}` answers otherwise when it is asked row by row: {wrong[0].reason}.")

    def _compare(self, expected: Sequence[object], got: Sequence[object]) -> None:
        worst = answers.needed(list(expected), list(got))
        if worst is not None:
            self._worst = max(worst, self._worst or 0.0)


def refused(release: Release) -> errors.Refused:
    """Say why a release is refused that has to be compiled and cannot be.

    Args:
        release: The release, which tells what was tried.

    Returns:
        The error.
    """
    tried = "".join(f" {one.reason.rstrip('.')}." for one in release.compiled)
    return errors.Refused(
        f"`{release.tag}` has to be compiled (`compile = require`), and no form of it is as exact and faster.{tried}",
        "What answered before still does. Deploy it with `--compile auto` to serve the model as it is.",
    )


def told(attempts: Sequence[Attempt]) -> str:
    """Say in one line what came of it.

    Args:
        attempts: What was tried.

    Returns:
        Such as `compiled with ONNX Runtime: 12x faster, largest difference 3e-08`; empty where nothing was tried.
    """
    kept = next((one for one in attempts if one.kept), None)
    if kept is None:
        return f"kept as it is: {attempts[0].reason}" if attempts else ""
    speed = f"{kept.speedup:.3g}x faster" if kept.speedup is not None else "faster"
    return f"compiled with {kept.engine}: {speed}, largest difference {kept.difference or 0:.1g}"


def _listening(call: releases.Call, heard: list[object]) -> releases.Call:
    """Also note the answers of a call."""

    def asked(path: str, body: bytes) -> tuple[int, bytes]:
        status, answered = call(path, body)
        if status == releases.OK:
            with contextlib.suppress(ValueError, TypeError):
                heard.extend(json.loads(answered)["predictions"])
        return status, answered

    return asked


@contextlib.contextmanager
def _folder(parent: Path) -> Iterator[Path]:
    parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    place = Path(tempfile.mkdtemp(dir=parent))
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _gently(step: Callable[[], T]) -> T:
    """Run a step in a thread of its own that gives way to everything else, with all the programs that it starts."""
    context = contextvars.copy_context()
    with ThreadPoolExecutor(1, "gently", initializer=_give_way) as pool:
        return pool.submit(context.run, step).result()


def _give_way() -> None:
    if sys.platform == "linux":  # elsewhere it would be the whole process
        os.setpriority(os.PRIO_PROCESS, 0, GENTLE)
