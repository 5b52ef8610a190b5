"""Who does something, as the audit and a release's origin name them."""

from __future__ import annotations

import getpass
import os


def system_user() -> str:
    """Name the system's user.

    Returns:
        The name; the number where there is none, as in a container that was started with one that nobody wrote down.
    """
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return str(os.getuid())


def named(person: str) -> str:
    """Name a person together with the system's user as whom they act.

    Args:
        person: Their name, as JupyterHub or Jupyter knows it; may be empty.

    Returns:
        Such as `ann (jovyan)`; the system's user alone where there is no other name.
    """
    system = system_user()
    return f"{person} ({system})" if person and person != system else system
