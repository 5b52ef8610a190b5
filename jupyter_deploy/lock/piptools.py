"""pip-tools as a locker: the reference for `pip-compile`'s format."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from jupyter_deploy import errors, process
from jupyter_deploy.lock.format import normalise

LIMIT = 1800.0  # seconds; pip downloads whatever its index has no hash for
UNREACHABLE = re.compile(r"Could not fetch URL (?!.*: 404 )")  # stands in pip's log alone; pip then says `no such distribution`
WANTED = re.compile(r"SpecifierRequirement\('([^']+)'\)")
FLAGS = (
    "--generate-hashes", "--allow-unsafe", "--strip-extras", "--no-header", "--no-annotate", "--no-emit-index-url",
    "--no-emit-trusted-host", "--no-emit-find-links", "--no-emit-options", "--no-config", "--quiet",
)  # fmt: skip


class PipTools:
    """Resolves with pip's own resolver, for the Python that runs the agent."""

    name = "pip-tools"

    def compile(self, requirements: list[str], constraints: list[str], python: Path, folder: Path) -> str:
        """Resolve requirements to exact versions with hashes; see `Locker.compile`."""
        _check_version(python)
        asked, kept, made = folder / "requirements.in", folder / "constraints.txt", folder / "requirements.txt"
        asked.write_text("".join(f"{line}\n" for line in requirements), encoding="utf-8")
        kept.write_text("".join(f"{line}\n" for line in constraints), encoding="utf-8")
        arguments = [sys.executable, "-m", "piptools", "compile", asked.name, "--constraint", kept.name, "--output-file", made.name]
        own = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
        log = folder / "pip.log"
        done = process.run([*arguments, *FLAGS], env=own | {"PIP_LOG": str(log)}, cwd=folder, timeout=LIMIT)
        if done.code == 0:
            return normalise(made.read_text(encoding="utf-8"))
        raise _failed(done, log.read_text(encoding="utf-8", errors="replace") if log.exists() else "")


def _check_version(python: Path) -> None:
    """Refuse a kernel of another version, because pip resolves for the interpreter that runs it."""
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
    last = done.errors.strip().splitlines()[-1:] or [f"it ended with {done.code}"]
    return errors.Unsolvable(
        f"The packages that the model needs cannot be locked together: {wanted}. pip-tools said: {last[0]}",
        "Install versions that go together into the kernel's environment (`pip check` names the clashes), and deploy again.",
    )
