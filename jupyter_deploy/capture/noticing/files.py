"""Data files: those that are taken along by name, and those that the model's code opens and nobody named.

What is taken along lies in the capture as it lies around the notebook: `sources/` stands for the notebook's folder, and a release
runs in it, so `open("data/x.csv")` works there as in the notebook. Where a file beyond that folder is named, such as
`../data/x.csv`, the notebook's folder is a deeper one, such as `sources/notebooks/`, and the file lies beside it.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from glob import escape, iglob
from itertools import islice
from pathlib import Path, PurePath
from typing import Any, NamedTuple

from jupyter_deploy import errors
from jupyter_deploy.capture.noticing.code import HERE, UNKNOWN, Piece
from jupyter_deploy.values import Finding

SOURCES = "sources"
MOST_BYTES = 2 * 1024**3
MOST_FILES = 10_000
SHOWN = 20  # findings about files
_HIDDEN = re.compile(r"\.|(__pycache__|node_modules)$")
_WILD = re.compile(r"[*?\[]")
_READS = re.compile(
    r"open|read_\w+|load\w*|genfromtxt|fromfile|from_\w+|memmap|imread|i?glob|listdir|File|ZipFile|InferenceSession|Booster"
)
_WRITES = re.compile(
    r"to_(csv|disk|excel|feather|file|hdf|html|json|latex|markdown|netcdf|orc|parquet|pickle|stata|xml|yaml|zarr)"
    r"|save\w*|dump|write\w*|mkdir|makedirs|remove|unlink|rmtree|rename|touch|FileHandler"
)
_OF_A_PATH = ("read_text", "read_bytes")
_WRITING = re.compile(r"[rbt+]*[wax][rbt+]*")
_KEYWORDS = ("file", "path", "filename", "filepath", "filepath_or_buffer", "fname", "io", "model_file")
_PATH = re.compile(r"[^\0\n]*[./][^\0\n]*")
_SYSTEM = ("/dev/", "/proc/", "/sys/")
_LONGEST = 1_000  # characters of a path
_MOST_TEXTS = 100


class Included(NamedTuple):
    """A data file that is taken along.

    Attributes:
        path: Its path relative to the notebook's folder, with slashes; begins with `../` beyond it.
        file: Where it really lies, links followed.
        size: Its size in bytes.
    """

    path: str
    file: Path
    size: int


def find(patterns: Iterable[str], beside: Path) -> list[Included]:
    """Find the files that are to be taken along.

    Args:
        patterns: Files, folders and patterns, relative to the notebook's folder, or absolute and within it.
        beside: The notebook's folder.

    Returns:
        The files, in order of path; hidden files of a folder and links that lead out of it are left out.

    Raises:
        BadInput: If one of them names nothing or cannot be taken along, or there is too much of it.
    """
    found: dict[str, Included] = {}
    for pattern in patterns:
        added = [one for named in _named(pattern, beside) for one in islice(_files(named, beside), MOST_FILES + 1)]
        found |= {one.path: one for one in added}
        _check(found.values(), len(added), pattern)
    return [found[path] for path in sorted(found)]


def home_of(included: Sequence[Included], beside: Path) -> str:
    """Say which folder of the capture stands for the notebook's folder.

    Args:
        included: What is taken along.
        beside: The notebook's folder.

    Returns:
        `sources`, and below it as many of the folders around the notebook as some file lies above it.
    """
    above = max((_climbs(one.path) for one in included), default=0)
    around = beside.parts[1:]
    return PurePath(SOURCES, *around[len(around) - above :]).as_posix()


def copy(included: Iterable[Included], home: Path) -> None:
    """Copy files to where they lie in the capture.

    Args:
        included: The files.
        home: The folder that stands for the notebook's folder.
    """
    for one in included:
        target = Path(os.path.normpath(home / one.path))
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(one.file, target)


def findings(pieces: Iterable[Piece], held: Iterable[object], taken: set[Path], beside: Path) -> list[Finding]:
    """List the files that a release would open and not have.

    Args:
        pieces: The code that it will run.
        held: Paths and objects that the model holds.
        taken: The files that are taken along, links followed.
        beside: The notebook's folder.

    Returns:
        One finding a file, folder or pattern; only what exists counts.
    """
    found: dict[str, Finding] = {}
    for path, who in (*_opened(pieces), *_held(held)):
        one = _finding(path, who, taken, beside) if path not in found else None
        if one is not None:
            found[path] = one
    return list(found.values())[:SHOWN]


def _named(pattern: str, beside: Path) -> list[Path]:
    """List what a pattern names, below the notebook's folder or reached from it by `..`; a pattern does not follow links out."""
    given = Path(pattern).expanduser()
    if given.is_absolute() and not Path(os.path.normpath(given)).is_relative_to(beside):
        relative = os.path.relpath(given, beside)
        better = f"`--include {relative}`" if _within_reach(relative, beside) else "a copy of it in the notebook's folder"
        raise errors.BadInput(
            f"`--include {pattern}` is an absolute path, and no such path exists where a release runs.",
            f"Open it in the model's code by its path from the notebook, and include that: {better}.",
        )
    path = Path(os.path.normpath(beside / given))
    if path.exists():
        return [path]
    if _WILD.search(pattern):
        fixed = next(one for one in path.parents if not _WILD.search(str(one.relative_to(path.anchor)))).resolve()
        found = sorted(iglob(str(path), recursive=True))  # noqa: PTH207 (pathlib's own follows links, and finds hidden files)
        named = [Path(one) for one in found if Path(one).resolve().is_relative_to(fixed)]
        if named:
            return named
    near = errors.did_you_mean(PurePath(os.path.relpath(path, beside)).as_posix(), islice(_paths(beside), MOST_FILES))
    hint = near or f"Paths begin at the notebook's folder, {beside}."
    raise errors.BadInput(f"`--include {pattern}` names no file.", hint)


def _paths(beside: Path) -> Iterator[str]:
    for place, folders, names in os.walk(beside):
        folders[:] = [one for one in folders if not _HIDDEN.match(one)]
        yield from (PurePath(place, one).relative_to(beside).as_posix() for one in (*folders, *names))


def _files(named: Path, beside: Path) -> Iterator[Included]:
    if named.is_file():
        yield _included(named, named.resolve(), beside)
    inside = named.resolve()
    for place, folders, names in os.walk(named):
        folders[:] = sorted(one for one in folders if not _HIDDEN.match(one) and not Path(place, one, "pyvenv.cfg").exists())
        for name in sorted(names):
            path = Path(place, name)
            file = path.resolve()
            if not _HIDDEN.match(name) and file.is_file() and file.is_relative_to(inside):
                yield _included(path, file, beside)


def _included(path: Path, file: Path, beside: Path) -> Included:
    if not os.access(file, os.R_OK):
        raise errors.BadInput(f"`{path}` cannot be read.", "Change its permissions, or leave it out.")
    relative = PurePath(os.path.relpath(path, beside)).as_posix()
    if not _within_reach(relative, beside):
        hint = "Copy it to a folder nearer to the notebook."
        raise errors.BadInput(f"`--include {relative}` leads up to the root of the file system.", hint)
    return Included(relative, file, file.stat().st_size)


def _within_reach(relative: str, beside: Path) -> bool:
    return _climbs(relative) < len(beside.parts) - 1


def _climbs(path: str) -> int:
    return PurePath(path).parts.count("..")


def _check(found: Iterable[Included], added: int, pattern: str) -> None:
    if not added:
        raise errors.BadInput(f"`--include {pattern}` holds no file that can be taken along.", "Hidden files must be named.")
    sizes = [one.size for one in found]
    if sum(sizes) > MOST_BYTES or len(sizes) > MOST_FILES:
        raise errors.BadInput(
            f"`--include {pattern}` makes it {len(sizes):,} files with {sum(sizes) / 1e6:,.0f} MB; "
            f"at most {MOST_FILES:,} files with {MOST_BYTES / 1e6:,.0f} MB can be taken along.",
            "Include only what the model opens while it answers, or keep a smaller form of it in the model.",
        )


def _opened(pieces: Iterable[Piece]) -> Iterator[tuple[str, str]]:
    """List what looks like a path in some code: texts with a dot or slash, and whatever a function that reads files is given."""
    for piece in pieces:
        for node in _expressions(piece):
            given = _given(node) if isinstance(node, ast.Call) else None
            if given is not None:
                yield from ((f"{one}/" if _is_folder(one) else one, f"{piece} opens it") for one in _texts(piece.value(given)))
            else:
                yield from ((one, f"{piece} names it") for one in _texts(piece.value(node)) if _PATH.fullmatch(one))


def _expressions(piece: Piece) -> Iterator[ast.expr]:
    """List the expressions that may stand for a path, without the parts of those that do and without docstrings."""
    waiting = deque(ast.iter_child_nodes(piece.tree))
    while waiting:
        node = waiting.popleft()
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue
        if isinstance(node, ast.expr):
            yield node
        if isinstance(node, ast.Call) and _writes(node):
            written = getattr(node.func, "value", None)  # of `read(…).write(…)` the first call reads
            if isinstance(written, ast.expr) and not _is_text(piece.value(written)):
                waiting.append(written)
            continue
        if not isinstance(node, (ast.JoinedStr, ast.BinOp, ast.Call, ast.Attribute)) or not _is_text(piece.value(node)):
            waiting.extend(ast.iter_child_nodes(node))


def _is_folder(path: str) -> bool:
    try:
        return Path(path).is_dir()
    except (OSError, ValueError):  # no path at all
        return False


def _is_text(value: object) -> bool:
    return isinstance(value, (str, PurePath))


def _called(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")


def _writes(call: ast.Call) -> bool:
    """Whether a call writes to a file, which may be there from its last run."""
    modes = [*call.args[:2], *(one.value for one in call.keywords if one.arg == "mode")]
    opened = _called(call) == "open" and any(isinstance(one, ast.Constant) and _WRITING.fullmatch(str(one.value)) for one in modes)
    return opened or bool(_WRITES.fullmatch(_called(call)))


def _given(call: ast.Call) -> ast.expr | None:
    """Take the path that a call reads; None where it reads none, or writes."""
    owner, name = call.func.value if isinstance(call.func, ast.Attribute) else None, _called(call)
    if not _READS.fullmatch(name) or _writes(call):
        return None
    paths = [*call.args[:1], *(one.value for one in call.keywords if one.arg in _KEYWORDS)]
    if name in _OF_A_PATH or (name == "open" and not paths):
        return owner
    return paths[0] if paths else None


def _held(held: Iterable[object]) -> Iterator[tuple[str, str]]:
    for obj in held:
        if isinstance(obj, PurePath):
            yield str(obj), "the model holds this path"
            continue
        for name, value in getattr(obj, "__dict__", {}).items():
            who = f"`{type(obj).__name__}.{name}` names it"
            yield from ((one, who) for one in _texts(value) if isinstance(value, PurePath) or _PATH.fullmatch(one))


def _texts(value: Any, depth: int = 3) -> Iterator[str]:
    """List the texts and paths in a value and its elements."""
    if isinstance(value, (str, PurePath)):
        if len(str(value)) < _LONGEST:
            yield str(value)
    elif depth and type(value) in (list, tuple, dict, set, frozenset) and len(value) <= _MOST_TEXTS:
        for one in value.values() if isinstance(value, dict) else value:
            yield from _texts(one, depth - 1)


def _finding(path: str, who: str, taken: set[Path], beside: Path) -> Finding | None:
    real = path.replace(HERE, str(beside))
    missing = [one for one in _existing(real) if one.resolve() not in taken]
    shown = path.replace(f"{HERE}/", "").replace(UNKNOWN, "*")
    relative = PurePath(os.path.relpath(real.replace(UNKNOWN, "*"), beside)).as_posix()
    if Path(path).is_absolute() and _existing(real) and not path.startswith(_SYSTEM):
        message = f"`{shown}` is an absolute path, which another machine does not have; {who}."
        hint = f"Open it by its path from the notebook, `{relative}`{f', and add `--include {relative}`' if missing else ''}."
    elif missing and not Path(path).is_absolute():
        size = _size(sum(one.stat().st_size for one in missing))
        message = f"`{shown}` ({f'{len(missing)} files, ' if len(missing) > 1 else ''}{size}) is not taken along; {who}."
        hint = f"Add `--include {relative}` if the model needs it to answer."
    else:
        return None
    return Finding(kind="file", subject=shown, message=message, hint=hint)


def _size(count: int) -> str:
    return f"{count} bytes" if count < 1_000 else f"{count / 1e3:.0f} kB" if count < 1_000_000 else f"{count / 1e6:.1f} MB"


def _existing(path: str) -> list[Path]:
    """List the files that a path names here: itself, those below it, or those that fit where a part is unknown."""
    try:
        if UNKNOWN in path or "*" in path:
            if not path.replace(UNKNOWN, "").strip("/.*"):
                return []
            pattern = "*".join(escape(one) for one in path.split(UNKNOWN)) if UNKNOWN in path else path
            found = (Path(one) for one in iglob(pattern))  # noqa: PTH207 (pathlib's own takes no absolute pattern)
            return list(islice((one for one in found if one.is_file()), MOST_FILES))
        named = Path(path)
        if named.is_file():
            return [named]
        inside = path.endswith("/") and path.strip("/.") and named.is_dir()
        return list(islice((one for one in named.iterdir() if one.is_file()), MOST_FILES)) if inside else []
    except (OSError, ValueError):  # no path at all
        return []
