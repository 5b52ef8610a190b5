"""What people read of keys, in a terminal and in a notebook."""

from __future__ import annotations

import time
from collections.abc import Iterable

from jupyter_deploy.adapters import card
from jupyter_deploy.adapters import view as words
from jupyter_deploy.values import KeyInfo

HEADS = ("key", "owner", "may call", "ends", "today", "used last")


def ended(key: KeyInfo, now: float) -> bool:
    """Say whether a key opens nothing any more.

    Args:
        key: The key.
        now: Seconds since the epoch.

    Returns:
        Whether it was revoked, or has ended by itself.
    """
    return key.revoked is not None or (key.expires is not None and key.expires <= now)


def terms(key: KeyInfo) -> str:
    """Say what a key may do.

    Args:
        key: The key.

    Returns:
        Such as `predict, until 2030-01-31 00:00, 1,000 requests a day`.
    """
    until = "" if key.expires is None else f"until {_date(key.expires)}"
    quota = "" if key.quota is None else f"{key.quota:,} requests a day"
    return ", ".join(filter(None, (_methods(key), until, quota)))


def row(key: KeyInfo, now: float) -> tuple[str, ...]:
    """Write one line of a list.

    Args:
        key: The key.
        now: Seconds since the epoch.

    Returns:
        What stands below `HEADS`.
    """
    ends = "never" if key.expires is None else f"{'ended ' if key.expires <= now else ''}{_date(key.expires)}"
    ends = f"revoked {_date(key.revoked)}" if key.revoked is not None else ends
    today = f"{key.used:,}" if key.quota is None else f"{key.used:,} of {key.quota:,}"
    last = "never" if key.last_used is None else f"{words.span(now - key.last_used)} ago"
    return key.id, f"{key.owner} (your own)" if key.own else key.owner, _methods(key), ends, today, last


def table(keys: Iterable[KeyInfo], now: float) -> str:
    """Write a list as lines of text.

    Args:
        keys: The keys.
        now: Seconds since the epoch.

    Returns:
        The lines, the heads first.
    """
    return card.columns(HEADS, [row(key, now) for key in keys])


def _methods(key: KeyInfo) -> str:
    return "every method" if key.methods is None else ", ".join(key.methods) or "no method"


def _date(moment: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(moment))
