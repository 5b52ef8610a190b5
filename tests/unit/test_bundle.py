from __future__ import annotations

import random
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
import yaml

from jupyter_deploy import errors, home
from jupyter_deploy.bundle import build, check, measure
from jupyter_deploy.installer import run_uv
from jupyter_deploy.lock.format import write
from jupyter_deploy.lock.wheels import pack
from jupyter_deploy.values import Capture, Contract, Golden, Input, Lock, Manifest, Method, Output, Requirement, to_json

LOCK = Lock(
    digest="1" * 64,
    text="bentoml==1.4.39 \\\n    --hash=sha256:aa\n",
    packages=(Requirement(name="bentoml", version="1.4.39"),),
    python="3.11",
    locker="uv",
)
TEXTS = Method(name="predict", attribute="predict", input=Input(kind="list", dtype="str"), output=Output(kind="list"))


@pytest.fixture
def capture(tmp_path: Path) -> Capture:
    """Give a small capture on disk."""
    folder = tmp_path / "capture"
    contract = Contract(methods=(TEXTS,))
    golden = [Golden(method="predict", rows=["it's", 'a "b"', "`c`"], answers=[1, 2, 3])]
    files = {"manifest.json": Manifest(endpoint="demo", language_version="3.11.7", framework="callable"), "contract.json": contract}
    for name, value in (files | {"golden.json": golden, "cells.json": []}).items():
        home.write(folder / name, to_json(value))
    home.write(folder / "model" / "model.pkl", b"pickle")
    home.write(folder / "sources" / "text" / "__init__.py", b"")
    home.write(folder / "sources" / "__pycache__" / "text.pyc", b"left out")
    return Capture(
        endpoint="demo",
        variable="models['a`b']",
        kind="Model",
        digest="2" * 64,
        folder=str(folder),
        size=0,
        contract=contract,
        golden={"predict": 3},
        golden_origin="cell 1",
        modules=(),
        interpreter=sys.executable,
        path=(),
        language_version="3.11.7",
    )


@pytest.mark.parametrize("count", [100, pytest.param(1000, marks=pytest.mark.faults)])
def test_a_flipped_bit_is_found(capture: Capture, tmp_path: Path, count: int) -> None:
    """Whichever bit of whichever file is another one, the bundle is refused, and the file is named with both digests."""
    bundle = build(capture, LOCK, tmp_path / "bundles")
    check(bundle)
    chance = random.Random(count)
    files = [path for path in Path(bundle.folder).rglob("*") if path.is_file() and path.stat().st_size]
    for file in chance.choices(files, k=count):
        before = file.read_bytes()
        place = chance.randrange(len(before))
        file.write_bytes(before[:place] + bytes([before[place] ^ 1 << chance.randrange(8)]) + before[place + 1 :])
        with pytest.raises(errors.Damaged, match=rf"{re.escape(str(file))} .* its digest should be \S+ and is .+"):
            check(bundle)
        file.write_bytes(before)
    check(bundle)


@pytest.mark.parametrize("harm", [Path.unlink, lambda file: file.write_bytes(b""), lambda file: file.chmod(0o755)])
def test_a_file_that_is_gone_cut_off_or_executable_is_found(capture: Capture, tmp_path: Path, harm: Callable[[Path], None]) -> None:
    """A bundle is all of its files, whole, and as they were."""
    bundle = build(capture, LOCK, tmp_path / "bundles")
    harm(Path(bundle.folder, "src", "contract.json"))

    with pytest.raises(errors.Damaged, match=r"src/contract\.json"):
        check(bundle)


def test_a_bundle_that_is_gone_is_told(capture: Capture, tmp_path: Path) -> None:
    """Without its folder there is nothing to start."""
    bundle = build(capture, LOCK, tmp_path / "bundles")
    shutil.rmtree(bundle.folder)

    with pytest.raises(errors.Damaged):
        check(bundle)


def test_measured_again(capture: Capture, tmp_path: Path) -> None:
    """A bundle's digest is found again from its content, and not after one byte of it has changed."""
    bundle = build(capture, LOCK, tmp_path / "bundles")
    file = Path(bundle.folder, "src", "model", "model.pkl")

    assert bundle.digest == measure(Path(bundle.folder))
    file.unlink()
    file.write_bytes(b"pickld")
    assert bundle.digest != measure(Path(bundle.folder))


def test_named_by_its_content(capture: Capture, tmp_path: Path) -> None:
    """Folder, tag and version begin with one digest, and nothing else is left in the folder of bundles."""
    bundle = build(capture, LOCK, tmp_path / "bundles")
    info = yaml.safe_load((Path(bundle.folder) / "bento.yaml").read_text())

    assert [Path(bundle.folder)] == list((tmp_path / "bundles").iterdir())
    assert bundle.digest == Path(bundle.folder).name
    assert f"demo:{bundle.digest[:12]}" == bundle.tag == f"{info['name']}:{info['version']}"


def test_same_bytes_elsewhere(capture: Capture, tmp_path: Path) -> None:
    """The same capture and lock give the same bytes from another folder, at another time, with other modes."""
    first = build(capture, LOCK, tmp_path / "one")
    copied = Path(shutil.copytree(capture.folder, tmp_path / "elsewhere"))
    (copied / "cells.json").chmod(0o644)
    second = build(msgspec.structs.replace(capture, folder=str(copied)), LOCK, tmp_path / "two")

    assert first.digest == second.digest
    assert home.digest_of(Path(first.folder)) == home.digest_of(Path(second.folder))


def test_built_once(capture: Capture, tmp_path: Path) -> None:
    """A bundle that is there is found, not replaced."""
    first = build(capture, LOCK, tmp_path)
    before = Path(first.folder).stat().st_ino

    assert first == build(capture, LOCK, tmp_path)
    assert before == Path(first.folder).stat().st_ino


@pytest.mark.parametrize("file", ["model/model.pkl", "golden.json", "sources/text/__init__.py"])
def test_any_change_gives_another(capture: Capture, tmp_path: Path, file: str) -> None:
    """Another byte in the capture gives another bundle."""
    before = build(capture, LOCK, tmp_path / "bundles").digest
    home.write(Path(capture.folder) / file, b"[]")

    assert before != build(capture, LOCK, tmp_path / "bundles").digest


def test_another_lock_gives_another(capture: Capture, tmp_path: Path) -> None:
    """Another hash in the lock gives another bundle."""
    other = msgspec.structs.replace(LOCK, text=LOCK.text.replace("aa", "bb"))

    assert build(capture, LOCK, tmp_path).digest != build(capture, other, tmp_path).digest


def test_holds_what_it_needs(capture: Capture, tmp_path: Path) -> None:
    """Source, lock, interface and container files lie where BentoML looks for them; caches stay behind."""
    folder = Path(build(capture, LOCK, tmp_path / "bundles").folder)

    for file in (
        "README.md",
        "apis/openapi.yaml",
        "env/docker/Dockerfile",
        "src/service.py",
        "src/endpoint/codec.py",
        "src/cells.json",
    ):
        assert (folder / file).is_file(), file
    assert b"pickle" == (folder / "src" / "model" / "model.pkl").read_bytes()
    assert f"--require-hashes\n{LOCK.text}" == (folder / "env" / "python" / "requirements.txt").read_text()
    assert (folder / "env" / "docker" / "entrypoint.sh").stat().st_mode & 0o100
    assert [] == list(folder.rglob("__pycache__"))


def test_model_is_not_stored_twice(capture: Capture, tmp_path: Path) -> None:
    """The model's file is linked where the file system can."""
    folder = Path(build(capture, LOCK, tmp_path / "bundles").folder)

    assert (Path(capture.folder) / "model" / "model.pkl").samefile(folder / "src" / "model" / "model.pkl")


def test_half_made_bundles_count_for_nothing(capture: Capture, tmp_path: Path) -> None:
    """What a killed build left behind is never taken for a bundle."""
    (tmp_path / "bundles" / ".new-killed").mkdir(parents=True)

    assert (Path(build(capture, LOCK, tmp_path / "bundles").folder) / "bento.yaml").is_file()


def test_examples_in_the_readme_are_quoted(capture: Capture, tmp_path: Path) -> None:
    """Rows with quotes come through the shell as they are, and code that people wrote cannot end a code span."""
    readme = (Path(build(capture, LOCK, tmp_path / "bundles").folder) / "README.md").read_text()
    quoted = next(line for line in readme.splitlines() if line.startswith("  -d ")).removeprefix("  -d ")
    told = subprocess.run(["sh", "-c", f"printf %s {quoted}"], capture_output=True, text=True, check=True).stdout

    assert {"rows": ["it's", 'a "b"']} == msgspec.json.decode(told)
    assert "`models['a'b']` (Model)" in readme


def test_agent_stays_light() -> None:
    """Building bundles needs neither bentoml nor the libraries of models."""
    seen = "import sys; import jupyter_deploy.bundle; print({'bentoml', 'numpy', 'pandas', 'cloudpickle'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", seen], capture_output=True, text=True, check=True)

    assert "set()" == done.stdout.strip()


def test_wheels_go_along(capture: Capture, tmp_path: Path) -> None:
    """What is on no index lies where BentoML looks for it, is copied into images, and pip and uv install it from the lock."""
    info = tmp_path / "site" / "mine-0.1.dist-info"
    home.write(info / "METADATA", b"Metadata-Version: 2.1\nName: mine\nVersion: 0.1\n")
    home.write(info.parent / "mine.py", b"A = 1\n")
    home.write(info / "RECORD", b"mine.py,,\nmine-0.1.dist-info/METADATA,,\n")
    wheel = pack("mine", "0.1", info, None, "", tmp_path / "wheels")
    lock = msgspec.structs.replace(LOCK, text=write([wheel.entry]), folder=str(wheel.path.parent), own=("mine",))

    folder = Path(build(capture, lock, tmp_path / "bundles").folder)

    assert [wheel.path.read_bytes()] == [one.read_bytes() for one in (folder / "src" / "wheels").iterdir()]
    assert ["wheels"] == yaml.safe_load((folder / "bento.yaml").read_bytes())["image"]["build_include"]
    assert "COPY src/wheels src/wheels\n" in (folder / "env" / "docker" / "Dockerfile").read_text()
    asked = folder / "env" / "python" / "requirements.txt"
    pip = [sys.executable, "-m", "pip", "install", "--no-index", "--no-deps", "--target", str(tmp_path / "pip"), "-r", str(asked)]
    subprocess.run(pip, check=True, capture_output=True, cwd=tmp_path)
    uv = ["pip", "install", "--offline", "--no-deps", "--target", str(tmp_path / "uv"), "-r", str(asked)]
    assert 0 == run_uv(uv, cwd=folder / "src").code  # as `bentoml containerize` does
    assert "A = 1\n" == (tmp_path / "pip" / "mine.py").read_text() == (tmp_path / "uv" / "mine.py").read_text()
