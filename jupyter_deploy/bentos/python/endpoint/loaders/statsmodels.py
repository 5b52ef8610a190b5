"""Loads results of statsmodels, and lets those of a time series forecast with plain arguments."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Optional

from . import cloudpickle


class Forecasts:
    """Results of a time series, asked for so many steps after its end.

    Args:
        results: The results, whose own methods take and give what JSON does not have.
    """

    def __init__(self, results: Any) -> None:
        self.results = results

    def forecast(self, steps: int = 1, exog: Optional[list[Any]] = None) -> Any:  # noqa: UP045 (a hint that is read)
        """Forecast.

        Args:
            steps: How many steps after the end of the series.
            exog: Exogenous variables of each step, for models that have them.

        Returns:
            A table with a row for each step, its index in the column `at`; an array where the series has no index.
        """
        order = getattr(self.results, "k_ar", None)
        if hasattr(self.results, "coefs") and order is not None:  # a vector autoregression goes on from what it is given
            return self.results.forecast(self.results.endog[-order:], steps)
        return _told(self.results.forecast(steps, **({} if exog is None else {"exog": exog})))

    def get_forecast(self, steps: int = 1, exog: Optional[list[Any]] = None) -> Any:  # noqa: UP045 (as above)
        """Forecast with intervals of 95 %.

        Args:
            steps: How many steps after the end of the series.
            exog: Exogenous variables of each step, for models that have them.

        Returns:
            A table with mean, standard error and interval of each step, its index in the column `at`.
        """
        return _told(self.results.get_forecast(steps, **({} if exog is None else {"exog": exog})).summary_frame())


def _told(found: Any) -> Any:
    """Make a table of it, with the index, which JSON would lose, as a column."""
    if not hasattr(found, "index"):
        return found
    table = found if hasattr(found, "columns") else found.to_frame("forecast")
    index = table.index.to_timestamp() if hasattr(table.index, "to_timestamp") else table.index
    return table.set_axis(index.rename("at")).set_axis([str(one) for one in table.columns], axis="columns").reset_index()


def serve(results: Any) -> Any:
    """Give what is asked.

    Args:
        results: What `fit` returned.

    Returns:
        The results themselves, or for a time series what takes plain arguments.
    """
    return Forecasts(results) if callable(getattr(results, "forecast", None)) else results


def load(path: Path) -> Any:
    """Load pickled results.

    Args:
        path: The file.

    Returns:
        What is asked.

    Raises:
        ImportError: If statsmodels is missing.
    """
    return serve(cloudpickle.load(path))
