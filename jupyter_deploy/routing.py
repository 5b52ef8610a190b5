"""What answers where, as the store has it; nothing here moves traffic."""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from jupyter_deploy import launches
from jupyter_deploy.store import Store
from jupyter_deploy.targets.base import Traffic
from jupyter_deploy.values import Options, Release


def live(store: Store, endpoint: str) -> list[Release]:
    """List the newest release of an endpoint, and the older ones that answer somewhere.

    Args:
        store: The agent's memory.
        endpoint: The endpoint.

    Returns:
        The releases, newest first.
    """
    return store.releases(endpoint, most=1)


def traffic_of(store: Store, endpoint: str) -> Traffic:
    """Read the traffic of one endpoint.

    Args:
        store: The agent's memory.
        endpoint: The endpoint.

    Returns:
        Which of its launches should answer where.
    """
    _, answering, state = store.endpoints()[endpoint]
    releases = {release.number: release for release in live(store, endpoint)}
    beside = {release.tag: launches.id_of(release, "preview") for release in releases.values() if release.url}
    main = releases.get(answering) if answering is not None else None
    weights = {launches.id_of(main, launches.best(main) if state == "verified" else "preview"): 100} if main else {}
    shown = main or next(iter(releases.values()), None)
    return Traffic(
        endpoint=endpoint,
        weights=weights,
        beside=beside,
        stopped=answering is None and any(release.state in {"serving", "retired"} for release in store.releases(endpoint)),
        options=store.options(endpoint, shown.number) if shown else Options(),
    )


def only(traffic: Traffic, running: Collection[str]) -> Traffic:
    """Leave out of an endpoint's traffic what cannot answer.

    Args:
        traffic: The traffic.
        running: The ids of the launches that can.

    Returns:
        The rest.
    """
    return msgspec.structs.replace(
        traffic,
        weights={launch: weight for launch, weight in traffic.weights.items() if launch in running},
        beside={path: launch for path, launch in traffic.beside.items() if launch in running},
    )


def last_answered(release: Release) -> float:
    """Say when a release answered last.

    Args:
        release: The release.

    Returns:
        Seconds since the epoch; 0 where it never did.
    """
    return max((stage.started for stage in release.stages if stage.name in ("serving", "retired")), default=0.0)
