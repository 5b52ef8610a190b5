"""Keys are made, published to the workers and revoked; the secret is in one private file."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from jupyter_deploy import errors, share
from jupyter_deploy.bentos.python.endpoint.keys import Keys
from jupyter_deploy.bentos.python.endpoint.ledger import FOLDER, PLACES, Ledger
from jupyter_deploy.bentos.python.endpoint.problems import OutOfScope, QuotaExceeded, Unauthorized
from jupyter_deploy.home import Home
from jupyter_deploy.store import Store
from jupyter_deploy.values import Grant, KeyInfo, NewKey


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Give an empty home."""
    return Home(tmp_path)


@pytest.fixture
def store(home: Home) -> Store:
    """Give the home's store."""
    return Store(home.store)


def opens(store: Store, home: Home, endpoint: str, secret: str) -> bool:
    """Ask as a worker of the endpoint does, which knows no more than the published file."""
    with contextlib.suppress(Unauthorized):
        return bool(Keys(share.publish(store, home, endpoint)).admit(secret, "predict"))
    return False


def test_the_owners_key_opens_its_endpoint_alone(store: Store, home: Home) -> None:
    """It is right for the endpoint that it was made for, and for no other."""
    secret = share.own_key(store, home, "churn").read_text().strip()
    share.own_key(store, home, "price")

    assert (True, False) == (opens(store, home, "churn", secret), opens(store, home, "price", secret))


def test_a_revoked_key_opens_nothing_and_is_followed_by_a_new_one(store: Store, home: Home) -> None:
    """The old secret is refused from then on; the owner gets another."""
    old = share.own_key(store, home, "churn").read_text().strip()
    share.revoke(store, home, "churn", store.keys("churn")[0].id)
    new = share.own_key(store, home, "churn").read_text().strip()

    assert (False, True) == (opens(store, home, "churn", old), opens(store, home, "churn", new))


def test_the_key_is_kept_and_the_secret_stands_in_its_private_file_alone(store: Store, home: Home) -> None:
    """Asking again gives the same file, with mode 0600; store and published file hold only its hash."""
    path = share.own_key(store, home, "churn")
    share.publish(store, home, "churn")
    secret = path.read_bytes().strip()

    assert path == share.own_key(store, home, "churn")
    assert 0o600 == path.stat().st_mode & 0o777
    assert [path] == [one for one in home.root.rglob("*") if one.is_file() and secret in one.read_bytes()]


METHODS = ("predict", "predict_proba")


def issue(store: Store, home: Home, **terms: Any) -> NewKey:
    """Make a key for a service, besides the owner's own."""
    share.own_key(store, home, "churn")
    return share.issue(store, home, "churn", Grant(**{"owner": "ci", **terms}), METHODS)


def listed(store: Store, home: Home) -> dict[str, KeyInfo]:
    """List the endpoint's keys by id."""
    return {one.id: one for one in share.known(store, home, "churn")}


def released(home: Home, release: str, workers: int = 1) -> tuple[Keys, Ledger]:
    """Look at keys as a release does, which counts beside its keys' file."""
    folder = home.releases / "churn"
    ledger = Ledger(workers, folder / FOLDER, release)
    return Keys(folder / "keys.json", ledger), ledger


def test_a_key_is_good_for_what_it_was_made_for(store: Store, home: Home) -> None:
    """Scope and quota reach the workers through the published file."""
    made = issue(store, home, methods=("predict",), quota=1)
    keys, _ = released(home, "churn@1")

    assert made.key.id == keys.admit(made.secret, "predict")
    with pytest.raises(OutOfScope):
        keys.admit(made.secret, "predict_proba")
    with pytest.raises(QuotaExceeded):
        keys.admit(made.secret, "predict")


def test_a_list_tells_what_keys_were_used_for(store: Store, home: Home) -> None:
    """Requests of today and the last use, added up over releases; the owner's own key is marked."""
    made = issue(store, home, quota=5, expires=time.time() + 60)
    for release in ("churn@1", "churn@2"):
        keys, ledger = released(home, release)
        keys.admit(made.secret, "predict")
        ledger.save()
    mine, theirs = share.known(store, home, "churn")

    assert (True, 0, None, None) == (mine.own, mine.used, mine.last_used, mine.quota)
    assert (False, "ci", 2, 5) == (theirs.own, theirs.owner, theirs.used, theirs.quota)
    assert theirs.last_used is not None
    assert theirs.created <= theirs.last_used <= time.time()


def test_a_quota_outlives_a_release(store: Store, home: Home) -> None:
    """What was used up at one release is used up at the next."""
    made = issue(store, home, quota=1)
    keys, ledger = released(home, "churn@1")
    keys.admit(made.secret, "predict")
    ledger.save()
    ledger.leave()
    share.publish(store, home, "churn")  # as at the next deploy, which tidies up

    with pytest.raises(QuotaExceeded):
        released(home, "churn@2")[0].admit(made.secret, "predict")


def test_the_last_use_outlives_the_counts(store: Store, home: Home) -> None:
    """Files of releases that are gone go away a day later; what they told last is noted first."""
    made = issue(store, home)
    keys, ledger = released(home, "churn@1")
    keys.admit(made.secret, "predict")
    ledger.save()
    ledger.leave()
    before = listed(store, home)[made.key.id].last_used
    share.publish(store, home, "churn")
    (home.releases / "churn" / FOLDER / ledger.file).unlink()

    assert None is not before
    assert before == listed(store, home)[made.key.id].last_used


def test_the_owners_own_key_is_replaced_before_it_ends(store: Store, home: Home) -> None:
    """Its file holds another one that opens, and the old secret opens nothing any more."""
    file = share.own_key(store, home, "churn")
    old = file.read_text().strip()
    (own,) = share.known(store, home, "churn")
    ended = share.revoke(store, home, "churn", own.id)
    new = file.read_text().strip()

    assert (own.id, False) == (ended.id, ended.own)
    assert None is not ended.revoked
    assert (False, True) == (opens(store, home, "churn", old), opens(store, home, "churn", new))
    assert [False, True] == [one.own for one in share.known(store, home, "churn")]


def test_no_other_key_takes_the_place_of_the_owners_own(store: Store, home: Home) -> None:
    """Where the owner's file is gone, another is made, though others' keys are valid."""
    made = issue(store, home)
    file = share.own_key(store, home, "churn")
    file.unlink()

    assert opens(store, home, "churn", share.own_key(store, home, "churn").read_text().strip())
    assert opens(store, home, "churn", made.secret)


def test_a_key_is_revoked_once(store: Store, home: Home) -> None:
    """The second time changes nothing; a key that never was is told as such."""
    made = issue(store, home)
    first = share.revoke(store, home, "churn", made.key.id)

    assert first == share.revoke(store, home, "churn", made.key.id)
    with pytest.raises(errors.UnknownName, match="has no key `key-0`"):
        share.revoke(store, home, "churn", "key-0")


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ({"owner": "  "}, "A key's owner is named by"),
        ({"owner": "a\nb"}, "A key's owner is named by"),
        ({"owner": "x" * 101}, "A key's owner is named by"),
        ({"methods": ("predict_prob",)}, "The model has no method `predict_prob`."),
        ({"expires": 1.0}, "A key ends in the future."),
        ({"expires": 1e300}, "A key ends in the future."),
        ({"quota": 0}, "A quota is 1 to 1,000,000,000 requests a day, got 0."),
    ],
)
def test_a_key_that_cannot_be_is_refused(store: Store, home: Home, terms: dict[str, Any], message: str) -> None:
    """The message says what is wrong, and nothing is made."""
    with pytest.raises(errors.BadInput) as refused:
        issue(store, home, **terms)

    assert refused.value.message.startswith(message)
    assert 1 == len(store.keys("churn"))


def test_keys_that_go_on_are_counted_in_places_of_their_own(store: Store, home: Home) -> None:
    """The place of a key that ended today is taken by none, because its requests of today stand there."""
    first, second = issue(store, home), issue(store, home)
    share.revoke(store, home, "churn", first.key.id)
    issue(store, home)

    assert [0, 1, 2, 3] == [key.place for key in store.keys("churn")]
    assert first.key.id != second.key.id


def test_there_are_so_many_places(store: Store, home: Home) -> None:
    """One key more than can be counted is refused with what to do."""
    template = issue(store, home).key
    owned = store.keys("churn")[0]
    for place in range(2, PLACES):
        store.add_key(msgspec.structs.replace(owned, id=f"key-{place}", hash="", place=place))

    with pytest.raises(errors.Conflict, match="`churn` has 1,024 keys"):
        issue(store, home)
    assert template.owner == "ci"


def test_the_audit_tells_of_keys_without_their_secrets(store: Store, home: Home) -> None:
    """Who got one, and what it may not do."""
    made = issue(store, home, methods=("predict",), expires=2e9, quota=5)
    share.revoke(store, home, "churn", made.key.id)

    told = [(one.action, one.detail) for one in store.audited("churn")][1:]
    terms = "only predict, until 2033-05-18T03:33:20Z, 5 requests a day"
    assert [("key made", f"{made.key.id} for ci, {terms}"), ("key revoked", f"{made.key.id} of ci")] == told
