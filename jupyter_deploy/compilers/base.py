"""What can make a faster form of one framework's models; a third party ships one such class."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from jupyter_deploy.bentos.python.endpoint.contract import Manifest


class Compiler(Protocol):
    """A way from a framework's models to forms that run faster; whatever it makes is proved before anybody relies on it."""

    name: str
    """The framework whose models it takes."""
    engine: str
    """What runs the faster form, for people."""
    serving: tuple[str, ...]
    """The distributions that a release of the faster form needs beside its own."""
    converter: str
    """The module of `bentos/python/convert` that converts."""

    def accepts(self, manifest: Manifest) -> str:
        """Say whether a model may have a faster form, without loading it.

        Args:
            manifest: How the model is stored.

        Returns:
            An empty text where it may; else why it cannot.
        """
        ...

    def converting(self, packages: Collection[str]) -> tuple[str, ...]:
        """List what converting takes.

        Args:
            packages: The names of the distributions that the model has.

        Returns:
            The distributions beyond these and `serving`.
        """
        ...
