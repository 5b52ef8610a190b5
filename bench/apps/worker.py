"""The environment parent of a release whose workers listen at loopback ports, so that wrk reaches them without the router.

`python worker.py PORT --control PATH ...`: everything after the port is what `endpoint.parent` takes. Nothing else differs from a
release behind the router: its parent makes the sockets before it is isolated, and worker n answers at PORT + n.
"""

from __future__ import annotations

import socket
import sys
from pathlib import Path

PORT = int(sys.argv.pop(1))
from endpoint import control, parent, release, workers  # noqa: E402 (the port is no argument of theirs)


def prepare(path: Path, backlog: int = 128) -> socket.socket:
    """Make the socket of a worker at its port."""
    if not path.name.startswith("w"):
        return control.prepare(path, backlog)
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind(("127.0.0.1", PORT + int(path.stem[1:])))
    made.listen(backlog)
    return made


release.prepare = prepare
workers.publish = lambda _path: None
parent.main()
