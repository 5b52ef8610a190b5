"""pip-tools as a locker: the reference for `pip-compile`'s format."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from packaging.utils import canonicalize_name

from jupyter_deploy import errors, process
from jupyter_deploy.installer import without_credentials
from jupyter_deploy.lock.base import Elsewhere, NotOnIndex, Resolved
from jupyter_deploy.lock.format import normalise

LIMIT = 1800.0  # seconds; pip downloads whatever its index has no hash for
UNREACHABLE = re.compile(r"Could not fetch URL (?!.*: 404 )")  # stands in pip's log alone; pip then says `no such distribution`
WANTED = re.compile(r"SpecifierRequirement\('([^']+)'\)")
MISSING = re.compile(r"(?:No matching distribution found for|satisfies the requirement) ([A-Za-z0-9][\w.-]*)")
ABSENT = re.compile(r"no matching distributions available for your environment:\n((?:\S+ +[\w.-]+\n)+)")  # in the log, with times
YANKED = re.compile(r"yanked version: '([^']+)' candidate[^\n]*(?:\n\S*\s*Reason for being yanked: ([^\n]*))?")
FLAGS = (
    "--generate-hashes", "--allow-unsafe", "--strip-extras", "--no-header", "--no-annotate", "--no-emit-index-url",
    "--no-emit-trusted-host", "--no-emit-find-links", "--no-emit-options", "--no-config", "--quiet",
)  # fmt: skip


class PipTools:
    """Resolves with pip's own resolver, for the Python that runs the agent."""

    name = "pip-tools"

    def compile(
        self, requirements: list[str], constraints: list[str], python: Path, folder: Path, elsewhere: Elsewhere | None = None
    ) -> Resolved:
        """Resolve requirements to exact versions with hashes; see `Locker.compile`."""
        _check(python, elsewhere)
        asked, kept, made = folder / "requirements.in", folder / "constraints.txt", folder / "requirements.txt"
        asked.write_text("".join(f"{line}\n" for line in requirements), encoding="utf-8")
        kept.write_text("".join(f"{line}\n" for line in constraints), encoding="utf-8")
        arguments = [sys.executable, "-m", "piptools", "compile", asked.name, "--constraint", kept.name, "--output-file", made.name]
        own = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
        kernels, file = python.parent.parent / "pip.conf", folder / "pip.log"
        if kernels.exists():  # pip itself reads the one of the environment that it runs in, which is the agent's
            own.setdefault("PIP_CONFIG_FILE", str(kernels))
        done = process.run([*arguments, *FLAGS], env=own | {"PIP_LOG": str(file)}, cwd=folder, timeout=LIMIT)
        log = file.read_text(encoding="utf-8", errors="replace") if file.exists() else ""
        if done.code:
            raise _failed(done, log)
        yanked = {str(canonicalize_name(name)): reason.strip() for name, reason in YANKED.findall(log)}
        return Resolved(normalise(made.read_text(encoding="utf-8")), yanked)


def _check(python: Path, elsewhere: Elsewhere | None) -> None:
    """Refuse another machine and a kernel of another version, because pip resolves for the interpreter that runs it."""
    if elsewhere is not None:
        raise errors.LockFailed(
            f"pip-tools locks for the machine that it runs on, not for {elsewhere.platform}.",
            'Set `locker = "uv"`, deploy again, and ask once more.',
        )
    if python == Path(sys.executable):
        return
    asked = process.run([str(python), "-I", "-S", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"], timeout=30)
    own, wanted = "{}.{}".format(*sys.version_info[:2]), asked.output.strip()
    if own != wanted:
        raise errors.LockFailed(
            f"pip-tools locks for the Python that runs the agent, {own}, but the kernel's is {wanted or 'unknown'}.",
            'Set `locker = "uv"`, which locks for any version.',
        )


def _failed(done: process.Finished, log: str) -> errors.LockFailed:
    wanted = ", ".join(sorted(set(WANTED.findall(done.errors)))) or "unknown"
    if UNREACHABLE.search(log):
        return errors.LockFailed(
            f"The package index cannot be reached. Missing: {wanted}.",
            'Connect to the network and deploy again; `locker = "uv"` can lock out of its cache.',
        )
    last = without_credentials((done.errors.strip().splitlines()[-1:] or [f"it ended with {done.code}"])[0])
    message = f"The packages that the model needs cannot be locked together: {wanted}. pip-tools said: {last}"
    names = [name.rstrip(".-_") for name in MISSING.findall(done.errors)]
    names += [line.split()[-1] for block in ABSENT.findall(log) for line in block.splitlines()]
    missing = tuple(sorted({str(canonicalize_name(name)) for name in names}))
    if missing:
        named = ", ".join(missing)
        hint = (
            f"Your package index does not have {named}: add the index that it came from to pip's configuration, or install another."
        )
        return NotOnIndex(message, hint, missing)
    hint = "Install versions that go together into the kernel's environment (`pip check` names the clashes), and deploy again."
    return errors.Unsolvable(message, hint)
