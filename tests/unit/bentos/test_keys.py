"""Keys: their form, and a file that is read again when it changes."""

from __future__ import annotations

import contextlib
import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_deploy.bentos.python.endpoint import keys
from jupyter_deploy.bentos.python.endpoint.problems import KeyExpired, OutOfScope, QuotaExceeded, Unauthorized
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


def admitted(found: keys.Keys, secret: str, method: str = "predict") -> str | None:
    """Give the key's id, or nothing where it opens nothing."""
    with contextlib.suppress(Unauthorized):
        return found.admit(secret, method)
    return None


def write_limited(path: Path, secret: str, **limits: Any) -> Path:
    """Write a file with one key that may not do everything, as the agent does."""
    pepper = os.urandom(32)
    entry = {"id": "key-0", "hash": keys.hash_key(secret, pepper), "place": 0, **limits}
    path.write_text(json.dumps({"pepper": pepper.hex(), "keys": [], "limited": [entry]}))
    return path


def test_only_listed_secrets_open(tmp_path: Path) -> None:
    """A listed secret gives its key's id, any other nothing."""
    mine, other = keys.make_key(), keys.make_key()
    found = keys.Keys(write_keys(tmp_path / "keys", mine))

    assert ("key-0", None, None) == (admitted(found, mine), admitted(found, other), admitted(found, ""))


def test_a_revoked_key_ends_within_half_a_second(tmp_path: Path) -> None:
    """A change of the file is noticed while the worker runs, in both directions."""
    first, second = keys.make_key(), keys.make_key()
    path = write_keys(tmp_path / "keys", first)
    found = keys.Keys(path)
    before = admitted(found, first)
    write_keys(path, second)
    time.sleep(0.5)

    assert ("key-0", None, "key-0") == (before, admitted(found, first), admitted(found, second))


def test_a_new_key_opens_at_once(tmp_path: Path) -> None:
    """Whoever is given a key may use it in the next moment, also where another was looked at just before."""
    first, second = keys.make_key(), keys.make_key()
    found = keys.Keys(write_keys(tmp_path / "keys", first))
    admitted(found, first)
    write_keys(tmp_path / "keys", first, second)

    assert "key-1" == admitted(found, second)


@pytest.mark.parametrize(
    "content", [None, "", "{", '{"pepper": "xx", "keys": []}', '{"keys": []}', '{"pepper": "", "keys": [], "limited": 1}']
)
def test_a_missing_or_broken_file_opens_nothing(tmp_path: Path, content: str | None) -> None:
    """Where the file cannot be read, nobody is let in."""
    secret = keys.make_key()
    path = write_keys(tmp_path / "keys", secret)
    found = keys.Keys(path)
    opened = admitted(found, secret)
    path.unlink()
    if content is not None:
        path.write_text(content)
    time.sleep(0.3)

    assert ("key-0", None) == (opened, admitted(found, secret))


def test_a_hash_depends_on_the_pepper() -> None:
    """The same secret has another hash in another file."""
    secret = keys.make_key()

    assert keys.hash_key(secret, os.urandom(8)) != keys.hash_key(secret, os.urandom(8))


def test_a_key_calls_the_methods_of_its_scope_and_reads_the_rest(tmp_path: Path) -> None:
    """Another method is refused with what it may call; descriptions are in no scope."""
    secret = keys.make_key()
    found = keys.Keys(write_limited(tmp_path / "keys", secret, methods=["predict"]))

    assert ["key-0", "key-0"] == [found.admit(secret, "predict"), found.admit(secret)]
    with pytest.raises(OutOfScope) as refused:
        found.admit(secret, "predict_proba")
    assert (403, "This key may not call `predict_proba`. It may call: predict.") == (refused.value.status, str(refused.value))


def test_a_key_without_methods_reads_alone(tmp_path: Path) -> None:
    """A key for whoever collects metrics calls nothing."""
    secret = keys.make_key()
    found = keys.Keys(write_limited(tmp_path / "keys", secret, methods=[]))

    assert "key-0" == found.admit(secret)
    with pytest.raises(OutOfScope, match="It may call none"):
        found.admit(secret, "predict")


def test_a_key_ends_by_itself(tmp_path: Path) -> None:
    """It opens until its time has come and nothing afterwards, not even descriptions, without any change of the file."""
    secret = keys.make_key()
    found = keys.Keys(write_limited(tmp_path / "keys", secret, expires=time.time() + 0.3))
    before = found.admit(secret, "predict")
    time.sleep(0.35)

    assert "key-0" == before
    for method in ("predict", ""):
        with pytest.raises(KeyExpired, match=r"This key ended at 20\d\d-\d\d-\d\dT") as refused:
            found.admit(secret, method)
        assert (401, "key_expired") == (refused.value.status, refused.value.code)


def test_a_quota_is_for_requests_to_the_model(tmp_path: Path) -> None:
    """As many are let in as it says, reading costs nothing, and the refusal says when the next day begins."""
    secret = keys.make_key()
    found = keys.Keys(write_limited(tmp_path / "keys", secret, quota=2))

    assert ["key-0"] * 4 == [found.admit(secret, method) for method in ("predict", "", "predict", "")]
    with pytest.raises(QuotaExceeded) as refused:
        found.admit(secret, "predict")
    ((name, seconds),) = refused.value.headers
    assert (429, b"retry-after") == (refused.value.status, name)
    assert 0 < int(seconds) <= 86_400


def test_a_key_without_a_right_place_opens_nothing(tmp_path: Path) -> None:
    """What cannot be counted is not let in."""
    secret = keys.make_key()
    found = keys.Keys(write_limited(tmp_path / "keys", secret, quota=5, place=-3))

    assert None is admitted(found, secret)


def test_a_version_that_knows_no_limits_knows_no_limited_key(tmp_path: Path) -> None:
    """What such a version reads of the file are the keys that may do everything."""
    secret = keys.make_key()
    written = json.loads(write_limited(tmp_path / "keys", secret, quota=5).read_text())

    assert [] == written["keys"]
