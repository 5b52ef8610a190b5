"""What is read from counters: intervals, quantiles, rings that forget, and histories that come back."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from jupyter_deploy import errors
from jupyter_deploy.observe.history import History
from jupyter_deploy.observe.observer import Observer
from jupyter_deploy.observe.overview import Overviews
from jupyter_deploy.observe.reading import Counters, answered, counted, counters, named
from jupyter_deploy.observe.tail import Tail, last
from jupyter_deploy.observe.tally import Newest, Ring, Tally, joined, merged, quantile, sample
from jupyter_deploy.store import Store
from jupyter_deploy.targets.base import Count
from jupyter_deploy.values import Options, Sample, from_json, to_json

SPREAD = ((0.0, 0.1, 50), (0.1, 0.5, 40), (0.5, 1.0, 10))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Give a store with one endpoint, at which release 1 answers."""
    made = Store(tmp_path / "store.sqlite")
    made.add_endpoint("churn", "local")
    made.add_release("churn", "c0ffee", Options())
    made.set_answering("churn", 1, "verified")
    return made


def bucket(le: str, value: int, method: str = "predict") -> list[Any]:
    """Make one of Prometheus' buckets."""
    return ["jd_request_seconds_bucket", {"method": method, "le": le}, value]


@pytest.mark.parametrize(("share", "seconds"), [(0.25, 0.05), (0.50, 0.1), (0.70, 0.3), (0.95, 0.75), (1.0, 1.0)], ids=str)
def test_a_quantile_is_interpolated_within_its_bucket(share: float, seconds: float) -> None:
    """Requests are taken to lie evenly between a bucket's bounds."""
    assert pytest.approx(seconds) == quantile(SPREAD, share)


def test_a_quantile_beyond_the_last_bound_is_that_bound() -> None:
    """What took longer than any bucket measures is told as the longest that is measured."""
    found = counters([bucket("0.1", 1), bucket("0.5", 1), bucket("+Inf", 9)])

    assert found is not None
    assert 0.5 == quantile(found.spread, 0.95)


def test_no_requests_have_no_quantile() -> None:
    """An idle interval has no latency rather than one of 0."""
    assert (None, None, None) == ((one := sample(Tally(at=1.0, seconds=1.0))).p50, one.p95, one.p99)


def test_counters_are_read_from_metrics() -> None:
    """Latencies of all methods are added up, but not those of the router's own questions."""
    found = counters([
        bucket("0.1", 2), bucket("0.5", 5), bucket("+Inf", 5), bucket("0.1", 1, "predict_proba"), bucket("0.1", 99, "other"),
        ["jd_rows_total", {"method": "predict"}, 70], ["jd_queue_length", {"worker": "0"}, 3],
        ["jd_queue_length", {"worker": "1"}, 1], ["jd_worker_restarts_total", {"worker": "1"}, 2],
        ["jd_worker_proportional_memory_bytes", {"worker": "0"}, 10], ["jd_worker_proportional_memory_bytes", {"worker": "1"}, 20],
        ["jd_worker_resident_memory_bytes", {"worker": "0"}, 99], ["jd_worker_resident_memory_bytes", {"worker": "1"}, 99],
    ])  # fmt: skip

    assert found == Counters(spread=((0.0, 0.1, 3), (0.1, 0.5, 2)), rows=70, restarts=2, queue=4, memory=30)


def test_memory_is_rough_before_workers_tell_what_they_share() -> None:
    """Until then one worker stands for all that they share."""
    found = counters([["jd_worker_resident_memory_bytes", {"worker": str(one)}, size] for one, size in enumerate((70, 80))])

    assert Counters(memory=80, rough=True) == found


def test_a_release_that_does_not_answer_has_no_counters() -> None:
    """Nothing known is not the same as nothing counted."""
    assert counters([]) is None


@pytest.mark.parametrize(
    "metrics",
    [
        "text", [1], [["jd_rows_total", {}, -1]], [["jd_rows_total", {}, float("nan")]], [["jd_rows_total", {}, 10**400]],
        [["jd_rows_total", {}, float("inf")]], [bucket("one", 1)], [["jd_request_seconds_bucket", {}, 1]],
        [["jd_worker_resident_memory_bytes", {}, 1]], [["jd_rows_total", {"le": 5}, 1]], [bucket("nan", 1), bucket("-1", 1)],
    ],
    ids=str,
)  # fmt: skip
def test_metrics_that_make_no_sense_are_none(metrics: Any) -> None:
    """A release whose author's code tells nonsense has no figures, and harms nobody else's."""
    assert counters(metrics) in (None, Counters())


def test_only_what_is_new_is_counted() -> None:
    """The difference of two looks has the queue and the memory of the second one."""
    before = Counters(spread=((0.0, 0.1, 3),), rows=10, queue=9)
    after = Counters(spread=((0.0, 0.1, 5), (0.1, 0.5, 1)), rows=14, restarts=1, queue=2, memory=7)

    expected = Counters(spread=((0.0, 0.1, 2), (0.1, 0.5, 1)), rows=4, restarts=1, queue=2, memory=7)
    assert expected == counted(before, after)


@pytest.mark.parametrize("after", [Counters(rows=3), Counters(spread=((0.0, 0.1, 1),), rows=20), Counters(rows=20)], ids=str)
def test_counters_that_fell_began_again(after: Counters) -> None:
    """A release that was started again counts from 0, so all that it has is new."""
    assert after == counted(Counters(spread=((0.0, 0.1, 3),), rows=10), after)


def test_a_router_that_fell_began_again() -> None:
    """A router that was started again counts from 0, so all that it has is new."""
    assert Count(requests=2, workers=2) == answered(Count(requests=9, errors=1), Count(requests=2, workers=2))


def test_another_router_began_again() -> None:
    """Also where it has answered more than the one before it within the same second."""
    assert 9 == answered(Count(requests=2, epoch=1), Count(requests=9, epoch=2)).requests


@pytest.mark.parametrize("id", ["churn@7", "churn@7-preview", "churn@7-compiled"])
def test_every_launch_of_a_release_counts_for_it(id: str) -> None:
    """Its preview and its faster form are the same release."""
    assert ("churn", 7) == named(id)


def test_intervals_add_up() -> None:
    """Counts are added, what holds at an instant is the newest."""
    older = Tally(at=1.0, seconds=1.0, requests=2, spread=((0.0, 0.1, 2),), workers=2, memory=5, split={"churn@1": 2})
    newer = Tally(at=2.0, seconds=1.5, requests=3, errors=1, spread=((0.0, 0.1, 1), (0.1, 0.5, 2)), workers=1, split={"churn@2": 3})

    assert joined(older, newer) == Tally(
        at=2.0, seconds=2.5, requests=5, errors=1, spread=((0.0, 0.1, 3), (0.1, 0.5, 2)), workers=1,
        split={"churn@1": 2, "churn@2": 3},
    )  # fmt: skip
    assert merged(()) is None


def test_a_tally_goes_to_json_and_back() -> None:
    """What the store keeps is what comes back, also beyond the last bound."""
    tally = Tally(at=1.0, seconds=1.0, requests=1, spread=((30.0, 30.0, 1),), split={"churn@1": 1})

    assert tally == from_json(to_json(tally), Tally)


def test_a_ring_puts_together_what_ends_in_one_step() -> None:
    """Three looks within ten seconds are one sample, and the next one begins another."""
    ring = Ring(10, 5)
    for at in (1.0, 5.0, 10.0, 11.0):
        ring.add(Tally(at=at, seconds=1.0, requests=1))

    assert [(10.0, 3), (11.0, 1)] == [(one.at, one.requests) for one in ring.since(0)]


def test_a_ring_forgets_the_oldest() -> None:
    """However long it runs, it holds so many and no more."""
    ring: Newest[Tally] = Newest(3)
    for at in range(100):
        ring.add(Tally(at=float(at), seconds=1.0))

    assert [97.0, 98.0, 99.0] == [one.at for one in ring.since(0)]


def test_a_clock_that_was_set_back_leaves_no_future() -> None:
    """What was seen at times that are yet to come is dropped, so that samples stay in order."""
    for ring in (Newest[Tally](9), Ring(1, 9)):
        for at in (100.0, 101.0, 50.0, 51.0):
            ring.add(Tally(at=at, seconds=1.0))

        assert [50.0, 51.0] == [one.at for one in ring.since(0)]


def seen(store: Store, *tallies: Tally) -> History:
    """Make a history of an endpoint."""
    history = History(store)
    for one in tallies:
        history.add(store.answering(), {"churn": one}, one.at)
    return history


def test_a_history_comes_back_from_the_store(store: Store) -> None:
    """What one agent has seen, the next one tells in the hour and in the day."""
    now = time.time()
    first = seen(store, *(Tally(at=now - 90 + at, seconds=1.0, requests=2) for at in range(90)))
    first.keep()
    second = History(store)
    second.add(store.answering(), {}, now)

    assert [180, 180] == [sum(one.requests for one in second.series("churn", span).samples) for span in (3600, 86400)]


def test_a_day_holds_what_the_store_has_yet_to_get(store: Store) -> None:
    """The newest requests are told of before their minute is over."""
    history = seen(store, Tally(at=time.time() - 1, seconds=1.0, requests=7))

    assert [7] == [one.requests for one in history.series("churn", 86400).samples]
    assert [] == store.samples("churn", 0)


def test_idle_minutes_are_kept_seldom(store: Store) -> None:
    """An hour of nothing takes a dozen rows, an hour of requests one a minute."""
    now = time.time() - 7200
    history = seen(store, *(Tally(at=now + 10 * at, seconds=10.0, workers=2) for at in range(360)))
    idle = len(store.samples("churn", 0))
    for at in range(360):
        history.add(store.answering(), {"churn": Tally(at=now + 3600 + 10 * at, seconds=10.0, requests=1)}, now + 3600 + 10 * at)

    assert (12, 72) == (idle, len(store.samples("churn", 0)))


def test_an_endpoint_that_stops_is_kept_at_once(store: Store) -> None:
    """What was seen before a pause does not wait for what comes after it."""
    now = time.time()
    history = seen(store, Tally(at=now - 5, seconds=1.0, requests=1))
    history.add(store.answering(), {}, now)

    assert 1 == len(store.samples("churn", 0))


def test_an_endpoint_made_again_has_no_history(store: Store) -> None:
    """The name alone does not make it the same endpoint."""
    history = seen(store, Tally(at=time.time() - 1, seconds=1.0, requests=7))
    store.remove_endpoint("churn")
    store.add_endpoint("churn", "local")
    history.add(store.answering(), {}, time.time())

    assert ((), ()) == tuple(history.series("churn", span).samples for span in (300, 86400))


@pytest.mark.parametrize("ask", [lambda one: one.series("chrun", 300), lambda one: one.since("chrun", 0)], ids=["series", "since"])
def test_an_unknown_endpoint_is_named(store: Store, ask: Any) -> None:
    """The hint gives the name that was meant."""
    with pytest.raises(errors.UnknownName, match="There is no endpoint `chrun`") as caught:
        ask(History(store))

    assert "churn" in caught.value.hint


def test_an_unknown_span_is_refused(store: Store) -> None:
    """The hint names those that there are."""
    with pytest.raises(errors.BadInput, match="no samples of 60 seconds") as caught:
        History(store).series("churn", 60)

    assert "300, 3600, 86400" in caught.value.hint


def test_a_spark_line_has_no_holes_where_looks_are_seldom(store: Store) -> None:
    """Looks a little more than ten seconds apart leave no point of steady traffic empty."""
    now = 1_000_000.0
    history = seen(store, *(Tally(at=now + 10.3 * at, seconds=10.3, requests=103) for at in range(40)))
    figures = history.figures("churn")

    assert {10.0} == set(figures.rates)
    assert 10.0 == figures.rate


def test_figures_fall_to_nothing(store: Store) -> None:
    """Ten seconds after the last request the rate is 0, a minute after it there is no latency, and then no spark line."""
    now = 1_000_000.0
    history = seen(store, Tally(at=now, seconds=1.0, requests=5, errors=1, spread=((0.0, 0.1, 5),)))
    found = []
    for later in (0, 11, 71, 400):
        history.add(store.answering(), {"churn": Tally(at=now + later + 0.5, seconds=0.5)}, now + later + 0.5)
        one = history.figures("churn")
        found.append((one.rate > 0, one.p95 is not None, one.errors, max(one.rates) > 0))

    assert [(True, True, 1, True), (False, True, 1, True), (False, False, 0, True), (False, False, 0, False)] == found


class Told:
    """A target that tells what it is told to tell, and nothing else: the seam's own fake."""

    def __init__(self) -> None:
        self.found: dict[str, Count] | None = {}
        self.metrics: dict[str, list[Any]] = {}
        self.asked: list[str] = []

    def counts(self) -> dict[str, Count] | None:
        """Tell what callers were answered."""
        return self.found

    def samples(self, id: str) -> dict[str, Any]:
        """Tell what workers counted."""
        self.asked.append(id)
        return {"metrics": self.metrics.get(id, [])}

    def url(self, endpoint: str) -> str:
        """Say where an endpoint answers."""
        return f"http://127.0.0.1:1/{endpoint}/"


@pytest.fixture
def told() -> Told:
    """Give a target on which one release runs."""
    made = Told()
    made.found = {"churn@1": Count(requests=100, workers=2)}
    return made


def newest(observer: Observer) -> Sample:
    """Give the last sample."""
    return observer.history.series("churn", 300).samples[-1]


def test_what_was_counted_before_an_agent_began_is_not_told(store: Store, told: Told) -> None:
    """The first look only learns where the counters stand."""
    observer = Observer(told, store, lambda: None)  # type: ignore[arg-type]  # it has what is used of a target
    observer.look()
    before = observer.history.series("churn", 300).samples
    told.found = {"churn@1": Count(requests=103, errors=1, refused=1, workers=2)}
    observer.look()

    assert ((), 3, 1, 1, 2) == (before, (one := newest(observer)).requests, one.errors, one.refused, one.workers)


def test_what_cannot_be_kept_is_told_all_the_same(store: Store, told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that fails takes nothing from those who watch."""
    looked: list[int] = []
    observer = Observer(told, store, lambda: looked.append(1))  # type: ignore[arg-type]  # it has what is used of a target
    observer.look()
    told.found = {"churn@1": Count(requests=103, workers=2)}
    with contextlib.closing(sqlite3.connect(store.path)) as db:
        db.execute("DROP TABLE samples")
    monkeypatch.setattr("jupyter_deploy.observe.history.MINUTE", 0.0)
    with pytest.raises(errors.StoreFailed):
        observer.look()

    assert (3, 2) == (newest(observer).requests, len(looked))


def test_what_begins_is_told_from_its_first_request(store: Store, told: Told) -> None:
    """A release that comes after the first look counts from 0; its preview and faster form count for it."""
    told.found = {}
    observer = Observer(told, store, lambda: None)  # type: ignore[arg-type]
    observer.look()
    told.found = {"churn@1-preview": Count(requests=2), "churn@1": Count(requests=3), "churn@2-compiled": Count(requests=4)}
    observer.look()

    assert {"churn@1": 5, "churn@2": 4} == newest(observer).split


def test_a_router_that_hangs_loses_nothing(store: Store, told: Told) -> None:
    """What could not be asked for is told with the next look."""
    observer = Observer(told, store, lambda: None)  # type: ignore[arg-type]
    observer.look()
    told.found = None
    observer.look()
    told.found = {"churn@1": Count(requests=107)}
    observer.look()

    assert [7] == [one.requests for one in observer.history.series("churn", 300).samples]


def test_a_router_that_was_started_again_is_counted_from_nothing(store: Store, told: Told) -> None:
    """Whether or not the look falls into the pause, only what the new one has answered is added."""
    observer = Observer(told, store, lambda: None)  # type: ignore[arg-type]
    observer.look()
    for found in ({"churn@1": Count(requests=2)}, {}, {"churn@1": Count(requests=5)}):
        told.found = found
        observer.look()

    assert [2, 5] == [one.requests for one in observer.history.series("churn", 300).samples]


def test_an_endpoint_made_again_is_counted_from_nothing(store: Store, told: Told) -> None:
    """A release of the same number is not taken for the one that was removed with its endpoint."""
    observer = Observer(told, store, lambda: None)  # type: ignore[arg-type]
    observer.look()
    store.remove_endpoint("churn")
    store.add_endpoint("churn", "local")
    told.found = {"churn@1": Count(requests=104)}
    observer.look()

    assert [104] == [one.requests for one in observer.history.series("churn", 300).samples]


def test_an_idle_release_is_left_alone(store: Store, told: Told) -> None:
    """Where nothing moves and nobody watches, it is asked once for its own counters."""
    told.metrics["churn@1"] = [["jd_rows_total", {"method": "predict"}, 0]]
    observer = Observer(told, store, lambda: None)  # type: ignore[arg-type]
    for _ in range(5):
        observer.look()

    assert ["churn@1"] == told.asked


def test_a_watched_release_is_asked_each_time(store: Store, told: Told) -> None:
    """Its rows and latencies are those of the requests since the last look, not of what it answered while it was verified."""
    told.metrics["churn@1"] = [["jd_rows_total", {"method": "predict"}, 1000], bucket("0.1", 9)]
    observer = Observer(told, store, lambda: None)  # type: ignore[arg-type]
    observer.watch("churn")
    observer.look()
    told.metrics["churn@1"] = [["jd_rows_total", {"method": "predict"}, 1004], bucket("0.1", 11)]
    asked = len(told.asked)
    while len(told.asked) == asked:  # one that is slow to tell is left alone for a while
        observer.look()

    one = newest(observer)
    assert 4 == one.rows
    assert pytest.approx(0.05) == one.p50


def test_nothing_is_told_while_nothing_runs(store: Store, told: Told) -> None:
    """An endpoint that was stopped has no samples, though an older release is kept ready."""
    store.set_answering("churn", None, "")
    observer = Observer(told, store, lambda: None)  # type: ignore[arg-type]
    observer.look()
    observer.look()

    assert () == observer.history.series("churn", 300).samples


def test_an_overview_is_the_same_until_something_changes(store: Store, told: Told) -> None:
    """Its version follows releases, requests and trouble, and nothing else."""
    observer = Observer(told, store, lambda: None)  # type: ignore[arg-type]
    observer.look()
    overviews = Overviews(store, told, observer.history, store.release)  # type: ignore[arg-type]
    versions = [overviews.read("").version]
    observer.look()
    versions.append(overviews.read("").version)
    told.found = {"churn@1": Count(requests=110)}
    observer.look()
    versions.append(overviews.read("").version)
    store.add_release("churn", "next", Options())
    versions.append(overviews.read("").version)
    versions.append(overviews.read("the port is taken").version)

    assert [True, False, False, False] == [one == other for one, other in pairwise(versions)]


def test_an_overview_has_a_line_for_each_endpoint(store: Store, told: Told) -> None:
    """The release that answers, the newest one and what is asked of it."""
    store.add_release("churn", "next", Options())
    observer = Observer(told, store, lambda: None)  # type: ignore[arg-type]
    observer.look()
    told.found = {"churn@1": Count(requests=110)}
    observer.look()
    (one,) = Overviews(store, told, observer.history, store.release).read("").endpoints  # type: ignore[arg-type]

    assert ("churn", told.url("churn"), 1, "verified") == (one.name, one.url, one.answering, one.state)
    assert (1, 2, True) == (one.release and one.release.number, one.newest and one.newest.number, one.rate > 0)


def test_a_tail_begins_with_the_last_lines(tmp_path: Path) -> None:
    """Then it tells what is added, whole lines only, in every file."""
    (tmp_path / "preview.log").write_text("1\n2\n3\n")
    tail = Tail(tmp_path, 2)
    found = [tail.read()]
    for name, text in (("preview.log", "4\nha"), ("verified.log", "first\n"), ("preview.log", "lf\n")):
        with (tmp_path / name).open("a") as file:
            file.write(text)
        found.append(tail.read())

    assert [["2", "3"], ["4"], ["first"], ["half"]] == found


def test_the_last_lines_of_a_huge_log_are_read_without_the_rest(tmp_path: Path) -> None:
    """Also the one that a crash left without an end; a file of many gigabytes takes no more memory than a small one."""
    with (tmp_path / "preview.log").open("wb") as log:
        log.truncate(10**10)
        log.seek(0, 2)
        log.write(b"\none\ntwo\nSegmentation")

    assert ["two", "Segmentation"] == last(tmp_path, 2)
    assert [] == last(tmp_path, 0)


def test_a_tail_ends_though_its_files_went_before_its_folder(tmp_path: Path) -> None:
    """Whoever deletes a folder deletes its files first; one that is not there yet is waited for."""
    folder = tmp_path / "1"
    tail = Tail(folder, 1)
    found = [tail.read()]
    folder.mkdir()
    (folder / "preview.log").write_text("1\n")
    found.append(tail.read())
    (folder / "preview.log").unlink()
    found.append(tail.read())
    folder.rmdir()

    assert [[], ["1"], [], None] == [*found, tail.read()]


def test_a_tail_goes_on_in_a_log_that_was_begun_anew(tmp_path: Path) -> None:
    """A shorter file, or another one in its place, is read from its beginning."""
    log = tmp_path / "preview.log"
    log.write_text("old\n" * 10)
    tail = Tail(tmp_path, 1)
    tail.read()
    log.write_text("new\n")
    cut = tail.read()
    (tmp_path / "next").write_text("another\n" * 2)
    (tmp_path / "next").rename(log)

    assert (["new"], ["another", "another"]) == (cut, tail.read())


def test_a_tail_ends_with_its_folder(tmp_path: Path) -> None:
    """Nothing more will come of a release that was removed."""
    folder = tmp_path / "1"
    folder.mkdir()
    (folder / "preview.log").write_text("1\n")
    tail = Tail(folder, 10)
    tail.read()
    (folder / "preview.log").unlink()
    folder.rmdir()

    assert tail.read() is None


def test_a_tail_reads_the_end_of_a_large_log(tmp_path: Path) -> None:
    """However large it is, only its end is read, and what has no end of a line is told in parts."""
    log = tmp_path / "preview.log"
    log.write_text("x" * 1_000_000 + "\nlast\n")
    tail = Tail(tmp_path, 5)
    begun = tail.read()
    with log.open("a") as file:
        file.write("y" * 100_000)

    assert (["last"], ["y" * 100_000]) == (begun, tail.read())
