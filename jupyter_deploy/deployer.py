"""Composes the steps: the one door through which adapters and the agent deploy, look, roll back and remove."""

from __future__ import annotations

import logging
import re
import shutil
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from jupyter_deploy import errors, share, space, switches
from jupyter_deploy import home as homes
from jupyter_deploy.changes import told
from jupyter_deploy.hastening import Hastener
from jupyter_deploy.home import Home
from jupyter_deploy.received import Received, take_in
from jupyter_deploy.records import Records
from jupyter_deploy.store import Store
from jupyter_deploy.targets.base import Target
from jupyter_deploy.values import STAGES, Capture, Endpoint, Options, Release, check_name
from jupyter_deploy.walk import Walk

DIGEST = re.compile(r"[0-9a-f]{64}")  # it names a folder
AT_ONCE = 4  # releases that start together after the agent has: some take long and wait rather than compute
log = logging.getLogger(__name__)

Notify = Callable[[str, int], None]
Choose = Callable[[Endpoint, int | None], Release]


class Deployer(Records):
    """Everything that can be done to endpoints.

    Args:
        home: The agent's folders.
        store: The agent's memory.
        target: Where releases run.
        notify: Is called with endpoint and number after each change of a release.
    """

    def __init__(self, home: Home, store: Store, target: Target, notify: Notify) -> None:
        super().__init__(home, store, target)
        self._told = notify
        self._hastener = Hastener(store, self.traffics, notify)
        self._walks: dict[tuple[str, int], Walk] = {}
        self._lock = threading.RLock()

    def deploy(self, capture: Capture, options: Options, environment: Mapping[str, str] | None = None) -> Release:
        """Take over a capture and begin to deploy it.

        The same capture with the same options is not deployed twice: a release that serves it or is on its way is given back,
        one that failed or was cancelled is taken up where it stopped.

        Args:
            capture: The capture; its folder lies in the staging folder and is moved.
            options: What to do.
            environment: The values of the environment variables that the model is declared to read.

        Returns:
            The release; its further stages are done in the background.

        Raises:
            BadInput: If the capture's folder is not in the staging folder, or its name or digest cannot name a file.
        """
        check_name(capture.endpoint)
        with self._lock:
            kept = self._take(capture)
            self._add_endpoint(kept.endpoint, options.target)
            known = self._known(kept, options, environment or {})
            if known is not None:
                return known
            self._supersede(kept.endpoint, f"`{self._next(kept.endpoint)}` took its place")
            with self.store.together():
                release = self.store.add_release(kept.endpoint, kept.digest, options, capture.provenance, capture.findings)
                self.traffics.give_environment(release, environment or {})
                taken = f"{kept.kind}, {kept.size / 1e6:.1f} MB"
                release = self.store.finish(release, self.store.begin(release, "captured"), "captured", kept.seconds, taken)
                detail = ", ".join(filter(None, (f"capture {kept.digest[:12]}", told(capture.provenance))))
                self.store.audit("deploy", release.tag, detail, capture.provenance.user)
            return self._begin(release)

    def adopt(self, received: Received, name: str, options: Options, environment: Mapping[str, str]) -> Release:
        """Take over a bundle that was made elsewhere and begin to verify it.

        Args:
            received: The bundle, read from its archive into the staging folder.
            name: The endpoint to deploy it as.
            options: What to do.
            environment: The values of the environment variables that the model is declared to read.

        Returns:
            The release; it serves once it has reproduced its golden rows here.

        Raises:
            BadInput: If its folder is not in the staging folder, or it is not what its archive said.
            LockFailed: If this machine has no interpreter of its version.
        """
        check_name(name)
        self._check_staged(received.folder)
        with self._lock:
            capture, lock, bundle = take_in(received, self.home.bundles, self.home.captures)
            for value in (capture, lock, bundle):
                self.store.keep(value, anew=False)  # one that was made here also knows its kernel
            self._add_endpoint(name, options.target)
            self._supersede(name, f"`{self._next(name)}` took its place")
            index = received.index
            with self.store.together():
                release = self.store.add_release(name, capture.digest, options, index.provenance, index.capture.findings)
                self.traffics.give_environment(release, environment)
                packages = f"{len(lock.packages)} packages, as received"
                details = f"received {bundle.tag}, {capture.kind}", "none of a received bundle", packages
                for stage, detail in zip(STAGES, details, strict=False):
                    release = self.store.finish(release, self.store.begin(release, stage), stage, 0.0, detail)  # type: ignore[arg-type]
                release = self.store.update(release, lock=lock.digest, bundle=bundle.digest)
                self.store.audit("import", release.tag, f"bundle {bundle.digest[:12]}, {told(index.provenance)}")
            return self._begin(release)

    def rollback(self, name: str, to: int | None = None) -> Endpoint:
        """Let an older verified release answer again.

        Args:
            name: The endpoint.
            to: The release's number; the newest one below the answering one that has served where None.

        Returns:
            The endpoint as it is now.

        Raises:
            UnknownName: If there is no such endpoint or release.
            Conflict: If there is nothing to roll back to.
        """
        return self._let_answer(name, to, switches.older, "rollback", "rolled back")

    def promote(self, name: str, to: int | None = None) -> Endpoint:
        """Let a newer verified release answer, or start a stopped endpoint again.

        Args:
            name: The endpoint.
            to: The release's number. Where None, the newest one above the answering one; where nothing verified answers, the one
                that did so last.

        Returns:
            The endpoint as it is now.

        Raises:
            UnknownName: If there is no such endpoint.
            Conflict: If there is no such release.
        """
        return self._let_answer(name, to, switches.newer, "promote", "promoted")

    def stop(self, name: str) -> Endpoint:
        """Let nothing answer any more at an endpoint; its releases and keys are kept, and `promote` starts it again.

        Args:
            name: The endpoint.

        Returns:
            The endpoint as it is now.

        Raises:
            UnknownName: If there is none of that name.
            RouterFailed: If the router does not acknowledge it; what answered goes on answering.
        """
        with self._lock:
            releases = self.endpoint(name).releases
            self._supersede(name, "its endpoint is stopped")
            self._hastener.cancel(name, wait=True)
            self.traffics.halt(name)
        self.store.audit("stopped", name)
        for release in releases:
            self._notify(name, release.number)
        self._tidy_later(name, releases[0].number if releases else None)
        return self.endpoint(name)

    def cancel(self, name: str, number: int) -> Release:
        """Stop a deploy that is on its way; what served before goes on serving.

        Args:
            name: The endpoint.
            number: The release's number.

        Returns:
            The release.

        Raises:
            Conflict: If it has ended already.
        """
        release = self.store.release(name, number)
        walk = self._walks.get((name, number))
        if release.ended or walk is None:
            if self._hastener.cancel(name, "cancelled by its owner", number=number, wait=True):
                self.store.audit("cancel", release.tag, "its faster form")
                return self.store.release(name, number)
            raise errors.Conflict(f"`{release.tag}` is {release.state}: there is nothing to cancel.")
        walk.cancel("cancelled by its owner", withdraw=True)
        self.store.audit("cancel", release.tag)
        return self.store.release(name, number)

    def remove(self, name: str) -> None:
        """End an endpoint with its releases and keys.

        Args:
            name: The endpoint.

        Raises:
            UnknownName: If there is none of that name.
        """
        releases = self.endpoint(name, None).releases
        while not self._forget(name):
            for walk in list(self._walks.values()):
                if walk.release.endpoint == name:
                    walk.join()
        for release in releases:
            self._notify(name, release.number)

    def free(self) -> dict[str, int]:
        """Delete what no release needs.

        Returns:
            The bytes that were freed, by folder.
        """
        with self._lock:
            building = self._hastener.busy or any(not walk.release.ended for walk in self._alive())
            freed = space.free(self.home, self.store.endpoints(), self.store.releases(), building=building)
        self.store.audit("freed", "disk", f"{sum(freed.values())} bytes")
        return freed

    def resume(self) -> list[str]:
        """After the agent has started: let what was deployed answer again, and go on with what was on its way.

        Returns:
            What does not answer again, each with the reason; calling this again tries it again.
        """
        with ThreadPoolExecutor(AT_ONCE, "revive") as pool:
            trouble = [told for told in pool.map(self._revive, self.store.endpoints()) if told]
        self.traffics.apply()
        for release in self.store.releases():
            if not release.ended:
                self._resume(release)
        left = {launch.partition("@")[0] for launch in self.target.status()}  # also of an endpoint that was being removed
        for name in {*self.store.endpoints(), *left} - {walk.release.endpoint for walk in self._alive()}:
            self._tidy(name)
            self._hastener.consider(name)
        return trouble

    def halt(self) -> None:
        """Before the agent ends: let no deploy go on; the next agent takes them up where they are."""
        with self._lock:
            for walk in self._alive():
                walk.halt()
        self._hastener.halt()

    # ----- inside

    def _let_answer(self, name: str, to: int | None, choose: Choose, action: str, note: str) -> Endpoint:
        with self._lock:
            endpoint = self.endpoint(name, None)
            release = choose(endpoint, to)
            self._supersede(name, f"`{release.tag}` took its place")
        self.traffics.serve(release, note=note)
        self.store.audit(action, release.tag)
        self._notify(name, release.number)
        self._tidy_later(name, endpoint.releases[0].number)
        return self.endpoint(name)

    def _tidy_later(self, name: str, newest: int | None) -> None:
        """Tidy up meanwhile: whoever switches is in a hurry, and what answered may take a minute to answer what it was asked."""
        threading.Thread(target=self._tidy, args=(name, newest), name=f"tidy {name}", daemon=True).start()

    def _notify(self, name: str, number: int) -> None:
        """Tell whoever follows a release; once one has ended, what answers may be made faster."""
        self._told(name, number)
        if self._known_as_ended(name, number):
            self._hastener.consider(name)

    def _known_as_ended(self, name: str, number: int) -> bool:
        try:
            return self.store.release(name, number).ended
        except errors.DeployError:  # it is removed, or the disk is full
            return False

    def _as_it_ended(self, release: Release) -> Release:
        """Tell also what a full disk kept from being noted."""
        walk = self._walks.get((release.endpoint, release.number))
        unnoted = walk.unnoted if walk is not None and not release.ended else None
        return unnoted or release

    def _add_endpoint(self, name: str, target: str) -> None:
        if self.store.add_endpoint(name, target):
            self.store.audit("endpoint made", name)
        share.own_key(self.store, self.home, name)
        share.publish(self.store, self.home, name)

    def _check_staged(self, folder: str) -> Path:
        staged = Path(folder).resolve()
        if staged.parent != self.home.staging.resolve():
            raise errors.BadInput(f"The folder {staged} is not in {self.home.staging}.", "Deploy through `%deploy`.")
        return staged

    def _take(self, capture: Capture) -> Capture:
        staged, kept = self._check_staged(capture.folder), self.home.captures / capture.digest
        if not DIGEST.fullmatch(capture.digest):
            raise errors.BadInput(f"`{capture.digest}` is no digest.", "Deploy through `%deploy`.")
        if kept.exists() and homes.digest_of(kept) != capture.digest:
            log.warning("the capture %s was damaged, and is replaced by the same one, taken again", kept)
            shutil.rmtree(kept)
        if kept.exists():
            shutil.rmtree(staged)
        else:
            kept.parent.mkdir(exist_ok=True, mode=0o700)
            staged.rename(kept)
        owned = msgspec.structs.replace(capture, folder=str(kept))
        self.store.keep(owned)
        return owned

    def _known(self, capture: Capture, options: Options, environment: Mapping[str, str]) -> Release | None:
        newest = next(iter(self.store.releases(capture.endpoint, most=1)), None)
        if newest is None or newest.capture != capture.digest or self.store.options(newest.endpoint, newest.number) != options:
            return None
        if self.traffics.environment(newest) != environment:
            return None
        if newest.state in ("failed", "cancelled"):
            return self._begin(self.store.reopen(newest))
        if newest.ended:
            return newest if newest.state == "serving" and self.traffics.is_whole(newest) else None
        return self._resume(newest)

    def _revive(self, name: str) -> str:
        try:
            _, answering, state = self.store.endpoints()[name]
            share.publish(self.store, self.home, name)
            if answering is not None:
                self.traffics.revive(self.store.release(name, answering), state)
        except (errors.DeployError, OSError) as error:  # it must not keep the others down
            log.warning("%s does not answer again: %s", name, error)
            return f"{name} does not answer again: {error}"
        return ""

    def _resume(self, release: Release) -> Release:
        """Go on with a release, unless that is being done: a deploy may come in while the agent still takes up what it found."""
        with self._lock:
            known = self.store.release(release.endpoint, release.number)
            busy = any((walk.release.endpoint, walk.release.number) == (known.endpoint, known.number) for walk in self._alive())
            return known if known.ended or busy else self._begin(known)

    def _begin(self, release: Release) -> Release:
        before = self._walks.get((release.endpoint, release.number))
        if before is not None:
            before.join()  # it has ended but for what it leaves behind
        self._walks = {key: walk for key, walk in self._walks.items() if walk.is_alive()}
        walk = Walk(self.home, self.store, self.target, self.traffics, release, self._notify)
        self._walks[release.endpoint, release.number] = walk
        walk.start()
        return self.store.release(release.endpoint, release.number)

    def _alive(self) -> list[Walk]:
        return [walk for walk in list(self._walks.values()) if walk.is_alive()]

    def _next(self, name: str) -> str:
        """Name the release that is about to be made; the lock is held, so nobody else makes one."""
        return f"{name}@{max((one.number for one in self.store.releases(name)), default=0) + 1}"

    def _supersede(self, name: str, why: str) -> list[Walk]:
        """Cancel whatever of an endpoint is still on its way."""
        self._hastener.cancel(name)
        walks = [walk for walk in self._alive() if walk.release.endpoint == name]
        for walk in walks:
            walk.cancel(why)
        return walks

    def _forget(self, name: str) -> bool:
        """Remove an endpoint from the store and the router, unless a deploy of it is still to be waited for."""
        with self._lock:
            if self._supersede(name, "its endpoint is removed"):
                return False
            self._hastener.cancel(name, wait=True)
            self.traffics.remove(name)
            self._tidy(name)  # before another deploy may use the same numbers again
            (self.home.keys / f"{name}.key").unlink(missing_ok=True)
            shutil.rmtree(self.home.releases / name, ignore_errors=True)
            self.store.audit("removed", name)
            return True

    def _tidy(self, name: str, newest: int | None = None) -> None:
        try:
            self.traffics.tidy(name, newest)
        except (errors.DeployError, OSError):
            log.exception("something of %s goes on running though nobody calls it", name)
