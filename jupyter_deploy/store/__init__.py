"""The agent's memory, one SQLite file."""

from jupyter_deploy.store.store import Store, acting

__all__ = ["Store", "acting"]
