"""What stands as text in JSON: dates, durations, periods, times of day and decimal numbers.

One grammar for all of them, ISO 8601 as clients write it, so that nothing depends on what a library reads beyond it: no `now`, no
`NaT`, no digits of other scripts. What a column could hold only with a loss is refused.
"""

from __future__ import annotations

import datetime
import decimal
import re
from collections.abc import Callable
from typing import Any

import msgspec

from .dtypes import family, unit, zoned

_DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_CLOCK = r"[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?"
_ZONE = r"(Z|[+-][0-9]{2}:?[0-9]{2})?"
DATE = re.compile(f"{_DAY}([T ]{_CLOCK}{_ZONE})?")
TIME = re.compile(_CLOCK + _ZONE)
DURATION = re.compile(
    r"[+-]?P(?=.)(-?[0-9]{1,9}W)?(-?[0-9]{1,9}D)?(T(?=.)(-?[0-9]{1,9}H)?(-?[0-9]{1,9}M)?(-?[0-9]{1,12}(\.[0-9]{1,9})?S)?)?"
)
PERIOD = re.compile(
    rf"[0-9]{{4}}(-?Q[1-4]|-[0-9]{{2}}(-[0-9]{{2}}(/{_DAY}|[T ][0-9]{{2}}:[0-9]{{2}}(:[0-9]{{2}}(\.[0-9]{{1,9}})?)?)?)?)?"
)
DECIMAL = re.compile(r"-?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,5})?")
_MIDNIGHT = re.compile(r"[T ]00:00(:00(\.0+)?)?")
_LONG = 6144  # digits and exponent of a decimal number, those of decimal128: `int` of more takes seconds
_FINER = re.compile(r"\.[0-9]{6}[0-9]*[1-9]")  # than microseconds


def parse(text: Any, dtype: str) -> Any:
    """Read what is a text in JSON.

    Args:
        text: ISO 8601; for a decimal number its digits, or a number.
        dtype: The dtype that it must fit.

    Returns:
        What such a column holds.

    Raises:
        OverflowError: If it lies beyond the years 1 to 9999 in UTC.
        ValueError: If it is none, lies outside of what the dtype reaches, is finer than it counts, or has a time zone where the
            dtype has none, or the other way round.
    """
    kind = family(dtype)
    if kind == "decimal":
        return parse_decimal(text, dtype)
    _GRAMMAR[kind](text)
    if dtype.startswith("polars."):
        return _parse_polars(text, dtype)
    if dtype.startswith("object[") and not dtype.startswith("object[timestamp"):
        return _OBJECTS[re.split(r"[\],]", dtype[7:])[0]](text)
    import pandas as pd

    if dtype.startswith("object["):
        return pd.Timestamp(text)
    if dtype.startswith("date32"):
        return _day(text)
    if kind == "duration":
        return _exact(pd.Timedelta(text), dtype)
    if kind == "period":
        return pd.Period(text, freq=dtype[len("period[") : -1])
    made = _exact(pd.Timestamp(text), dtype)
    if zoned(dtype) != (made.tzinfo is not None):
        raise ValueError("time zone")
    if zoned(dtype) and not 1 <= made.tz_convert("UTC").year <= 9999:
        raise ValueError("out of reach")
    return made.tz_convert(dtype.partition(",")[2].partition("]")[0].strip().removeprefix("tz=")) if zoned(dtype) else made


def parse_decimal(value: Any, dtype: str = "") -> decimal.Decimal:
    """Read a decimal number.

    Args:
        value: Its digits, or a number.
        dtype: The dtype that it must fit, such as `polars.Decimal(precision=10, scale=2)`.

    Returns:
        The number, with every digit that was written.

    Raises:
        ValueError: If it is none, or has more digits than the dtype holds.
    """
    text = value if isinstance(value, str) else repr(value) if isinstance(value, float) else decimal_text(value)
    if len(text) > _LONG or not DECIMAL.fullmatch(text):
        raise ValueError("not a decimal number")
    made = decimal.Decimal(text)
    if abs(made.adjusted()) > _LONG:
        raise ValueError("not a decimal number")
    bounds = re.search(r"precision=(\d+), scale=(\d+)", dtype)
    if bounds and made and (made.adjusted() >= int(bounds[1]) - int(bounds[2]) or made != round(made, int(bounds[2]))):
        raise ValueError("more digits than the column holds")
    return made


def decimal_text(value: int) -> str:
    """Write a whole number, if it is short enough to be written in little time.

    Args:
        value: The number.

    Returns:
        Its digits; an empty text where there are too many.
    """
    return str(value) if value.bit_length() < 3 * 4300 else ""


def _exact(made: Any, dtype: str) -> Any:
    """Hold a moment or a duration as finely as its column counts; pandas raises ValueError where something would be lost."""
    coarse = re.search(r"64\[([YMWDhm])\]", dtype)
    if coarse:  # numpy counts days too, pandas does not
        plain = made.to_numpy()
        if plain.astype(f"{plain.dtype.kind}8[{coarse[1]}]") != plain:
            raise ValueError("finer than the column")
    if not hasattr(made, "as_unit"):  # before pandas 2 there were nanoseconds only
        return made
    return made.as_unit(unit(dtype), round_ok=False)


def _shaped(pattern: re.Pattern[str]) -> Callable[[str], None]:
    def look(text: str) -> None:
        if not pattern.fullmatch(text):
            raise ValueError("not ISO 8601")

    return look


_GRAMMAR: dict[str, Callable[[str], None]] = {
    "date": _shaped(DATE), "time": _shaped(TIME), "duration": _shaped(DURATION), "period": _shaped(PERIOD),
}  # fmt: skip


def _day(text: str) -> datetime.date:
    if len(text) > len("2020-01-31") and not _MIDNIGHT.fullmatch(text[len("2020-01-31") :]):
        raise ValueError("a time of day in a column of dates")
    return datetime.date.fromisoformat(text[: len("2020-01-31")])


def _moment(text: str) -> datetime.datetime:
    if _FINER.search(text):
        raise ValueError("finer than microseconds")
    if len(text) == len("2020-01-31"):
        text += "T00:00"
    zone = re.search(r"[+-][0-9]{4}$", text[len("2020-01-31") :])
    text = text[:-2] + ":" + text[-2:] if zone else text  # Python 3.10 reads the offset with its colon alone, and no `Z`
    made = datetime.datetime.fromisoformat(_padded(text.replace("Z", "+00:00")))
    if made.tzinfo is not None:
        made.astimezone(datetime.timezone.utc)  # raises where it is beyond the year 9999 there
    return made


def _time(text: str) -> datetime.time:
    if _FINER.search(text):
        raise ValueError("finer than microseconds")
    return datetime.time.fromisoformat(_padded(text.replace("Z", "+00:00")))


def _padded(text: str) -> str:
    """Write six digits after the point, which Python 3.10 wants there."""
    return re.sub(r"\.([0-9]+)", lambda found: "." + found[1][:6].ljust(6, "0"), text)


def _parse_polars(text: str, dtype: str) -> Any:
    """Read what polars takes as one of Python's own."""
    kind = dtype.removeprefix("polars.").partition("(")[0]
    if kind == "Duration":
        if _FINER.search(text):
            raise ValueError("finer than microseconds")
        return _duration(text)
    made = _OBJECTS[kind.lower()](text)
    if kind == "Datetime" and zoned(dtype) != (made.tzinfo is not None):
        raise ValueError("time zone")
    if kind == "Time" and made.tzinfo is not None:
        raise ValueError("time zone")
    if kind == "Datetime" and "time_unit='ms'" in dtype and made.microsecond % 1000:
        raise ValueError("finer than milliseconds")
    return made


def _duration(text: str) -> datetime.timedelta:
    try:
        return msgspec.convert(text, datetime.timedelta)
    except msgspec.ValidationError as error:  # in older versions no ValueError
        raise ValueError("not ISO 8601") from error


_OBJECTS: dict[str, Callable[[str], Any]] = {"date": _day, "datetime": _moment, "time": _time}
