from __future__ import annotations

from jupyter_deploy.lock.compare import Change, diff
from jupyter_deploy.values import Lock


def lock(*lines: str) -> Lock:
    """Make a lock of lines like `name==1.0 sha`."""
    text = "".join("{} --hash=sha256:{}\n".format(*line.split(maxsplit=1)) for line in lines)
    return Lock(digest="0" * 64, text=text, packages=(), python="3.11", locker="uv")


def test_what_changed_is_told_in_order() -> None:
    """Packages that came, went, or have another version are listed; those that stayed are not."""
    old = lock("stays==1.0 aa", "gone==2.0 bb", "newer==1.0 cc")
    new = lock("stays==1.0 aa", "came==3.0 dd", "newer==1.1 ee")

    assert (Change("came", "", "3.0"), Change("gone", "2.0", ""), Change("newer", "1.0", "1.1")) == diff(old, new)


def test_other_files_of_one_version_are_a_change() -> None:
    """A package that was built anew under its old version is told; one that only gained a file is not."""
    old = lock("mine==0.1 aa", "lib==1.0 bb")
    new = lock("mine==0.1 cc", "lib==1.0 bb --hash=sha256:dd")

    assert (Change("mine", "0.1", "0.1", rebuilt=True),) == diff(old, new)


def test_equal_locks_have_no_changes() -> None:
    """A lock does not differ from itself."""
    assert () == diff(lock("a==1 aa"), lock("a==1 aa"))
