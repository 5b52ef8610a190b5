"""The part of the agent's client that looks after keys."""

from __future__ import annotations

from jupyter_deploy.agent.transport import Transport
from jupyter_deploy.values import Grant, KeyInfo, NewKey, from_json


class Keys(Transport):
    """Keys, each of one endpoint."""

    def keys(self, name: str) -> list[KeyInfo]:
        """List an endpoint's keys.

        Args:
            name: The endpoint.

        Returns:
            The keys, oldest first, revoked ones too.
        """
        return from_json(self._ask("GET", f"/endpoints/{name}/keys"), list[KeyInfo])

    def make_key(self, name: str, grant: Grant) -> NewKey:
        """Make a key.

        Args:
            name: The endpoint that it opens.
            grant: Whom it is for, and what it shall be good for.

        Returns:
            The secret, which is told only now, and the key.
        """
        return from_json(self._ask("POST", f"/endpoints/{name}/keys", grant), NewKey)

    def revoke_key(self, name: str, id: str) -> KeyInfo:
        """End a key; where it is the owner's own, another takes its place in the owner's file.

        Args:
            name: The endpoint.
            id: The key's id.

        Returns:
            The key, as it is now.
        """
        return from_json(self._ask("DELETE", f"/endpoints/{name}/keys/{id}"), KeyInfo)
