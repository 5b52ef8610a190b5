"""`python -m jupyter_deploy.agent`: the agent's process."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator

import uvicorn

from jupyter_deploy import errors, plugins, settings, space
from jupyter_deploy import home as homes
from jupyter_deploy.agent import lifecycle
from jupyter_deploy.agent.app import Agent
from jupyter_deploy.agent.feed import Feed
from jupyter_deploy.agent.observing import LOOKED
from jupyter_deploy.deployer import Deployer
from jupyter_deploy.home import Home
from jupyter_deploy.observe.observer import Observer
from jupyter_deploy.store import Store

IDLE = 15 * 60.0  # seconds without a call after which an agent without endpoints ends
LAST_LOOK = 2.0  # seconds for the last look before the end
RETRY, LONGEST_RETRY = 2.0, 10.0  # seconds until what could not answer again is tried again, doubled each time
log = logging.getLogger("jupyter_deploy.agent")


def main() -> None:
    """Be the agent until somebody says stop, or nothing is deployed and nobody has called for a while."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(threadName)s %(message)s")
    home = Home.find()
    try:
        _be(home)
    except (errors.DeployError, OSError) as error:
        known = error if isinstance(error, errors.DeployError) else homes.failed(error, home.root)
        log.exception("the agent cannot go on")
        sys.exit(f"{known.message} {known.hint}")  # the last line of the log, which whoever started it shows


def _be(home: Home) -> None:
    if lifecycle.take_lock(home.make()) is None:  # kept open until this process is gone, and its last file with it
        return
    try:
        space.sweep(home)
        tempfile.tempdir = str(home.temporary)
        asyncio.run(serve(home))
    finally:
        home.agent_socket.unlink(missing_ok=True)


async def serve(home: Home) -> None:
    """Serve the agent's routes.

    Args:
        home: The agent's folders.
    """
    feed = Feed()
    feed.loop = asyncio.get_running_loop()
    store = Store(home.store)
    port = settings.read(home.root, {})[0].port  # from the environment, as `lifecycle.connect` has set it
    target = plugins.load("targets", "local")(home, port)
    observer = Observer(target, store, lambda: feed.tell(LOOKED))

    def changed(name: str, number: int) -> None:
        feed.tell(name, number)
        observer.wake()  # what began to answer is looked at before it has counted much

    deployer = Deployer(home, store, target, changed)
    agent = Agent(deployer, observer, feed, port)
    for one in (signal.SIGTERM, signal.SIGINT):
        feed.loop.add_signal_handler(one, agent.ending.set)
    threading.Thread(target=_resume, args=(agent,), name="resume", daemon=True).start()
    looking = threading.Thread(target=observer.run, name="observe", daemon=True)
    looking.start()
    server = _Server(
        uvicorn.Config(agent.app(), log_level="warning", access_log=False, lifespan="off", timeout_graceful_shutdown=1),
        agent.observing.end,
    )
    serving = asyncio.create_task(server.serve(sockets=[_listen(home)]))
    log.info("the agent serves at %s", home.agent_socket)
    await _until_end(agent, server)
    server.should_exit = True
    await serving
    observer.close()
    await asyncio.to_thread(looking.join, LAST_LOOK)
    deployer.halt()
    await asyncio.to_thread(deployer.target.close, agent.everything)
    log.info("the agent ends%s", " with its endpoints" if agent.everything else "; its endpoints go on")


class _Server(uvicorn.Server):
    """uvicorn, with its signal handlers left out: the agent has its own.

    Args:
        config: What to serve, and how.
        ending: Ends what would go on for ever; whoever notices finds no agent any more.
    """

    def __init__(self, config: uvicorn.Config, ending: Callable[[], None]) -> None:
        super().__init__(config)
        self._ending = ending

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._ending()  # what waits for it goes on once the socket is closed
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _listen(home: Home) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    old = os.umask(0o177)  # the socket is born with mode 0600
    try:
        listener.bind(str(home.agent_socket))
    finally:
        os.umask(old)
    listener.listen(128)
    listener.setblocking(False)
    return listener


def _resume(agent: Agent) -> None:
    """Let what was deployed answer again, and try until it does, for another program may have the port for a while."""
    pause = RETRY
    while not (agent.ending.is_set() or _resumed(agent)):
        time.sleep(pause)
        pause = min(2 * pause, LONGEST_RETRY)


def _resumed(agent: Agent) -> bool:
    before = agent.trouble
    try:
        agent.trouble = "\n".join(agent.deployer.resume())
    except (errors.DeployError, OSError) as error:
        agent.trouble = str(error if isinstance(error, errors.DeployError) else homes.failed(error, agent.deployer.home.root))
        if agent.trouble != before:
            log.exception("what was deployed does not answer")
    return not agent.trouble


async def _until_end(agent: Agent, server: uvicorn.Server) -> None:
    calls, idle = -1, 0.0
    while not agent.ending.is_set():
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(agent.ending.wait(), 10)
        busy = server.server_state.total_requests != calls or bool(await asyncio.to_thread(agent.deployer.store.endpoints))
        calls, idle = server.server_state.total_requests, 0.0 if busy else idle + 10
        if idle >= IDLE:
            agent.everything = True
            return


if __name__ == "__main__":
    main()
