"""A bundle as one file that can be sent: a plain tar, which any tar program lists, and which only this module reads back.

The first member is the index: what the bundle is, and each file's name, size and digest. Everything after it follows from the
index, down to the bytes of each header, so the reader parses nothing that it received but the index: it compares. Members come in
one order, are regular files, carry no times and no owners, so the same release gives the same bytes anywhere. Nothing is loaded or
run, and every digest is checked before the caller sees a path.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import unicodedata
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Literal

import msgspec

from jupyter_deploy import bundle as bundles
from jupyter_deploy import errors, home
from jupyter_deploy.values import NAME, Bundle, Capture, Lock, Options, Provenance, from_json, to_json
from jupyter_deploy.values.base import Value

INDEX = "index.json"
BLOCK = 512  # bytes of a tar's header, and what every member is padded to
END = bytes(2 * BLOCK)
LARGEST_INDEX = 16 * 1024 * 1024  # bytes
MOST_FILES = 20_000
LONGEST_NAME, LONGEST_PREFIX = 100, 155  # bytes in a header's fields
LARGEST_FILE = 8**11 - 1  # bytes; what eleven octal digits can say
PIECE = 1 << 20  # bytes that are held in memory at a time


class File(Value, frozen=True, kw_only=True):
    """One file of a bundle.

    Attributes:
        path: Its name relative to the bundle, with slashes.
        size: Its size in bytes.
        digest: SHA-256, hexadecimal.
        program: Whether it may be executed.
    """

    path: str
    size: int
    digest: str
    program: bool = False


class Index(Value, frozen=True, kw_only=True):
    """What an archive holds.

    Attributes:
        format: The version of this layout.
        bundle: The bundle's digest, which its content must have.
        tag: The Bento's tag.
        capture: What was captured, without the paths of the machine that it was captured on.
        lock: The lock.
        options: What the release was asked to do.
        provenance: Where the release came from.
        files: The files in order of name.
    """

    format: Literal[1] = 1
    bundle: str
    tag: str
    capture: Capture
    lock: Lock
    options: Options
    provenance: Provenance = Provenance()
    files: tuple[File, ...]


class Sealed(Value, frozen=True, kw_only=True):
    """The index as it was written, with its own digest, so that a flipped bit in it is noticed."""

    index: msgspec.Raw
    digest: str


def write(out: Path, bundle: Bundle, capture: Capture, lock: Lock, options: Options, provenance: Provenance) -> Index:
    """Write a bundle as an archive.

    Args:
        out: The file; what stands there is replaced once all is written.
        bundle: The bundle.
        capture: Its capture.
        lock: Its lock.
        options: What its release was asked to do.
        provenance: Where its release came from.

    Returns:
        The index.

    Raises:
        BadInput: If a file's name cannot stand in an archive.
        OSError: If the file cannot be written.
    """
    root = Path(bundle.folder)
    index = Index(
        bundle=bundle.digest, tag=bundle.tag, options=options, provenance=provenance, files=_list(root),
        lock=msgspec.structs.replace(lock, folder="", findings=(), received=False),
        capture=msgspec.structs.replace(
            capture, folder="", interpreter="", path=(), seconds=0.0, provenance=Provenance()
        ),
    )  # fmt: skip
    part = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        with part.open("xb") as file:
            for piece in _pieces(index, root):
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)
    return index


def read(archive: Path, folder: Path) -> Index:
    """Read an archive that anybody may have made.

    Args:
        archive: The file.
        folder: The folder to write the bundle's files to, empty or not made yet; it is removed again where this fails.

    Returns:
        The index, whose every word about the files has been found true.

    Raises:
        BadArchive: If it is anything but what `write` would have written for its index.
        OSError: If the archive cannot be read, or the folder cannot be written.
    """
    with archive.open("rb") as file:
        index = read_index(file)
        _check(index)
        _check_space(index, folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
        try:
            for one in index.files:
                _extract(file, one, folder)
            _check_whole(file, index, folder)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
    return index


def read_index(file: BinaryIO) -> Index:
    """Read the index at the beginning of an archive.

    Args:
        file: The archive, from its beginning.

    Returns:
        The index; what it says has not been compared with the files yet.

    Raises:
        BadArchive: If there is no such index.
    """
    header = file.read(BLOCK)
    with contextlib.suppress(ValueError):
        size = int(header[124:135], 8)
        if 0 < size <= LARGEST_INDEX and header == _header(INDEX, size, program=False):
            return _parse(_content(file, size))
    raise _refused("it does not begin with an index, so it was not made by `jupyter deploy export`")


def _parse(data: bytes) -> Index:
    try:
        sealed = from_json(data, Sealed)
        if sealed.digest != hashlib.sha256(sealed.index).hexdigest():
            raise _refused("its index was changed")
        return from_json(bytes(sealed.index), Index)
    except errors.BadArchive:
        raise
    except (errors.BadInput, RecursionError) as error:
        raise _refused("its index cannot be read; it may come from a newer version") from error


def _check(index: Index) -> None:
    """Check what the index says before anything is written."""
    names = [one.path for one in index.files]
    if names != sorted(set(names)) or len(names) > MOST_FILES:
        raise _refused(f"its index does not list at most {MOST_FILES:,} files, each once and in order")
    if not NAME.fullmatch(index.capture.endpoint):
        raise _refused("its index holds no endpoint's name")
    if index.tag != f"{index.capture.endpoint}:{index.bundle[: len(bundles.UNNAMED)]}":
        raise _refused("its tag is not that of its bundle")
    seen: dict[str, str] = {}
    for one in index.files:
        _check_name(one.path)
        if not 0 <= one.size <= LARGEST_FILE:
            raise _refused(f"the size of `{one.path}` cannot be")
        for place in (PurePosixPath(one.path), *PurePosixPath(one.path).parents):
            folded = unicodedata.normalize("NFC", str(place)).casefold()
            if seen.setdefault(folded, str(place)) != str(place):
                raise _refused(f"`{one.path}` would be the same file as another on some systems")
    folders = {str(place) for name in names for place in PurePosixPath(name).parents}
    if folders & set(names):
        raise _refused(f"`{min(folders & set(names))}` is both a file and a folder")


def _check_space(index: Index, folder: Path) -> None:
    needed, free = sum(one.size for one in index.files), shutil.disk_usage(folder).free
    if needed > free:
        raise errors.BadArchive(
            f"The bundle takes {needed / 1e6:,.0f} MB, and {folder} has {free / 1e6:,.0f} MB left.",
            "Free some space and try again.",
        )


def _check_name(name: str) -> None:
    path = PurePosixPath(name)
    plain = name.isprintable() and "\\" not in name and str(path) == name and name not in ("", ".")
    if not plain or path.is_absolute() or ".." in path.parts:
        raise _refused(f"{name[:80]!r} is not a name within a bundle")
    _split(name)


def _check_whole(file: BinaryIO, index: Index, folder: Path) -> None:
    _expect(file, END, "its end")
    if file.read(1):
        raise _refused("something follows after its end")
    if bundles.measure(folder) != index.bundle:
        raise _refused(f"its content is not the bundle {index.bundle[:12]} that it says it is")


def _extract(file: BinaryIO, one: File, folder: Path) -> None:
    _expect(file, _header(one.path, one.size, program=one.program), f"the header of `{one.path}`")
    target = folder / one.path
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    whole, left = hashlib.sha256(), one.size
    handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o755 if one.program else 0o644)
    with os.fdopen(handle, "wb") as out:
        while left:
            piece = file.read(min(left, PIECE))
            if not piece:
                raise _refused(f"it ends within `{one.path}`")
            whole.update(piece)
            out.write(piece)
            left -= len(piece)
    _expect(file, bytes(-one.size % BLOCK), f"what follows `{one.path}`")
    if whole.hexdigest() != one.digest:
        raise _refused(f"`{one.path}` was changed: its SHA-256 is {whole.hexdigest()[:12]}…, and {one.digest[:12]}… was expected")


def _content(file: BinaryIO, size: int) -> bytes:
    data = file.read(size)
    _expect(file, bytes(-size % BLOCK), "what follows its index")
    return data


def _expect(file: BinaryIO, expected: bytes, what: str) -> None:
    if file.read(len(expected)) != expected:
        raise _refused(f"{what} is not as its index says")


def _list(root: Path) -> tuple[File, ...]:
    files = sorted((path.relative_to(root).as_posix(), path) for path in root.rglob("*") if path.is_file())
    return tuple(_file(name, path) for name, path in files)


def _file(name: str, path: Path) -> File:
    facts = path.stat()
    if facts.st_size > LARGEST_FILE:
        raise errors.BadArchive(f"`{name}` is too large for an archive: {facts.st_size / 1e9:.1f} GB, and 8.6 GB is the most.")
    return File(path=name, size=facts.st_size, digest=home.digest_of_file(path).hex(), program=bool(facts.st_mode & 0o100))


def seal(index: bytes) -> bytes:
    """Write an index down together with its digest.

    Args:
        index: The index as JSON.

    Returns:
        JSON.
    """
    return to_json(Sealed(index=msgspec.Raw(index), digest=hashlib.sha256(index).hexdigest()))


def _pieces(index: Index, root: Path) -> Iterator[bytes]:
    sealed = seal(to_json(index))
    yield _header(INDEX, len(sealed), program=False)
    yield sealed + bytes(-len(sealed) % BLOCK)
    for one in index.files:
        yield _header(one.path, one.size, program=one.program)
        with (root / one.path).open("rb") as file:
            while piece := file.read(PIECE):
                yield piece
        yield bytes(-one.size % BLOCK)
    yield END


def _header(name: str, size: int, *, program: bool) -> bytes:
    """Write the one header that a file of this name and size can have: POSIX ustar, no owner, no time."""
    prefix, last = _split(name)
    mode = b"0000755\0" if program else b"0000644\0"
    fields = (
        last.ljust(100, b"\0"), mode, b"0000000\0", b"0000000\0", b"%011o\0" % size, b"00000000000\0", b" " * 8, b"0", bytes(100),
        b"ustar\0", b"00", bytes(32), bytes(32), b"0000000\0", b"0000000\0", prefix.ljust(155, b"\0"), bytes(12),
    )  # fmt: skip
    header = b"".join(fields)
    return header[:148] + b"%06o\0 " % sum(header) + header[156:]


def _split(name: str) -> tuple[bytes, bytes]:
    """Divide a name between a header's two fields, which are too short for some."""
    encoded = name.encode("utf-8", "surrogatepass")
    if len(encoded) <= LONGEST_NAME:
        return b"", encoded
    places = [at for at, byte in enumerate(encoded) if byte == ord("/") and at <= LONGEST_PREFIX]
    if places and len(encoded) - places[-1] - 1 <= LONGEST_NAME:
        return encoded[: places[-1]], encoded[places[-1] + 1 :]
    raise errors.BadArchive(
        f"The name `{name[:80]}…` is too long for an archive.", "Shorten the names of the files beside the notebook."
    )


def _refused(why: str) -> errors.BadArchive:
    return errors.BadArchive(f"This archive is refused: {why}.", "Ask whoever sent it to export it again, and compare its SHA-256.")
