"""pip-tools as a locker: the reference for `pip-compile`'s format."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from jupyter_deploy import errors, process
from jupyter_deploy.lock.format import normalise

LIMIT = 1800.0  # seconds; pip downloads whatever its index has no hash for
UNREACHABLE = re.compile(r"NewConnectionError|NameResolutionError|ConnectTimeoutError|ReadTimeoutError|ProxyError|SSLError")
WANTED = re.compile(r"(?:satisfies the requirement|No matching distribution found for) (\S+)")
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
        env = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
        done = process.run([*arguments, *FLAGS], env=env, cwd=folder, timeout=LIMIT)
        if done.code == 0:
            return normalise(made.read_text(encoding="utf-8"))
        raise _failed(done)


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


def _failed(done: process.Finished) -> errors.LockFailed:
    wanted = sorted(set(WANTED.findall(done.errors)))
    named = f" Missing: {', '.join(wanted)}." if wanted else ""
    if UNREACHABLE.search(done.errors):
        return errors.LockFailed(
            f"The package index cannot be reached.{named}",
            'Connect to the network and deploy again; `locker = "uv"` can lock out of its cache.',
        )
    end = " ".join(done.errors.split())[-1000:]
    hint = "Install versions that go together into the kernel's environment (`pip check` names the clashes), and deploy again."
    return errors.Unsolvable(f"The packages that the model needs cannot be locked together.{named} pip-tools said: {end}", hint)
