"""uv as a locker: the fast engine for `pip-compile`'s format."""

from __future__ import annotations

import re
from pathlib import Path

from jupyter_deploy import errors
from jupyter_deploy.installer import run_uv
from jupyter_deploy.lock.format import normalise
from jupyter_deploy.process import Finished

LIMIT = 300.0  # seconds
DECORATION = re.compile(r"^\s*(?:error:|cause:|Caused by:|\N{MULTIPLICATION SIGN}|╰─▶|├─▶|│)\s*")
MISSING = re.compile(r"[Bb]ecause (\S+) was not found in the (?:cache|package registry)|there (?:is|are) no versions? of (\S+)")


class Uv:
    """Resolves with uv, over the network where there is one and out of uv's cache where there is not."""

    name = "uv"

    def compile(self, requirements: list[str], constraints: list[str], python: Path, folder: Path) -> str:
        """Resolve requirements to exact versions with hashes; see `Locker.compile`."""
        asked, kept = folder / "requirements.in", folder / "constraints.txt"
        asked.write_text("".join(f"{line}\n" for line in requirements), encoding="utf-8")
        kept.write_text("".join(f"{line}\n" for line in constraints), encoding="utf-8")
        arguments = [
            "pip", "compile", asked.name, "--constraint", kept.name, "--generate-hashes", "--no-header", "--no-annotate",
            "--python", str(python), "--quiet",
        ]  # fmt: skip
        done = run_uv(arguments, cwd=folder, timeout=LIMIT)
        if done.code == 0:
            return normalise(done.output)
        if _unsolvable(done) and "network was disabled" not in done.errors:
            raise errors.Unsolvable(f"The packages that the model needs cannot be locked together. {_told(done)}", _advice(done))
        cached = run_uv([*arguments, "--offline"], cwd=folder, timeout=LIMIT)
        if cached.code == 0:
            return normalise(cached.output)
        raise _out_of_reach(done, cached)


def _unsolvable(done: Finished) -> bool:
    return "No solution found" in done.errors


def _told(done: Finished) -> str:
    """Keep what uv says of the cause, without its decoration and its hints."""
    said = re.split(r"\n\s*hint:", done.errors.strip())[0]
    words = " ".join(DECORATION.sub("", line).strip() for line in said.splitlines())
    return re.sub(r"^No solution found when resolving dependencies:?\s*", "", words)[:1000]


def _missing(done: Finished) -> list[str]:
    return sorted({next(filter(None, found)) for found in MISSING.findall(done.errors)})


def _advice(done: Finished) -> str:
    missing = _missing(done)
    if missing:
        named = ", ".join(missing)
        return (
            f"Your package index does not have {named}: add the index that it came from to pip's configuration, or install another."
        )
    return "Install versions that go together into the kernel's environment (`pip check` names the clashes), and deploy again."


def _out_of_reach(done: Finished, cached: Finished) -> errors.LockFailed:
    missing = _missing(cached)
    what = f"Not in uv's cache: {', '.join(missing)}." if missing else _told(cached)
    return errors.LockFailed(
        f"The package index cannot be reached, and the cache lacks something that is needed. {what} uv said: {_told(done)}",
        "Connect to the network, or name your package index in pip's configuration, and deploy again.",
    )
