"""Real releases, deployed as a person deploys them: behind the router, and the same bundle again at a port of its own."""

from __future__ import annotations

import contextlib
import json
import os
import random
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from growth import processes
from kernel import key_of
from stacks import APPS, ONE_THREAD, Ask, Stack, end, of_process
from wrk import tree

from jupyter_deploy.home import Home
from jupyter_deploy.targets.base import Launch
from jupyter_deploy.targets.local import sockets
from jupyter_deploy.targets.local.commands import SILENCE, limits
from jupyter_deploy.targets.local.parents import ENDPOINT
from jupyter_deploy.values import from_json

METHOD = "predict"


def deploy(home: Home, name: str, workload: str, python: Path = Path(sys.executable), **options: Any) -> str:
    """Deploy a workload and wait until its verified release serves.

    Args:
        home: The agent's folders.
        name: The endpoint's name.
        workload: One of `workloads.TITLES`.
        python: The interpreter that has the model.
        **options: Settings of the deploy.

    Returns:
        The endpoint's URL.

    Raises:
        RuntimeError: If it does not come to serve.
    """
    path = os.pathsep.join((str(APPS.parent.parent), str(APPS.parent), str(APPS)))
    env = {**os.environ, "JUPYTER_DEPLOY_HOME": str(home.root), "PYTHONPATH": path}
    program = [python, APPS / "deploy.py", name, workload, json.dumps(options)]
    done = subprocess.run(program, check=False, cwd=home.root, env=env, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{name} was not deployed: {' '.join(done.stderr.strip().splitlines()[-2:])}")
    return str(json.loads(done.stdout.splitlines()[-1])["url"])


def behind_router(home: Home, urls: dict[str, str]) -> Stack:
    """All endpoints behind the router.

    Args:
        home: The agent's folders.
        urls: URLs by workload.

    Returns:
        The stack, whose parts are the router and all else.
    """
    asks = {name: Ask(url + METHOD, key=key_of(home, name)) for name, url in urls.items()}
    found = processes(home)
    routers = [one.pid for one in found if "envoy" in one.name()]
    others = [one.pid for one in found if one.pid not in routers]
    return Stack("ours, behind the router", asks, lambda: {"worker": others, "router": routers})


def launch_of(home: Home, endpoint: str) -> Launch:
    """Read how an endpoint's release was started."""
    found = [from_json(file.read_bytes(), Launch) for file in home.runtime.glob("*/launch.json")]
    return next(one for one in found if one.endpoint == endpoint)


def alone(home: Home, endpoint: str, work: Path, workers: int = 1) -> Stack:
    """Start the bundle of an endpoint's release once more, its workers at ports of their own.

    Args:
        home: The agent's folders.
        endpoint: The endpoint.
        work: A folder for its sockets; short, for they have to fit.
        workers: How many workers.

    Returns:
        The stack of the first worker; its parts are the parents and the workers.
    """
    launch, port = launch_of(home, endpoint), _first_of(workers)
    folder = work / f"{endpoint}-{workers}"
    folder.mkdir(parents=True, mode=0o700)
    control = folder / "e.sock"
    known = [one for one in launch.preload if one]
    program = [launch.interpreter, APPS / "worker.py", str(port), "--control", control, "--preload", ",".join(known), "--bentoml"]
    env = {**os.environ, **ONE_THREAD, "PYTHONPATH": os.pathsep.join((str(ENDPOINT), *launch.path))}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(program, env=env, stdout=log, stderr=log, start_new_session=True)
    _order(control, _command(launch, folder, workers), process)
    ask = Ask(f"http://127.0.0.1:{port}/{METHOD}", key=key_of(home, endpoint))
    stack = of_process("ours, worker alone", process, {endpoint: ask})
    stack.parts = lambda: {"worker": tree(process.pid)}
    return stack


def _first_of(count: int) -> int:
    """Find so many free ports in a row, below those that the system gives to callers, and give the first."""
    while True:
        first = random.randrange(20_000, 32_000)
        with contextlib.ExitStack() as held, contextlib.suppress(OSError):
            for port in range(first, first + count):
                held.enter_context(socket.socket()).bind(("127.0.0.1", port))
            return first


def _command(launch: Launch, folder: Path, workers: int) -> dict[str, Any]:
    """Say what the agent says when it starts a release."""
    return {
        "do": "release", "release": f"{launch.endpoint}@{launch.number}", "state": launch.state, "folder": launch.folder,
        "runtime": str(folder / "r"), "workers": workers, "keys": launch.keys, "log": str(folder / "log"),
        "network": launch.options.network, "limits": limits(launch.options), "silence": SILENCE,
        "environment": launch.environment, "isolated": launch.options.isolation, "packages": launch.packages,
        "hidden": [], "batched": list(launch.batched),
    }  # fmt: skip


def _order(control: Path, command: dict[str, Any], process: subprocess.Popen[bytes]) -> None:
    expiry = time.monotonic() + 60.0
    while time.monotonic() < expiry and process.poll() is None:
        try:
            answer = sockets.ask(control, command, 10.0)
        except OSError:
            time.sleep(0.05)
            continue
        if answer.get("ok"):
            return
        break
    end(process)
    raise RuntimeError(f"the release of {command['release']} cannot be started; its log is {command['log']}")
