"""From a plan to a lock: through a locker, and with wheels of the kernel's own files for what its index does not have."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
from packaging.utils import parse_wheel_filename

from jupyter_deploy import errors, home, plugins
from jupyter_deploy.languages.plan import Installed, Kernel, Plan, about, all_known, listed, plan_lock
from jupyter_deploy.lock.base import Elsewhere, Locker, NotOnIndex, Resolved
from jupyter_deploy.lock.format import Entry, parse
from jupyter_deploy.lock.nearest import nearest
from jupyter_deploy.lock.records import installer
from jupyter_deploy.lock.wheels import FOLDER, Wheel, digest_of, kept, pack, packable, pinned
from jupyter_deploy.values import Finding, Lock, Requirement, from_json, to_json

COMPILED = "any"  # the platform of a wheel that runs everywhere


class Known(NamedTuple):
    """What a lock may be made of.

    Attributes:
        kernel: What the kernel has.
        reached: The distributions that the model's code imports.
        beside: What the agent has.
    """

    kernel: Kernel
    reached: set[str]
    beside: dict[str, Installed]


def wheel_of(one: Installed, tag: str, folder: Path) -> Wheel:
    """Make a wheel of what is installed from elsewhere than an index.

    Args:
        one: The distribution.
        tag: The tag of extension modules for its interpreter.
        folder: Where locks are kept.

    Returns:
        The wheel.

    Raises:
        LockFailed: If its files cannot be found; the message says what to do.
    """
    info, in_place = Path(one.folder), one.origin.get("kind") == "editable"
    if in_place and not one.modules:
        place = one.origin["place"]
        gone = (
            "whose folder is gone" if not Path(place).exists() else "by a build tool that does not say which files are its modules"
        )
        raise errors.LockFailed(
            f"The model needs `{one.name}`, which is installed in place from {place}, {gone}.",
            f"Install it as it is, `pip install {place}` without `-e`, restart the kernel, fit again, and deploy again.",
        )
    if not in_place and not packable(info, pure=False):
        raise errors.LockFailed(
            f"The model needs `{one.name}`, which came from no package index and whose files are listed nowhere.",
            "Install it again with pip, restart the kernel, fit again, and deploy again.",
        )
    return pack(one.name, one.version, info, one.modules if in_place else None, tag, folder / FOLDER)


def resolve(plan: Plan, known: Known, locker: str, python: Path, folder: Path) -> Lock:
    """Have a locker resolve a plan; what its index lacks is taken from the kernel's own files, where those run anywhere.

    Args:
        plan: The plan.
        known: What it was made of.
        locker: The locker's name.
        python: The interpreter to resolve for.
        folder: Where locks are kept.

    Returns:
        The lock, kept in the folder.

    Raises:
        Unsolvable: If there is no solution, or something is on no index; the nearest versions are told.
        LockFailed: If there is no network, or a hash is missing.
    """
    compiler: Locker = plugins.load("lockers", locker)()
    vanished: list[Wheel] = []
    while True:
        try:
            found, requirements, constraints = _compile(plan, compiler, python)
            break
        except NotOnIndex as error:
            vanished += _instead(error, plan, known, folder)
            wheels = [*plan.wheels, *(wheel for wheel in vanished if wheel not in plan.wheels)]
            plan = plan_lock(known.kernel, known.reached, known.beside, wheels)
    entries = parse(pinned(found.text, plan.wheels))
    lock = Lock(
        digest=plan.digest, text=pinned(found.text, plan.wheels), packages=_packages(entries), python=plan.python, locker=locker,
        requirements=tuple(requirements), constraints=tuple(constraints), own=tuple(wheel.name for wheel in plan.wheels),
        findings=(*_yanked(found, entries), *(_vanished(wheel) for wheel in vanished)),
    )  # fmt: skip
    return keep(lock, plan.wheels, folder)


def stored(plan: Plan, folder: Path) -> Lock | None:
    """Find a lock that was made before.

    Args:
        plan: What it was made of.
        folder: Where locks are kept.

    Returns:
        The lock; None where there is none, or its wheels are not what they were.
    """
    file, place = folder / f"{plan.digest}.json", folder / plan.digest
    if not file.exists() or not all(_is_kept(wheel, place) for wheel in plan.wheels):
        return None
    return msgspec.structs.replace(from_json(file.read_bytes(), Lock), folder=str(place) if plan.wheels else "")


def _is_kept(wheel: Wheel, place: Path) -> bool:
    file = place / wheel.path.name
    return file.exists() and (file.samefile(wheel.path) or digest_of(file) == wheel.digest)


def keep(lock: Lock, wheels: Sequence[Wheel], folder: Path) -> Lock:
    """Keep a lock with its wheels.

    Args:
        lock: The lock.
        wheels: Its wheels.
        folder: Where locks are kept.

    Returns:
        The lock, which now knows where its wheels lie.
    """
    place = folder / lock.digest
    if not all(_is_kept(wheel, place) for wheel in wheels):
        shutil.rmtree(place, ignore_errors=True)
        made = Path(tempfile.mkdtemp(prefix=".new-", dir=folder))
        try:
            for wheel in wheels:
                _link(wheel.path, made / wheel.path.name)
            made.rename(place)
        except OSError:
            if not place.is_dir():  # somebody else has made it meanwhile
                raise
        finally:
            shutil.rmtree(made, ignore_errors=True)
    kept_as = msgspec.structs.replace(lock, folder=lock.digest if wheels else "")
    home.write(folder / f"{lock.digest}.json", to_json(kept_as))
    return msgspec.structs.replace(lock, folder=str(place) if wheels else "")


def extended(lock: Lock, packages: Sequence[str], python: Path, folder: Path) -> Lock:
    """Lock more packages on top of a lock, all of whose own stay as they are.

    Args:
        lock: The lock.
        packages: The names of the packages.
        python: The interpreter to resolve for.
        folder: Where locks are kept.

    Returns:
        The lock, kept in the folder; the same one where there is nothing to add.

    Raises:
        Unsolvable: If they do not go together, or the index lacks one.
        LockFailed: If there is no network, or a hash is missing.
    """
    held = {one.name for one in lock.packages}
    more = sorted(set(packages) - held)
    if not more:
        return lock
    plan = Plan(
        requirements=(*lock.requirements, *more), constraints=tuple(f"{one.name}=={one.version}" for one in lock.packages),
        looser=((), ()), python=lock.python, wheels=tuple(_wheels(lock)),
        digest=hashlib.sha256(f"{lock.digest} with {' '.join(more)}".encode()).hexdigest(),
    )  # fmt: skip
    known = stored(plan, folder)
    if known is not None:
        return known
    compiler: Locker = plugins.load("lockers", lock.locker)()
    text = pinned(_once(compiler, plan.requirements, plan.constraints, plan.wheels, python).text, plan.wheels)
    made = msgspec.structs.replace(
        lock, digest=plan.digest, text=text, packages=_packages(parse(text)), requirements=plan.requirements,
        constraints=plan.constraints,
    )  # fmt: skip
    return keep(made, plan.wheels, folder)


def relock(lock: Lock, platform: str) -> Lock:
    """Lock the same for another machine.

    Args:
        lock: The lock of this machine.
        platform: The other's system and processor, such as `linux/arm64`.

    Returns:
        The lock, which is kept nowhere; a finding names what would be built there from its sources.

    Raises:
        BadInput: If there is no such platform.
        LockFailed: If something does not run there; all of that is named.
    """
    elsewhere, wheels = Elsewhere(platform, lock.python), _wheels(lock)
    plan = Plan(
        requirements=lock.requirements, constraints=lock.constraints, looser=((), ()), python=lock.python, digest=lock.digest,
        wheels=tuple(wheel for wheel in wheels if _runs_anywhere(wheel)),
    )  # fmt: skip
    absent = [f"{wheel.name}=={wheel.version}" for wheel in wheels if not _runs_anywhere(wheel)]
    compiler: Locker = plugins.load("lockers", lock.locker)()
    found = None
    while found is None:
        requirements, constraints = ([one for one in lines if one not in absent] for lines in (plan.requirements, plan.constraints))
        try:
            found = _once(compiler, requirements, constraints, plan.wheels, Path(sys.executable), elsewhere)
        except NotOnIndex as error:
            more = [one for one in (*requirements, *constraints) if one.partition("==")[0] in error.missing]
            if not more:
                raise
            absent += more
    if absent:
        raise errors.LockFailed(
            f"For {platform} there is neither a wheel nor a source of {listed(sorted(absent))}.",
            "Take versions that have one for it, or build a wheel there and put it on an index of yours.",
        )
    text = pinned(found.text, plan.wheels)
    built = [_built(one, platform) for one in found.built]
    digest = hashlib.sha256(f"{lock.digest} {platform}".encode()).hexdigest()
    return msgspec.structs.replace(
        lock, digest=digest, text=text, packages=_packages(parse(text)), findings=(*lock.findings, *built)
    )


def _compile(plan: Plan, compiler: Locker, python: Path) -> tuple[Resolved, tuple[str, ...], tuple[str, ...]]:
    """Resolve a plan; where the kernel's packages clash with the serving runtime's, the latter give way.

    The first clash is the one to tell, but what the index lacks counts only where it is needed either way.
    """
    try:
        return _once(compiler, plan.requirements, plan.constraints, plan.wheels, python), plan.requirements, plan.constraints
    except errors.Unsolvable as first:
        try:
            return _once(compiler, *plan.looser, plan.wheels, python), *plan.looser
        except NotOnIndex:
            raise
        except errors.Unsolvable:
            raise first from None


def _once(
    compiler: Locker, requirements: Iterable[str], constraints: Iterable[str], wheels: Iterable[Wheel], python: Path,
    elsewhere: Elsewhere | None = None,
) -> Resolved:  # fmt: skip
    files = {wheel.name: wheel.requirement for wheel in wheels}
    asked = [files.get(one.partition("==")[0], one) for one in requirements]
    with tempfile.TemporaryDirectory(prefix="jupyter-deploy-lock-") as folder:
        return compiler.compile(asked, list(constraints), python, Path(folder), elsewhere)


def _instead(error: NotOnIndex, plan: Plan, known: Known, folder: Path) -> list[Wheel]:
    """Make wheels of what the index lacks, or say what to do."""
    have = all_known(known.kernel, known.beside)
    taken = {wheel.name for wheel in plan.wheels}
    gone = [have[name] for name in error.missing if name in have and name not in taken]
    if not gone:
        raise errors.Unsolvable(error.message, error.hint) from error
    for one in gone:
        if not packable(Path(one.folder), pure=True):
            raise _nowhere(one) from error
    return [wheel_of(one, known.kernel.tag, folder) for one in gone]


def _nowhere(one: Installed) -> errors.Unsolvable:
    with tempfile.TemporaryDirectory(prefix="jupyter-deploy-lock-") as folder:
        near = nearest(one.name, one.version, Path(folder))
    by = installer(Path(one.folder))
    told = f"The nearest there: {', '.join(near)}." if near else "There is no release of that name."
    index = "dd the index that it came from to pip's configuration, and deploy again"
    again = (
        f"Run `pip install {one.name}=={near[0]}` in the kernel's environment, restart the kernel, fit again, and deploy again"
        if near
        else ""
    )
    return errors.Unsolvable(
        f"`{one.name}` {one.version} {f'(installed by {by}) ' if by else ''}is on no package index that pip or uv knows. {told}",
        f"{again}; or a{index}." if near else f"A{index}; or install what your index has.",
    )


def _yanked(found: Resolved, entries: Iterable[Entry]) -> list[Finding]:
    versions = {entry.name: entry.version for entry in entries}
    hint = "Install another version in the kernel's environment, fit again, and deploy again."
    return [
        about(name, f"`{name}` {versions[name]} was withdrawn by its author{f': {why}' if why else ''}.", hint)
        for name, why in found.yanked.items()
        if name in versions
    ]


def _vanished(wheel: Wheel) -> Finding:
    return about(
        wheel.name,
        f"`{wheel.name}` {wheel.version} is on no package index that pip or uv knows: the release gets the kernel's own files.",
        "Take a version that your index has, so that others can install it too; or add the index that it came from.",
    )


def _built(package: str, platform: str) -> Finding:
    message = f"`{package}` has no wheel for {platform}: it is built there from its sources."
    return about(package.partition("==")[0], message, "The machine needs what building it takes, such as a compiler.")


def _packages(entries: Iterable[Entry]) -> tuple[Requirement, ...]:
    return tuple(Requirement(name=one.name, version=one.version) for one in entries)


def _wheels(lock: Lock) -> list[Wheel]:
    """List a lock's wheels, in order of name."""
    entries = {entry.name: entry for entry in parse(lock.text)}
    files = kept(Path(lock.folder)) if lock.folder else {}
    return [Wheel(name, entries[name].version, path, entries[name].hashes[0].partition(":")[2]) for name, path in files.items()]


def _runs_anywhere(wheel: Wheel) -> bool:
    return all(tag.platform == COMPILED for tag in parse_wheel_filename(wheel.path.name)[3])


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system, or one without links
        shutil.copyfile(source, target)
