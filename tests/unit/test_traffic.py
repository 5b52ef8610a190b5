"""What answers where, in the store and on the target: both change, or neither."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from jupyter_deploy import errors
from jupyter_deploy.home import Home
from jupyter_deploy.store import Store
from jupyter_deploy.targets.base import Health, Traffic
from jupyter_deploy.traffic import Traffics
from jupyter_deploy.values import Options, Release


class Router:
    """A target on which everything runs and that acknowledges what it is told to: the seam's own fake."""

    def __init__(self) -> None:
        self.acknowledges = True
        self.traffic: Mapping[str, Traffic] = {}

    def status(self) -> dict[str, Health]:
        """Tell what runs."""
        return {launch: Health(phase="ready") for launch in ("churn@1", "churn@2-preview")}

    def url(self, segment: str) -> str:
        """Say where something answers."""
        return f"http://127.0.0.1:1/{segment}/"

    def switch(self, traffic: Mapping[str, Traffic]) -> None:
        """Change what answers."""
        if not self.acknowledges:
            raise errors.RouterFailed("The router does not acknowledge it.")
        self.traffic = traffic


@pytest.fixture
def router() -> Router:
    """Give a router."""
    return Router()


@pytest.fixture
def traffics(tmp_path: Path, router: Router) -> Traffics:
    """Give the traffic of an endpoint at which release 1 answers, with a preview of release 2 beside it."""
    store = Store(tmp_path / "store.sqlite")
    store.add_endpoint("churn", "local")
    first, second = (store.add_release("churn", digest, Options()) for digest in ("c1", "c2"))
    store.end(store.update(first, verified=True), "serving", "")
    store.update(second, url="http://127.0.0.1:1/churn@2/")
    store.set_answering("churn", 1, "verified")
    return Traffics(Home(tmp_path), store, router)  # type: ignore[arg-type]  # it has what is used of a target


def stop(traffics: Traffics) -> None:
    """Let nothing answer."""
    traffics.halt("churn")


def promote(traffics: Traffics) -> None:
    """Let release 2 answer."""
    traffics._take_over(traffics.store.release("churn", 2), "promoted")


def test_an_endpoint_that_is_stopped_answers_nowhere(traffics: Traffics, router: Router) -> None:
    """Neither at its own URL nor at that of a preview; callers are told that it was stopped."""
    stop(traffics)

    assert ("", ({}, {}, True)) == (
        traffics.store.release("churn", 2).url,
        ((one := router.traffic["churn"]).weights, one.beside, one.stopped),
    )
    assert "retired" == traffics.store.release("churn", 1).state


def test_what_was_stopped_stays_so_though_a_preview_gives_its_url_back(traffics: Traffics, router: Router) -> None:
    """While the release that had it is started again, somebody may stop the endpoint."""

    class Stopped(Traffics):
        def _started(self, release: Release) -> Release:
            self.halt(release.endpoint)
            return release

    traffics.store.set_answering("churn", 2, "preview")
    Stopped(traffics.home, traffics.store, traffics.target).give_back(traffics.store.release("churn", 2))

    assert (None, "") == traffics.store.endpoints()["churn"][1:]
    assert ("", True) == (traffics.store.release("churn", 2).url, router.traffic["churn"].stopped)


def test_a_preview_gives_the_url_back(traffics: Traffics, router: Router) -> None:
    """What answered before does so again, and the preview goes on beside it."""

    class Running(Traffics):
        def _started(self, release: Release) -> Release:
            return release

    traffics.store.set_answering("churn", 2, "preview")
    Running(traffics.home, traffics.store, traffics.target).give_back(traffics.store.release("churn", 2))

    assert (1, "verified") == traffics.store.endpoints()["churn"][1:]
    assert ({"churn@1": 100}, {"churn@2": "churn@2-preview"}) == ((one := router.traffic["churn"]).weights, one.beside)


@pytest.mark.parametrize("change", [stop, promote])
def test_what_the_router_does_not_acknowledge_leaves_all_as_it_was(
    traffics: Traffics, router: Router, change: Callable[[Traffics], None]
) -> None:
    """What answered goes on answering, the preview beside it too, also after the next switch."""
    traffics.apply()
    before = router.traffic
    router.acknowledges = False
    with pytest.raises(errors.RouterFailed):
        change(traffics)
    router.acknowledges = True
    traffics.apply()

    assert before == router.traffic
    assert {"churn@2": "churn@2-preview"} == before["churn"].beside
