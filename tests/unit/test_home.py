"""Files and folders are private, whole, and named by their content."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from jupyter_deploy import errors
from jupyter_deploy.home import Home, digest_of, failed, private, size_of, write


def test_the_environment_names_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`JUPYTER_DEPLOY_HOME` comes before Jupyter's data folder."""
    monkeypatch.setenv("JUPYTER_DEPLOY_HOME", str(tmp_path / "h"))

    assert tmp_path / "h" == Home.find().root


@pytest.mark.parametrize("depth", [1, 60])
def test_every_socket_fits_into_an_address(tmp_path: Path, depth: int) -> None:
    """However deep the home lies, a release's socket stays within 107 bytes."""
    home = Home(tmp_path / ("x" * depth))

    assert len(str(home.runtime / "0123abcd" / "parent.sock.tmp-00")) <= 107


def test_every_folder_of_a_home_is_private(tmp_path: Path) -> None:
    """Whatever the process's mask is, nobody else can enter one, also below a root that was made by others."""
    home = Home(tmp_path / "h").make()

    assert {0o700} == {folder.stat().st_mode & 0o777 for folder in (home.root, *home.root.iterdir())}


def test_a_folder_becomes_private(tmp_path: Path) -> None:
    """Others lose their rights."""
    folder = tmp_path / "open"
    folder.mkdir(mode=0o777)

    assert 0o700 == private(folder).stat().st_mode & 0o777


def test_a_link_instead_of_the_folder_is_refused(tmp_path: Path) -> None:
    """Nobody can point our runtime folder somewhere else."""
    (tmp_path / "link").symlink_to(tmp_path)

    with pytest.raises(errors.AgentUnreachable, match="is a link"):
        private(tmp_path / "link")


def test_a_file_is_written_whole(tmp_path: Path) -> None:
    """The new content is there with its mode, and no temporary file stays."""
    write(tmp_path / "a" / "f", b"one")
    write(tmp_path / "a" / "f", b"two")

    assert (b"two", 0o600, ["f"]) == (
        (tmp_path / "a" / "f").read_bytes(),
        (tmp_path / "a" / "f").stat().st_mode & 0o777,
        [path.name for path in (tmp_path / "a").iterdir()],
    )


def test_a_digest_depends_on_names_and_contents_alone(tmp_path: Path) -> None:
    """Two folders with equal files have one digest; another name or byte has another."""
    for folder in ("a", "b", "c", "d"):
        write(tmp_path / folder / "sub" / ("g" if folder == "c" else "f"), b"2" if folder == "d" else b"1")

    digests = [digest_of(tmp_path / folder) for folder in "abcd"]

    assert digests[0] == digests[1]
    assert 3 == len(set(digests))
    assert 1 == size_of(tmp_path / "a")


def test_a_copy_that_finds_no_room_names_what_was_to_be_written(tmp_path: Path) -> None:
    """The system names what was copied first; the disk that is full is the other one's."""
    error = OSError(errno.ENOSPC, "No space left on device", str(tmp_path / "from"), None, str(tmp_path / "to"))

    told = failed(error, tmp_path).message

    assert f"The disk is full. {tmp_path / 'to'}: No space left on device" in told
    assert str(tmp_path / "from") not in told
