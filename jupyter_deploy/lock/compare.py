"""What changed from one lock to another."""

from __future__ import annotations

from typing import NamedTuple

from jupyter_deploy.lock.format import Entry, parse
from jupyter_deploy.values import Lock


class Change(NamedTuple):
    """One package that differs.

    Attributes:
        name: The package.
        before: Its version in the older lock; empty where it was not there.
        after: Its version in the newer lock; empty where it is gone.
        rebuilt: Whether the version is the same but its files are others.
    """

    name: str
    before: str
    after: str
    rebuilt: bool = False


def diff(old: Lock, new: Lock) -> tuple[Change, ...]:
    """Compare two locks.

    Args:
        old: The older lock.
        new: The newer lock.

    Returns:
        What was added, removed or changed, in order of name; nothing where both install the same.
    """
    before, after = ({one.name: one for one in parse(lock.text)} for lock in (old, new))
    found = (_change(name, before.get(name), after.get(name)) for name in sorted(before | after))
    return tuple(one for one in found if one.before != one.after or one.rebuilt)


def _change(name: str, before: Entry | None, after: Entry | None) -> Change:
    # an index that gained a file for one more platform still gives everybody the file that they had
    rebuilt = (
        before is not None and after is not None and before.version == after.version and not {*before.hashes} & {*after.hashes}
    )
    return Change(name, before.version if before else "", after.version if after else "", rebuilt)
