"""What a capture is locked and built into."""

from __future__ import annotations

from jupyter_deploy.values.base import Value
from jupyter_deploy.values.capture import Finding


class Requirement(Value, frozen=True, kw_only=True):
    """One installed distribution at the version that the kernel has."""

    name: str
    version: str


class Lock(Value, frozen=True, kw_only=True):
    """Every package by exact version and hash.

    Attributes:
        digest: SHA-256 of what the lock was made from (requirements, constraints, wheels' hashes, interpreter version, platform).
        text: The lock in `pip-compile` format, with hashes and without any index's address.
        packages: What it holds, in order of name.
        python: The interpreter's version, such as `3.11`.
        locker: Which locker made it.
        folder: Where the wheels of what comes from no index lie; empty where there is none.
        own: The names of what comes from no index.
        requirements: What the locker was asked for.
        constraints: The versions that it was told to keep to.
        findings: What a person should know of its packages; no part of the digest.
        unused: What the notebook imported and the model does not need.
        received: Whether it came with somebody's archive, so that nothing of it may run outside of an isolated process.
    """

    digest: str
    text: str
    packages: tuple[Requirement, ...]
    python: str
    locker: str
    folder: str = ""
    own: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    unused: tuple[str, ...] = ()
    received: bool = False


class Bundle(Value, frozen=True, kw_only=True):
    """A genuine Bento plus `manifest.json`; immutable.

    Attributes:
        digest: SHA-256 over its content, hexadecimal.
        folder: Where it lies.
        tag: The Bento's tag, such as `churn:3f9a…`.
        size: Its size in bytes.
        files: Each file's digest by its name, as `home.digests_of` gives them; empty where an older version built it.
    """

    digest: str
    folder: str
    tag: str
    size: int
    files: dict[str, str] = {}
