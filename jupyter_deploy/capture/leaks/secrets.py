"""Stops a capture before a secret leaves the kernel's memory.

Every object is looked at (`inspection.py`) before the pickle is made that is written; so are the sources, files and rows that go
with it. A secret is known by its format (`tokens.py`) or by its name (`jupyter_deploy/credentials.py`). It is never shown, only the
way to it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from jupyter_deploy import credentials, errors
from jupyter_deploy.capture.cells import without_magics
from jupyter_deploy.capture.leaks import inspection, tokens
from jupyter_deploy.capture.pickling import constants, objects, paths
from jupyter_deploy.values import Cell, Contract, Finding, Golden

SHOWN = 10  # secrets that one message names
SETTINGS = (".cfg", ".conf", ".env", ".ini", ".json", ".properties", ".toml", ".yaml", ".yml")
BIGGEST_SETTINGS = 1024 * 1024  # bytes

_FROM_ENVIRONMENT = 'Read it from the environment instead, `os.environ["{variable}"]`, and deploy with `--env {variable}`.'
_FROM_ROWS = "Call the model on other rows, or give some with `--example`."


class Secret(NamedTuple):
    """One place of a secret.

    Attributes:
        path: The way to it.
        kind: What it is, with its article.
        value: The secret itself; it goes into no message.
        advice: What to do instead of taking it along.
    """

    path: str
    kind: str
    value: str
    advice: str = _FROM_ENVIRONMENT


class Search:
    """The search for secrets in all that one capture takes.

    Args:
        allowed: Paths of what looks like a secret and is none.
    """

    def __init__(self, allowed: Sequence[str] = ()) -> None:
        self._allowed = tuple(allowed)
        self._places: dict[str, list[Secret]] = {}  # by value

    def model(self, model: object, name: str, *, reached: objects.Reached, place: objects.Place) -> None:
        """Look at everything that the pickle of a model holds; nothing is written.

        Args:
            model: The live object.
            name: What the person called it.
            reached: Takes down what is met.
            place: Names the files of functions.

        Raises:
            NotPicklable: If something in it cannot leave the kernel.
        """
        met = inspection.inspect(model, name, reached=reached, place=place)
        if not met:
            return
        found: dict[str, list[str]] = {value: [] for value in met}
        for path, part in paths.walk(model, name):
            for value in inspection.held(part, met):
                found[value].append(path)
        for value, (kind, called) in met.items():
            ways = sorted(found[value], key=lambda path: not path.rstrip("']").endswith(called)) or [f"{name} → somewhere in it"]
            for path in ways[:SHOWN]:
                if not any(path.startswith((f"{way}.", f"{way}[")) for way in ways):  # where one thing holds another
                    self._note(Secret(path, kind, value))

    def code(self, expression: str, origin: Iterable[Cell], files: Mapping[str, Path]) -> None:
        """Look at the source code that goes with a model.

        Args:
            expression: What the person deploys.
            origin: The cells that it came from.
            files: Files that are taken along: what to call each, and where it lies.
        """
        self._source("the expression", expression)
        for cell in origin:
            self._source(f"cell {cell.id}", cell.source)
        for label, file in files.items():
            self._file(label, file)

    def answers(self, described: Contract, golden: Iterable[Golden]) -> None:
        """Look at golden rows and at the examples of a contract.

        Args:
            described: The contract.
            golden: The golden rows with their answers.
        """
        for one in golden:
            method = described.method(one.method)
            of_arguments = method is not None and method.input.kind == "arguments"
            self._rows(f"golden.{one.method}.rows", one.rows, of_arguments=of_arguments)
            self._rows(f"golden.{one.method}.answers", one.answers)
        self._rows("contract", msgspec.to_builtins(described))

    def _source(self, label: str, text: str) -> None:
        found = constants.in_python(without_magics(text))
        self._named(label, found)
        for kind, value in tokens.find(text):
            called = next((one.name for one in found if one.name and value in one.value), "")
            line = text.count("\n", 0, max(0, text.find(value))) + 1
            self._note(Secret(f"{label} → {called}" if called else f"{label}:{line}", kind, value))

    def _file(self, label: str, file: Path) -> None:
        with file.open("rb") as opened:
            data = opened.read(tokens.LIMIT)
        if file.suffix == ".py":
            self._source(label, data.decode(errors="replace"))
            return
        if file.suffix in SETTINGS or file.name.startswith(".env"):
            self._named(label, constants.in_settings(data[:BIGGEST_SETTINGS].decode(errors="replace")))
        for kind, value in tokens.find_in_bytes(data):
            line = data.count(b"\n", 0, max(0, data.find(value.encode()))) + 1
            self._note(Secret(f"{label}:{line}", kind, value))

    def _rows(self, label: str, rows: object, *, of_arguments: bool = False) -> None:
        """Look at data in the form of JSON; the names of columns tell nothing, since a column may well be called `password`."""
        for path, part in paths.walk(rows, label):
            if isinstance(part, str):
                for kind, value in tokens.find(part):
                    self._note(Secret(path, kind, value, _FROM_ROWS))
            elif of_arguments and isinstance(part, dict):
                for key, value in part.items():
                    if isinstance(value, str) and credentials.holds_secret(str(key), value):
                        self._note(Secret(f"{path}[{key!r}]", credentials.describe(str(key)), value, _FROM_ROWS))

    def stop(self) -> None:
        """Stop the capture if anything was found.

        Raises:
            SecretFound: If something was found that is not allowed; the message names each, and no value.
        """
        open_ones = [places for places in self._places.values() if not self._permitted(places)]
        if not open_ones:
            return
        lines = [self._line(places) for places in open_ones[:SHOWN]]
        more = f"\n  and {len(open_ones) - SHOWN} more" if len(open_ones) > SHOWN else ""
        first = open_ones[0][0]
        if len(open_ones) == 1:
            message = f"{lines[0]} It would leave the kernel; nothing was written."
        else:
            listed = "".join(f"\n  {line}" for line in lines)
            message = f"{len(open_ones)} secrets would leave the kernel; nothing was written:{listed}{more}"
        path = self._shown(first.path)
        advice = first.advice.format(variable=_variable(path))
        raise errors.SecretFound(message, f"{advice} If it is no secret: `--allow-secret {_quoted(path)}`.")

    def findings(self) -> tuple[Finding, ...]:
        """Say what is taken along although it looks like a secret, and what was allowed in vain."""
        used = [next(one for one in places if self._shown(one.path) in self._allowed) for places in self._places.values()]
        known = {self._shown(one.path) for places in self._places.values() for one in places}
        return (
            *(Finding(
                kind="secret", subject=self._shown(one.path),
                message=f"`{self._shown(one.path)}` holds {one.kind}; it is taken along, because `--allow-secret` names it.",
                hint="Whoever can read the endpoint's bundle can read it.",
            ) for one in used),
            *(Finding(
                kind="secret", subject=path, message=f"`--allow-secret` names `{path}`, where nothing looks like a secret.",
                hint="Leave it out.",
            ) for path in self._allowed if path not in known),
        )  # fmt: skip

    def _named(self, label: str, found: Iterable[constants.Constant]) -> None:
        for name, value, _ in found:
            if credentials.holds_secret(name, value):
                self._note(Secret(f"{label} → {name}", credentials.describe(name), value))

    def _note(self, secret: Secret) -> None:
        same = next((value for value in self._places if secret.value in value or (len(value) >= 8 and value in secret.value)), None)
        self._places.setdefault(secret.value if same is None else same, []).append(secret)

    def _permitted(self, places: list[Secret]) -> bool:
        return any(self._shown(one.path) in self._allowed for one in places)

    def _line(self, places: list[Secret]) -> str:
        ways = list(dict.fromkeys(self._shown(one.path) for one in places))
        also = (
            f" (and `{ways[1]}`)"
            if len(ways) == 2
            else f" (and {len(ways) - 1} more places, such as `{ways[1]}`)"
            if ways[1:]
            else ""
        )
        return f"`{ways[0]}` holds {places[0].kind}{also}."

    def _shown(self, path: str) -> str:
        """Leave secrets out of a path, which may go through a dict's key that is one."""
        for value in self._places:
            path = path.replace(value, "…")
        return path


def _variable(path: str) -> str:
    """Suggest the environment variable that a secret may come from."""
    last = re.search(r"(?: → |\.|\[b?['\"])([A-Za-z_]\w*)['\"\]]*$", path)
    return last[1].strip("_").upper() if last else "API_KEY"


def _quoted(path: str) -> str:
    return path if re.fullmatch(r"[\w.:/-]+", path) else f'"{path}"' if '"' not in path else f"'{path}'"
