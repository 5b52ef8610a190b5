"""Environment variables that the model's code reads: declared ones are given to its releases, the others are told."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterable, Iterator

from jupyter_deploy import errors
from jupyter_deploy.capture.noticing.code import MISSING, Piece
from jupyter_deploy.values import Finding

# Every process has these, or does as well without.
HARMLESS = re.compile(
    r"HOME|USER|LOGNAME|SHELL|PATH|PWD|LANG|LANGUAGE|LC_\w+|TZ|TERM|COLUMNS|LINES|NO_COLOR|HOSTNAME|TMPDIR|TEMP|TMP|DISPLAY|EDITOR|"
    r"VIRTUAL_ENV|CONDA_\w+|XDG_\w+|JPY_\w+|JUPYTER\w*|PYTHON\w*|\w+_NUM_THREADS|CUDA_VISIBLE_DEVICES|CI"
)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def check(declared: Iterable[str]) -> tuple[str, ...]:
    """Check the environment variables that a model is declared to read.

    Args:
        declared: Their names.

    Returns:
        The names in order, each once.

    Raises:
        BadInput: If one of them cannot be a name or is not set in this kernel.
    """
    names = tuple(sorted(set(declared)))
    for name in names:
        if not _NAME.fullmatch(name):
            shown = name.partition("=")[0]  # what follows may be a secret
            raise errors.BadInput(
                f"`--env` takes a variable's name, and `{shown}…` is none.", "Give `--env NAME`, without a value."
            )
        if name not in os.environ:
            near = errors.did_you_mean(name, os.environ)
            hint = near or f'Set it in a cell first, such as `os.environ["{name}"] = getpass()`, and deploy again.'
            raise errors.BadInput(f"The environment variable `{name}` is not set in this kernel.", hint)
    return names


def findings(pieces: Iterable[Piece], declared: Iterable[str]) -> list[Finding]:
    """List the environment variables that a release would read and nobody declared.

    Args:
        pieces: The code that it will run.
        declared: The names that are declared.

    Returns:
        One finding a variable.
    """
    known, found = set(declared), dict[str, Finding]()
    for piece in pieces:
        for name in _read(piece):
            if name not in known and not HARMLESS.fullmatch(name):
                message = f"The environment variable `{name}` is not given to releases, and {piece} reads it."
                hint = f"Add `--env {name}`: its value goes to the release, and into no file of the bundle."
                found.setdefault(name, Finding(kind="environment", subject=name, message=message, hint=hint))
    return list(found.values())


def _read(piece: Piece) -> Iterator[str]:
    for node in ast.walk(piece.tree):
        key: ast.AST | None = None
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load) and piece.value(node.value) is os.environ:
            key = node.slice
        elif isinstance(node, ast.Compare) and isinstance(node.ops[0], (ast.In, ast.NotIn)):
            key = node.left if piece.value(node.comparators[0]) is os.environ else None
        elif isinstance(node, ast.Call) and _asks(piece, node.func):
            key = next(iter(node.args), next((one.value for one in node.keywords if one.arg == "key"), None))
        name = piece.value(key) if key is not None else MISSING
        if isinstance(name, str) and _NAME.fullmatch(name):
            yield name


def _asks(piece: Piece, function: ast.expr) -> bool:
    """Whether a call is `os.environ.get`, `pop`, `setdefault` or `os.getenv`, under whatever name."""
    if isinstance(function, ast.Attribute) and function.attr in ("get", "pop", "setdefault", "__getitem__"):
        return piece.value(function.value) is os.environ
    return piece.value(function) is os.getenv
