"""Step 5: keys. The owner's secret goes into a file that its owner alone can read; only a keyed hash of it is kept."""

from __future__ import annotations

import getpass
import hashlib
import hmac
import secrets
import time
from pathlib import Path

from jupyter_deploy.bentos.python.endpoint import keys
from jupyter_deploy.home import Home, write
from jupyter_deploy.store import Store
from jupyter_deploy.values import Key, to_json


def own_key(store: Store, home: Home, endpoint: str) -> Path:
    """Find the owner's key to an endpoint, or make it.

    Args:
        store: The agent's memory.
        home: The agent's folders.
        endpoint: The endpoint's name.

    Returns:
        The file that holds the secret, mode 0600.
    """
    path = home.keys / f"{endpoint}.key"
    if path.exists() and any(key.revoked is None for key in store.keys(endpoint)):
        return path
    secret, key = make(home, endpoint, getpass.getuser())
    write(path, f"{secret}\n".encode())
    store.add_key(key)
    store.audit("key made", endpoint, f"{key.id} for {key.owner}")
    return path


def make(home: Home, endpoint: str, owner: str) -> tuple[str, Key]:
    """Make a key.

    Args:
        home: The agent's folders.
        endpoint: The endpoint that it opens.
        owner: Whom it belongs to.

    Returns:
        The secret, which is kept nowhere else, and the key.
    """
    secret = keys.make_key()
    key = Key(
        id=f"key-{secrets.token_hex(4)}",
        endpoint=endpoint,
        hash=keys.hash_key(secret, _pepper(home, endpoint)),
        owner=owner,
        created=time.time(),
    )
    return secret, key


def publish(store: Store, home: Home, endpoint: str) -> Path:
    """Write the file from which an endpoint's workers know its valid keys.

    Args:
        store: The agent's memory.
        home: The agent's folders.
        endpoint: The endpoint's name.

    Returns:
        The file, mode 0600; workers notice a change within half a second.
    """
    path = home.releases / endpoint / "keys.json"
    valid = [{"id": key.id, "hash": key.hash} for key in store.keys(endpoint) if key.revoked is None]
    write(path, to_json({"pepper": _pepper(home, endpoint).hex(), "keys": valid}))
    return path


def opens(store: Store, home: Home, endpoint: str) -> bool:
    """Say whether the owner's key opens an endpoint.

    Args:
        store: The agent's memory.
        home: The agent's folders.
        endpoint: The endpoint's name.

    Returns:
        Whether its file holds a secret whose hash is known, and workers are told of it.
    """
    file, told = home.keys / f"{endpoint}.key", home.releases / endpoint / "keys.json"
    if not (file.exists() and told.exists() and (home.root / "pepper").exists()):
        return False
    hashed = keys.hash_key(file.read_text().strip(), _pepper(home, endpoint))
    return any(key.hash == hashed and key.revoked is None for key in store.keys(endpoint)) and hashed in told.read_text()


def revoke(store: Store, home: Home, endpoint: str, id: str) -> None:
    """End a key.

    Args:
        store: The agent's memory.
        home: The agent's folders.
        endpoint: The endpoint's name.
        id: The key's id.
    """
    store.revoke_key(id)
    publish(store, home, endpoint)
    store.audit("key revoked", endpoint, id)


def _pepper(home: Home, endpoint: str) -> bytes:
    """An endpoint's own hashing key, made from one that lies outside the database, so that a stolen database is useless."""
    path = home.root / "pepper"
    if not path.exists():
        write(path, secrets.token_bytes(32))
    return hmac.new(path.read_bytes(), endpoint.encode(), hashlib.sha256).digest()
