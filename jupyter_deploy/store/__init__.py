"""The agent's memory, one SQLite file."""

from jupyter_deploy.store.store import Store

__all__ = ["Store"]
