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


@pytest.fixture(scope="module")
def arena(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Arena]:
    """Give an endpoint that is called while it is hit."""
    with own_home() as home:
        yield Arena(home, tmp_path_factory.mktemp("beside"))
