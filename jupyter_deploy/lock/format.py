"""The format of a lock: what `pip-compile --generate-hashes` writes, in one canonical form whoever wrote it.

Every requirement stands once, in order of name, with its hashes in order; there are no comments, no options and no index's address,
so that two lockers that agree give the same bytes.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from jupyter_deploy import errors

HASH = re.compile(r"--hash=(\w+:[0-9a-f]+)")


class Entry(NamedTuple):
    """One locked distribution.

    Attributes:
        name: Its canonical name.
        version: Its version; the address where it is locked by address.
        requirement: Its requirement line: the name, the exact version and a marker where there is one.
        hashes: `algorithm:digest` of every file that may be installed, in order.
    """

    name: str
    version: str
    requirement: str
    hashes: tuple[str, ...]


def normalise(text: str) -> str:
    """Bring a locker's output into the canonical form.

    Args:
        text: The output, with continued lines, comments and options.

    Returns:
        The lock.

    Raises:
        LockFailed: If a line is no exact requirement, or has no hash.
    """
    return write(parse(text))


def write(entries: list[Entry]) -> str:
    """Write a lock.

    Args:
        entries: What it holds.

    Returns:
        The lock's text.
    """
    lines = [" \\\n    ".join([entry.requirement, *(f"--hash={one}" for one in entry.hashes)]) for entry in sorted(entries)]
    return "".join(f"{line}\n" for line in lines)


def parse(text: str) -> list[Entry]:
    """Read a lock, or a locker's output.

    Args:
        text: Its text.

    Returns:
        Its entries, in order of name.

    Raises:
        LockFailed: If a line is no exact requirement, or has no hash.
    """
    lines = (line.strip() for line in re.sub(r"\\\n", " ", text).splitlines())
    return sorted(_entry(line) for line in lines if line and not line.startswith(("#", "-")))


def _entry(line: str) -> Entry:
    head = re.split(r"\s+(?:--hash=|#)", line, maxsplit=1)[0]
    try:
        requirement = Requirement(head)
    except InvalidRequirement as error:
        raise errors.LockFailed(f"The lock has a line that is no requirement: {head!r}.") from error
    exact = [clause for clause in requirement.specifier if clause.operator == "==" and not clause.version.endswith(".*")]
    if len(exact) != 1 and not requirement.url:
        raise errors.LockFailed(f"The lock does not pin {requirement.name} to one version: {head!r}.")
    hashes = tuple(sorted(set(HASH.findall(line))))
    if not hashes:
        raise errors.LockFailed(
            f"The package index gives no hash for {head}, so that nobody could tell a swapped file.",
            "Ask an index that publishes hashes, as PyPI does.",
        )
    name = canonicalize_name(requirement.name)
    version = requirement.url or exact[0].version
    pinned = f"{name} @ {version}" if requirement.url else f"{name}=={version}"
    return Entry(name, version, f"{pinned} ; {requirement.marker}" if requirement.marker else pinned, hashes)
