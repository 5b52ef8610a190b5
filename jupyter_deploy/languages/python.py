"""Python: locks what the captured code imports at the kernel's versions, and makes a clean environment out of the lock."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from jupyter_deploy.languages import environment
from jupyter_deploy.languages.plan import Installed, Kernel, about, beside_agent, inspect_kernel, listed, needed, plan_lock
from jupyter_deploy.languages.resolve import Known, extended, relock, resolve, stored, wheel_of
from jupyter_deploy.lock.records import altered
from jupyter_deploy.values import Capture, Finding, Lock

SHOWN = 5  # files that a finding names


class Python:
    """Kernels of CPython, with packages from pip's world."""

    name = "python"
    kernels = ("python",)

    def lock(self, capture: Capture, locker: str, folder: Path) -> Lock:
        """Lock what the captured code imports, at the kernel's versions; see `Language.lock`."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        kernel, beside = inspect_kernel(capture), beside_agent()
        reached, names = needed(kernel, capture)
        wanted = [kernel.own[name] for name in sorted(names)]
        wheels = [wheel_of(one, kernel.tag, folder) for one in wanted if one.origin]
        plan = plan_lock(kernel, reached, beside, wheels)
        lock = stored(plan, folder) or resolve(plan, Known(kernel, reached, beside), locker, Path(capture.interpreter), folder)
        findings = (*lock.findings, *_patched(wanted, lock), *_absent(kernel))
        return msgspec.structs.replace(lock, findings=findings, unused=_unused(kernel, capture, lock))

    def extend(self, capture: Capture, lock: Lock, packages: Sequence[str], folder: Path) -> Lock:
        """Lock more packages on top of a lock; see `Language.extend`."""
        return extended(lock, packages, Path(capture.interpreter), folder)

    def lock_elsewhere(self, lock: Lock, platform: str) -> Lock:
        """Lock the same for another machine; see `Language.lock_elsewhere`."""
        return relock(lock, platform)

    def interpreter(self, version: str) -> str:
        """Find a Python of a version: the agent's own, or one that uv finds; see `Language.interpreter`."""
        return environment.interpreter(version)

    def environment(self, capture: Capture, lock: Lock, folder: Path) -> Path:
        """Make a clean environment out of a lock, or find the one that is there; see `Language.environment`."""
        return environment.find_or_make(capture, lock, folder)

    def look(self, capture: Capture, lock: Lock, folder: Path) -> tuple[Finding, ...]:
        """Say what a person should know of a finished environment; see `Language.look`."""
        return environment.look(capture, lock, folder)


def _patched(wanted: Iterable[Installed], lock: Lock) -> list[Finding]:
    """Name packages of an index whose files somebody has changed in the kernel's environment."""
    found = ((one, altered(Path(one.folder))) for one in wanted if one.folder and one.name not in lock.own)
    return [_differs(one, files) for one, files in found if files]


def _differs(one: Installed, files: list[str]) -> Finding:
    more = f" and {len(files) - SHOWN} more" if len(files) > SHOWN else ""
    return about(
        one.name,
        f"{listed(files[:SHOWN])}{more}: not as `{one.name}` {one.version} installed it; the release gets the original.",
        "If the answers depend on it, put what you changed into a module beside the notebook, or install your own build of the "
        f"package; to undo it, `pip install --force-reinstall --no-deps {one.name}=={one.version}`.",
    )


def _absent(kernel: Kernel) -> list[Finding]:
    """Name modules that are imported only when a function runs, and that no package contains."""
    if not kernel.missing:
        return []
    message = f"The model's code names {listed(kernel.missing)}, which no installed distribution contains."
    hint = "The release goes without, as the kernel does where the import fails; else install it with pip, and deploy again."
    return [about(kernel.missing[0], message, hint)]


def _unused(kernel: Kernel, capture: Capture, lock: Lock) -> tuple[str, ...]:
    """Name what the notebook imported and the lock does not hold."""
    held = {one.name for one in lock.packages}
    return tuple(sorted({name for module in capture.imported for name in kernel.owners.get(module, ())} - held))
