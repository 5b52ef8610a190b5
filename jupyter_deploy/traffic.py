"""Which releases run and which of them answer where; kept equal in the store and on the target."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from jupyter_deploy import bundle as bundles
from jupyter_deploy import errors, launches, routing, stops
from jupyter_deploy import home as homes
from jupyter_deploy.home import Home
from jupyter_deploy.launches import Kind
from jupyter_deploy.release import Call
from jupyter_deploy.store import Store
from jupyter_deploy.targets.base import Target, Traffic
from jupyter_deploy.values import Bundle, Release, from_json, to_json

log = logging.getLogger(__name__)


class Traffics:
    """Starts and stops releases and moves traffic between them.

    Args:
        home: The agent's folders.
        store: The agent's memory.
        target: Where releases run.
    """

    def __init__(self, home: Home, store: Store, target: Target) -> None:
        self.home = home
        self.store = store
        self.target = target
        self._lock = threading.RLock()
        self._routed: set[str] = set()  # the launches that the router was last told of
        self._claimed: set[str] = set()  # the launches that are about to be routed, which `tidy` leaves alone
        self._whole: set[str] = set()  # the bundles that this agent has found to be what they were
        self._ending: set[str] = set()  # the launches that `tidy` ends
        self._ended = threading.Condition(self._lock)

    def folder(self, release: Release) -> Path:
        """Say where a release's logs lie.

        Args:
            release: The release.

        Returns:
            The folder.
        """
        return launches.folder_of(self.home, release)

    def give_environment(self, release: Release, values: Mapping[str, str]) -> None:
        """Keep the values of the environment variables that a release reads, for their owner alone.

        Args:
            release: The release.
            values: The values by name.
        """
        launches.environment_of(self.home, release).unlink(missing_ok=True)  # of a number that was never noted
        if values:
            homes.write(launches.environment_of(self.home, release), to_json(dict(values)))

    def environment(self, release: Release) -> dict[str, str]:
        """Read the environment variables that were given to a release.

        Args:
            release: The release.

        Returns:
            The values by name.
        """
        file = launches.environment_of(self.home, release)
        return from_json(file.read_bytes(), dict[str, str]) if file.exists() else {}

    def start(self, release: Release, kind: Kind) -> str:
        """Start a release; no traffic moves.

        Args:
            release: The release.
            kind: Whether to run it in the kernel's environment, as its bundle, or in its faster form.

        Returns:
            The launch's id.

        Raises:
            ReleaseFailed: If it does not become ready.
            Damaged: If its bundle is no longer what it was.
        """
        if kind != "preview":
            self._check(release.faster if kind == "compiled" else release.bundle)
        launch = launches.describe(self.home, self.store, release, kind)
        self.target.start(launch)
        return launch.id

    def caller(self, release: Release, launch: str) -> Call:
        """Give what asks a running release with its owner's key, past the router.

        Args:
            release: The release.
            launch: The launch's id.

        Returns:
            What sends a path and a JSON body.
        """
        file = self.home.keys / f"{release.endpoint}.key"  # read for each call, because its key may be replaced meanwhile
        return lambda path, body: self.target.call(launch, path, body, file.read_text().strip())

    def is_whole(self, release: Release) -> bool:
        """Say whether a release's bundle still is what it was, as seen by this agent.

        Args:
            release: The release.

        Returns:
            Whether it could be started again.
        """
        try:
            self._check(release.bundle)
        except errors.Damaged:
            return False
        return True

    def preview(self, release: Release, live: bool) -> str:
        """Let a started preview answer: at the endpoint's URL if nothing verified answers there, at a path of its own otherwise.

        Args:
            release: The release.
            live: Whether it may take the URL from a verified release.

        Returns:
            The URL at which it answers.
        """
        with self._lock:
            state = self.store.endpoints()[release.endpoint][2]
            older = [other for other in routing.live(self.store, release.endpoint) if other.number < release.number and other.url]
            for other in older:
                self.store.update(other, url="")
            if state == "verified" and not live:
                self.store.update(release, url=self.target.url(release.tag))
                self.apply()
            else:
                self._switch(release.endpoint, release.number, "preview")
        return self.store.release(release.endpoint, release.number).url or self.target.url(release.endpoint)

    def withdraw(self, release: Release, *, everywhere: bool) -> None:
        """End a preview.

        Args:
            release: The release.
            everywhere: Whether also where it answers at the endpoint's own URL.
        """
        with self._lock:
            self.store.update(release, url="")
            _, answering, state = self.store.endpoints()[release.endpoint]
            alone = (answering, state) == (release.number, "preview")
            if alone and everywhere:
                self.store.set_answering(release.endpoint, None, "")
            self.apply()
        if everywhere or not alone:
            self.target.stop(launches.id_of(release, "preview"))

    def serve(self, release: Release, note: str = "") -> Release:
        """Let a verified release answer at its endpoint's URL; what answered before goes on running until `tidy`.

        Args:
            release: The release, whose bundle reproduced the golden rows.
            note: What people read in the journal.

        Returns:
            The release, serving.

        Raises:
            ReleaseFailed: If it does not become ready; the older one goes on answering.
            RouterFailed: If the switch is not acknowledged; the older one goes on answering.
        """
        with self._claim(release, "verified", "compiled"):
            return self._take_over(self._started(release), note)

    def hasten(self, release: Release, prove: Callable[[str], None]) -> Release:
        """Let the faster form of a release answer wherever the release does, once it has been proved.

        Args:
            release: The release, with the form that is not yet noted in the store.
            prove: Is called with the launch's id; raises where it answers otherwise.

        Returns:
            The release, whose faster form is noted; what answered before goes on running until `tidy`.

        Raises:
            ReleaseFailed: If it does not become ready.
            Refused: If it is not proved.
            RouterFailed: If the switch is not acknowledged; the model itself goes on answering.
        """
        launch = launches.id_of(release, "compiled")
        with self._claim(release, "compiled"):
            try:
                self.start(release, "compiled")
                prove(launch)
                return self._hastened(release)
            except BaseException:
                with stops.never():
                    self.target.stop(launch)
                raise

    def give_back(self, release: Release) -> None:
        """Let the verified release answer again from which a live preview had taken the URL; the preview goes on beside it.

        Args:
            release: The release of the preview, which was not let through; nothing happens if it took no URL.

        Raises:
            ReleaseFailed: If the verified release does not become ready.
            RouterFailed: If the switch is not acknowledged.
        """
        older = next((one for one in routing.live(self.store, release.endpoint) if one.state == "serving"), None)
        if older is None or not self._is_previewed(release):
            return
        with self._claim(older, "verified", "compiled"):
            started = self._started(older)
            with self._lock:
                if self._is_previewed(release):  # the endpoint may have been stopped meanwhile
                    self.store.update(release, url=self.target.url(release.tag))
                    self._take_over(started, "")

    def revive(self, release: Release, state: str) -> None:
        """Start again what answered before the agent ended.

        Args:
            release: The release that answered.
            state: How it answered.

        Raises:
            ReleaseFailed: If it does not become ready.
        """
        if state == "verified":
            self._started(release)
        else:
            self.start(release, "preview")

    def tidy(self, endpoint: str, newest: int | None = None) -> None:
        """End what neither answers nor is kept ready for a rollback, once it has answered what it was asked.

        Args:
            endpoint: The endpoint.
            newest: The newest release that is looked at, for a newer one may be on its way; every one where None.
        """
        with self._lock:
            useless = self._useless(endpoint, newest)
            self._ending |= useless
        try:
            for launch in sorted(useless):
                self.target.stop(launch)
        finally:
            with self._ended:
                self._ending -= useless
                self._ended.notify_all()

    def halt(self, endpoint: str) -> None:
        """Let nothing answer any more at an endpoint; `tidy` ends its releases.

        Args:
            endpoint: The endpoint.

        Raises:
            RouterFailed: If that is not acknowledged; what answered goes on answering.
        """
        with self._lock:
            live = routing.live(self.store, endpoint)
            self._switch(endpoint, None, "", live)
            for release in live:
                if release.state == "serving":
                    self.store.end(release, "retired", "stopped")

    def remove(self, endpoint: str) -> None:
        """Take an endpoint off the router and out of the store; `tidy` ends its releases.

        Args:
            endpoint: The endpoint.
        """
        with self._lock:
            self.store.remove_endpoint(endpoint)
            self.apply()

    def apply(self) -> None:
        """Make the target's traffic what the store says, and wait until that is acknowledged.

        Raises:
            RouterFailed: If it is not acknowledged.
        """
        with self._lock, stops.never():
            plan = self._plan()
            self.target.switch(plan)
            self._routed = {launch for one in plan.values() for launch in (*one.weights, *one.beside.values())}

    # ----- inside

    def _check(self, digest: str) -> None:
        if digest not in self._whole:
            bundles.check(self.store.find(Bundle, digest))
            self._whole.add(digest)

    def _started(self, release: Release) -> Release:
        """Start a release in its fastest form; where that does not start, for good as the model itself."""
        if release.faster:
            try:
                self.start(release, "compiled")
            except (errors.ReleaseFailed, errors.Damaged, errors.EnvironmentFailed) as error:
                log.warning("the faster form of %s is given up: %s", release.tag, error)
                release = self._slowed(release, error)
            else:
                return release
        self.start(release, "verified")
        return release

    def _slowed(self, release: Release, error: errors.DeployError) -> Release:
        tried = tuple(
            msgspec.structs.replace(one, kept=False, reason=f"it could not be started again: {error.message}") if one.kept else one
            for one in release.compiled
        )
        return self.store.update(release, faster="", faster_lock="", compiled=tried)

    def _hastened(self, release: Release) -> Release:
        with self._lock:
            noted = self.store.update(release, faster=release.faster, faster_lock=release.faster_lock)
            try:
                self.apply()
            except BaseException:
                self.store.update(release, faster="", faster_lock="")
                raise
            return noted

    def _take_over(self, release: Release, note: str) -> Release:
        with self._lock:
            preview = self.store.release(release.endpoint, release.number)
            self._switch(release.endpoint, release.number, "verified", [preview])
            for other in routing.live(self.store, release.endpoint):
                if other.state == "serving" and other.number != release.number:
                    self.store.end(other, "retired", f"{release.tag} answers")
            return self.store.end(release, "serving", note) if note else release

    def _is_previewed(self, release: Release) -> bool:
        """Say whether a release's preview answers at its endpoint's URL."""
        return self.store.endpoints()[release.endpoint][1:] == (release.number, "preview")

    def _switch(self, endpoint: str, number: int | None, state: str, closed: Sequence[Release] = ()) -> None:
        """Let a release, or none, answer at an endpoint's URL, and others no more at their own.

        Where that is not acknowledged, all stays as it was.
        """
        _, before, answered = self.store.endpoints()[endpoint]
        for release in closed:
            self.store.update(release, url="")
        self.store.set_answering(endpoint, number, state)
        try:
            self.apply()
        except BaseException:
            self.store.set_answering(endpoint, before, answered)
            for release in closed:
                self.store.update(release, url=release.url)
            raise

    @contextlib.contextmanager
    def _claim(self, release: Release, *kinds: Kind) -> Iterator[None]:
        """Keep `tidy` from ending what is about to answer; what is being ended is waited for, to be started anew."""
        claimed = {launches.id_of(release, kind) for kind in kinds}
        with self._ended:
            self._ended.wait_for(lambda: not claimed & self._ending)
            self._claimed |= claimed
        try:
            yield
        finally:
            with self._lock:
                self._claimed -= claimed

    def _useless(self, endpoint: str, newest: int | None) -> set[str]:
        traffic = routing.traffic_of(self.store, endpoint) if endpoint in self.store.endpoints() else Traffic(endpoint=endpoint)
        needed = {*traffic.weights, *traffic.beside.values()} | self._claimed | self._ending
        others = {launch for launch in self._launches(endpoint, newest) if launch not in needed}
        known = self.store.releases(endpoint) if others else []
        verified = [release for release in known if release.verified and launches.id_of(release, launches.best(release)) in others]
        latest = sorted(verified, key=routing.last_answered, reverse=True)[: 0 if traffic.stopped else traffic.options.keep]
        return others - {launches.id_of(release, launches.best(release)) for release in latest}

    def _launches(self, endpoint: str, newest: int | None) -> list[str]:
        parts = {launch: launch.partition("@") for launch in self.target.status()}
        own = {launch: int(number.partition("-")[0]) for launch, (name, _, number) in parts.items() if name == endpoint}
        return [launch for launch, number in own.items() if newest is None or number <= newest]

    def _plan(self) -> dict[str, Traffic]:
        # What is routed stays so while it is not ready: it is being revived, and callers get a 503 and not a 404 meanwhile.
        status = self.target.status()
        running = {launch for launch, health in status.items() if health.phase == "ready" or launch in self._routed}
        return {name: routing.only(routing.traffic_of(self.store, name), running) for name in self.store.endpoints()}
