"""Every error that a person can meet, as one tree.

DeployError                    something that a person can mend; has a code and an HTTP status
├── BadInput            400    what was asked for cannot be done as asked
│   ├── UnknownName            a variable, endpoint or setting that does not exist; says which names come near
│   ├── BadName                an endpoint's name that cannot stand in a URL
│   ├── NotDeployable          a class, an unfitted estimator, an object without a method to call
│   ├── NotPicklable           an attribute that cannot leave the kernel; says its path
│   ├── SecretFound            a secret would leave the kernel; says its path
│   ├── BadArchive             an archive that is not exactly what `jupyter deploy export` writes
│   ├── NoContract             nothing says what the model accepts
│   ├── NonDeterministic       a model that answers the same rows twice otherwise
│   └── BadSetting             a setting with an unknown key or a wrong value
├── Conflict            409    another deploy or state stands in the way
├── Cancelled           409    a deploy was cancelled, or a newer one took its place
├── Refused             422    the bundle did not answer as the notebook did
├── LockFailed          424    the lock could not be made
│   └── Unsolvable             the packages that are asked for do not go together
├── EnvironmentFailed   424    the clean environment could not be made
├── ReleaseFailed       500    a release could not be started
├── RouterFailed        500    the router could not be started or refused its configuration
├── Damaged             500    a file that was kept is no longer what its digest says
├── StoreFailed         507    the agent's memory cannot be written, such as on a full disk
├── DiskFailed          507    a folder cannot be written: full, read-only, or without locks
├── TimedOut            504    a stage of a deploy took longer than it may
├── PortInUse           409    another program listens on the endpoint's port
├── AgentUnreachable    503    the agent cannot be started or does not answer
├── AgentVersion        503    the agent is of another version than whoever asks it
└── CallFailed          502    an endpoint answered a call with an error

A message says what is wrong, where, and what to do next. Adapters alone turn these into text, exit codes and HTTP answers.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import ClassVar


class DeployError(Exception):
    """Something went wrong that a person can mend.

    Args:
        message: What is wrong and where, in one or two sentences.
        hint: What to do next; empty where the message says it already.
    """

    status: ClassVar[int] = 500

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message

    @property
    def code(self) -> str:
        """The class's name, which stands in JSON and brings the same class back on the other side."""
        return type(self).__name__


class BadInput(DeployError):
    """What was asked for cannot be done as asked."""

    status = 400


class UnknownName(BadInput):
    """A variable, endpoint or setting that does not exist."""

    status = 404


class BadName(BadInput):
    """An endpoint's name that cannot stand in a URL."""


class NotDeployable(BadInput):
    """A class, an unfitted estimator, or an object without a method to call."""


class NotPicklable(BadInput):
    """An attribute that cannot leave the kernel."""


class BadArchive(BadInput):
    """An archive that is not exactly what `jupyter deploy export` writes."""


class SecretFound(BadInput):
    """A secret would leave the kernel."""


class NoContract(BadInput):
    """Nothing says what the model accepts."""


class NonDeterministic(BadInput):
    """A model that answers the same rows twice otherwise."""


class BadSetting(BadInput):
    """A setting with an unknown key or a wrong value."""


class Conflict(DeployError):
    """Another deploy or state stands in the way."""

    status = 409


class Cancelled(DeployError):
    """A deploy was cancelled, or a newer one took its place."""

    status = 409


class Refused(DeployError):
    """The bundle did not answer as the notebook did."""

    status = 422


class LockFailed(DeployError):
    """The lock could not be made."""

    status = 424


class Unsolvable(LockFailed):
    """The packages that are asked for do not go together."""


class EnvironmentFailed(DeployError):
    """The clean environment could not be made."""

    status = 424


class ReleaseFailed(DeployError):
    """A release could not be started."""


class RouterFailed(DeployError):
    """The router could not be started or refused its configuration."""


class Damaged(DeployError):
    """A file that was kept is no longer what its digest says."""


class StoreFailed(DeployError):
    """The agent's memory cannot be written, such as on a full disk."""

    status = 507


class DiskFailed(DeployError):
    """A folder cannot be written: the disk is full or read-only, or its file system has no locks."""

    status = 507


class TimedOut(DeployError):
    """A stage of a deploy took longer than it may."""

    status = 504


class PortInUse(DeployError):
    """Another program listens on the endpoint's port."""

    status = 409


class AgentUnreachable(DeployError):
    """The agent cannot be started or does not answer."""

    status = 503


class AgentVersion(DeployError):
    """The agent is of another version than whoever asks it."""

    status = 503


class CallFailed(DeployError):
    """An endpoint answered a call with an error."""

    status = 502


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Say which known names come near to a misspelt one.

    Args:
        name: The name that was not found.
        known: The names that exist.

    Returns:
        A sentence such as "Did you mean `model`?", or an empty string where none comes near.
    """
    near = difflib.get_close_matches(name, list(known), n=3, cutoff=0.6)
    return f"Did you mean {' or '.join(f'`{one}`' for one in near)}?" if near else ""


def by_code(code: str, message: str, hint: str = "") -> DeployError:
    """Bring an error back from its code.

    Args:
        code: The class's name, as `DeployError.code` gave it.
        message: The error's message.
        hint: What to do next.

    Returns:
        An error of that class, or a plain `DeployError` where the code is unknown.
    """
    classes = {cls.__name__: cls for cls in _descendants(DeployError)}
    return classes.get(code, DeployError)(message, hint)


def _descendants(cls: type[DeployError]) -> list[type[DeployError]]:
    found = list(cls.__subclasses__())
    return found + [deeper for child in found for deeper in _descendants(child)]
