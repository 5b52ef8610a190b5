"""What came from elsewhere says nothing to an installer but what is locked by version and hash."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec
import pytest

from jupyter_deploy import errors, received
from jupyter_deploy.archive import Index
from jupyter_deploy.home import digest_of_all
from jupyter_deploy.values import Lock, Options, Provenance, Requirement
from tests.captures import reaching

PYTHON = "{}.{}".format(*sys.version_info[:2])


def taken(folder: Path, text: str, digest: str = digest_of_all({})) -> Lock:
    """Take in a bundle whose lock has a text, and whose capture, which has no files, is said to have a digest."""
    staged = folder / "staged"
    (staged / "src" / "wheels").mkdir(parents=True)
    (staged / "src" / "wheels" / "mine-0.1-py3-none-any.whl").touch()
    (staged / "bento.yaml").write_text("name: demo\n")
    (staged / "src" / "requirements.txt").write_text(text)
    asked = ("-r /etc/hosts", "mine @ https://elsewhere/mine.tar.gz")
    lock = Lock(digest="0" * 64, text=text, packages=(), python=PYTHON, locker="other", requirements=asked, constraints=asked)
    capture = msgspec.structs.replace(reaching(folder), digest=digest)
    index = Index(bundle="b", tag="demo:b", capture=capture, lock=lock, options=Options(), provenance=Provenance(), files=())
    _, lock, _ = received.take_in(received.Received(folder=str(staged), index=index), folder / "bundles", folder / "captures")
    return lock


def test_a_lock_is_read_from_what_is_locked(tmp_path: Path) -> None:
    """Packages, what a resolver would be asked for, and what has a wheel come from the lock and the wheels, not from the index."""
    lock = taken(tmp_path, "lib==1.0 \\\n    --hash=sha256:aa\nmine==0.1 \\\n    --hash=sha256:bb\n")

    assert (("lib==1.0", "mine==0.1"), (), ("mine",), "uv") == (lock.requirements, lock.constraints, lock.own, lock.locker)
    assert (Requirement(name="lib", version="1.0"), Requirement(name="mine", version="0.1")) == lock.packages
    assert str(tmp_path / "bundles" / "b" / "src" / "wheels") == lock.folder


def test_addresses_are_refused(tmp_path: Path) -> None:
    """A lock that fetches a package from an address of its own is refused by name."""
    with pytest.raises(errors.BadArchive, match="its lock fetches `mine` from an address of its own"):
        taken(tmp_path, "mine @ https://elsewhere/mine-1.0-py3-none-any.whl \\\n    --hash=sha256:aa\n")


@pytest.mark.parametrize("digest", ["1" * 64, "../other"])
def test_another_capture_is_refused(tmp_path: Path, digest: str) -> None:
    """A capture is what the archive holds: no other that lies here, and no folder elsewhere."""
    (tmp_path / "captures" / digest).mkdir(parents=True)
    with pytest.raises(errors.BadArchive, match="its capture is not what its index says"):
        taken(tmp_path, "mine==0.1 \\\n    --hash=sha256:bb\n", digest)

    assert (tmp_path / "captures" / digest).is_dir()
