"""What is seen of an endpoint while it runs: samples and their series, and one line about each endpoint."""

from __future__ import annotations

from typing import Literal

from jupyter_deploy.values.base import Value
from jupyter_deploy.values.release import State


class Sample(Value, frozen=True, kw_only=True):
    """One interval of one endpoint.

    Attributes:
        at: When it ended, in seconds since the epoch.
        seconds: How long it was.
        requests: How many requests were answered, by workers and by the router.
        errors: How many of them were answered with a status from 500.
        refused: How many of them were answered with a status from 400 to 499.
        rows: How many rows were predicted.
        p50: Seconds within which half of the requests were answered by a worker; None where none was.
        p95: The same for 95 of 100.
        p99: The same for 99 of 100.
        workers: How many workers were ready at its end.
        queue: How many requests waited for a model at its end.
        memory: Bytes that the workers took at its end, what they share counted once.
        restarts: How many workers were replaced.
        split: Requests by the release that answered them, such as `churn@7`.
    """

    at: float
    seconds: float
    requests: int = 0
    errors: int = 0
    refused: int = 0
    rows: int = 0
    p50: float | None = None
    p95: float | None = None
    p99: float | None = None
    workers: int = 0
    queue: int = 0
    memory: int = 0
    restarts: int = 0
    split: dict[str, int] = {}


class Series(Value, frozen=True, kw_only=True):
    """The samples of an endpoint over a time.

    Attributes:
        endpoint: The endpoint's name.
        span: The time that it covers, in seconds.
        step: The length of one sample, in seconds; longer where nobody watched.
        now: When it was asked for, in seconds since the epoch, by the agent's clock.
        samples: The samples, oldest first; those during which nothing ran are left out.
    """

    endpoint: str
    span: int
    step: int
    now: float
    samples: tuple[Sample, ...] = ()


class Brief(Value, frozen=True, kw_only=True):
    """What a list shows of a release.

    Attributes:
        number: Its number.
        state: The last finished stage, or how it ended.
        created: Seconds since the epoch.
        verified: Whether its bundle reproduced the golden rows.
        ended: Whether nothing more will happen to it by itself.
        stage: The stage that runs; empty where none does.
        reason: The first line of why it was refused or failed.
        who: Who deployed it.
        notebook: The notebook it came from.
    """

    number: int
    state: State
    created: float
    verified: bool = False
    ended: bool = False
    stage: str = ""
    reason: str = ""
    who: str = ""
    notebook: str = ""


class Summary(Value, frozen=True, kw_only=True):
    """What a list shows of an endpoint.

    Attributes:
        name: Its name.
        url: Its URL.
        target: Where its releases run.
        answering: The number of the release that answers; None where none does.
        state: `verified` or `preview`, of what answers; empty where nothing does.
        release: The release that answers.
        newest: The newest release, which may be on its way.
        rate: Requests a second, over the last 10 seconds.
        p95: Seconds within which 95 of 100 requests of the last minute were answered; None where there were none.
        rates: Requests a second in each of the last 30 times of 10 seconds, newest last.
        p95s: The same for `p95`.
        errors: Requests of the last minute that were answered with a status from 500.
        keys: How many keys open it.
    """

    name: str
    url: str
    target: str
    answering: int | None = None
    state: Literal["", "preview", "verified"] = ""
    release: Brief | None = None
    newest: Brief | None = None
    rate: float = 0.0
    p95: float | None = None
    rates: tuple[float, ...] = ()
    p95s: tuple[float | None, ...] = ()
    errors: int = 0
    keys: int = 0


class Overview(Value, frozen=True, kw_only=True):
    """Every endpoint in one line each.

    Attributes:
        version: Changes whenever anything else in it does but `now`.
        now: Seconds since the epoch, by the agent's clock.
        trouble: What did not come up again after the agent started.
        endpoints: The endpoints, in order of name.
    """

    version: str
    now: float
    trouble: str = ""
    endpoints: tuple[Summary, ...] = ()
