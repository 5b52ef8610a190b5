"""Talks to the agent over its Unix socket; every adapter goes through here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from jupyter_deploy.agent.keys import Keys
from jupyter_deploy.agent.observations import Observations
from jupyter_deploy.agent.transport import PATIENT, QUICK
from jupyter_deploy.values import Capture, Endpoint, Event, Golden, Lock, Options, Release, from_json

if TYPE_CHECKING:  # what reads archives is not for every kernel that deploys
    from jupyter_deploy.archive import Index
    from jupyter_deploy.changes import Changes
    from jupyter_deploy.received import Received


class AgentClient(Observations, Keys):
    """The agent, as its users see it.

    Args:
        home: The agent's folders.
    """

    def status(self) -> dict[str, Any]:
        """Say how the agent is.

        Returns:
            `version`, `pid`, `home`, `endpoints` (how many), `memory` in bytes, `trouble` (what did not come up again), `port`
            (the one that it was told to serve at).
        """
        return from_json(self._ask("GET", "/status", timeout=QUICK), dict[str, Any])

    def warm(self, interpreter: str, path: tuple[str, ...], modules: tuple[str, ...], owner: int) -> None:
        """Ask the agent to be ready for this kernel's previews.

        Args:
            interpreter: The kernel's interpreter.
            path: The kernel's module path.
            modules: What the kernel has imported.
            owner: The kernel's process id.
        """
        self._ask("POST", "/spares", {"interpreter": interpreter, "path": path, "modules": modules, "owner": owner})

    def deploy(self, capture: Capture, options: Options, environment: Mapping[str, str] | None = None) -> Release:
        """Hand a capture over to be deployed.

        Args:
            capture: The capture; its folder lies in the staging folder and now belongs to the agent.
            options: What to do.
            environment: The values of the environment variables that the model is declared to read.

        Returns:
            The release, on its way.
        """
        body = {"capture": capture, "options": options, "environment": environment or {}}
        return from_json(self._ask("POST", "/deploys", body), Release)

    def adopt(self, received: Received, name: str, options: Options, environment: Mapping[str, str]) -> Release:
        """Hand a received bundle over to be verified and to serve.

        Args:
            received: The bundle; its folder lies in the staging folder and now belongs to the agent.
            name: The endpoint to deploy it as.
            options: What to do.
            environment: The values of the environment variables that the model is declared to read.

        Returns:
            The release, on its way.
        """
        body = {"received": received, "name": name, "options": options, "environment": environment}
        return from_json(self._ask("POST", "/imports", body, PATIENT), Release)

    def history(self, name: str) -> list[Event]:
        """Read what was done to an endpoint, and by whom.

        Args:
            name: The endpoint, which may have been removed.

        Returns:
            The lines of the audit, oldest first.
        """
        return from_json(self._ask("GET", f"/endpoints/{name}/history"), list[Event])

    def changes(self, name: str, old: int | None = None, new: int | None = None) -> Changes:
        """Compare two releases of an endpoint.

        Args:
            name: The endpoint.
            old: The older release's number; the newest verified one before the newer one where None.
            new: The newer release's number; the newest one where None.

        Returns:
            What differs.
        """
        from jupyter_deploy.changes import Changes

        query = "&".join(f"{side}={number}" for side, number in (("old", old), ("new", new)) if number is not None)
        return from_json(self._ask("GET", f"/endpoints/{name}/changes?{query}"), Changes)

    def lock(self, name: str, number: int | None = None, platform: str = "") -> Lock:
        """Read the lock of a release.

        Args:
            name: The endpoint.
            number: The release's number; the newest one that has a lock where None.
            platform: Another machine to lock the same for, such as `linux/arm64`.

        Returns:
            The lock.
        """
        asked = {"platform": platform} | ({} if number is None else {"release": str(number)})
        return from_json(self._ask("GET", f"/endpoints/{name}/lock?{httpx.QueryParams(asked)}", timeout=PATIENT), Lock)

    def export(self, name: str, out: Path, number: int | None = None) -> Index:
        """Have the bundle of a release written as an archive.

        Args:
            name: The endpoint.
            out: The file to write.
            number: The release's number; the one that answers where None.

        Returns:
            What the archive holds.
        """
        from jupyter_deploy.archive import Index

        body = {"out": str(out.absolute()), "number": number}
        return from_json(self._ask("POST", f"/endpoints/{name}/export", body, PATIENT), Index)

    def events(self, name: str, number: int) -> Iterator[Release]:
        """Follow a release.

        Args:
            name: The endpoint.
            number: The release's number.

        Yields:
            The release now and after each change; ends when the release has ended.
        """
        for line in self._lines(f"/endpoints/{name}/releases/{number}/events"):
            yield from_json(line, Release)

    def endpoints(self) -> list[Endpoint]:
        """List what is deployed.

        Returns:
            The endpoints, in order of name.
        """
        return from_json(self._ask("GET", "/endpoints"), list[Endpoint])

    def endpoint(self, name: str, *, whole: bool = False) -> Endpoint:
        """Look at one endpoint.

        Args:
            name: Its name.
            whole: Whether to list every kept release rather than the newest ones and those that answer.

        Returns:
            The endpoint with its releases.
        """
        return from_json(self._ask("GET", f"/endpoints/{name}{'?all=1' if whole else ''}"), Endpoint)

    def logs(self, name: str, lines: int = 100, number: int | None = None) -> list[str]:
        """Read what an endpoint's processes wrote.

        Args:
            name: The endpoint.
            lines: How many lines at most.
            number: The release; the newest one where None.

        Returns:
            The last lines, oldest first.
        """
        chosen = "" if number is None else f"&release={number}"
        return from_json(self._ask("GET", f"/endpoints/{name}/logs?lines={lines}{chosen}"), list[str])

    def golden(self, name: str, number: int) -> list[Golden]:
        """Read the golden rows of a release.

        Args:
            name: The endpoint.
            number: The release's number.

        Returns:
            Inputs and the notebook's own answers, request by request.
        """
        return from_json(self._ask("GET", f"/endpoints/{name}/releases/{number}/golden"), list[Golden])

    def rollback(self, name: str, to: int | None = None) -> Endpoint:
        """Let an older verified release answer again.

        Args:
            name: The endpoint.
            to: The release's number; the newest older one where None.

        Returns:
            The endpoint as it is now.
        """
        return from_json(self._ask("POST", f"/endpoints/{name}/rollback", {"to": to}, PATIENT), Endpoint)

    def promote(self, name: str, to: int | None = None) -> Endpoint:
        """Let a newer verified release answer, or start a stopped endpoint again.

        Args:
            name: The endpoint.
            to: The release's number; the newest newer one, or the one that answered last, where None.

        Returns:
            The endpoint as it is now.
        """
        return from_json(self._ask("POST", f"/endpoints/{name}/promote", {"to": to}, PATIENT), Endpoint)

    def halt(self, name: str) -> Endpoint:
        """Let nothing answer any more at an endpoint; its releases and keys are kept.

        Args:
            name: The endpoint.

        Returns:
            The endpoint as it is now.
        """
        return from_json(self._ask("POST", f"/endpoints/{name}/stop", {}, PATIENT), Endpoint)

    def capture(self, name: str, number: int) -> Capture:
        """Read what was taken from the kernel for a release.

        Args:
            name: The endpoint.
            number: The release's number.

        Returns:
            The capture.
        """
        return from_json(self._ask("GET", f"/endpoints/{name}/releases/{number}/capture"), Capture)

    def targets(self) -> list[dict[str, Any]]:
        """List where releases can run.

        Returns:
            `name` and `capabilities` of each target.
        """
        return from_json(self._ask("GET", "/targets"), list[dict[str, Any]])

    def cancel(self, name: str, number: int) -> Release:
        """Stop a deploy that is on its way.

        Args:
            name: The endpoint.
            number: The release's number.

        Returns:
            The release.
        """
        return from_json(self._ask("POST", f"/endpoints/{name}/releases/{number}/cancel", {}), Release)

    def remove(self, name: str) -> None:
        """End an endpoint with its releases and keys.

        Args:
            name: The endpoint.
        """
        self._ask("DELETE", f"/endpoints/{name}", timeout=PATIENT)

    def free(self) -> dict[str, int]:
        """Delete what no release needs.

        Returns:
            The bytes that were freed, by folder.
        """
        return from_json(self._ask("POST", "/free", {}), dict[str, int])

    def stop(self, *, everything: bool = True, pid: int | None = None) -> None:
        """End the agent.

        Args:
            everything: Whether the endpoints stop answering until an agent starts again; they go on otherwise.
            pid: The process that is meant, where another agent may have taken its place; whichever it is where None.
        """
        self._ask("POST", "/stop", {"everything": everything, "pid": pid})
