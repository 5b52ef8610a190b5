"""Python: locks what the captured code imports at the kernel's versions, and makes a clean environment out of the lock."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec
from packaging.markers import UndefinedEnvironmentName
from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as Wanted
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from jupyter_deploy import errors, home, plugins, process, stops
from jupyter_deploy.installer import run_uv
from jupyter_deploy.languages import installed
from jupyter_deploy.lock.format import parse
from jupyter_deploy.values import Capture, Lock, Requirement

FORMAT = 1  # part of a lock's digest: raise it when the same kernel must give another lock
BENTOML = SpecifierSet(">=1.4.39,<1.5")
RUNTIME = ("bentoml", "cloudpickle", "httptools", "msgspec", "prometheus-client", "uvicorn", "uvloop")
"""What serves the model, whatever the model is."""
EXACT = ("bentoml", "cloudpickle")
"""What must be of the known version even where that clashes: the bundle's format, and the pickle's."""
TOOLS = frozenset({"IPython", "ipykernel", "jupyter_deploy"})
"""What a capture reaches only because a notebook stood around the model."""
KINDS = {"frame": "pandas", "series": "pandas", "array": "numpy", "sparse": "scipy"}
"""What a contract's kinds of data are made of, though the model's own code may not import it."""
INSPECT_LIMIT, INSTALL_LIMIT = 60.0, 1200.0  # seconds
COMPLETE = ".complete"


class Installed(msgspec.Struct, frozen=True, kw_only=True):
    """One distribution that is installed; see `installed.report`."""

    name: str
    version: str
    requires: tuple[str, ...] = ()
    origin: dict[str, str] = {}


class Kernel(msgspec.Struct, frozen=True, kw_only=True):
    """What is installed for the kernel; see `installed.report`."""

    distributions: tuple[Installed, ...]
    owners: dict[str, tuple[str, ...]]
    missing: tuple[str, ...]
    markers: dict[str, str]
    platform: str


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a locker is asked for.

    Attributes:
        requirements: What is needed, each at its version.
        constraints: The versions of what those need in turn.
        looser: Requirements and constraints for when the kernel's packages and the serving runtime's clash: only what the model's
            code reaches stays at the kernel's versions.
        python: The kernel's Python, such as `3.11`.
        digest: What names the lock.
    """

    requirements: tuple[str, ...]
    constraints: tuple[str, ...]
    looser: tuple[tuple[str, ...], tuple[str, ...]]
    python: str
    digest: str


class Python:
    """Kernels of CPython, with packages from pip's world."""

    name = "python"
    kernels = ("python",)

    def lock(self, capture: Capture, locker: str, folder: Path) -> Lock:
        """Lock what the captured code imports, at the kernel's versions; see `Language.lock`."""
        plan = plan_lock(inspect_kernel(capture), beside_agent())
        file = folder / f"{plan.digest}.txt"
        if file.exists():
            made_by, _, text = file.read_text(encoding="utf-8").partition("\n")
        else:
            made_by, text = f"# {locker}", compile_plan(plan, locker, Path(capture.interpreter))
            home.write(file, f"{made_by}\n{text}".encode())
        packages = tuple(Requirement(name=one.name, version=one.version) for one in parse(text))
        return Lock(digest=plan.digest, text=text, packages=packages, python=plan.python, locker=made_by.removeprefix("# "))

    def environment(self, capture: Capture, lock: Lock, folder: Path) -> Path:
        """Make a clean environment out of a lock, or find the one that is there; see `Language.environment`."""
        place = folder / lock.digest
        python = place / "bin" / "python"
        with _alone(folder / f".{lock.digest}.lock") as held:
            if not ((place / COMPLETE).exists() and python.exists()):
                shutil.rmtree(place, ignore_errors=True)  # half made by somebody who was killed, or its Python is gone
                try:
                    _make(place, Path(capture.interpreter), lock, held)
                except BaseException:
                    shutil.rmtree(place, ignore_errors=True)  # it may have filled the disk
                    raise
        return python


def inspect_kernel(capture: Capture) -> Kernel:
    """Ask the kernel's interpreter what is installed and where the captured modules come from.

    Args:
        capture: The capture.

    Returns:
        The answer.

    Raises:
        LockFailed: If the interpreter does not answer, or a module comes from no installed distribution.
    """
    beside = Path(capture.folder) / "sources"
    own = {path.stem for path in beside.iterdir()} if beside.is_dir() else set()
    reached = [module for module in capture.modules if module.partition(".")[0] not in TOOLS | own]
    modules = sorted({*reached, *_of_contract(capture)})
    question = msgspec.json.encode({"path": [one for one in capture.path if one], "modules": modules}).decode()
    done = process.run([capture.interpreter, "-I", "-S", "-B", installed.__file__], stdin=question, timeout=INSPECT_LIMIT)
    if done.code:
        raise errors.LockFailed(
            f"The kernel's interpreter {capture.interpreter} does not say what is installed: {done.errors.strip()[-500:]}",
            "See whether it still runs; a kernel of an environment that was removed cannot be deployed.",
        )
    kernel = msgspec.json.decode(done.output, type=Kernel)
    if kernel.missing:
        raise errors.LockFailed(
            f"The model's code imports {_listed(kernel.missing)}, which no installed distribution contains.",
            "Install it with pip in the kernel's environment, or put it as a file beside the notebook, and deploy again.",
        )
    return kernel


def _of_contract(capture: Capture) -> set[str]:
    kinds = {kind for method in capture.contract.methods for kind in (method.input.kind, method.output.kind)}
    return {KINDS[kind] for kind in kinds if kind in KINDS}


def beside_agent() -> dict[str, Installed]:
    """Look up what is installed beside the agent, which was tested with the serving runtime.

    Returns:
        Distributions by name.
    """
    found = installed.report(sys.path, [])["distributions"]
    return {one.name: one for one in msgspec.convert(found, tuple[Installed, ...])}


def plan_lock(kernel: Kernel, beside: dict[str, Installed]) -> Plan:
    """Decide what to ask of a locker.

    Args:
        kernel: What the kernel has.
        beside: What the agent has, for the parts of the runtime that the kernel lacks.

    Returns:
        The plan.

    Raises:
        LockFailed: If something that is needed was installed from a folder, a file or a repository instead of an index.
    """
    own = {one.name: one for one in kernel.distributions}
    reached = {name for names in kernel.owners.values() for name in names}
    needed = closure(reached, own, kernel.markers)
    _check_origins([own[name] for name in sorted(needed) if own[name].origin])
    known = beside | own
    if "bentoml" not in own or own["bentoml"].version not in BENTOML:
        known["bentoml"] = _bentoml_of(beside)
    asked = reached | set(RUNTIME)
    around = closure(asked, known, kernel.markers) - asked
    looser = [_pin(known[name]) if name in reached or name in EXACT else name for name in sorted(asked)]
    requirements = tuple(_pin(known[name]) if name in known else name for name in sorted(asked))
    constraints = tuple(_pin(known[name]) for name in sorted(around))
    python = kernel.markers["python_version"]
    parts = [FORMAT, requirements, constraints, kernel.markers["implementation_name"], python, kernel.platform]
    return Plan(
        requirements=requirements,
        constraints=constraints,
        looser=(tuple(looser), tuple(_pin(own[name]) for name in sorted(needed - asked))),
        python=python,
        digest=hashlib.sha256(msgspec.json.encode(parts)).hexdigest(),
    )


def _bentoml_of(beside: dict[str, Installed]) -> Installed:
    if "bentoml" in beside and beside["bentoml"].version in BENTOML:
        return beside["bentoml"]
    has = beside["bentoml"].version if "bentoml" in beside else "none"
    raise errors.LockFailed(
        f"Bundles need bentoml{BENTOML}; installed beside jupyter_deploy: {has}.",
        f"Run `pip install 'bentoml{BENTOML}'`, and deploy again.",
    )


def _check_origins(local: list[Installed]) -> None:
    if local:
        named = _listed(f"{one.name} ({one.origin['kind']} {one.origin['place']})" for one in local)
        raise errors.LockFailed(
            f"The model needs {named}, which came from no package index, so nobody else could install the same.",
            "Put its modules beside the notebook, or publish it to an index of yours and install it from there, and deploy again.",
        )


def closure(names: Iterable[str], known: dict[str, Installed], markers: dict[str, str]) -> set[str]:
    """Follow what distributions require, as far as it is installed.

    Args:
        names: Where to begin.
        known: What is installed, by name.
        markers: The interpreter's environment for markers.

    Returns:
        The names of all that is needed and installed, including the first.
    """
    done: set[tuple[str, str]] = set()
    todo = [(name, "") for name in names]
    while todo:
        name, extra = todo.pop()
        if (name, extra) in done or name not in known:
            continue
        done.add((name, extra))
        for wanted in _wanted(known[name], {**markers, "extra": extra}):
            todo += [(canonicalize_name(wanted.name), one) for one in ("", *wanted.extras)]
    return {name for name, _ in done}


def _wanted(one: Installed, environment: dict[str, str]) -> Iterator[Wanted]:
    for line in one.requires:
        with contextlib.suppress(InvalidRequirement, UndefinedEnvironmentName):  # of old packages; the locker has the last word
            wanted = Wanted(line)
            if wanted.marker is None or wanted.marker.evaluate(environment):
                yield wanted


def compile_plan(plan: Plan, locker: str, python: Path) -> str:
    """Have a locker resolve a plan; where the kernel's packages clash with the serving runtime's, the latter give way.

    Args:
        plan: The plan.
        locker: The locker's name.
        python: The interpreter to resolve for.

    Returns:
        The lock's text.

    Raises:
        Unsolvable: If there is no solution either way; the first clash is told.
        LockFailed: If there is no network, or a hash is missing.
    """
    compiler = plugins.load("lockers", locker)()
    looser_requirements, looser_constraints = plan.looser
    with tempfile.TemporaryDirectory(prefix="jupyter-deploy-lock-") as folder:
        try:
            return str(compiler.compile(list(plan.requirements), list(plan.constraints), python, Path(folder)))
        except errors.Unsolvable as first:
            try:
                return str(compiler.compile(list(looser_requirements), list(looser_constraints), python, Path(folder)))
            except errors.Unsolvable:
                raise first from None


@contextlib.contextmanager
def _alone(file: Path) -> Iterator[int]:
    """Let one builder in at a time, in whichever process or thread; the programs that inherit the descriptor count too."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with file.open("w") as held:
        while not _taken(held.fileno()):
            stops.pause(stops.LOOK)
        yield held.fileno()


def _taken(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _make(place: Path, interpreter: Path, lock: Lock, held: int) -> None:
    """Build in place, because an environment holds its own path; the marker that is written last makes it count."""
    place.mkdir(parents=True, mode=0o700)
    _uv(["venv", "--quiet", "--allow-existing", "--no-project", "--python", str(interpreter), str(place)], place, lock, held)
    requirements = place / "requirements.txt"
    home.write(requirements, lock.text.encode())
    install = ["pip", "install", "--quiet", "--require-hashes", "--no-deps", "--python", str(place / "bin" / "python")]
    _uv([*install, "--requirement", str(requirements)], place, lock, held)
    home.write(place / COMPLETE, b"")


def _uv(arguments: list[str], place: Path, lock: Lock, held: int) -> None:
    done = run_uv(arguments, cwd=place, timeout=INSTALL_LIMIT, keep=[held])
    if done.code:
        raise errors.EnvironmentFailed(
            f"The clean environment for {len(lock.packages)} packages cannot be made. uv said: {done.errors.strip()[-1500:]}",
            _advice(done.errors),
        )


def _advice(said: str) -> str:
    if "No space left" in said:
        return "Free some space (`jupyter deploy gc` removes what no release needs), and deploy again."
    if "Hash mismatch" in said:
        return "The index or the cache holds another file than the one that was locked: run `uv cache clean`, and deploy again."
    if "error sending request" in said or "Failed to fetch" in said:
        return "Connect to the network, or name your package index in pip's configuration, and deploy again."
    return "Mend what uv names, and deploy again; the lock is kept."


def _pin(one: Installed) -> str:
    return f"{one.name}=={one.version}"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
