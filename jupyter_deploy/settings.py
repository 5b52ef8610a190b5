"""Settings: one frozen value, read once.

Each source overrides the ones before it: the defaults, `[tool.jupyter-deploy]` in the nearest `pyproject.toml` above the notebook,
`deploy.toml` beside the notebook, environment variables such as `JUPYTER_DEPLOY_WORKERS`, and arguments. In a file, a table
`[endpoints.churn]` overrides the values around it for the endpoint `churn`.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import msgspec

from jupyter_deploy import errors, plugins
from jupyter_deploy.values import Options

PREFIX = "JUPYTER_DEPLOY_"
OTHER_VARIABLES = frozenset({"JUPYTER_DEPLOY_HOME"})
TABLE = "endpoints"

# What each number may be at least and at most; the types alone would let `workers = 0` pass.
LIMITS: dict[str, tuple[float, float]] = {
    "workers": (1, 256),
    "tolerance": (0, 1),
    "deadline": (0.001, 86_400),
    "start_deadline": (0.001, 86_400),
    "stage_deadline": (0.001, 86_400),
    "threads": (0, 1_024),
    "memory": (0, 2**50),
    "gpu": (0, 64),
    "body_limit": (1_024, 2**31),
    "body_deadline": (0.001, 86_400),
    "row_limit": (1, 10**9),
    "queue": (1, 1_000_000),
    "batch": (1, 1_000_000),
    "quantize_tolerance": (0, 1),
    "port": (1, 65_535),
    "golden_rows": (1, 10_000),
    "keep": (0, 100),
}
CHOICES = {"target": "targets", "locker": "lockers"}  # settings that name an implementation
TEXTS = tuple[str, ...]
WORDS = {int: "a whole number", float: "a number", bool: "true or false", str: "a text", TEXTS: "a list of texts"}


class Settings(Options, frozen=True, kw_only=True):
    """Everything that can be set: the fields of `Options`, which go with each deploy, and these.

    Attributes:
        port: The loopback port at which the endpoints answer; None lets the first start choose a free one.
        golden_rows: The largest number of golden rows of a method.
        include: Data files and folders that the model opens, relative to the notebook's folder; patterns are allowed.
        env: The names of environment variables that the model reads; their values are given to its release, not to its bundle.
        allow_secret: Paths of what looks like a secret and is none, as the message names them.
    """

    port: int | None = None
    golden_rows: int = 100
    include: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    allow_secret: tuple[str, ...] = ()

    def options(self) -> Options:
        """Take the part that goes with a deploy.

        Returns:
            The options.
        """
        return Options(**{name: getattr(self, name) for name in Options.__struct_fields__})


def read(folder: Path, arguments: Mapping[str, Any], endpoint: str = "") -> tuple[Settings, dict[str, str]]:
    """Read the settings from every source.

    Args:
        folder: The notebook's folder.
        arguments: What was given to this call alone; None stands for "not given".
        endpoint: The endpoint's name, where its own table in a file should count.

    Returns:
        The settings, and for each field where its value came from, for people.

    Raises:
        BadSetting: If a source has an unknown key or a wrong value; the message names the source.
    """
    values: dict[str, Any] = {}
    origins = dict.fromkeys(Settings.__struct_fields__, "default")
    sources = [*_files(folder, endpoint), *_environment(), *_arguments(arguments)]
    for key, value, origin in sources:
        values[key] = value
        origins[key] = origin
    return Settings(**values), origins


Found = tuple[str, Any, str]  # key, value, where it came from


def _files(folder: Path, endpoint: str) -> list[Found]:
    found: list[Found] = []
    for path in _pyprojects(folder):
        table = _parse(path).get("tool", {}).get("jupyter-deploy")
        if table is not None:
            found += _table(table, path, endpoint)
            break
    beside = folder / "deploy.toml"
    if beside.is_file():
        found += _table(_parse(beside), beside, endpoint)
    return found


def _pyprojects(folder: Path) -> list[Path]:
    here = folder.absolute()
    return [path for parent in (here, *here.parents) if (path := parent / "pyproject.toml").is_file()]


def _parse(path: Path) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise errors.BadSetting(f"{path} is not valid TOML: {error}.", "Mend the line that it names.") from error


def _table(table: Any, path: Path, endpoint: str) -> list[Found]:
    if not isinstance(table, dict):
        raise errors.BadSetting(f"`jupyter-deploy` in {path} must be a table, but is {_shown(table)}.")
    own = table.get(TABLE, {})
    if not isinstance(own, dict) or not all(isinstance(one, dict) for one in own.values()):
        raise errors.BadSetting(f"`{TABLE}` in {path} must hold one table an endpoint.", f"Write `[{TABLE}.churn]`.")
    found = [_checked(key, value, _place(path, key)) for key, value in table.items() if key != TABLE]
    for name, overrides in own.items():
        checked = [_checked(key, value, f"{_place(path, key, name)} [{TABLE}.{name}]") for key, value in overrides.items()]
        found += checked if name == endpoint else []
    return found


def _place(path: Path, key: str, table: str = "") -> str:
    """Name a file and, where the key stands at the beginning of a line, the line."""
    inside = not table
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if re.match(r"\s*\[", line):
            inside = (f"{TABLE}.{table}" in line) if table else TABLE not in line
        elif inside and re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*=", line):
            return f"{path}:{number}"
    return str(path)


def _environment() -> list[Found]:
    found = []
    for variable, text in sorted(os.environ.items()):
        key = variable.removeprefix(PREFIX).lower()
        if not variable.startswith(PREFIX) or variable in OTHER_VARIABLES:
            continue
        if key in Settings.__struct_fields__:
            found.append(_checked(key, text, f"environment variable {variable}", strict=False))
        elif hint := errors.did_you_mean(key, Settings.__struct_fields__):
            # Other variables with this prefix may belong to somebody else; only what looks misspelt is an error.
            raise errors.BadSetting(f"The environment variable {variable} names no setting.", hint)
    return found


def _arguments(arguments: Mapping[str, Any]) -> list[Found]:
    return [_checked(key, value, "argument") for key, value in arguments.items() if value is not None]


def _checked(key: str, value: Any, origin: str, *, strict: bool = True) -> Found:
    kinds = _kinds()
    if key not in kinds:
        hint = errors.did_you_mean(key, kinds) or f"There are: {', '.join(kinds)}."
        raise errors.BadSetting(f"There is no setting `{key}` ({origin}).", hint)
    if kinds[key] == TEXTS and isinstance(value, str):
        value = [one.strip() for one in value.split(",") if one.strip()]
    try:
        converted = msgspec.convert(value, kinds[key], strict=strict)
    except msgspec.ValidationError as error:
        raise errors.BadSetting(f"`{key}` must be {_expected(key)}, but is {_shown(value)} ({origin}).") from error
    low, high = LIMITS.get(key, (float("-inf"), float("inf")))
    if isinstance(converted, int | float) and not low <= converted <= high:
        raise errors.BadSetting(f"`{key}` must be {_expected(key)}, but is {_shown(value)} ({origin}).")
    if key in CHOICES and converted not in (known := plugins.names(CHOICES[key])):
        hint = errors.did_you_mean(converted, known) or f"There are: {', '.join(known)}."
        raise errors.BadSetting(f"There is no {key} `{converted}` ({origin}).", hint)
    return key, converted, origin


@cache
def _kinds() -> dict[str, Any]:
    return {field.name: field.type for field in msgspec.structs.fields(Settings)}


def _expected(key: str) -> str:
    kind = _kinds()[key]
    if words := get_args(kind) if get_origin(kind) is Literal else ():
        return f"{', '.join(f'`{word}`' for word in words[:-1])} or `{words[-1]}`"
    word = WORDS.get(kind, WORDS[int])
    return f"{word} from {LIMITS[key][0]:,g} to {LIMITS[key][1]:,g}" if key in LIMITS else word


def _shown(value: Any) -> str:
    return f"the text {value!r}" if isinstance(value, str) else repr(value).lower() if isinstance(value, bool) else repr(value)
