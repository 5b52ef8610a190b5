"""A worker without a model, for tests of the router alone: `python raw_worker.py SOCKET RELEASE JOURNAL`.

A POST of `{"id": 1, "sleep": 0.5, "die": false}` is written to the journal when it begins and answered with its id and the release.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import uvicorn

SOCKET, RELEASE, JOURNAL = sys.argv[1:]


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Answer one request."""
    answer: dict[str, Any] = {"path": scope["path"]}
    if scope["method"] == "POST":
        asked = await _body(receive)
        _note(f"{RELEASE} {os.getpid()} {asked['id']}\n")
        if asked.get("die"):
            os.kill(os.getpid(), signal.SIGKILL)
        await asyncio.sleep(asked.get("sleep", 0))
        answer |= {"id": asked["id"], "release": RELEASE}
    body = json.dumps(answer).encode()
    headers = [(b"content-length", str(len(body)).encode()), (b"jd-release", RELEASE.encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _body(receive: Any) -> dict[str, Any]:
    data, more = b"", True
    while more:
        message = await receive()
        data, more = data + message.get("body", b""), message.get("more_body", False)
    found: dict[str, Any] = json.loads(data)
    return found


def _note(line: str) -> None:
    with Path(JOURNAL).open("a") as journal:
        journal.write(line)


uvicorn.run(app, uds=SOCKET, log_level="warning", access_log=False, lifespan="off", timeout_keep_alive=120)
