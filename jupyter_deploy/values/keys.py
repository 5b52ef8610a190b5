"""Keys: what a caller presents, as it is kept, and as it is told to people."""

from __future__ import annotations

from jupyter_deploy.values.base import Value


class Key(Value, frozen=True, kw_only=True):
    """What a caller presents; only its hash is kept.

    Attributes:
        id: Its public id, which stands in lists and logs.
        endpoint: The endpoint that it opens.
        hash: HMAC-SHA-256 of the secret, hexadecimal.
        owner: Whom it belongs to.
        created: Seconds since the epoch.
        revoked: Seconds since the epoch; None while it is not.
        methods: The model's methods that it may call; all of them where None.
        expires: When it ends by itself, in seconds since the epoch; never where None.
        quota: Requests a day, of UTC, that it is good for; any number where None.
        place: Where the endpoint's releases count it; another key may have it the day after this one has ended.
        last_used: When it was used last, as far as it is noted here; the releases themselves may know of later.
    """

    id: str
    endpoint: str
    hash: str
    owner: str
    created: float
    revoked: float | None = None
    methods: tuple[str, ...] | None = None
    expires: float | None = None
    quota: int | None = None
    place: int = 0
    last_used: float | None = None

    @property
    def ended(self) -> float | None:
        """When it ended or will end, in seconds since the epoch; None where it goes on."""
        return min((moment for moment in (self.revoked, self.expires) if moment is not None), default=None)

    def is_valid(self, now: float) -> bool:
        """Say whether it opens its endpoint.

        Args:
            now: Seconds since the epoch.

        Returns:
            Whether it does.
        """
        return self.ended is None or self.ended > now


class Grant(Value, frozen=True, kw_only=True):
    """What a key is asked for.

    Attributes:
        owner: Whom it shall belong to: a person or a service.
        methods: The model's methods that it may call; all of them where None.
        expires: When it shall end, in seconds since the epoch; never where None.
        quota: Requests a day, of UTC; any number where None.
    """

    owner: str
    methods: tuple[str, ...] | None = None
    expires: float | None = None
    quota: int | None = None


class KeyInfo(Value, frozen=True, kw_only=True):
    """A key as people see it: no hash, but what it was used for.

    Attributes:
        id: Its public id.
        owner: Whom it belongs to.
        created: Seconds since the epoch.
        revoked: When it was revoked, in seconds since the epoch; None where it was not.
        expires: When it ends by itself, in seconds since the epoch; never where None.
        methods: The model's methods that it may call; all of them where None.
        quota: Requests a day, of UTC, that it is good for; any number where None.
        used: Requests that it was used for today.
        last_used: When it was used last, in seconds since the epoch, to a second; None where it never was.
        own: Whether it is the owner's own key, which lies in the endpoint's `key_file`, opens every method and never ends.
    """

    id: str
    owner: str
    created: float
    revoked: float | None = None
    expires: float | None = None
    methods: tuple[str, ...] | None = None
    quota: int | None = None
    used: int = 0
    last_used: float | None = None
    own: bool = False


class NewKey(Value, frozen=True, kw_only=True):
    """A key that was just made.

    Attributes:
        secret: What its owner presents; it is told once and kept nowhere.
        key: The key.
    """

    secret: str
    key: KeyInfo
