"""What `%deploy` and `jupyter deploy` call alike, so that what one of them says to do can be told for the other."""

from __future__ import annotations

VERBS = ("status", "logs", "releases", "golden", "history", "keys", "diff", "rollback", "promote", "stop", "cancel", "remove")
