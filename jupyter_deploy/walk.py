"""One release on its way through the stages; each stage is noted before and after, so that a rerun goes on where it stopped."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from jupyter_deploy import bundle as bundles
from jupyter_deploy import compilation, errors, manifest, plugins, stops
from jupyter_deploy import home as homes
from jupyter_deploy import release as releases
from jupyter_deploy.hastening import STAGE
from jupyter_deploy.home import Home
from jupyter_deploy.languages.base import Language
from jupyter_deploy.store import Store
from jupyter_deploy.targets.base import Target
from jupyter_deploy.traffic import Traffics
from jupyter_deploy.values import STAGES, Bundle, Capture, Finding, Lock, Release, State

log = logging.getLogger(__name__)


class Walk(threading.Thread):
    """A deploy in the background.

    Args:
        home: The agent's folders.
        store: The agent's memory.
        target: Where releases run.
        traffics: Starts releases and moves traffic.
        release: The release, in the state of its last finished stage.
        notify: Is called with endpoint and number after each change.
    """

    def __init__(
        self, home: Home, store: Store, target: Target, traffics: Traffics, release: Release, notify: Callable[[str, int], None]
    ) -> None:
        super().__init__(name=release.tag, daemon=True)
        self.home, self.store, self.target, self.traffics = home, store, target, traffics
        self.release = release
        self.options = store.options(release.endpoint, release.number)
        self.capture = store.find(Capture, release.capture)
        self.language: Language = plugins.load("languages", self.capture.language)()
        self._notify = notify
        self.unnoted: Release | None = None  # how it ended, where the store could not be written
        self._cancelled, self._withdraw, self._halted = "", False, False
        self._stopper = stops.Stop()
        self._guard = threading.Lock()  # held while traffic moves, so that a release never takes it after it was cancelled
        if release.reason:
            self._pull(release.reason)

    def cancel(self, why: str, *, withdraw: bool = False) -> None:
        """Stop now, or once traffic has moved; nothing happens if the release has ended.

        The reason is noted at once, so that the next agent does not take the release up again either.

        Args:
            why: What people read as the reason.
            withdraw: Whether the preview ends too, where it answers alone at the endpoint's URL.
        """
        with self._guard:
            if not self.release.ended:
                self._withdraw = withdraw
                self._pull(why)
                self.store.update(self.release, reason=why)  # not `_update`: the release is the walk's own

    def halt(self) -> None:
        """Stop because the agent ends; nothing is noted, so that the next one goes on from the last finished stage."""
        self._halted = True
        self._stopper.pull(errors.Cancelled("The agent ends.", "The next one goes on."))

    def run(self) -> None:
        """Walk through the stages that are not done yet, to the end."""
        steps = dict(
            zip(STAGES[1:], (self._preview, self._lock, self._environment, self._bundle, self._verify, self._serve), strict=True)
        )
        todo = STAGES[STAGES.index(self.release.state) + 1 :]
        try:
            for stage in todo:
                if stage == "serving" and self.options.compile == "require" and not self.release.faster:
                    self._compile()
                with self._guard if stage == "serving" else contextlib.nullcontext():
                    self._do(stage, steps[stage])
        except errors.Cancelled as error:
            self._end("cancelled", error)
        except errors.Refused as error:
            self._end("refused", error)
        except errors.DeployError as error:
            self._end("failed", error)
        except OSError as error:  # a full or read-only disk, or a limit of the system
            log.exception("%s met an error of the system", self.release.tag)
            self._end("failed", homes.failed(error, self.home.root))
        finally:
            self._settle()

    # ----- the stages, each gives the line that people read

    def _preview(self) -> str:
        if not self.options.preview:
            return "not asked for"
        try:
            self._isolated(self.traffics.start(self.release, "preview"))
        except errors.ReleaseFailed as error:
            # The bundle's clean environment decides; a preview that cannot start is only a lost convenience.
            return f"no preview: {error.message}"
        with self._guard:
            self._stopper.check()
            return f"answers at {self.traffics.preview(self.release, self.options.preview_live)}"

    def _lock(self) -> str:
        lock = self.language.lock(self.capture, self.options.locker, self.home.locks)
        self.store.keep(lock)
        self._update(lock=lock.digest)
        self._note(lock.findings)
        unused = f"; imported, but not needed: {', '.join(lock.unused)}" if lock.unused else ""
        return f"{len(lock.packages)} packages with hashes, by {lock.locker}{unused}"

    def _environment(self) -> str:
        lock = self.store.find(Lock, self.release.lock)
        folder = self.home.environments / lock.digest
        known = folder.exists()
        self.language.environment(self.capture, lock, self.home.environments)
        self._note(self.language.look(self.capture, lock, self.home.environments))
        return f"{'found' if known else 'made'} {lock.digest[:12]}, Python {lock.python}"

    def _bundle(self) -> str:
        if self.release.bundle:  # a bundle from elsewhere is verified as it came
            return "as received"
        bundle = bundles.build(self.capture, self.store.find(Lock, self.release.lock), self.home.bundles)
        self.store.keep(bundle)
        self._update(bundle=bundle.digest)
        return f"{bundle.tag}, {bundle.size / 1e6:.1f} MB"

    def _verify(self) -> str:
        launch = self.traffics.start(self.release, "verified")
        self._isolated(launch)
        golden = bundles.read_golden(Path(self.capture.folder))
        tolerance = self.options.tolerance
        call = self.traffics.caller(self.release, launch)
        try:
            differences = releases.verify(golden, call, tolerance, self.options.body_limit, self.options.row_limit)
        except errors.Refused as error:
            raise releases.suspect(error, self.release.findings, releases.FAILING) from error
        if differences:
            self._update(differences=differences[: releases.KEPT])
            raise releases.suspect(releases.explain(differences, golden, tolerance), self.release.findings)
        self._update(batching=tuple(releases.probe(golden, self.capture.contract, call, tolerance)))
        self.target.batch(launch, tuple(one.method for one in self.release.batching if one.on))
        source = Path(self.store.find(Bundle, self.release.bundle).folder) / "src"
        manifest.write(self.release, source, self.traffics.folder(self.release))
        self._update(verified=True)
        self.store.audit("verified", self.release.tag, f"bundle {self.release.bundle[:12]}")
        return releases.proof(golden, tolerance) + releases.unbatched(self.release.batching, self.capture.contract)

    def _compile(self) -> None:
        """Find the faster form that the release must have before it serves."""
        entry, began = self.store.begin(self.release, STAGE), time.monotonic()
        self._tell()
        with stops.under(self._stopper, self.options.stage_deadline, self._late(STAGE)):
            self.release = compilation.Compilation(self.store, self.traffics, self.release).run()
        detail = compilation.told(self.release.compiled)
        self.release = self.store.note(self.release, entry, time.monotonic() - began, detail)
        if not self.release.faster:
            raise compilation.refused(self.release)

    def _serve(self) -> str:
        self.traffics.serve(self.release)
        self.store.audit("serving", self.release.tag, f"bundle {self.release.bundle[:12]}")
        health = self.target.status().get(self.release.tag)
        return f"answers at {self.target.url(self.release.endpoint)}" + (f"; its model is {health.sharing}" if health else "")

    # ----- inside

    def _do(self, stage: str, step: Callable[[], str]) -> None:
        self._stopper.check()
        entry, began = self.store.begin(self.release, stage), time.monotonic()
        self._tell()
        with stops.under(self._stopper, self.options.stage_deadline, self._late(stage)):
            detail = step()
        self.release = self.store.finish(self.release, entry, stage, time.monotonic() - began, detail)  # type: ignore[arg-type]
        self._tell()

    def _pull(self, why: str) -> None:
        self._cancelled = why
        self._stopper.pull(errors.Cancelled(f"`{self.release.tag}` was stopped: {why}."))

    def _late(self, stage: str) -> errors.TimedOut:
        seconds = self.options.stage_deadline
        return errors.TimedOut(
            f"The stage `{stage}` of `{self.release.tag}` took longer than {seconds:g} s.",
            "What answered before still does. See what hangs (a package index that never answers, a disk, the model's own code), "
            "or raise `stage_deadline`, then run the same command again.",
        )

    def _isolated(self, launch: str) -> None:
        health = self.target.status().get(launch)
        self._note(releases.exposed(health.open if health else (), isolation=self.options.isolation))

    def _note(self, findings: Iterable[Finding]) -> None:
        """Add what a person should know to the release, once, however often the stage was begun."""
        self._update(findings=tuple(dict.fromkeys((*self.release.findings, *findings))))

    def _update(self, **fields: object) -> None:
        self.release = self.store.update(self.release, **fields)

    def _end(self, state: State, error: errors.DeployError) -> None:
        """Note how the release ended, with its processes gone before people are told, for they may deploy again at once."""
        if self._halted:
            return
        if self._cancelled and state != "cancelled":  # whoever cancelled it may have ended what it was waiting for
            state, error = "cancelled", errors.Cancelled(f"`{self.release.tag}` was stopped: {self._cancelled}.")
        self._give_back()
        self._clear(state)
        try:
            with self._guard:
                self.release = self.store.end(self.release, state, error.message, error.hint)
            self.store.audit(state, self.release.tag, type(error).__name__)
        except errors.StoreFailed:  # people are told all the same, and the next agent or the same command goes on
            fields = {"state": state, "reason": error.message, "hint": error.hint}
            self.release = self.unnoted = msgspec.structs.replace(self.release, **fields)
        log.info("%s is %s: %s", self.release.tag, state, error)
        self._tell()

    def _clear(self, state: State) -> None:
        """End what only this deploy needed; a process that does not end is no reason to leave the release without one."""
        try:
            self.target.stop(self.release.tag)
            if state == "cancelled":
                self.traffics.withdraw(self.release, everywhere=self._withdraw)
        except (errors.DeployError, OSError):
            log.exception("%s has ended but its processes have not", self.release.tag)

    def _settle(self) -> None:
        """Whatever happened, the release has ended, those who follow it are told, and only what is of use goes on running."""
        try:
            if self._halted:
                return
            if not self.release.ended:
                hint = "`jupyter deploy agent logs` shows it."
                self._end("failed", errors.ReleaseFailed("The agent met an error of its own.", hint))
            self.traffics.tidy(self.release.endpoint, self.release.number)
        except (errors.DeployError, OSError):
            log.exception("%s left something behind", self.release.tag)
        finally:
            self._tell()

    def _give_back(self) -> None:
        """Undo what a live preview did, before people are told that the release has ended."""
        try:
            self.traffics.give_back(self.release)
        except (errors.DeployError, OSError):  # the preview goes on answering, and the card says so
            log.exception("the release before %s does not answer again", self.release.tag)

    def _tell(self) -> None:
        self._notify(self.release.endpoint, self.release.number)
