"""Step 5: keys. A secret is told once, or lies in a file that its owner alone can read; only a keyed hash of it is kept."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import time
from collections.abc import Collection, Sequence
from pathlib import Path

from jupyter_deploy import errors, people
from jupyter_deploy.bentos.python.endpoint import keys, ledger
from jupyter_deploy.home import Home, write
from jupyter_deploy.store import Store
from jupyter_deploy.values import Grant, Key, KeyInfo, NewKey, to_json

LONGEST_OWNER = 100  # characters
LARGEST_QUOTA = 1_000_000_000  # requests a day
MOMENT = 1.0  # seconds for which a key that has ended may still be let in
LATEST = 253_402_300_799.0  # the end of the year 9999, in seconds since the epoch

_publishing = threading.Lock()  # so that nobody writes what was read before somebody else's change


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
    if _own(store, home, endpoint) is None:
        secret, _ = _add(store, home, endpoint, Grant(owner=people.system_user()))
        write(path, f"{secret}\n".encode())
    return path


def issue(store: Store, home: Home, endpoint: str, grant: Grant, methods: Collection[str]) -> NewKey:
    """Make a key for somebody.

    Args:
        store: The agent's memory.
        home: The agent's folders.
        endpoint: The endpoint that it opens.
        grant: What it shall be good for.
        methods: The model's methods; empty where they are not known.

    Returns:
        The secret, which is kept nowhere else, and the key.

    Raises:
        BadInput: If it cannot be good for that.
        Conflict: If the endpoint has too many keys.
    """
    secret, key = _add(store, home, endpoint, _checked(grant, methods))
    publish(store, home, endpoint)
    return NewKey(secret=secret, key=_info(key, ledger.Use(), own=False))


def known(store: Store, home: Home, endpoint: str) -> list[KeyInfo]:
    """List an endpoint's keys with what they were used for.

    Args:
        store: The agent's memory.
        home: The agent's folders.
        endpoint: The endpoint's name.

    Returns:
        The keys, oldest first, revoked ones too.
    """
    listed, own = store.keys(endpoint), _own(store, home, endpoint)
    uses = _uses(home, endpoint, listed)
    return [_info(key, uses[key.id], own=own is not None and key.id == own.id) for key in listed]


def revoke(store: Store, home: Home, endpoint: str, id: str) -> KeyInfo:
    """End a key; where it is the owner's own, another takes its place in the owner's file first.

    Args:
        store: The agent's memory.
        home: The agent's folders.
        endpoint: The endpoint's name.
        id: The key's id.

    Returns:
        The key, as it is now.

    Raises:
        UnknownName: If the endpoint has no such key.
    """
    found = [one for one in store.keys(endpoint) if one.id == id]
    if not found:
        raise errors.UnknownName(f"`{endpoint}` has no key `{id}`.", f"`jupyter deploy keys list {endpoint}` lists them.")
    if found[0].revoked is None:
        own = _own(store, home, endpoint)
        if own is not None and own.id == id:
            secret, _ = _add(store, home, endpoint, Grant(owner=own.owner))
            publish(store, home, endpoint)  # before anybody finds the secret
            write(home.keys / f"{endpoint}.key", f"{secret}\n".encode())
        store.revoke_key(id)
        store.audit("key revoked", endpoint, f"{id} of {found[0].owner}")
        publish(store, home, endpoint)
    return next(one for one in known(store, home, endpoint) if one.id == id)


def publish(store: Store, home: Home, endpoint: str) -> Path:
    """Write the file from which an endpoint's workers know its keys.

    Args:
        store: The agent's memory.
        home: The agent's folders.
        endpoint: The endpoint's name.

    Returns:
        The file, mode 0600; workers notice a change within half a second, and a new key at once.
    """
    path = home.releases / endpoint / "keys.json"
    with _publishing:
        entries = [_entry(key) for key in store.keys(endpoint) if key.revoked is None]
        told = {
            "pepper": _pepper(home, endpoint).hex(),
            "keys": [one for one in entries if not one.is_limited],
            "limited": [one for one in entries if one.is_limited],
        }
        write(path, to_json(told))
    _tidy(store, home, endpoint)
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
    told, own = home.releases / endpoint / "keys.json", _own(store, home, endpoint)
    return own is not None and told.exists() and own.hash in told.read_text()


# ----- inside


def _own(store: Store, home: Home, endpoint: str) -> Key | None:
    """Find the key whose secret lies in the owner's file."""
    file = home.keys / f"{endpoint}.key"
    if not (file.exists() and (home.root / "pepper").exists()):
        return None
    hashed = keys.hash_key(file.read_text(errors="replace").strip(), _pepper(home, endpoint))
    return next((key for key in store.keys(endpoint) if key.hash == hashed and key.revoked is None), None)


def _add(store: Store, home: Home, endpoint: str, grant: Grant) -> tuple[str, Key]:
    secret = keys.make_key()
    hashed = keys.hash_key(secret, _pepper(home, endpoint))
    with store.together():
        key = Key(
            id=f"key-{secrets.token_hex(4)}", endpoint=endpoint, hash=hashed, owner=grant.owner, created=time.time(),
            methods=grant.methods, expires=grant.expires, quota=grant.quota, place=_place(store.keys(endpoint), endpoint),
        )  # fmt: skip
        store.add_key(key)
        store.audit("key made", endpoint, ", ".join((f"{key.id} for {key.owner}", *_terms(grant))))
    return secret, key


def _terms(grant: Grant) -> list[str]:
    """Say what a key may not do, for the audit."""
    expires = "" if grant.expires is None else time.strftime("until %Y-%m-%dT%H:%M:%SZ", time.gmtime(grant.expires))
    methods = "" if grant.methods is None else f"only {' '.join(grant.methods) or 'descriptions'}"
    return [*filter(None, (methods, expires, "" if grant.quota is None else f"{grant.quota} requests a day"))]


def _place(others: Sequence[Key], endpoint: str) -> int:
    """Choose where a key is counted: where none is that is valid or was so today, whose requests of today stand there."""
    today = time.time() // ledger.DAY * ledger.DAY
    taken = {key.place for key in others if key.is_valid(today)}
    free = next((place for place in range(ledger.PLACES) if place not in taken), None)
    if free is None:
        raise errors.Conflict(
            f"`{endpoint}` has {ledger.PLACES:,} keys, and no more are counted.",
            f"Revoke those that nobody needs: `jupyter deploy keys revoke {endpoint} ID`; their places are free tomorrow.",
        )
    return free


def _checked(grant: Grant, methods: Collection[str]) -> Grant:
    owner = grant.owner.strip()
    if not (owner and len(owner) <= LONGEST_OWNER and owner.isprintable()):
        what = f"A key's owner is named by 1 to {LONGEST_OWNER} characters that can be printed."
        raise errors.BadInput(what, "Name the person or the service that will hold the key.")
    asked = None if grant.methods is None else tuple(dict.fromkeys(grant.methods))
    for method in asked or ():
        if methods and method not in methods:
            hint = errors.did_you_mean(method, methods) or f"It has: {', '.join(methods)}."
            raise errors.BadInput(f"The model has no method `{method}`.", hint)
    if grant.expires is not None and not time.time() < grant.expires <= LATEST:
        raise errors.BadInput("A key ends in the future.", "Leave out the end, or give a later one.")
    if grant.quota is not None and not 1 <= grant.quota <= LARGEST_QUOTA:
        raise errors.BadInput(
            f"A quota is 1 to {LARGEST_QUOTA:,} requests a day, got {grant.quota:,}.", "Leave it out for any number."
        )
    return Grant(owner=owner, methods=asked, expires=grant.expires, quota=grant.quota)


def _entry(key: Key) -> keys.Entry:
    methods = None if key.methods is None else frozenset(key.methods)
    return keys.Entry(id=key.id, hash=key.hash, place=key.place, methods=methods, expires=key.expires, quota=key.quota)


def _info(key: Key, use: ledger.Use, *, own: bool) -> KeyInfo:
    return KeyInfo(
        id=key.id, owner=key.owner, created=key.created, revoked=key.revoked, expires=key.expires, methods=key.methods,
        quota=key.quota, used=use.today, last_used=max(key.last_used or 0.0, use.last) or None, own=own,
    )  # fmt: skip


def _uses(home: Home, endpoint: str, listed: Sequence[Key]) -> dict[str, ledger.Use]:
    """Read what the endpoint's releases counted, by the key's id; in its place may stand what was another's, before or after it."""
    told, now = ledger.tell(home.releases / endpoint / ledger.FOLDER, {key.place for key in listed}, time.time()), time.time()
    found = {}
    for key in listed:
        use, today = told[key.place], now // ledger.DAY * ledger.DAY
        last = use.last if key.created <= use.last <= (key.ended or now) + MOMENT else 0.0
        found[key.id] = ledger.Use(use.today if key.is_valid(today) else 0, last)
    return found


def _tidy(store: Store, home: Home, endpoint: str) -> None:
    """Note when keys were used last, and delete the counts of releases that are gone, but for those of today."""
    folder, listed = home.releases / endpoint / ledger.FOLDER, store.keys(endpoint)
    over, uses = ledger.over(folder, time.time()), _uses(home, endpoint, listed)
    last = {key.id: uses[key.id].last for key in listed if uses[key.id].last > (key.last_used or 0.0)}
    if last:
        store.note_uses(last)
    for file in over:
        file.unlink(missing_ok=True)


def _pepper(home: Home, endpoint: str) -> bytes:
    """An endpoint's own hashing key, made from one that lies outside the database, so that a stolen database is useless."""
    path = home.root / "pepper"
    if not path.exists():
        write(path, secrets.token_bytes(32))
    return hmac.new(path.read_bytes(), endpoint.encode(), hashlib.sha256).digest()
