"""Keys: how a secret is made, stored as a hash, and checked in microseconds.

A secret is `jd_`, 43 base62 characters (256 random bits) and six base62 characters of CRC-32 over all before them, so that a
truncated or mistyped one is known without a look at any list. The file holds only HMAC-SHA-256 hashes:
`{"pepper": hex, "keys": [{"id", "hash", "place"}], "limited": [{"id", "hash", "place", "methods", "expires", "quota"}]}`. Keys that
may not do everything stand apart, so that a worker of a version that knows no limits does not know them at all.
"""

from __future__ import annotations

import hmac
import secrets
import time
import zlib
from pathlib import Path

import msgspec

from .ledger import DAY, PLACES, Ledger
from .problems import KeyExpired, OutOfScope, QuotaExceeded, Unauthorized

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


class Entry(msgspec.Struct):
    """A key as a worker knows it.

    Attributes:
        id: Its public id.
        hash: HMAC-SHA-256 of its secret, hexadecimal.
        place: Where the ledger counts it.
        methods: The methods that it may call; all of them where None.
        expires: When it ends, in seconds since the epoch; never where None.
        quota: Requests a day; any number where None.
    """

    id: str
    hash: str
    place: int = PLACES
    methods: frozenset[str] | None = None
    expires: float | None = None
    quota: int | None = None

    @property
    def is_limited(self) -> bool:
        """Whether there is anything that it may not do."""
        return not (self.methods is None and self.expires is None and self.quota is None)


class _File(msgspec.Struct):
    pepper: str
    keys: list[Entry]
    limited: list[Entry] = []


class Keys:
    """The keys that open one endpoint, read again soon after their file changes.

    Args:
        path: The file; a missing or broken one opens nothing.
        ledger: Where it is counted what they are used for; one of its own, for one worker, where None.
    """

    def __init__(self, path: Path, ledger: Ledger | None = None) -> None:
        self.path = path
        self._ledger = ledger or Ledger(1)
        self._pepper = b""
        self._known: dict[str, Entry] = {}
        self._seen: tuple[int, int, int] | None = None
        self._looked = float("-inf")
        self._checked: dict[str, tuple[Entry, bool]] = {}  # by secret: those that opened since the last look, and whether limited
        self.start(0)

    def start(self, worker: int) -> None:
        """Count as one of the workers, after the fork.

        Args:
            worker: Its number, from 0.
        """
        self._uses = self._ledger.of(worker)
        self._looked = float("-inf")

    def admit(self, secret: str, method: str = "") -> str:
        """Find out whose key a secret is, and whether it may do what is asked.

        Args:
            secret: What the caller presented.
            method: The method of the model that is called; empty for all else, which is in no key's scope or quota.

        Returns:
            The key's id.

        Raises:
            Unauthorized: If it opens nothing.
            KeyExpired: If the key has ended.
            OutOfScope: If the key is not for this method.
            QuotaExceeded: If the key was used as often today as it may.
        """
        now = time.monotonic()
        if now - self._looked > FRESH:
            self._look(now)
        found = self._checked.get(secret) or self._open(secret)
        entry, limited = found
        if limited:
            self._limit(entry, method, now)
        elif method:
            self._uses.note(entry.place, now)
        else:
            self._uses.touch(entry.place, now)
        return entry.id

    def _limit(self, entry: Entry, method: str, now: float) -> None:
        if entry.expires is not None and time.time() >= entry.expires:
            raise KeyExpired(entry.expires)
        if method and entry.methods is not None and method not in entry.methods:
            raise OutOfScope(method, entry.methods)
        if not method:
            self._uses.touch(entry.place, now)
        elif entry.quota is None:
            self._uses.note(entry.place, now)
        elif not self._uses.admit(entry.place, entry.quota, now):
            raise QuotaExceeded(entry.quota, DAY - time.time() % DAY)

    def _open(self, secret: str) -> tuple[Entry, bool]:
        if not well_formed(secret):
            raise Unauthorized
        # A lookup by hash leaks nothing by its time: nobody can choose which hash a guess has, without the interpreter's own secret
        # here and the pepper there.
        entry = self._known.get(hash_key(secret, self._pepper))
        if entry is None:  # it may have been made a moment ago
            self._refresh()
            entry = self._known.get(hash_key(secret, self._pepper))
        if entry is None:
            raise Unauthorized
        found = self._checked[secret] = entry, entry.is_limited
        return found

    def _look(self, now: float) -> None:
        self._looked = now
        self._checked.clear()
        self._uses.look(now, time.time())
        self._refresh()

    def _refresh(self) -> None:
        try:
            facts = self.path.stat()
            seen = (facts.st_mtime_ns, facts.st_ino, facts.st_size)
            if seen == self._seen:
                return
            read = msgspec.json.decode(self.path.read_bytes(), type=_File)
            pepper = bytes.fromhex(read.pepper)
        except (OSError, ValueError, msgspec.MsgspecError):
            self._seen, self._known = None, {}
            return
        self._seen, self._pepper = seen, pepper
        self._known = {one.hash: one for one in (*read.keys, *read.limited) if 0 <= one.place <= PLACES}


class OneKey:
    """One key held in memory, for a bundle that is served alone.

    Args:
        secret: The secret.
    """

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()

    def start(self, worker: int) -> None:
        """Count nothing."""

    def admit(self, secret: str, method: str = "") -> str:  # noqa: ARG002 (it is for all of them)
        """Compare in constant time.

        Args:
            secret: What the caller presented.
            method: Ignored.

        Returns:
            `owner`.

        Raises:
            Unauthorized: If it is another.
        """
        if not hmac.compare_digest(self._secret, secret.encode()):
            raise Unauthorized
        return "owner"


class Open:
    """No keys at all: whoever reaches the endpoint may call it."""

    def start(self, worker: int) -> None:
        """Count nothing."""

    def admit(self, secret: str, method: str = "") -> str:  # noqa: ARG002 (the protocol of a checker)
        """Let everybody in.

        Args:
            secret: Ignored.
            method: Ignored.

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
