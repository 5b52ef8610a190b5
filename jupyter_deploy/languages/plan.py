"""What is asked of a locker: what the captured code imports at the kernel's versions, and what serves it."""

from __future__ import annotations

import contextlib
import hashlib
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec
from packaging.markers import UndefinedEnvironmentName
from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as Wanted
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from jupyter_deploy import errors, process
from jupyter_deploy.languages import installed
from jupyter_deploy.lock.wheels import Wheel
from jupyter_deploy.values import Capture, Finding, Manifest, from_json

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
OFFERED = frozenset({"pyarrow"})
"""What the worker itself makes something of, if the notebook imported it: the endpoint then reads and writes Arrow."""
INSPECT_LIMIT = 60.0  # seconds


class Installed(msgspec.Struct, frozen=True, kw_only=True):
    """One distribution that is installed; see `installed.report`."""

    name: str
    version: str
    requires: tuple[str, ...] = ()
    origin: dict[str, str] = {}
    folder: str = ""
    modules: dict[str, str] = {}


class Kernel(msgspec.Struct, frozen=True, kw_only=True):
    """What is installed for the kernel; see `installed.report`."""

    distributions: tuple[Installed, ...]
    owners: dict[str, tuple[str, ...]]
    missing: tuple[str, ...]
    markers: dict[str, str]
    platform: str
    tag: str = ""

    @property
    def own(self) -> dict[str, Installed]:
        """Distributions by name."""
        return {one.name: one for one in self.distributions}


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a locker is asked for.

    Attributes:
        requirements: What is needed, each at its version.
        constraints: The versions of what those need in turn.
        looser: Requirements and constraints for when the kernel's packages and the serving runtime's clash: only what the model's
            code reaches stays at the kernel's versions.
        python: The kernel's Python, such as `3.11`.
        digest: What names the lock.
        wheels: What comes from no index; asked for as these very files.
    """

    requirements: tuple[str, ...]
    constraints: tuple[str, ...]
    looser: tuple[tuple[str, ...], tuple[str, ...]]
    python: str
    digest: str
    wheels: tuple[Wheel, ...] = ()


def inspect_kernel(capture: Capture) -> Kernel:
    """Ask the kernel's interpreter what is installed and where the captured modules come from.

    Args:
        capture: The capture.

    Returns:
        The answer; `missing` holds what is imported only when a function runs, for the kernel would miss it as well.

    Raises:
        LockFailed: If the interpreter does not answer, or a module that the model loads comes from no installed distribution.
    """
    reached = _reached(capture)
    asked = sorted(reached | set(capture.imported) - TOOLS)
    question = msgspec.json.encode({"path": [one for one in capture.path if one], "modules": asked}).decode()
    done = process.run([capture.interpreter, "-I", "-S", "-B", installed.__file__], stdin=question, timeout=INSPECT_LIMIT)
    if done.code:
        raise errors.LockFailed(
            f"The kernel's interpreter {capture.interpreter} does not say what is installed: {done.errors.strip()[-500:]}",
            "See whether it still runs; a kernel of an environment that was removed cannot be deployed.",
        )
    kernel = msgspec.json.decode(done.output, type=Kernel)
    missing = tuple(one for one in kernel.missing if one in reached)
    loaded = [one for one in missing if one in _loaded(capture)]
    if loaded:
        raise errors.LockFailed(
            f"The model's code imports {listed(loaded)}, which no installed distribution contains.",
            "Install it with pip in the kernel's environment, or put it as a file beside the notebook, and deploy again.",
        )
    return msgspec.structs.replace(kernel, missing=missing)


def _reached(capture: Capture) -> set[str]:
    beside = Path(capture.folder) / "sources"
    own = {path.stem for path in beside.iterdir()} if beside.is_dir() else set()
    kinds = {kind for method in capture.contract.methods for kind in (method.input.kind, method.output.kind)}
    reached = {module for module in capture.modules if module.partition(".")[0] not in TOOLS | own}
    return reached | {KINDS[kind] for kind in kinds if kind in KINDS} | (OFFERED & set(capture.imported)) | _traced(capture)


def _traced(capture: Capture) -> set[str]:
    """Name what sends spans, where the release is told where to."""
    if not any(name.startswith("OTEL_EXPORTER_OTLP") for name in capture.environment):
        return set()
    kinds = ("http", "grpc") if "OTEL_EXPORTER_OTLP_PROTOCOL" in capture.environment else ("http",)
    return {f"opentelemetry.exporter.otlp.proto.{kind}.trace_exporter" for kind in kinds}


def _loaded(capture: Capture) -> set[str]:
    """List what is imported before the model is loaded; everything where that is not known."""
    file = Path(capture.folder) / "manifest.json"
    return set(from_json(file.read_bytes(), Manifest).preload) if file.exists() else set(capture.modules)


def beside_agent() -> dict[str, Installed]:
    """Look up what is installed beside the agent, which was tested with the serving runtime.

    Returns:
        Distributions by name.
    """
    found = installed.report(sys.path, [])["distributions"]
    return {one.name: one for one in msgspec.convert(found, tuple[Installed, ...])}


def needed(kernel: Kernel, capture: Capture) -> tuple[set[str], set[str]]:
    """Say which of the kernel's distributions the model needs.

    Args:
        kernel: What the kernel has.
        capture: The capture.

    Returns:
        The names of those that its code imports, and of those with all that they require.
    """
    modules = _reached(capture)
    reached = {name for module, names in kernel.owners.items() if module in modules for name in names}
    return reached, closure(reached, kernel.own, kernel.markers)


def plan_lock(kernel: Kernel, reached: set[str], beside: dict[str, Installed], wheels: Sequence[Wheel] = ()) -> Plan:
    """Decide what to ask of a locker.

    Args:
        kernel: What the kernel has.
        reached: The distributions that the model's code imports.
        beside: What the agent has, for the parts of the runtime that the kernel lacks.
        wheels: Wheels of what is needed and comes from no index.

    Returns:
        The plan.

    Raises:
        LockFailed: If no bentoml that bundles can be made for is installed.
    """
    own, files = kernel.own, {wheel.name: wheel for wheel in wheels}
    known = all_known(kernel, beside)
    asked = reached | set(RUNTIME) | set(files)
    around = closure(asked, known, kernel.markers) - asked
    looser = [_pin(known[name]) if name in reached or name in EXACT or name in files else name for name in sorted(asked)]
    held = closure(reached, own, kernel.markers) - asked
    requirements = tuple(_pin(known[name]) if name in known else name for name in sorted(asked))
    constraints = tuple(_pin(known[name]) for name in sorted(around))
    python = kernel.markers["python_version"]
    parts: list[object] = [FORMAT, requirements, constraints, kernel.markers["implementation_name"], python, kernel.platform]
    parts += [(wheel.name, wheel.digest) for wheel in sorted(wheels)]
    return Plan(
        requirements=requirements,
        constraints=constraints,
        looser=(tuple(looser), tuple(_pin(own[name]) for name in sorted(held))),
        python=python,
        digest=hashlib.sha256(msgspec.json.encode(parts)).hexdigest(),
        wheels=tuple(sorted(wheels)),
    )


def all_known(kernel: Kernel, beside: dict[str, Installed]) -> dict[str, Installed]:
    """Put together what may be locked: what the kernel has, and what it lacks of the runtime.

    Args:
        kernel: What the kernel has.
        beside: What the agent has.

    Returns:
        Distributions by name.

    Raises:
        LockFailed: If no bentoml that bundles can be made for is installed.
    """
    own = kernel.own
    known = beside | own
    if "bentoml" not in own or own["bentoml"].version not in BENTOML:
        known["bentoml"] = _bentoml_of(beside)
    return known


def _bentoml_of(beside: dict[str, Installed]) -> Installed:
    if "bentoml" in beside and beside["bentoml"].version in BENTOML:
        return beside["bentoml"]
    has = beside["bentoml"].version if "bentoml" in beside else "none"
    raise errors.LockFailed(
        f"Bundles need bentoml{BENTOML}; installed beside jupyter_deploy: {has}.",
        f"Run `pip install 'bentoml{BENTOML}'`, and deploy again.",
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


def _pin(one: Installed) -> str:
    return f"{one.name}=={one.version}"


def listed(names: Iterable[str]) -> str:
    """Write names as people read them.

    Args:
        names: The names.

    Returns:
        Such as "`a`, `b`".
    """
    return ", ".join(f"`{name}`" for name in names)


def about(package: str, message: str, hint: str) -> Finding:
    """Make a finding about a package.

    Args:
        package: Its name.
        message: What was found.
        hint: What to do about it.

    Returns:
        The finding.
    """
    return Finding(kind="package", subject=package, message=message, hint=hint)
