"""Makes wheels of what came from no package index: out of the files that the kernel itself imports, so nothing is built.

The same files give the same bytes, whenever and wherever: no time, no path, no compression, members in order of name.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from jupyter_deploy import errors
from jupyter_deploy.lock.format import Entry, parse, write
from jupyter_deploy.lock.records import rows

FOLDER = "wheels"
TIME = (1980, 1, 1, 0, 0, 0)  # the first that a zip file can tell
LEFT_OUT = re.compile(r"RECORD.*|INSTALLER|REQUESTED|WHEEL|direct_url\.json|uv_\w+\.json")
"""What says how a distribution came here; `WHEEL` is written anew."""
EXTENSIONS = (".so", ".pyd", ".dylib")
CHUNK = 1024 * 1024  # bytes


class Wheel(NamedTuple):
    """A wheel of what came from no index.

    Attributes:
        name: The distribution's canonical name.
        version: Its version.
        path: The file.
        digest: Its SHA-256, hexadecimal.
    """

    name: str
    version: str
    path: Path
    digest: str

    @property
    def requirement(self) -> str:
        """What asks an installer for this very file."""
        return f"{self.name} @ {self.path.absolute().as_uri()}"

    @property
    def entry(self) -> Entry:
        """Its entry in a lock."""
        return Entry(self.name, self.version, f"{self.name}=={self.version}", (f"sha256:{self.digest}",))


def pack(name: str, version: str, info: Path, modules: Mapping[str, str] | None, tag: str, folder: Path) -> Wheel:
    """Make a wheel out of installed files, or find the one that was made of the same files.

    Args:
        name: The distribution's canonical name.
        version: Its version.
        info: The folder of its metadata.
        modules: For a project that is installed in place, the file or folder of each of its modules by dotted name; None for all
            others.
        tag: The tag of what holds extension modules, where the metadata does not say.
        folder: Where wheels are kept.

    Returns:
        The wheel.

    Raises:
        LockFailed: If its files are listed nowhere, or its version is none that an installer takes.
    """
    try:
        Version(version)
    except InvalidVersion as error:
        raise errors.LockFailed(
            f"`{name}` has the version `{version}`, which no installer takes.", "Give it one such as `1.0`, and install it again."
        ) from error
    stem = f"{name.replace('-', '_')}-{version.replace('-', '_')}"
    inside = dict(_modules(modules or {})) | dict(_listed(info, stem, in_place=modules is not None))
    members = sorted(inside.items())
    tags = _tags(info, tag if any(path.endswith(EXTENSIONS) for path, _ in members) else "")
    made = folder / _fingerprint(members, tags)
    found = next((one for one in made.glob("*/*.whl") if digest_of(one) == one.parent.name), None)
    if found is None:
        found = _write(made, f"{stem}-{_compressed(tags)}.whl", members, f"{stem}.dist-info", tags)
    return Wheel(name, version, found, found.parent.name)


def packable(info: Path, *, pure: bool) -> bool:
    """Say whether the installed files of a distribution are listed, so that a wheel can be made of them.

    Args:
        info: The folder of its metadata.
        pure: Whether extension modules rule it out.

    Returns:
        Whether `pack` can take it.
    """
    listed = rows(info)
    return bool(listed) and not (pure and any(row.path.endswith(EXTENSIONS) or ".so." in row.path for row in listed))


def pinned(text: str, wheels: Iterable[Wheel]) -> str:
    """Write wheels into a lock by version and hash, whatever the locker wrote of them.

    Args:
        text: The lock, where wheels stand by address.
        wheels: The wheels.

    Returns:
        The lock without an address of this machine; of what an index has under the same name, nothing is left.
    """
    own = {wheel.name: wheel.entry for wheel in wheels}
    return write([own.get(entry.name, entry) for entry in parse(text)])


def located(text: str, folder: Path) -> str:
    """Write into a lock where its wheels lie, so that an installer asks no index for them.

    Args:
        text: The lock.
        folder: The folder with the wheels.

    Returns:
        The lock with the address of each wheel, for this machine only.
    """
    own = kept(folder)
    known = {name: Wheel(name, "", path, "").requirement for name, path in own.items()}
    return write([entry._replace(requirement=known.get(entry.name, entry.requirement)) for entry in parse(text)])


def kept(folder: Path) -> Mapping[str, Path]:
    """List the wheels in a folder.

    Args:
        folder: The folder; it need not exist.

    Returns:
        Wheels by the distribution's canonical name.
    """
    return {canonicalize_name(path.name.partition("-")[0]): path for path in sorted(folder.glob("*.whl"))}


def digest_of(file: Path) -> str:
    """Hash a file.

    Args:
        file: The file.

    Returns:
        SHA-256, hexadecimal.
    """
    digest = hashlib.sha256()
    for part in _parts(file):
        digest.update(part)
    return digest.hexdigest()


def _listed(info: Path, stem: str, *, in_place: bool) -> Iterator[tuple[str, Path]]:
    """Give the members that an installer's list names, without what leads to a project in place, caches and commands."""
    listed = [row.path for row in rows(info)]
    if not listed:
        yield from _metadata(info, stem)
    for path in listed:
        head, _, rest = path.partition("/")
        source = info.parent / path
        if path.endswith(".pyc") or Path(path).is_absolute() or not source.is_file():
            continue
        if head == info.name:
            if not LEFT_OUT.fullmatch(rest):
                yield f"{stem}.dist-info/{rest}", source
        elif head == "..":  # of the environment, such as `share/`; its commands are made anew from the entry points
            inner = re.sub(r"^(\.\./)+", "", path)
            if inner.partition("/")[0] not in ("bin", "Scripts"):
                yield f"{stem}.data/data/{inner}", source
        elif not (in_place and (path.endswith(".pth") or head.startswith("__editable__"))):
            yield path, source


def _metadata(info: Path, stem: str) -> Iterator[tuple[str, Path]]:
    """Give the metadata of what `setup.py develop` installed."""
    for name, kept_as in (("PKG-INFO", "METADATA"), ("METADATA", "METADATA"), ("entry_points.txt", "entry_points.txt")):
        if (info / name).is_file():
            yield f"{stem}.dist-info/{kept_as}", info / name


def _modules(modules: Mapping[str, str]) -> Iterator[tuple[str, Path]]:
    for name, place in modules.items():
        base, path = name.replace(".", "/"), Path(place)
        if path.is_dir():
            yield from ((f"{base}/{file.relative_to(path).as_posix()}", file) for file in _files(path))
        else:
            files = [path] if path.is_file() else sorted(path.parent.glob(f"{path.name}.*"))  # setuptools leaves out the suffix
            yield from ((base + file.name[file.name.index(".") :], file) for file in files if not file.name.endswith(".pyc"))


def _files(folder: Path) -> Iterator[Path]:
    """List a package's files, without caches, hidden folders and virtual environments."""
    for place, folders, files in os.walk(folder):
        here = Path(place)
        folders[:] = sorted(
            one for one in folders
            if not one.startswith((".", "__pycache__")) and one != "node_modules" and not (here / one / "pyvenv.cfg").exists()
        )  # fmt: skip
        yield from (here / name for name in sorted(files) if not name.startswith(".") and not name.endswith(".pyc"))


def _tags(info: Path, built: str) -> list[str]:
    """Read what a distribution runs on; a project in place may say less than the extension modules that lie in it."""
    file = info / "WHEEL"
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    told = sorted(set(re.findall(r"^Tag: *(\S+-\S+-\S+)\s*$", text, re.MULTILINE))) or ["py3-none-any"]
    return [built] if built and all(tag.endswith("-none-any") for tag in told) else told


def _compressed(tags: list[str]) -> str:
    parts = zip(*(tag.split("-") for tag in tags), strict=True)
    return "-".join(".".join(sorted(set(part))) for part in parts)


def _fingerprint(members: list[tuple[str, Path]], tags: list[str]) -> str:
    """Name files by what changes when they change, so that they are read only once."""
    facts = [(path, str(source), (stat := source.stat()).st_size, stat.st_mtime_ns, stat.st_mode) for path, source in members]
    return hashlib.sha256(json.dumps([facts, tags]).encode()).hexdigest()


def _write(made: Path, name: str, members: list[tuple[str, Path]], info: str, tags: list[str]) -> Path:
    """Write a wheel into a folder that is named by its hash."""
    made.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, temporary = tempfile.mkstemp(dir=made.parent, prefix=".new-")
    os.close(handle)
    file = Path(temporary)
    try:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            lines = [_add(archive, path, source) for path, source in members]
            pure = str(all(tag.endswith("-none-any") for tag in tags)).lower()
            wheel = f"Wheel-Version: 1.0\nGenerator: jupyterlab-deploy\nRoot-Is-Purelib: {pure}\n"
            lines.append(_add(archive, f"{info}/WHEEL", (wheel + "".join(f"Tag: {tag}\n" for tag in tags)).encode()))
            _add(archive, f"{info}/RECORD", "".join([*lines, f"{info}/RECORD,,\n"]).encode())
        target = made / digest_of(file) / name
        target.parent.mkdir(exist_ok=True, mode=0o700)
        file.replace(target)
    finally:
        file.unlink(missing_ok=True)
    return target


def _add(archive: zipfile.ZipFile, path: str, source: Path | bytes) -> str:
    """Add one member and give its line in RECORD."""
    member = zipfile.ZipInfo(path, TIME)
    member.create_system = 3
    runs = isinstance(source, Path) and source.stat().st_mode & 0o100
    member.external_attr = (0o100755 if runs else 0o100644) << 16
    digest, size = hashlib.sha256(), 0
    with archive.open(member, "w", force_zip64=isinstance(source, Path) and source.stat().st_size > zipfile.ZIP64_LIMIT) as sink:
        for part in _parts(source):
            sink.write(part)
            digest.update(part)
            size += len(part)
    quoted = f'"{path}"' if "," in path else path
    return f"{quoted},sha256={base64.urlsafe_b64encode(digest.digest()).rstrip(b'=').decode()},{size}\n"


def _parts(source: Path | bytes) -> Iterator[bytes]:
    if isinstance(source, bytes):
        yield source
        return
    with source.open("rb") as file:
        while part := file.read(CHUNK):
            yield part
