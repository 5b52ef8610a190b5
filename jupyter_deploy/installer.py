"""The only door to uv, which resolves and installs packages from wherever the user's own pip and uv get theirs.

uv reads its own configuration (`UV_*`, `uv.toml`) but not pip's, so what pip is told of indexes and certificates is translated into
uv's variables, unless uv has been told otherwise.
"""

from __future__ import annotations

import configparser
import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from uv import find_uv_bin

from jupyter_deploy import process

TRANSLATED = {  # pip's option: uv's variable, the variables that say it has been told otherwise, and how uv separates values
    "index-url": ("UV_DEFAULT_INDEX", ("UV_DEFAULT_INDEX", "UV_INDEX_URL"), None),
    "extra-index-url": ("UV_INDEX", ("UV_INDEX", "UV_EXTRA_INDEX_URL"), " "),
    "find-links": ("UV_FIND_LINKS", ("UV_FIND_LINKS",), ","),
    "trusted-host": ("UV_INSECURE_HOST", ("UV_INSECURE_HOST",), " "),
    "cert": ("SSL_CERT_FILE", ("SSL_CERT_FILE",), None),
    "client-cert": ("SSL_CLIENT_CERT", ("SSL_CLIENT_CERT",), None),
}
CREDENTIALS = re.compile(r"(?<=://)[^/\s@'\"`]+@")
FOREIGN = ("PYTHONHOME", "PYTHONPATH", "UV_PROJECT", "UV_PYTHON", "UV_SYSTEM_PYTHON", "UV_WORKING_DIR", "VIRTUAL_ENV")
"""What points at the agent's own environment, or at the project of whoever started it."""


def run_uv(
    arguments: Sequence[str], *, cwd: Path, python: Path | None = None, stdin: str | None = None, timeout: float | None = None,
    keep: Sequence[int] = (),
) -> process.Finished:  # fmt: skip
    """Run uv with the user's package indexes.

    Args:
        arguments: uv's arguments.
        cwd: The folder to run in; uv looks there for a project's configuration, so it should hold none.
        python: The kernel's interpreter, whose environment may have a pip configuration of its own.
        stdin: What uv reads from its standard input.
        timeout: Seconds after which it is killed.
        keep: File descriptors that it inherits.

    Returns:
        How it ended; what it said holds no credentials.
    """
    try:
        binary = str(find_uv_bin())
    except FileNotFoundError:
        return process.Finished(127, "", "there is no uv beside jupyter_deploy; `pip install uv` brings it")
    own = {name: value for name, value in os.environ.items() if name not in FOREIGN}
    env = own | indexes(own, pip_options(own, pip_files(own, python))) | {"NO_COLOR": "1", "UV_NO_PROGRESS": "1"}
    done = process.run([binary, *arguments], env=env, cwd=cwd, stdin=stdin, timeout=timeout, keep=keep)
    return process.Finished(done.code, without_credentials(done.output), without_credentials(done.errors))


def without_credentials(text: str) -> str:
    """Take names and passwords out of the addresses in a text.

    Args:
        text: What a program wrote.

    Returns:
        The text, whose addresses begin with their hosts.
    """
    return CREDENTIALS.sub("", text)


def indexes(environment: Mapping[str, str], options: Mapping[str, str]) -> dict[str, str]:
    """Translate pip's options into uv's variables.

    Args:
        environment: The variables that uv would get.
        options: pip's options, several values separated by white space.

    Returns:
        The variables to add.
    """
    added = {}
    for option, (variable, told, separator) in TRANSLATED.items():
        values = [value for value in options.get(option, "").split() if option != "find-links" or _reachable(value)]
        if values and not any(environment.get(name) for name in told):
            added[variable] = separator.join(values) if separator else values[-1]
    if "UV_INDEX" in added and "UV_INDEX_STRATEGY" not in environment:
        # pip looks at every index; uv stops at the first that knows a name, where the kernel's version may be missing
        added["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    return added


def pip_options(environment: Mapping[str, str], files: Iterable[Path]) -> dict[str, str]:
    """Read what pip is told, in pip's own order: files, then variables.

    Args:
        environment: The variables.
        files: pip's configuration files, the strongest last; those that don't exist are left out.

    Returns:
        Its options by their long names.
    """
    options: dict[str, str] = {}
    for file in files:
        parser = configparser.RawConfigParser()
        try:
            parser.read(file, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError):
            continue  # pip itself says what is wrong with it
        for section in ("global", "install"):
            if parser.has_section(section):
                options |= {name.replace("_", "-"): value for name, value in parser.items(section)}
    named = {f"PIP_{option.upper().replace('-', '_')}": option for option in TRANSLATED}
    return options | {option: environment[name] for name, option in named.items() if environment.get(name)}


def pip_files(environment: Mapping[str, str], python: Path | None = None) -> list[Path]:
    """List where pip looks for its configuration.

    Args:
        environment: The variables.
        python: The interpreter whose environment may have a configuration of its own; this process's where None.

    Returns:
        Paths, the strongest last; they need not exist.
    """
    chosen = environment.get("PIP_CONFIG_FILE")
    if chosen == os.devnull:
        return []
    user = Path(environment.get("HOME") or Path.home())
    prefix = python.parent.parent if python else Path(sys.prefix)
    system = environment.get("XDG_CONFIG_DIRS", "/etc/xdg").split(os.pathsep)
    files = [Path(folder) / "pip" / "pip.conf" for folder in system] + [Path("/etc/pip.conf"), user / ".pip" / "pip.conf"]
    if sys.platform == "darwin":
        support = Path("Library/Application Support/pip/pip.conf")
        files += [Path("/") / support, user / support]
    files += [Path(environment.get("XDG_CONFIG_HOME") or user / ".config") / "pip" / "pip.conf", prefix / "pip.conf"]
    return [*files, Path(chosen)] if chosen else files


def _reachable(place: str) -> bool:
    return "://" in place or Path(place).expanduser().exists()  # uv stops at a missing folder, pip passes it by
