"""Keys: how a secret is made, stored as a hash, and checked in microseconds.

A secret is `jd_`, 43 base62 characters (256 random bits) and six base62 characters of CRC-32 over all before them, so that a
truncated or mistyped one is known without a look at any list. The file holds only HMAC-SHA-256 hashes:
`{"pepper": hex, "keys": [{"id", "hash"}]}`.
"""

from __future__ import annotations

import hmac
import secrets
import time
import zlib
from pathlib import Path

import msgspec

PREFIX = "jd_"
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
RANDOM, CHECKSUM = 43, 6  # characters
LENGTH = len(PREFIX) + RANDOM + CHECKSUM
FRESH = 0.25  # seconds for which the file is taken as unchanged


def make_key() -> str:
    """Make a new secret.

    Returns:
        256 random bits as `jd_` and 49 base62 characters, the last six a checksum.
    """
    secret = PREFIX + _base62(secrets.randbits(256), RANDOM)
    return secret + checksum(secret)


def checksum(text: str) -> str:
    """Make the six characters that end a secret.

    Args:
        text: All that stands before them.

    Returns:
        CRC-32 in base62.
    """
    return _base62(zlib.crc32(text.encode()), CHECKSUM)


def well_formed(secret: str) -> bool:
    """Say whether a text can be a secret at all.

    Args:
        secret: What a caller presented.

    Returns:
        Whether prefix, length and checksum are right.
    """
    shaped = len(secret) == LENGTH and secret.isascii() and secret.startswith(PREFIX)
    return shaped and checksum(secret[:-CHECKSUM]) == secret[-CHECKSUM:]


def hash_key(secret: str, pepper: bytes) -> str:
    """Make what is stored of a secret.

    Args:
        secret: The secret.
        pepper: The random bytes that stand in the file beside the hashes.

    Returns:
        HMAC-SHA-256, hexadecimal.
    """
    return hmac.digest(pepper, secret.encode(), "sha256").hex()


class _Entry(msgspec.Struct):
    id: str
    hash: str


class _File(msgspec.Struct):
    pepper: str
    keys: list[_Entry]


class Keys:
    """The keys that open one endpoint, read again soon after their file changes.

    Args:
        path: The file; a missing or broken one opens nothing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._pepper = b""
        self._ids: dict[str, str] = {}
        self._seen: tuple[int, int, int] | None = None
        self._looked = float("-inf")
        self._checked: dict[str, str] = {}  # the ids of secrets that opened since the last look at the file

    def check(self, secret: str) -> str | None:
        """Find out whose key a secret is.

        Args:
            secret: What the caller presented.

        Returns:
            The key's id, or None where it opens nothing.
        """
        now = time.monotonic()
        if now - self._looked > FRESH:
            self._looked = now
            self._checked.clear()
            self._refresh()
        # A lookup by hash leaks nothing by its time: nobody can choose which hash a guess has, without the interpreter's own secret
        # here and the pepper there.
        known = self._checked.get(secret)
        if known is None and well_formed(secret):
            known = self._ids.get(hash_key(secret, self._pepper))
            if known is not None:
                self._checked[secret] = known
        return known

    def _refresh(self) -> None:
        try:
            facts = self.path.stat()
            seen = (facts.st_mtime_ns, facts.st_ino, facts.st_size)
            if seen == self._seen:
                return
            read = msgspec.json.decode(self.path.read_bytes(), type=_File)
            pepper = bytes.fromhex(read.pepper)
        except (OSError, ValueError, msgspec.MsgspecError):
            self._seen, self._ids = None, {}
            return
        self._seen, self._pepper = seen, pepper
        self._ids = {entry.hash: entry.id for entry in read.keys}


class OneKey:
    """One key held in memory, for a bundle that is served alone.

    Args:
        secret: The secret.
    """

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()

    def check(self, secret: str) -> str | None:
        """Compare in constant time.

        Args:
            secret: What the caller presented.

        Returns:
            `owner`, or None where it is another.
        """
        return "owner" if hmac.compare_digest(self._secret, secret.encode()) else None


class Open:
    """No keys at all: whoever reaches the endpoint may call it."""

    def check(self, secret: str) -> str | None:  # noqa: ARG002 (the protocol of a checker)
        """Let everybody in.

        Args:
            secret: Ignored.

        Returns:
            `anonymous`.
        """
        return "anonymous"


def _base62(number: int, width: int) -> str:
    digits = []
    for _ in range(width):
        number, digit = divmod(number, 62)
        digits.append(ALPHABET[digit])
    return "".join(reversed(digits))
