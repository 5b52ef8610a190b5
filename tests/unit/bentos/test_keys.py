"""Keys: their form, and a file that is read again when it changes."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_deploy.bentos.python.endpoint import keys
from tests.unit.bentos.conftest import write_keys


def test_a_secret_is_long_random_and_well_formed() -> None:
    """Secrets have the agreed form and never repeat."""
    made = {keys.make_key() for _ in range(50)}

    assert 50 == len(made)
    assert all(keys.well_formed(one) and keys.LENGTH == len(one) for one in made)


@given(st.integers(3, keys.LENGTH - 1), st.sampled_from(keys.ALPHABET))
def test_one_wrong_character_is_noticed(place: int, character: str) -> None:
    """The checksum notices any single mistyped character."""
    secret = keys.make_key()
    mistyped = secret[:place] + character + secret[place + 1 :]

    assert (mistyped == secret) == keys.well_formed(mistyped)


def test_only_listed_secrets_open(tmp_path: Path) -> None:
    """A listed secret gives its key's id, any other nothing."""
    mine, other = keys.make_key(), keys.make_key()
    found = keys.Keys(write_keys(tmp_path / "keys", mine))

    assert ("key-0", None, None) == (found.check(mine), found.check(other), found.check(""))


def test_a_revoked_key_ends_within_half_a_second(tmp_path: Path) -> None:
    """A change of the file is noticed while the worker runs, in both directions."""
    first, second = keys.make_key(), keys.make_key()
    path = write_keys(tmp_path / "keys", first)
    found = keys.Keys(path)
    before = found.check(first)
    write_keys(path, second)
    time.sleep(0.5)

    assert ("key-0", None, "key-0") == (before, found.check(first), found.check(second))


@pytest.mark.parametrize("content", [None, "", "{", '{"pepper": "xx", "keys": []}', '{"keys": []}'])
def test_a_missing_or_broken_file_opens_nothing(tmp_path: Path, content: str | None) -> None:
    """Where the file cannot be read, nobody is let in."""
    secret = keys.make_key()
    path = write_keys(tmp_path / "keys", secret)
    found = keys.Keys(path)
    opened = found.check(secret)
    path.unlink()
    if content is not None:
        path.write_text(content)
    time.sleep(0.3)

    assert ("key-0", None) == (opened, found.check(secret))


def test_a_hash_depends_on_the_pepper() -> None:
    """The same secret has another hash in another file."""
    secret = keys.make_key()

    assert keys.hash_key(secret, os.urandom(8)) != keys.hash_key(secret, os.urandom(8))
