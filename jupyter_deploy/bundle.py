"""Step 3: a genuine Bento, written by hand.

`Bento.from_path` opens it and `bentoml serve` runs it, but neither the user's code nor bentoml is imported to make it: the one
could do anything to the agent, the other would double its memory. Nothing in it depends on time, place or machine, so the same
capture and lock give the same bytes, and the digest that names it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import shutil
import tempfile
from collections.abc import Collection
from pathlib import Path
from string import Template
from typing import Any

import yaml

from jupyter_deploy import bentos, errors, home, values
from jupyter_deploy.bentos.python.endpoint import openapi, schema
from jupyter_deploy.values import Bundle, Capture, Golden, Lock, Method

SERVICE = "service:Endpoint"  # module and name of the service in `src/`
DESCRIPTION = "bento.yaml"
UNNAMED = "0" * 12  # stands for the Bento's version while its digest, which the version is taken from, is being made
LONGEST_DESCRIPTION = 4 * 1024 * 1024  # bytes
TIME = "1970-01-01T00:00:00+00:00"
TEMPLATES = (  # in `bentos/bundle`, where it goes, and its mode; a program is no template
    ("README.md", "README.md", 0o644),
    ("Dockerfile", "env/docker/Dockerfile", 0o644),
    ("entrypoint.sh", "env/docker/entrypoint.sh", 0o755),
)
LEFT_OUT = frozenset({"__pycache__"})
WHEELS = "wheels"  # where BentoML looks for them below `src/`
ADDED = frozenset({"endpoint", "service.py", "requirements.txt", WHEELS})
"""What stands in a bundle's `src` beside the capture's own files."""


def build(capture: Capture, lock: Lock, folder: Path) -> Bundle:
    """Build a bundle, or find the one that is there.

    Args:
        capture: The capture; its files are linked, not copied, where the file system can.
        lock: The lock.
        folder: Where bundles are kept, each in a folder named by its digest.

    Returns:
        The bundle.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    place = Path(tempfile.mkdtemp(prefix=".new-", dir=folder))
    try:
        _fill(place, capture, lock)
        files = home.digests_of(place)
        digest = home.digest_of_all(files)
        version = digest[: len(UNNAMED)]
        _write_yaml(place / DESCRIPTION, describe(capture, lock, version))  # the digest was made of it with another version
        tag, size = f"{capture.endpoint}:{version}", home.size_of(place)
        bundle = Bundle(digest=digest, folder=str(folder / digest), tag=tag, size=size, files=files)
        settle(place, folder / digest)
    finally:
        shutil.rmtree(place, ignore_errors=True)
    return bundle


def check(bundle: Bundle) -> None:
    """See that a bundle still is what its digest says.

    Args:
        bundle: The bundle.

    Raises:
        Damaged: If a file was changed, added or lost; the message names it with both digests.
    """
    folder, version = Path(bundle.folder), bundle.digest[: len(UNNAMED)]
    try:
        found = digests(folder)
    except errors.BadInput as error:
        raise _damaged(bundle, DESCRIPTION, bundle.files.get(DESCRIPTION, "another"), "that of no description") from error
    names = sorted({*found, *bundle.files} if bundle.files else ())
    wrong = next((name for name in names if found.get(name) != bundle.files.get(name)), "")
    if wrong:
        raise _damaged(bundle, wrong, *(one.get(wrong, "none") for one in (bundle.files, found)))
    if home.digest_of_all(found) != bundle.digest:
        raise _damaged(bundle, "", bundle.digest, home.digest_of_all(found))
    written, wanted = (folder / DESCRIPTION).read_bytes(), _yaml({**_described(folder), "version": version}).encode()
    if written != wanted:  # the one file whose digest leaves something out
        raise _damaged(bundle, DESCRIPTION, *(hashlib.sha256(one).hexdigest() for one in (wanted, written)))


def _damaged(bundle: Bundle, file: str, expected: str, got: str) -> errors.Damaged:
    return errors.Damaged(
        f"{Path(bundle.folder) / file} of the bundle {bundle.tag} is damaged: its digest should be {expected} and is {got}.",
        "Run the cell again to deploy the model anew, or roll back to another release; a disk that flips bits should be checked.",
    )


def measure(folder: Path) -> str:
    """Compute the digest that a bundle's content should be named by.

    Args:
        folder: The bundle.

    Returns:
        SHA-256, hexadecimal, over all of it but the version in `bento.yaml`, which is taken from the digest.

    Raises:
        BadInput: If its `bento.yaml` is none.
    """
    return home.digest_of_all(digests(folder))


def digests(folder: Path) -> dict[str, str]:
    """Digest each file of a bundle, `bento.yaml` without the version, which is taken from the bundle's own digest.

    Args:
        folder: The bundle.

    Returns:
        What `home.digests_of` gives.

    Raises:
        BadInput: If its `bento.yaml` is none.
    """
    return home.digests_of(folder, {DESCRIPTION: _yaml({**_described(folder), "version": UNNAMED}).encode()})


def _described(folder: Path) -> dict[str, Any]:
    file = folder / DESCRIPTION
    try:
        described = yaml.safe_load(file.read_bytes()) if file.stat().st_size <= LONGEST_DESCRIPTION else None
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise errors.BadInput(f"{file} does not describe a Bento: {type(error).__name__}.") from error
    return described if isinstance(described, dict) else {}


def describe(capture: Capture, lock: Lock, version: str) -> dict[str, Any]:
    """Describe a bundle as BentoML's `bento.yaml` does.

    Args:
        capture: The capture.
        lock: The lock.
        version: The Bento's version.

    Returns:
        What `bento.yaml` holds.
    """
    bentoml = next(one.version for one in lock.packages if one.name == "bentoml")
    return {
        "service": SERVICE,
        "name": capture.endpoint,
        "version": version,
        "bentoml_version": bentoml,
        "creation_time": TIME,
        "labels": {"made-by": "jupyterlab-deploy", "capture": capture.digest[:12], "lock": lock.digest[:12]},
        "models": [],
        "entry_service": capture.endpoint,
        "services": [{"name": capture.endpoint, "service": "", "models": [], "dependencies": [], "config": {}}],
        "envs": [],
        "schema": {"name": capture.endpoint, "type": "service", "routes": [_route(one) for one in capture.contract.methods]},
        "args": {},
        "spec": 2,
        "image": {
            "base_image": f"python:{lock.python}-slim",
            "python_version": lock.python,
            "commands": [],
            "python_requirements": "",
            "post_commands": [],
            "build_include": [WHEELS] if lock.folder else [],
        },
    }


def _fill(place: Path, capture: Capture, lock: Lock) -> None:
    """Write everything, `bento.yaml` with a version that says nothing yet."""
    source, root = place / "src", Path(bentos.__file__).parent
    golden = read_golden(Path(capture.folder))
    link(Path(capture.folder), source)
    _copy(root / "python" / "endpoint", source / "endpoint")
    _copy(root / "python" / "service.py", source / "service.py")
    _write(source / "requirements.txt", lock.text)
    wheels = f"--find-links ../../src/{WHEELS}\n" if lock.folder else ""  # pip and uv take it relative to the file
    _write(place / "env" / "python" / "requirements.txt", f"--require-hashes\n{wheels}{lock.text}")
    if lock.folder:
        link(Path(lock.folder), source / WHEELS)
    words = _words(capture, lock, golden)
    for template, file, mode in TEMPLATES:
        text = (root / "bundle" / template).read_text(encoding="utf-8")
        _write(place / file, Template(text).substitute(words) if mode == 0o644 else text, mode)
    _write_yaml(place / "apis" / "openapi.yaml", openapi.document(capture.endpoint, capture.digest[:12], capture.contract, golden))
    _write_yaml(place / DESCRIPTION, describe(capture, lock, UNNAMED))


def read_golden(folder: Path) -> list[Golden]:
    """Read the golden rows of a capture or a bundle's `src`.

    Args:
        folder: The folder.

    Returns:
        The golden rows of each method; none where there is no such file.

    Raises:
        BadInput: If the file holds something else.
    """
    file = folder / "golden.json"
    return values.from_json(file.read_bytes(), list[Golden]) if file.exists() else []


def link(source: Path, target: Path, without: Collection[str] = ()) -> None:
    """Take files over without a second copy where the file system can: both folders are never changed again.

    Args:
        source: The folder to take from.
        target: The folder to put them into.
        without: Names in the first folder that are left out.
    """
    for path in _files(source):
        if path.relative_to(source).parts[0] in without:
            continue
        other = target / path.relative_to(source)
        other.parent.mkdir(parents=True, exist_ok=True)
        try:
            other.hardlink_to(path)
        except OSError:  # another file system, or one without links
            home.check_room(other, path.stat().st_size)
            shutil.copyfile(path, other)


def _copy(source: Path, target: Path) -> None:
    for path in _files(source) if source.is_dir() else [source]:
        other = target / path.relative_to(source)
        other.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, other)


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and not LEFT_OUT & set(path.parts)]


def _words(capture: Capture, lock: Lock, golden: list[Golden]) -> dict[str, str]:
    """Say what stands in the templates; what people wrote goes into code spans and fences only."""
    first = capture.contract.methods[0]
    rows = openapi.examples(first, golden)
    return {
        "name": capture.endpoint,
        "variable": capture.variable.replace("`", "'"),
        "kind": capture.kind.replace("`", "'"),
        "python": lock.python,
        "wheels": f"COPY src/{WHEELS} src/{WHEELS}\n" if lock.folder else "",
        "method": first.name,
        "methods": "\n".join(f"| `POST /{one.name}` | {one.input.kind} | {one.output.kind} |" for one in capture.contract.methods),
        "body": shlex.quote(json.dumps({"rows": rows})),
        "rows": repr(rows),
    }


def _route(method: Method) -> dict[str, Any]:
    return {
        "name": method.name,
        "route": f"/{method.name}",
        "batchable": False,
        "input": {"title": "Input", "type": "object", "required": ["rows"], "properties": {"rows": schema.rows(method.input)}},
        "output": {"title": "AnyIODescriptor", "type": "object"},
        "is_task": False,
    }


def _write_yaml(file: Path, data: dict[str, Any]) -> None:
    _write(file, _yaml(data))


def _yaml(data: dict[str, Any]) -> str:
    return str(yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=120))


def _write(file: Path, text: str, mode: int = 0o644) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    file.chmod(mode)


def settle(place: Path, target: Path) -> Path:
    """Flush a finished bundle to disk and give it its name; whoever comes second finds it there, and replaces it if it is damaged.

    Args:
        place: The folder in which it was made.
        target: The folder named by its digest.

    Returns:
        The target.
    """
    if target.is_dir():
        if _is_whole(target):
            return target
        shutil.rmtree(target)
    for path in [*place.rglob("*"), place]:
        _flush(path)
    try:
        place.rename(target)
    except OSError:
        if not target.is_dir():
            raise
    _flush(target.parent)
    return target


def _is_whole(folder: Path) -> bool:
    try:
        return measure(folder) == folder.name
    except errors.BadInput:
        return False


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
