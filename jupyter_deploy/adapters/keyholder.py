"""What a handle knows of its endpoint's keys; no secret ever stands in a cell's output."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from pathlib import Path

from jupyter_deploy import errors
from jupyter_deploy import home as homes
from jupyter_deploy.adapters import keytexts
from jupyter_deploy.adapters.listing import Listing, brief
from jupyter_deploy.agent.client import AgentClient
from jupyter_deploy.values import Grant, KeyInfo

DAY = 86_400.0  # seconds


class Keyholder:
    """The part of a handle that looks after keys."""

    name: str
    _client: AgentClient

    @brief
    def keys(self) -> Listing[KeyInfo]:
        """List the endpoint's keys.

        Returns:
            The keys, oldest first, those that have ended too: whose they are, what each may do, and what it was used for.
        """
        found = self._client.keys(self.name)
        return Listing(found, keytexts.table(found, time.time()))

    @brief
    def make_key(
        self,
        owner: str,
        file: str | Path,
        *,
        methods: Sequence[str] | None = None,
        days: float | None = None,
        quota: int | None = None,
    ) -> KeyInfo:
        """Make a key for somebody.

        Args:
            owner: Whom it is for: a person or a service.
            file: Where its secret goes, for you alone; nothing may be there yet.
            methods: The model's methods that it may call; all of them where None.
            days: When it ends, in days from now; never where None.
            quota: Requests a day, of UTC; any number where None.

        Returns:
            The key.

        Raises:
            BadInput: If it cannot be good for that, or the file is there.
            DiskFailed: If the file cannot be written.
        """
        for name, limit in (("days", days), ("quota", quota)):
            if limit is not None and not math.isfinite(limit):  # JSON has no such number, and none would mean no limit
                raise errors.BadInput(f"`{name}` is {limit}, which is no number.", "Leave it out for a key without that limit.")
        expires = None if days is None else time.time() + days * DAY
        grant = Grant(owner=owner, methods=None if methods is None else tuple(methods), expires=expires, quota=quota)
        return into(Path(file).expanduser(), self._client, self.name, grant)

    @brief
    def revoke_key(self, id: str) -> KeyInfo:
        """End a key; where it is your own, another takes its place in `key_file`.

        Args:
            id: Its id, as `keys` lists it.

        Returns:
            The key, as it is now.
        """
        return self._client.revoke_key(self.name, id)


def into(file: Path, client: AgentClient, name: str, grant: Grant) -> KeyInfo:
    """Make a key whose secret goes into a file, for its owner alone.

    Args:
        file: The file; nothing may be there yet.
        client: The agent.
        name: The endpoint.
        grant: What the key shall be good for.

    Returns:
        The key.

    Raises:
        BadInput: If it cannot be good for that, or the file is there.
        DiskFailed: If the file cannot be written; the key is revoked then.
    """
    if file.exists():
        raise errors.BadInput(f"{file} is there already.", "Name another file.")
    if not file.absolute().parent.is_dir():
        raise errors.BadInput(f"There is no folder {file.absolute().parent}.", "Make it, or name another file.")
    made = client.make_key(name, grant)
    try:
        homes.write(file, f"{made.secret}\n".encode())
    except OSError as error:
        client.revoke_key(name, made.key.id)
        raise homes.failed(error, file) from error
    return made.key
