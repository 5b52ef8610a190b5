"""Keys are made, published to the workers and revoked; the secret is in one private file."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_deploy import share
from jupyter_deploy.bentos.python.endpoint.keys import Keys
from jupyter_deploy.home import Home
from jupyter_deploy.store import Store


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
    return Keys(share.publish(store, home, endpoint)).check(secret) is not None


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
