"""What the fault tests share: an endpoint under load, and the report of what was tried and seen."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

pytest.register_assert_rewrite("tests.faults.arena")

from tests.conftest import own_home  # noqa: E402
from tests.faults import points, report  # noqa: E402
from tests.faults.arena import Arena  # noqa: E402


def pytest_report_header() -> str:
    """Say how the same points are tried again."""
    return f"faults: FAULTS={points.AMOUNT} FAULTS_SEED={points.SEED}"


def pytest_sessionfinish() -> None:
    """Write the tables where FAULTS_REPORT says so."""
    report.write()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Function) -> Iterator[None]:
    """Note how each test ended that fills no table of its own."""
    got = yield
    one = got.get_result()
    if not {"call", "point", "victim", "left"} & set(item.fixturenames) and (one.when == "call" or one.outcome == "skipped"):
        report.note(item.function.__name__, (item.function.__doc__ or "").splitlines()[0], one.outcome, one.duration)


@pytest.fixture(scope="module")
def arena(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Arena]:
    """Give an endpoint that is called while it is hit."""
    with own_home() as home:
        yield Arena(home, tmp_path_factory.mktemp("beside"))
