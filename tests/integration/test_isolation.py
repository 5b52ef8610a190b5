"""A bad model hurts only itself: what canary models try to reach is refused, and what the system cannot refuse is told."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from jupyter_deploy import credentials
from jupyter_deploy import release as releases
from jupyter_deploy.bentos.python.endpoint import isolation, landlock, seccomp
from jupyter_deploy.home import write
from tests.serving import SECRET, Machine, machine, until

LANDLOCK = landlock.version()
files_only = pytest.mark.skipif(LANDLOCK < landlock.FILES, reason="this system has no Landlock")
signals_only = pytest.mark.skipif(LANDLOCK < landlock.SIGNALS, reason="this system's Landlock cannot forbid signals")


def canary() -> Any:
    """Make a model that does what its rows say, and answers what came of it."""

    class Canary:
        def predict(self, rows: list[Any]) -> list[Any]:
            return [self.attempt(row) for row in rows]

        def attempt(self, row: Any) -> Any:
            try:
                return self.do(*row)
            except OSError as error:
                return type(error).__name__

        def do(self, what: str, *on: Any) -> Any:
            import os
            import resource
            import shutil
            import socket
            import subprocess
            import tempfile
            from pathlib import Path

            if what == "read":
                with Path(on[0]).open("rb") as file:
                    return len(file.read(10)) >= 0 and "read"
            if what == "list":
                return [one.name for one in Path(on[0]).iterdir()]
            if what == "write":
                with Path(on[0]).open("ab") as file:
                    return file.write(b"x")
            if what == "remove":
                return shutil.rmtree(on[0])
            if what == "connect":
                with socket.socket(socket.AF_UNIX) as made:
                    return made.connect(on[0])
            if what == "network":
                with socket.create_connection(("127.0.0.1", on[0]), timeout=5):
                    return "reached"
            if what == "signal":
                return os.kill(on[0] or os.getppid(), 0)
            if what == "huge":
                with tempfile.TemporaryFile() as file:
                    return os.posix_fallocate(file.fileno(), 0, on[0])
            if what == "fork":
                return subprocess.run(["true"], check=False).returncode
            if what == "limits":
                return [resource.getrlimit(resource.RLIMIT_CORE)[1], os.getpgid(0) == os.getpid(), os.getsid(0) == os.getppid()]
            if what == "environment":
                return list(os.environ)
            return self.everyday()

        def everyday(self) -> Any:
            import getpass
            import multiprocessing
            import os
            import tempfile
            import threading
            import uuid
            from pathlib import Path
            from zoneinfo import ZoneInfo

            thread = threading.Thread(target=multiprocessing.Lock)
            thread.start()
            thread.join()
            Path("~/cache").expanduser().write_text("x")
            with tempfile.NamedTemporaryFile() as file, Path("/dev/null").open("wb") as null:
                null.write(os.urandom(file.write(b"x")))
            return [len(multiprocessing.Pipe()), str(ZoneInfo("UTC")), bool(getpass.getuser()), len(str(uuid.uuid1()))]

    return Canary()


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[Machine, str]]:
    """Run the canary as a release that is to have no network."""
    with machine() as made:
        launch = made.launch(1, canary(), deadline=20.0)
        made.target.start(launch)
        yield made, launch.id


def tried(running: tuple[Machine, str], *row: Any) -> Any:
    """Have the canary try one thing."""
    made, launch = running
    return made.predict(launch, list(row))[0]


def test_what_is_open_is_told(running: tuple[Machine, str]) -> None:
    """A release's health lists what this system cannot close to it, each with a sentence for people."""
    made, launch = running
    known = {"files": LANDLOCK >= landlock.FILES, "signals": LANDLOCK >= landlock.SIGNALS, "sockets": sys.platform == "linux"}
    health = made.target.status()[launch]

    assert tuple(name for name, closed in known.items() if not closed) == health.open
    assert ["isolation"] * 5 == [
        one.kind for one in [*releases.exposed(list(releases.EXPOSED), isolation=True), *releases.exposed([], isolation=False)]
    ]


@files_only
def test_files_of_others_are_closed(running: tuple[Machine, str], tmp_path: Path) -> None:
    """Keys, the store, other endpoints' files, temporary files and the user's home can be neither read nor listed."""
    made, _ = running
    home = made.home
    secrets = [
        home.store,
        home.keys / "churn.key",
        home.bundles / "b" / "x",
        home.captures / "9" / "x",
        tmp_path / "x",
        home.root / "pepper",
    ]
    for path in secrets:
        write(path, b"secret")
    folders = [
        home.root,
        home.runtime,
        home.keys,
        tmp_path,
        Path.home(),
        Path("/tmp"),
        Path("/root") if os.getuid() == 0 else Path("/home"),
    ]
    shadow = ["/etc/shadow"] if os.getuid() == 0 else []

    assert ["PermissionError"] * len(secrets) == [tried(running, "read", str(path)) for path in secrets]
    assert ["PermissionError"] * len(folders) == [tried(running, "list", str(folder)) for folder in folders]
    assert ["PermissionError"] * len(shadow) == [tried(running, "read", path) for path in shadow]
    assert {"PermissionError"} == {tried(running, "read", f"/proc/{os.getpid()}/{name}") for name in ("environ", "mem", "maps")}


@files_only
def test_own_files_are_open(running: tuple[Machine, str]) -> None:
    """A release reads its own folder, Python and the system, and writes to its temporary folder alone."""
    made, launch = running
    own = made.home.captures / "1"
    record = next(made.home.runtime.glob("*/launch.json"))

    assert ["read"] * 4 == [
        tried(running, "read", path) for path in (str(own / "manifest.json"), os.__file__, "/etc/passwd", sys.executable)
    ]
    refused = [
        str(own / "manifest.json"),
        str(own / "new"),
        str(record),
        str(record.parent / "temporary"),
        os.__file__,
        "/etc/new",
        "/new",
    ]
    assert ["PermissionError"] * len(refused) == [tried(running, "write", path) for path in refused]
    assert "PermissionError" == tried(running, "remove", str(own))
    assert [2, "UTC", True, 36] == tried(running, "everyday")
    assert 0 == tried(running, "fork")
    assert launch


def test_sockets_of_the_machine_are_closed(running: tuple[Machine, str]) -> None:
    """Neither the agent's socket nor a release's control socket can be connected to, nor any other Unix socket."""
    made, _ = running
    with socket.socket(socket.AF_UNIX) as agent:
        agent.bind(str(made.home.agent_socket))
        agent.listen()
        paths = [made.home.agent_socket, *made.home.runtime.glob("e-*.sock"), *made.home.runtime.glob("*/*.sock")]

        assert len(paths) >= 5
        assert {"PermissionError"} == {tried(running, "connect", str(path)) for path in paths}
        made.home.agent_socket.unlink()


@signals_only
def test_other_processes_are_closed(running: tuple[Machine, str]) -> None:
    """A worker can signal neither the release that forked it nor any other process of the user."""
    with subprocess.Popen(["sleep", "60"]) as other:
        assert ["PermissionError"] * 3 == [
            tried(running, "signal", other.pid), tried(running, "signal", os.getpid()), tried(running, "signal", 0),
        ]  # fmt: skip
        assert None is other.poll()
        other.kill()


def test_limits(running: tuple[Machine, str]) -> None:
    """A worker leaves no core file, has a process group of its own, and makes no file of ten gigabytes."""
    assert [0, True, True] == tried(running, "limits")
    assert "OSError" == tried(running, "huge", 10 << 30)


def test_a_release_without_network() -> None:
    """A verified release reaches no port of this machine, or its health says that it may; one that is to have the network does."""
    with machine() as made, socket.create_server(("127.0.0.1", 0)) as server:
        answers = {}
        for number, network in ((1, False), (2, True)):
            launch = msgspec.structs.replace(made.launch(number, canary(), network=network), state="verified")
            made.target.start(launch)
            answers[network] = made.predict(launch.id, ["network", server.getsockname()[1]])[0]

        assert "reached" == answers[True]
        assert ("reached" == answers[False]) == ("network" in made.target.status()["churn@1"].open)


def test_filter_cuts_the_network_where_namespaces_cannot() -> None:
    """A process that may make no network sockets reaches nothing, and keeps those that it has."""
    code = (
        "import socket\nfrom jupyter_deploy.bentos.python.endpoint import seccomp\nold = socket.socket()\n"
        "assert seccomp.without_sockets([seccomp.UNIX, *seccomp.NETWORK])\nsocket.socketpair()\nold.bind(('127.0.0.1', 0))\n"
        "for family in (seccomp.UNIX, *seccomp.NETWORK):\n    try:\n        socket.socket(family)\n"
        "    except PermissionError:\n        print('refused')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert ["refused"] * (1 + len(seccomp.NETWORK)) == done.stdout.split()


def test_what_a_worker_started_ends_with_it() -> None:
    """The processes that a worker started are killed with it."""

    class Spawner:
        def predict(self, rows: list[Any]) -> list[Any]:
            import subprocess
            import time

            if rows == ["hang"]:
                time.sleep(600)
            return [subprocess.Popen(["sleep", "600"]).pid if row == "spawn" else 0 for row in rows]

    with machine() as made:
        launch = made.launch(1, Spawner(), workers=1, deadline=1.0)
        made.target.start(launch)
        child = Path(f"/proc/{made.predict(launch.id, 'spawn')[0]}")
        assert child.exists()
        status, _ = made.target.call(launch.id, "/predict", json.dumps({"rows": ["hang"]}).encode(), SECRET)

        assert 504 == status
        until(lambda: not child.exists() or (child / "stat").read_text().rpartition(")")[2].split()[0] == "Z")


def test_nothing_is_left() -> None:
    """A release that has ended leaves neither its sockets' folder nor its temporary files."""
    with machine() as made:
        launch = made.launch(1, canary())
        made.target.start(launch)
        folder = next(made.home.runtime.glob("*/launch.json")).parent
        (temporary,) = (folder / "temporary").read_text().split()
        made.predict(launch.id, ["everyday"])
        made.target.stop(launch.id)

        assert not folder.exists()
        assert not Path(temporary).exists()


def test_a_release_that_is_not_isolated() -> None:
    """Without isolation a release reads what its owner may read."""
    with machine() as made:
        write(made.home.root / "note", b"x")
        launch = made.launch(1, canary(), isolation=False)
        made.target.start(launch)

        assert "read" == made.predict(launch.id, ["read", str(made.home.root / "note")])[0]
        assert () == made.target.status()[launch.id].open


def test_no_credentials_are_inherited(monkeypatch: pytest.MonkeyPatch) -> None:
    """A preview inherits the agent's environment without what gives access to anything."""
    secrets = {
        "AWS_ACCESS_KEY_ID": "a", "AWS_PROFILE": "b", "GITHUB_TOKEN": "c", "OPENAI_API_KEY": "d", "DB_PASSWORD": "e",
        "MY_SECRET": "f", "DATABASE_URL": "postgresql://a:b@c/d", "SSH_AUTH_SOCK": "/x", "JUPYTERHUB_API_TOKEN": "g",
        "HTTPS_PROXY": "http://me:pw@proxy:1",
    }  # fmt: skip
    plain = {"MODEL_SIZE": "7", "TOKENIZERS_PARALLELISM": "false", "OMP_NUM_THREADS": "1", "HTTP_PROXY": "http://proxy:80"}
    for name, value in {**secrets, **plain}.items():
        monkeypatch.setenv(name, value)
    with machine() as made:
        launch = made.launch(1, canary())
        made.target.start(launch)
        names = set(made.predict(launch.id, ["environment"])[0])

    assert set() == names & secrets.keys()
    assert plain.keys() <= names
    assert not any(credentials.in_environment(name, value) for name, value in plain.items())


def test_around(tmp_path: Path) -> None:
    """Everything below a folder is listed in as few folders as go around what is closed; links into it are left out."""
    for name in ("a/b/c", "a/closed", "d", "e"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "in").symlink_to(tmp_path / "a" / "closed")
    (tmp_path / "over").symlink_to(tmp_path / "a")
    (tmp_path / "to").symlink_to(tmp_path / "d")
    hidden = isolation.Hidden([tmp_path / "a" / "closed"])

    assert [tmp_path / name for name in ("a/b", "d", "e", "to")] == list(hidden.around(str(tmp_path)))
    assert [] == list(hidden.around(str(tmp_path / "a" / "closed" / "x")))
    assert [tmp_path / "d"] == list(hidden.around(str(tmp_path / "d")))
