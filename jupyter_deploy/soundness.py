"""Looks whether all that the agent keeps is whole: the store, what releases are made of, the router's memory, keys and permissions.

Nothing is changed, and no agent is needed. While a deploy is on its way, what is half made is no flaw.
"""

from __future__ import annotations

import re
import stat
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from jupyter_deploy import bundle as bundles
from jupyter_deploy import errors, plugins, share
from jupyter_deploy import home as homes
from jupyter_deploy.home import HALF_MADE, Home
from jupyter_deploy.store import Store, integrity
from jupyter_deploy.values import STAGES, Bundle, Capture, Lock, Release
from jupyter_deploy.values.base import Value

LAUNCH = re.compile(r"(?P<endpoint>[^@]+)@(?P<number>\d+)(-preview|-compiled)?")
AGAIN = "Deploy the model again from its notebook, or roll back to a release that is whole."
MOMENT = 0.3  # seconds
RESTART = "`jupyter deploy agent stop --keep`, then `jupyter deploy agent start`, which mends it."


class Flaw(Value, frozen=True, kw_only=True):
    """Something that is not as it should be.

    Attributes:
        place: The file, folder or release.
        what: What is wrong with it.
        hint: What to do.
    """

    place: str
    what: str
    hint: str


class Report(Value, frozen=True, kw_only=True):
    """What was looked at and found.

    Attributes:
        endpoints: How many endpoints there are.
        releases: How many releases.
        contents: How many captures, locks, bundles and environments were looked at.
        flaws: What is wrong.
    """

    endpoints: int = 0
    releases: int = 0
    contents: int = 0
    flaws: tuple[Flaw, ...] = ()

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.flaws


def examine(home: Home) -> Report:
    """Look at everything.

    Args:
        home: The agent's folders.

    Returns:
        What was found; a home in which nothing was ever deployed is sound.
    """
    if not home.store.exists():
        return Report()
    damage = integrity.flaws(home.store)
    if damage:
        hint = "Put a copy of it back; or move the home folder away and deploy again from the notebooks."
        return Report(flaws=tuple(Flaw(place=str(home.store), what=one, hint=hint) for one in damage))
    store = Store(home.store)
    releases = store.releases()
    contents = _contents(releases)
    flaws = [
        *(flaw for kind, digest in contents for flaw in _content(home, store, kind, digest)),
        *(flaw for release in releases for flaw in _journal(release)),
        *_endpoints(home, store, releases),
        *_environments(home, releases),
        *_router(home, releases),
        *_half_made(home, releases),
        *_permissions(home),
    ]
    return Report(endpoints=len(store.endpoints()), releases=len(releases), contents=len(contents), flaws=tuple(flaws))


# ----- what releases are made of


def _contents(releases: Iterable[Release]) -> list[tuple[type[Capture | Lock | Bundle], str]]:
    parts = {
        part
        for one in releases
        for part in (
            (Capture, one.capture), (Lock, one.lock), (Bundle, one.bundle), (Lock, one.faster_lock), (Bundle, one.faster),
        )
    }  # fmt: skip
    return sorted(((kind, digest) for kind, digest in parts if digest), key=lambda one: (one[0].__name__, one[1]))


def _content(home: Home, store: Store, kind: type[Capture | Lock | Bundle], digest: str) -> Iterator[Flaw]:
    try:
        value = store.find(kind, digest)
        if isinstance(value, Bundle):
            bundles.check(value)
    except errors.DeployError as error:
        yield Flaw(place=f"{kind.__name__.lower()} {digest[:12]}", what=error.message, hint=AGAIN)
        return
    if isinstance(value, Capture):
        yield from _capture(home, value)
    elif isinstance(value, Lock):
        yield from _lock(value)


def _capture(home: Home, capture: Capture) -> Iterator[Flaw]:
    folder = Path(capture.folder)
    if folder != home.captures / capture.digest or not folder.is_dir():
        yield Flaw(place=str(home.captures / capture.digest), what="It is gone.", hint=AGAIN)
    elif (got := homes.digest_of(folder)) != capture.digest:
        what = f"It is damaged: its digest should be {capture.digest} and is {got}."
        yield Flaw(place=str(folder), what=what, hint="Run the notebook's cell again, which replaces it.")


def _lock(lock: Lock) -> Iterator[Flaw]:
    if lock.folder and not Path(lock.folder).is_dir():
        yield Flaw(place=lock.folder, what="The wheels of this lock are gone.", hint=AGAIN)
    lines = lock.text.replace("\\\n", " ").splitlines()
    bare = [line for line in lines if re.match(r"\w", line) and "--hash=" not in line]
    if bare:
        yield Flaw(place=f"lock {lock.digest[:12]}", what=f"It has a line without a hash: {bare[0][:80]}", hint=AGAIN)


def _environments(home: Home, releases: Iterable[Release]) -> Iterator[Flaw]:
    """Look for the environments of whatever may be asked to answer; one that is gone is made again from its lock."""
    for digest in sorted({lock for one in releases if one.verified for lock in (one.lock, one.faster_lock) if lock}):
        place = home.environments / digest
        if not ((place / ".complete").exists() and (place / "bin" / "python").exists()):
            hint = "It is made again when it is needed; `jupyter deploy rollback` and `jupyter deploy agent start` do so."
            yield Flaw(place=str(place), what="This environment is not whole, or its Python is gone.", hint=hint)


# ----- the store against itself


def _journal(release: Release) -> Iterator[Flaw]:
    done = [stage.name for stage in release.stages if stage.seconds is not None and stage.name in STAGES]
    passed = [name for name in dict.fromkeys(done) if name != "serving"]
    last = done[-1] if done else "captured"
    running = [stage.name for stage in release.stages if stage.seconds is None and stage.name != "compiled"]
    said = [
        (passed == list(STAGES[: len(passed)]), f"its journal skips a stage: {', '.join(passed)}"),
        (release.ended or release.state == last, f"it is `{release.state}`, while its journal ends with `{last}`"),
        (not (release.ended and running), f"it has ended, and its stage `{', '.join(running)}` has not"),
        (not release.ended or release.state in {one.name for one in release.stages}, "its journal does not tell its end"),
        (release.verified or release.state not in {"serving", "retired"}, "it has served, and was not verified"),
        (bool(release.lock) or "locked" not in done, "it was locked, and has no lock"),
        (bool(release.bundle) or "bundled" not in done, "it was bundled, and has no bundle"),
    ]
    for right, what in said:
        if not right:
            yield Flaw(place=release.tag, what=f"The store says that {what}.", hint="Deploy the model again.")


def _endpoints(home: Home, store: Store, releases: Iterable[Release]) -> Iterator[Flaw]:
    known = {(one.endpoint, one.number): one for one in releases}
    for name, (_, answering, state) in store.endpoints().items():
        serving = [one.tag for one in known.values() if one.endpoint == name and one.state == "serving"]
        answers = known.get((name, answering)) if answering is not None else None
        verified = answers is not None and answers.verified
        said = [
            (len(serving) <= 1, f"more than one release serves: {', '.join(serving)}"),
            (answering is None or answers is not None, f"{name}@{answering} answers, which is not there"),
            (state != "verified" or verified, f"{name}@{answering} answers as verified, which it is not"),
            (share.opens(store, home, name), f"the key in {home.keys / f'{name}.key'} does not open it"),
        ]
        for right, what in said:
            if not right:
                yield Flaw(place=name, what=f"The store says that {what}.", hint="Deploy the model again.")


def _router(home: Home, releases: Iterable[Release]) -> Iterator[Flaw]:
    """Look whether what runs, as far as files tell it, is known."""
    known = {one.tag for one in releases}
    try:
        launches = plugins.load("targets", "local").recorded(home)
    except (OSError, ValueError, KeyError, msgspec.MsgspecError) as error:
        yield Flaw(place=str(home.router), what=f"The router's files cannot be read: {error}.", hint=RESTART)
        return
    for launch in sorted(launches):
        found = LAUNCH.fullmatch(launch)
        if found is None or f"{found['endpoint']}@{found['number']}" not in known:
            yield Flaw(place=str(home.router), what=f"Requests go to `{launch}`, which is no release that is kept.", hint=RESTART)


# ----- files


def _half_made(home: Home, releases: Iterable[Release]) -> Iterator[Flaw]:
    if any(not one.ended for one in releases):
        return
    strays = _strays(home)
    if strays:
        time.sleep(MOMENT)  # an agent that runs may be writing one right now
        strays &= _strays(home)
    for stray in sorted(strays):
        yield Flaw(place=str(stray), what="It was left half written.", hint=RESTART)


def _strays(home: Home) -> set[Path]:
    folders = (home.root, home.captures, home.bundles, home.locks, home.keys, home.router, *home.releases.glob("*"))
    return {one for folder in folders for one in folder.glob(f"{HALF_MADE}*")}


def _permissions(home: Home) -> Iterator[Flaw]:
    """Look whether anybody but the owner can enter a folder or read a secret."""
    folders = [one for one in (home.root, home.runtime, *home.root.iterdir()) if one.is_dir() and not one.is_symlink()]
    secrets = [*home.keys.glob("*.key"), *home.releases.glob("*/keys.json"), *home.releases.glob("*/*/environment.json")]
    for path in (*folders, home.store, home.root / "pepper", *secrets):
        if path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077:
            mode = stat.filemode(path.stat().st_mode)
            yield Flaw(place=str(path), what=f"Others may enter or read it ({mode}).", hint=f"chmod go-rwx '{path}'")
