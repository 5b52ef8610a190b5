"""What every locker must do, asked of each of them."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from jupyter_deploy import errors, plugins
from jupyter_deploy.lock.base import Elsewhere, Locker, NotOnIndex
from jupyter_deploy.lock.format import parse
from jupyter_deploy.lock.wheels import Wheel, pinned

if TYPE_CHECKING:
    from tests.conftest import Index

PYTHON = Path(sys.executable)
UNREACHABLE = "http://127.0.0.1:9/simple"  # the port of `discard`, where nobody listens


@pytest.fixture(params=plugins.names("lockers"))
def locker(request: pytest.FixtureRequest) -> Locker:
    """Give each locker in turn."""
    made: Locker = plugins.load("lockers", request.param)()
    return made


def test_locks_the_closure_with_hashes(locker: Locker, index: Index, tmp_path: Path) -> None:
    """A lock holds what is asked for and what that needs, each at one version and with its file's hash."""
    upper, lower = index.add("upper", "1.0", "lower>=1"), index.add("lower", "1.5")
    digests = [hashlib.sha256(wheel.read_bytes()).hexdigest() for wheel in (lower, upper)]

    expected = f"lower==1.5 \\\n    --hash=sha256:{digests[0]}\nupper==1.0 \\\n    --hash=sha256:{digests[1]}\n"
    assert expected == locker.compile(["upper"], [], PYTHON, tmp_path).text


def test_constraints_hold(locker: Locker, index: Index, tmp_path: Path) -> None:
    """A constraint decides the version of what is needed, and brings nothing in by itself."""
    index.add("upper", "1.0", "lower>=1")
    for version in ("1.5", "1.6"):
        index.add("lower", version)
        index.add("stranger", version)

    text = locker.compile(["upper==1.0"], ["lower==1.5", "stranger==1.5"], PYTHON, tmp_path).text

    assert ["lower==1.5", "upper==1.0"] == [entry.requirement for entry in parse(text)]


def test_extras_and_markers_count(locker: Locker, index: Index, tmp_path: Path) -> None:
    """Extras bring their requirements in, and markers that are false for this interpreter leave theirs out."""
    index.add("upper", "1.0", "more ; extra == 'all'", "never ; python_version < '3'")
    index.add("more", "2.0")

    text = locker.compile(["upper[all]==1.0"], [], PYTHON, tmp_path).text

    assert ["more==2.0", "upper==1.0"] == [entry.requirement for entry in parse(text)]


def test_clash_is_told(locker: Locker, index: Index, tmp_path: Path) -> None:
    """Packages that do not go together are an error that names them."""
    index.add("upper", "1.0", "lower<2")
    index.add("lower", "1.0")
    index.add("lower", "2.0")

    with pytest.raises(errors.Unsolvable, match="lower"):
        locker.compile(["upper==1.0", "lower==2.0"], [], PYTHON, tmp_path)


def test_vanished_version_is_told(locker: Locker, index: Index, tmp_path: Path) -> None:
    """A version that the index does not have is an error that names it."""
    index.add("upper", "1.0")

    with pytest.raises(errors.Unsolvable, match="upper==9"):
        locker.compile(["upper==9.0"], [], PYTHON, tmp_path)


def test_unknown_package_is_told(locker: Locker, index: Index, tmp_path: Path) -> None:
    """A package that the index does not know is an error that names it, and no fault of the network."""
    with pytest.raises(errors.Unsolvable, match="upper"):
        locker.compile(["upper==1.0"], [], PYTHON, tmp_path)


def test_no_network_is_told(locker: Locker, index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a network the error says so and names what is missing."""
    monkeypatch.setenv("PIP_INDEX_URL", UNREACHABLE)

    with pytest.raises(errors.LockFailed, match=r"cannot be reached.*upper") as caught:
        locker.compile(["upper==1.0"], [], PYTHON, tmp_path)

    assert not isinstance(caught.value, errors.Unsolvable)


def test_no_address_is_kept(locker: Locker, index: Index, tmp_path: Path) -> None:
    """A lock names no package index."""
    index.add("upper", "1.0")

    assert "127.0.0.1" not in locker.compile(["upper"], [], PYTHON, tmp_path).text


def test_withdrawn_versions_are_taken_and_told(locker: Locker, index: Index, tmp_path: Path) -> None:
    """A version that was yanked is locked where it is asked for exactly, also by a constraint, and the reason is given."""
    index.add("upper", "1.0", "lower")
    index.add("lower", "1.0", yanked="loses data")
    index.add("lower", "1.1")

    found = locker.compile(["upper==1.0"], ["lower==1.0"], PYTHON, tmp_path)

    assert ["lower==1.0", "upper==1.0"] == [entry.requirement for entry in parse(found.text)]
    assert {"lower": "loses data"} == found.yanked


def test_what_the_index_lacks_is_named(locker: Locker, index: Index, tmp_path: Path) -> None:
    """A version that the index does not have, asked for directly or by a constraint, is named by the distribution's own name."""
    index.add("upper", "1.0", "lower_one")
    index.add("lower_one", "1.1")
    (tmp_path / "other").mkdir()

    with pytest.raises(NotOnIndex) as caught:
        locker.compile(["upper==1.0"], ["lower-one==1.0"], PYTHON, tmp_path)
    with pytest.raises(NotOnIndex) as again:
        locker.compile(["upper==2.0"], [], PYTHON, tmp_path / "other")

    assert (("lower-one",), ("upper",)) == (caught.value.missing, again.value.missing)


def test_passwords_are_not_told(locker: Locker, index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An index that asks for a password is asked with the user's own, which is in no lock and no message."""
    index.add("upper", "1.0")
    monkeypatch.setenv("PIP_INDEX_URL", index.ask_for("me:hunter2"))
    (tmp_path / "other").mkdir()

    text = locker.compile(["upper==1.0"], [], PYTHON, tmp_path).text
    with pytest.raises(errors.Unsolvable) as caught:
        locker.compile(["absent==1.0"], [], PYTHON, tmp_path / "other")

    assert "upper==1.0" in text
    assert "hunter2" not in text + str(caught.value)


def test_other_machines(index: Index, tmp_path: Path) -> None:
    """With uv a lock for another machine has the files that fit there; pip-tools says that it cannot make one."""
    index.add("upper", "1.0", "lower ; platform_machine == 'aarch64'", tag="py3-none-manylinux_2_17_aarch64")
    index.add("lower", "1.0")
    elsewhere = Elsewhere("linux/arm64", "3.11")

    found = plugins.load("lockers", "uv")().compile(["upper==1.0"], [], PYTHON, tmp_path, elsewhere)

    assert ["lower==1.0", "upper==1.0"] == [entry.requirement for entry in parse(found.text)]
    with pytest.raises(errors.LockFailed, match=r"not for linux/arm64\.\nSet `locker = \"uv\"`"):
        plugins.load("lockers", "pip-tools")().compile(["upper==1.0"], [], PYTHON, tmp_path, elsewhere)


def test_lockers_agree(index: Index, tmp_path: Path) -> None:
    """Wheels of this machine, extras, markers, withdrawn versions and several files give the same bytes with every locker."""
    index.add("upper", "1.0", "more ; extra == 'all'", "never ; python_version < '3'", "lower>=1")
    index.add("more", "2.0", "Mixed_Name")
    index.add("Mixed_Name", "1.0", yanked="late")
    index.add("lower", "1.0", tag="py3-none-any")
    index.add("lower", "1.0", tag="py2-none-any")
    own = index.add("own", "0.1+local", "upper[all]", "lower")
    index.forget("own")
    mine = Wheel("own", "0.1+local", own, hashlib.sha256(own.read_bytes()).hexdigest())

    texts = set()
    for name in plugins.names("lockers"):
        folder = tmp_path / name
        folder.mkdir()
        found = plugins.load("lockers", name)().compile([mine.requirement], ["mixed-name==1.0"], PYTHON, folder)
        texts.add(pinned(found.text, [mine]))

    (text,) = texts
    entries = {entry.requirement: entry.hashes for entry in parse(text)}
    assert ["lower==1.0", "mixed-name==1.0", "more==2.0", "own==0.1+local", "upper==1.0"] == list(entries)
    assert (f"sha256:{mine.digest}",) == entries["own==0.1+local"]
    assert 2 == len(entries["lower==1.0"])


@pytest.mark.slow
def test_lockers_agree_on_published_packages(tmp_path: Path) -> None:
    """For packages of the user's own index every locker gives the same bytes."""
    texts = set()
    for name in plugins.names("lockers"):
        folder = tmp_path / name
        folder.mkdir()
        asked, kept = ["joblib==1.4.2", "six==1.17.0"], ["threadpoolctl==3.5.0"]
        texts.add(plugins.load("lockers", name)().compile(asked, kept, PYTHON, folder).text)

    assert 1 == len(texts)
