"""An archive is read back exactly, or refused with nothing written outside of its folder."""

from __future__ import annotations

import io
import random
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from jupyter_deploy import archive, bundle, errors, home
from jupyter_deploy.values import (
    Bundle,
    Capture,
    Contract,
    Golden,
    Input,
    Lock,
    Manifest,
    Method,
    Options,
    Output,
    Provenance,
    Requirement,
    to_json,
)

SEED = 20
LOCK = Lock(
    digest="1" * 64, text="bentoml==1.4.39 \\\n    --hash=sha256:aa\n", packages=(Requirement(name="bentoml", version="1.4.39"),),
    python="3.11", locker="uv",
)  # fmt: skip
METHOD = Method(name="predict", attribute="predict", input=Input(kind="list", dtype="str"), output=Output(kind="list"))


def build(folder: Path) -> tuple[Bundle, Capture]:
    """Build a small bundle out of a small capture."""
    contract = Contract(methods=(METHOD,))
    taken, long = folder / "capture", "a-folder-with-a-long-name/" * 5
    manifest = Manifest(endpoint="demo", language_version="3.11.7", framework="callable")
    golden = [Golden(method="predict", rows=["a"], answers=[1])]
    for name, value in {"manifest": manifest, "contract": contract, "golden": golden, "cells": []}.items():
        home.write(taken / f"{name}.json", to_json(value))
    home.write(taken / "model" / "model.pkl", bytes(range(256)) * 5)
    home.write(taken / "sources" / "häuser" / "__init__.py", b"")
    home.write(taken / "sources" / long / "deep.py", b"x = 1\n")
    capture = Capture(
        endpoint="demo", variable="model", kind="Model", digest=home.digest_of(taken), folder=str(taken), size=1, contract=contract,
        golden={"predict": 1}, golden_origin="", modules=(), interpreter=sys.executable, path=(), language_version="3.11.7",
    )  # fmt: skip
    return bundle.build(capture, LOCK, folder / "bundles"), capture


def export(folder: Path, name: str = "demo.tar") -> Path:
    """Build a bundle and write it as an archive."""
    built, capture = build(folder)
    archive.write(folder / name, built, capture, LOCK, Options(), Provenance(user="ada"))
    return folder / name


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Give the bytes of an archive as it should be."""
    return export(tmp_path_factory.mktemp("good")).read_bytes()


def test_read_back(tmp_path: Path) -> None:
    """What was written comes back: the same files, modes and index, and any tar program can list them."""
    file = export(tmp_path)
    read = archive.read(file, tmp_path / "back")
    original = tmp_path / "bundles" / read.bundle

    assert home.digest_of(original) == home.digest_of(tmp_path / "back")
    assert "ada" == read.provenance.user
    with tarfile.open(file) as listed:
        assert [archive.INDEX, *(one.path for one in read.files)] == listed.getnames()


def test_holds_no_path_of_the_machine(tmp_path: Path, good: bytes) -> None:
    """Neither the interpreter nor any folder of the machine that exported it stands in an archive."""
    assert sys.executable.encode() not in good
    assert str(tmp_path.parents[1]).encode() not in good


def test_same_bytes_elsewhere(tmp_path: Path, good: bytes) -> None:
    """On another day, in another folder, time zone and language, with another mask and hash seed, the bytes are the same."""
    program = (
        "import os, sys, time, pathlib; os.umask(0o027); sys.path[:0] = sys.argv[1:3]\n"
        "import test_archive; print(test_archive.export(pathlib.Path(sys.argv[3])))"
    )
    there = tmp_path / "wo änders"
    there.mkdir()
    environment = {"TZ": "Asia/Tokyo", "LC_ALL": "C", "PYTHONHASHSEED": "7", "HOME": str(there)}
    here = Path(__file__)
    subprocess.run(
        [sys.executable, "-c", program, str(here.parents[2]), str(here.parent), str(there)], env=environment, check=True, cwd=there
    )

    assert good == (there / "demo.tar").read_bytes()


def test_hostile_archives(good: bytes, tmp_path: Path) -> None:
    """A thousand archives that differ from a good one in a bit, a length, a name or a kind are refused, and leave nothing."""
    dice = random.Random(SEED)
    makers: list[Callable[[bytes, random.Random], bytes]] = [flip, flip, flip, cut, grow, swap, rename, rename, foreign, lie, lie]
    outside = tmp_path / "outside"
    outside.mkdir()
    let_through = []
    for number in range(1000):
        maker = makers[number % len(makers)]
        file = tmp_path / "hostile.tar"
        file.write_bytes(maker(good, dice))
        try:
            archive.read(file, outside / "folder")
            let_through.append((number, maker.__name__))
        except errors.BadInput:
            continue

    assert [] == let_through
    assert [] == list(outside.iterdir())
    assert {"hostile.tar", "outside"} == {one.name for one in tmp_path.iterdir()}


def test_from_another_version(good: bytes, tmp_path: Path) -> None:
    """An index with fields that this version does not know, or without some that it would write, is read all the same."""
    index, _ = taken_apart(good)
    told = msgspec.json.decode(to_json(index))
    told["capture"]["unheard_of"] = 1
    del told["provenance"]
    data, whole = archive.seal(msgspec.json.encode(told)), sealed(index)
    head = archive._header(archive.INDEX, len(data), program=False) + data + bytes(-len(data) % 512)
    (tmp_path / "other.tar").write_bytes(head + good[len(whole) :])

    assert index.bundle == archive.read(tmp_path / "other.tar", tmp_path / "back").bundle


def test_one_byte_too_many(good: bytes, tmp_path: Path) -> None:
    """An archive that goes on after its end is refused with that reason."""
    (tmp_path / "long.tar").write_bytes(good + b"\0")

    with pytest.raises(errors.BadArchive, match="something follows after its end"):
        archive.read(tmp_path / "long.tar", tmp_path / "back")


def flip(good: bytes, dice: random.Random) -> bytes:
    """Flip one bit."""
    at = dice.randrange(len(good))
    return good[:at] + bytes([good[at] ^ 1 << dice.randrange(8)]) + good[at + 1 :]


def cut(good: bytes, dice: random.Random) -> bytes:
    """End early."""
    return good[: dice.randrange(len(good))]


def grow(good: bytes, dice: random.Random) -> bytes:
    """Put something in between, or repeat a part."""
    at = dice.randrange(0, len(good), 512)
    return good[:at] + dice.choice([bytes(512), good[at : at + 1024] or b"x", dice.randbytes(dice.randrange(1, 2000))]) + good[at:]


def swap(good: bytes, dice: random.Random) -> bytes:
    """Exchange two blocks that differ."""
    while True:
        first, second = sorted(dice.randrange(0, len(good), 512) for _ in range(2))
        a, b = good[first : first + 512], good[second : second + 512]
        if a != b:
            return good[:first] + b + good[first + 512 : second] + a + good[second + 512 :]


NAMES = (
    "../escaped", "/tmp/escaped", "src/../../escaped", "a/./b", "", ".", "..", "a//b", "a/", "a\\b", "a\0b", "C:\\x", "a\nb",
    "\u202etxt", "SRC/model/MODEL.PKL", "src", "src/model", "index.json/x", "x" * 101, "a/" * 130 + "b", "src/\ud800", "~/x",
    "src/model/model.pkl/x", "src/Model/model2.pkl", "src/service.py\u200b",
)  # fmt: skip


def rename(good: bytes, dice: random.Random) -> bytes:
    """Give a file a name that is none, all digests and headers being right."""
    index, contents = taken_apart(good)
    at = dice.randrange(len(index.files))
    names = [one.path for one in index.files]
    names[at] = dice.choice(NAMES)
    return put_together(index, names, contents, keep_order=dice.random() < 0.5)


def lie(good: bytes, dice: random.Random) -> bytes:
    """Say something untrue in an index that is sealed well."""
    index, contents = taken_apart(good)
    files = list(index.files)
    at = dice.randrange(len(files))
    one = files[at]
    changes: list[dict[str, Any]] = [
        {"size": one.size + dice.choice([1, 511, 512, 513, 10**9, -1, -one.size - 1])}, {"digest": "0" * 64}, {"digest": "../../x"},
        {"program": not one.program}, {"path": one.path + "x"},
    ]  # fmt: skip
    files[at] = msgspec.structs.replace(one, **dice.choice(changes))
    told = [
        {"files": tuple(files)}, {"files": (*index.files, one)}, {"files": index.files[:at] + index.files[at + 1 :]},
        {"bundle": dice.randbytes(32).hex()}, {"files": index.files[::-1]}, {"files": index.files * 600},
        {"capture": msgspec.structs.replace(index.capture, endpoint="../x")},
    ]  # fmt: skip
    lying = msgspec.structs.replace(index, **dice.choice(told))
    body = b"".join(header(one) + contents.get(one.path, b"") for one in lying.files[:100])
    return sealed(lying) + body + archive.END


def foreign(good: bytes, dice: random.Random) -> bytes:
    """Write links, devices, long names and sparse files as other tar programs do."""
    index, contents = taken_apart(good)
    out = io.BytesIO()
    with tarfile.open(
        fileobj=out, mode="w", format=dice.choice([tarfile.GNU_FORMAT, tarfile.PAX_FORMAT, tarfile.USTAR_FORMAT])
    ) as tar:
        for at, one in enumerate(index.files):
            info = tarfile.TarInfo(one.path)
            info.type = dice.choice([tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE])
            info.linkname = dice.choice(["/etc/passwd", "../../x", "src"])
            info.size = one.size if at else 0
            info.pax_headers = {"path": "../escaped"} if dice.random() < 0.5 else {}
            tar.addfile(info, io.BytesIO(contents[one.path]))
    return (sealed(index) if dice.random() < 0.8 else b"") + out.getvalue()


def taken_apart(good: bytes) -> tuple[archive.Index, dict[str, bytes]]:
    """Take an archive apart: its index, and each file's content with its padding."""
    file = io.BytesIO(good)
    index = archive.read_index(file)
    contents = {}
    for one in index.files:
        file.read(512)
        contents[one.path] = file.read(one.size + -one.size % 512)
    return index, contents


def put_together(index: archive.Index, names: list[str], contents: dict[str, bytes], *, keep_order: bool) -> bytes:
    """Write an archive whose files have other names."""
    files = [msgspec.structs.replace(one, path=name) for one, name in zip(index.files, names, strict=True)]
    held = [contents[one.path] for one in index.files]
    pairs = list(zip(files, held, strict=True))
    pairs = pairs if keep_order else sorted(pairs, key=lambda pair: pair[0].path)
    body = b"".join(header(one) + content for one, content in pairs)
    try:
        return sealed(msgspec.structs.replace(index, files=tuple(one for one, _ in pairs))) + body + archive.END
    except UnicodeEncodeError:
        return sealed(index) + body + archive.END


def header(one: archive.File) -> bytes:
    """Write the header of a file whose name may be too long."""
    try:
        return archive._header(one.path, max(one.size, 0), program=one.program)
    except errors.BadArchive:
        return archive._header("short", max(one.size, 0), program=one.program)


def sealed(index: archive.Index) -> bytes:
    """Write the beginning of an archive with a digest that fits its index."""
    data = archive.seal(to_json(index))
    return archive._header(archive.INDEX, len(data), program=False) + data + bytes(-len(data) % 512)
