"""What can be read about endpoints; nothing here changes what is deployed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jupyter_deploy import archive, errors, plugins
from jupyter_deploy.archive import Index
from jupyter_deploy.changes import Changes, Side, changes
from jupyter_deploy.home import Home
from jupyter_deploy.languages.base import Language
from jupyter_deploy.observe import tail
from jupyter_deploy.store import Store
from jupyter_deploy.targets.base import Target
from jupyter_deploy.traffic import Traffics
from jupyter_deploy.values import Bundle, Capture, Endpoint, Event, Lock, Release

RECENT = 20  # releases that are told of where nobody asks for all


class Records:
    """Everything that can be asked about endpoints.

    Args:
        home: The agent's folders.
        store: The agent's memory.
        target: Where releases run.
    """

    def __init__(self, home: Home, store: Store, target: Target) -> None:
        self.home = home
        self.store = store
        self.target = target
        self.traffics = Traffics(home, store, target)

    def endpoints(self) -> list[Endpoint]:
        """List what is deployed.

        Returns:
            The endpoints, in order of name, each with its newest release and those that answer.
        """
        return [self.endpoint(name, most=1) for name in self.store.endpoints()]

    def endpoint(self, name: str, most: int | None = RECENT) -> Endpoint:
        """Look at one endpoint.

        Args:
            name: Its name.
            most: How many of its newest releases to tell of, beside those that answer; all where None.

        Returns:
            The endpoint with its releases.

        Raises:
            UnknownName: If there is none of that name.
        """
        known = self.store.endpoints()
        if name not in known:
            hint = errors.did_you_mean(name, known) or (f"There are: {', '.join(known)}." if known else "Nothing is deployed yet.")
            raise errors.UnknownName(f"There is no endpoint `{name}`.", hint)
        target, answering, state = known[name]
        releases = tuple(map(self._as_it_ended, self.store.releases(name, most=most)))
        shown = next((release for release in releases if release.number == answering), releases[0] if releases else None)
        return Endpoint(
            name=name, url=self.target.url(name), target=target, answering=answering, state=state,  # type: ignore[arg-type]
            key_file=str(self.home.keys / f"{name}.key"), releases=releases,
            contract=self.store.find(Capture, shown.capture).contract if shown else None,
        )  # fmt: skip

    def release(self, name: str, number: int) -> Release:
        """Look at one release.

        Args:
            name: The endpoint.
            number: The release's number.

        Returns:
            The release.

        Raises:
            UnknownName: If there is none.
        """
        return self._as_it_ended(self.store.release(name, number))

    def logs(self, name: str, lines: int, number: int | None = None) -> list[str]:
        """Read what an endpoint's processes wrote.

        Args:
            name: The endpoint.
            lines: How many lines at most.
            number: The release; the newest one where None.

        Returns:
            The last lines, oldest first.
        """
        endpoint = self.endpoint(name)
        if number is None and not endpoint.releases:
            return []
        release = self.store.release(name, number if number is not None else endpoint.releases[0].number)
        return tail.last(self.traffics.folder(release), lines)

    def golden(self, name: str, number: int) -> Path:
        """Find the golden rows of a release.

        Args:
            name: The endpoint.
            number: The release's number.

        Returns:
            The file with them, which may be too large to be held here.

        Raises:
            UnknownName: If there is no such release.
            Conflict: If they are gone with the files of an old release.
        """
        release = self.store.release(name, number)
        folders = [Path(self.store.find(Capture, release.capture).folder)]
        if release.bundle:
            folders.append(Path(self.store.find(Bundle, release.bundle).folder) / "src")
        found = next((folder / "golden.json" for folder in folders if (folder / "golden.json").exists()), None)
        if found is None:
            raise errors.Conflict(
                f"The golden rows of `{release.tag}` are gone.", "`jupyter deploy gc` deleted them; deploy it again."
            )
        return found

    def targets(self) -> list[dict[str, Any]]:
        """List where releases can run.

        Returns:
            `name` and `capabilities` of each target.
        """
        known = {name: plugins.load("targets", name) for name in plugins.names("targets")}
        return [{"name": name, "capabilities": sorted(target.capabilities)} for name, target in known.items()]

    def capture(self, name: str, number: int) -> Capture:
        """Read what was taken from the kernel for a release.

        Args:
            name: The endpoint.
            number: The release's number.

        Returns:
            The capture.

        Raises:
            UnknownName: If there is no such release.
        """
        return self.store.find(Capture, self.store.release(name, number).capture)

    def history(self, name: str) -> list[Event]:
        """Read what was done to an endpoint, and by whom; also to one that was removed.

        Args:
            name: The endpoint.

        Returns:
            The lines of the audit, oldest first.

        Raises:
            UnknownName: If there never was one of that name.
        """
        found = self.store.audited(name)
        if not found:
            self.endpoint(name)
        return found

    def changes(self, name: str, old: int | None, new: int | None) -> Changes:
        """Compare two releases of an endpoint.

        Args:
            name: The endpoint.
            old: The older release's number; the newest verified one before the newer one where None.
            new: The newer release's number; the newest one where None.

        Returns:
            What differs.

        Raises:
            UnknownName: If there is no such endpoint or release.
            Conflict: If there is only one release.
        """
        releases = self.endpoint(name, None).releases
        after = self.store.release(name, new) if new is not None else next(iter(releases), None)
        older = [one for one in releases if after is not None and one.number < after.number]
        verified = [one for one in older if one.verified]
        before = self.store.release(name, old) if old is not None else next(iter(verified or older), None)
        if after is None or before is None:
            raise errors.Conflict(f"`{name}` has no two releases to compare.", "Deploy the model again once it has changed.")
        second = self._side(after)
        return changes(self._side(before), second, second.options.tolerance)

    def lock(self, name: str, number: int | None, platform: str = "") -> Lock:
        """Read the lock of a release.

        Args:
            name: The endpoint.
            number: The release's number; the newest one that has a lock where None.
            platform: Another machine to lock the same for, such as `linux/arm64`.

        Returns:
            The lock; one for another machine is kept nowhere.

        Raises:
            UnknownName: If there is no such endpoint or release.
            Conflict: If it has no lock.
            LockFailed: If something does not run on the other machine.
        """
        releases = [self.release(name, number)] if number is not None else self.endpoint(name, None).releases
        release = next((one for one in releases if one.lock), None)
        if release is None:
            tag = name if number is None else f"{name}@{number}"
            raise errors.Conflict(f"`{tag}` has no lock.", "See `jupyter deploy status`: its deploy did not come so far.")
        lock = self.store.find(Lock, release.lock)
        if not platform:
            return lock
        language: Language = plugins.load("languages", self.store.find(Capture, release.capture).language)()
        return language.lock_elsewhere(lock, platform)

    def export(self, name: str, number: int | None, out: Path) -> Index:
        """Write the bundle of a verified release as an archive.

        Args:
            name: The endpoint.
            number: The release's number; the newest verified one where None.
            out: The file to write.

        Returns:
            What the archive holds.

        Raises:
            UnknownName: If there is no such endpoint or release.
            Conflict: If it has no bundle that reproduced the golden rows.
            BadInput: If the file cannot be written.
        """
        endpoint = self.endpoint(name, None)
        verified = [one for one in endpoint.releases if one.verified and number in (None, one.number)]
        if not verified:
            hint = f"`jupyter deploy releases {name}` lists them; only a verified release can be exported."
            raise errors.Conflict(f"`{name if number is None else f'{name}@{number}'}` has no verified release.", hint)
        release = next((one for one in verified if one.number == endpoint.answering), verified[0])
        bundle, capture = self.store.find(Bundle, release.bundle), self.store.find(Capture, release.capture)
        lock, options = self.store.find(Lock, release.lock), self.store.options(name, release.number)
        try:
            index = archive.write(out, bundle, capture, lock, options, release.provenance)
        except OSError as error:
            raise errors.BadInput(f"{out} cannot be written: {error.strerror}.", "Name another file with `--out`.") from error
        self.store.audit("export", release.tag, f"bundle {bundle.digest}")
        return index

    def _side(self, release: Release) -> Side:
        lock = self.store.find(Lock, release.lock) if release.lock else None
        options = self.store.options(release.endpoint, release.number)
        return Side(release, self.store.find(Capture, release.capture), lock, options)

    def _as_it_ended(self, release: Release) -> Release:
        """Give a release as whoever drives it knows it; the store knows it best here."""
        return release
