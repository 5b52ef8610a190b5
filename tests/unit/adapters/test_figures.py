"""The figures of an endpoint are told in words, and drawn as one small picture."""

from __future__ import annotations

import re
from typing import Any

import pytest
from PIL import Image

from jupyter_deploy.adapters import card, figures
from jupyter_deploy.adapters.view import View
from jupyter_deploy.adapters.widgets import snapshot


def test_figures_in_words(make: Any) -> None:
    """Rate and latency of now, and the counts and releases of the whole time."""
    now, whole = figures.lines(make.series())[1:]

    assert "rate 10/s  p50 2 ms  p95 12.3 ms  p99 1.5 s  workers 2  queue 0  memory 123.5 MB" == now
    assert "requests 100  rows 1,000  errors 0  refused 0  restarts 0  answered by churn@1 90 %, churn@2 10 %" == whole


def test_an_endpoint_that_stands_still_has_no_rate(make: Any) -> None:
    """What was seen a minute ago is nothing of the present, but it counts for the whole time."""
    series = make.series(make.sample(at=make.now - 60))

    assert "rate 0/s  p50 2 ms  p95 12.3 ms  p99 1.5 s  workers -  queue -  memory -" == figures.lines(series)[1]
    assert figures.lines(series)[2].startswith("requests 10 ")


def test_no_samples_are_told_too(make: Any) -> None:
    """An endpoint that nobody has called yet has figures as well."""
    series = make.series(span=3600)

    assert "of the last 1 h, as of " in figures.about(series)
    assert "answered by -" in figures.lines(series.__class__(endpoint="churn", span=300, step=1, now=make.now))[2]


@pytest.mark.parametrize("span", [300, 3600, 86_400])
def test_the_picture_is_small(make: Any, span: int) -> None:
    """Six charts fit into some kilobytes, for they lie in the notebook's file."""
    drawn = snapshot.figure(make.series(span=span))

    assert 6 == len(drawn.axes)
    assert len(snapshot.png(drawn)) < 30_000
    assert drawn._repr_png_().startswith(b"\x89PNG")


def test_lines_break_where_samples_are_missing(make: Any) -> None:
    """Two times in which something ran are not joined over the time in which nothing did."""
    series = make.series(make.sample(at=make.now - 100), make.sample(at=make.now - 99), make.sample(at=make.now))
    requests = snapshot.figure(series).axes[0].lines[0]

    assert [10.0, 10.0, "nan", 10.0] == [value if value == value else "nan" for value in requests.get_ydata()]  # noqa: PLR0124


def test_the_card_holds_numbers_and_picture(make: Any) -> None:
    """A reader without a kernel sees the charts, and their numbers as text beside them and as their description."""
    view = View(endpoint=make.endpoint(), release=make.release(), capture=make.capture())
    picture = snapshot.png(snapshot.figure(make.series()))

    drawn = card.bundle(view, make.now, make.series(), picture)

    assert "rate 10/s" in drawn["text/plain"]
    assert "<b>12.3 ms</b>" in drawn["text/html"]
    assert re.search(
        r'<img alt="charts: figures of the last 5 min[^"]*rate 10/s[^"]*" src="data:image/png;base64,', drawn["text/html"]
    )


def test_the_picture_can_be_read(make: Any, tmp_path: Any) -> None:
    """What is written is a picture that other programs open."""
    path = tmp_path / "figures.png"
    path.write_bytes(snapshot.png(snapshot.figure(make.series())))

    assert (810, 324) == Image.open(path).size
