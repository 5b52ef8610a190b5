"""uv as a locker: the fast engine for `pip-compile`'s format."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from packaging.utils import canonicalize_name

from jupyter_deploy import errors
from jupyter_deploy.installer import run_uv
from jupyter_deploy.lock.base import Elsewhere, NotOnIndex, Resolved
from jupyter_deploy.lock.format import normalise
from jupyter_deploy.process import Finished

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

LIMIT = 300.0  # seconds
DECORATION = re.compile(r"^\s*(?:error:|cause:|Caused by:|\N{MULTIPLICATION SIGN}|╰─▶|├─▶|│)\s*")
MISSING = re.compile(
    r"[Bb]ecause (\S+) was not found in the (?:cache|package registry)|there (?:is|are) no versions? of (\S+)"
    r"|(\S+) has no (?:wheels with a matching|usable wheels)"
)
UNBUILT = re.compile(r"Failed to (?:download and )?build `([^`]+)`")
YANKED = re.compile(r'^warning: `([^`=]+)==[^`]*` is yanked(?: \(reason: "(.*)"\))?', re.MULTILINE)
PLATFORMS = {
    "linux/amd64": "x86_64-unknown-linux-gnu",
    "linux/arm64": "aarch64-unknown-linux-gnu",
    "darwin/amd64": "x86_64-apple-darwin",
    "darwin/arm64": "aarch64-apple-darwin",
}


class Uv:
    """Resolves with uv, over the network where there is one and out of uv's cache where there is not."""

    name = "uv"

    def compile(
        self, requirements: list[str], constraints: list[str], python: Path, folder: Path, elsewhere: Elsewhere | None = None
    ) -> Resolved:
        """Resolve requirements to exact versions with hashes; see `Locker.compile`."""
        asked, kept = folder / "requirements.in", folder / "constraints.txt"
        asked.write_text("".join(f"{line}\n" for line in requirements), encoding="utf-8")
        kept.write_text("".join(f"{line}\n" for line in constraints), encoding="utf-8")
        arguments = ["pip", "compile", asked.name, "--constraint", kept.name, "--python", str(python), *_target(elsewhere)]
        hashed = [*arguments, "--generate-hashes", "--no-header", "--no-annotate"]
        done = run_uv(hashed, cwd=folder, python=python, timeout=LIMIT)
        if done.code and (unbuilt := UNBUILT.search(done.errors)):
            raise _source_only(unbuilt[1], done)
        if done.code and not (_unsolvable(done) and "network was disabled" not in done.errors):
            cached = run_uv([*hashed, "--offline"], cwd=folder, python=python, timeout=LIMIT)
            if cached.code:
                raise _out_of_reach(done, cached)
            done = cached
        elif done.code:
            raise _clash(done)
        yanked = {str(canonicalize_name(name)): reason for name, reason in YANKED.findall(done.errors)}
        return Resolved(normalise(done.output), yanked, _built(arguments, folder) if elsewhere else ())


def _target(elsewhere: Elsewhere | None) -> list[str]:
    if elsewhere is None:
        return []
    if elsewhere.platform not in PLATFORMS:
        hint = errors.did_you_mean(elsewhere.platform, PLATFORMS) or f"There are: {', '.join(PLATFORMS)}."
        raise errors.BadInput(f"There is no platform `{elsewhere.platform}` to lock for.", hint)
    return ["--python-platform", PLATFORMS[elsewhere.platform], "--python-version", elsewhere.python]


def _built(arguments: list[str], folder: Path) -> tuple[str, ...]:
    """List what has no wheel for another machine: the same lock once more, with the files that fit instead of all hashes."""
    done = run_uv([*arguments, "--quiet", "--format", "pylock.toml"], cwd=folder, timeout=LIMIT)
    packages = tomllib.loads(done.output).get("packages", []) if done.code == 0 else []
    return tuple(f"{one['name']}=={one['version']}" for one in packages if "sdist" in one and not one.get("wheels"))


def _source_only(package: str, done: Finished) -> errors.LockFailed:
    return errors.LockFailed(
        f"`{package}` has no wheel for the kernel's Python, and its source cannot be built here. uv said: {_told(done)}",
        "Install a version that has a wheel, or what building it takes; fit again, and deploy again.",
    )


def _clash(done: Finished) -> errors.Unsolvable:
    message = f"The packages that the model needs cannot be locked together. {_told(done)}"
    names = tuple(sorted({str(canonicalize_name(re.split("[=<>!~]", one)[0])) for one in _missing(done)}))
    if not names:
        hint = "Install versions that go together into the kernel's environment (`pip check` names the clashes), and deploy again."
        return errors.Unsolvable(message, hint)
    named = ", ".join(_missing(done))
    hint = f"Your package index does not have {named}: add the index that it came from to pip's configuration, or install another."
    return NotOnIndex(message, hint, names)


def _unsolvable(done: Finished) -> bool:
    return "No solution found" in done.errors


def _told(done: Finished) -> str:
    """Keep what uv says of the cause, without its decoration and its hints."""
    said = re.split(r"\n\s*hint:", done.errors.strip())[0]
    words = " ".join(DECORATION.sub("", line).strip() for line in said.splitlines() if not line.startswith("warning:"))
    return re.sub(r"^No solution found when resolving dependencies:?\s*", "", words)[:1000]


def _missing(done: Finished) -> list[str]:
    return sorted({next(filter(None, found)) for found in MISSING.findall(done.errors)})


def _out_of_reach(done: Finished, cached: Finished) -> errors.LockFailed:
    missing = _missing(cached)
    what = f"Not in uv's cache: {', '.join(missing)}." if missing else _told(cached)
    return errors.LockFailed(
        f"The package index cannot be reached, and the cache lacks something that is needed. {what} uv said: {_told(done)}",
        "Connect to the network, or name your package index in pip's configuration, and deploy again.",
    )
