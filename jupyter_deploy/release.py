"""Step 4, what decides whether a release may serve: its golden rows, asked over HTTP, must be answered as in the notebook."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from jupyter_deploy import errors
from jupyter_deploy.answers import same
from jupyter_deploy.values import Difference, Golden, to_json

SHOWN = 120  # characters of an answer that people see

Call = Callable[[str, bytes], "tuple[int, bytes]"]


def verify(golden: Sequence[Golden], call: Call, tolerance: float) -> list[Difference]:
    """Ask a release for its golden rows.

    Args:
        golden: The golden rows of each method.
        call: Sends a path and a JSON body to the release; gives HTTP status and body.
        tolerance: Relative tolerance of floats; integers, texts and booleans must be equal.

    Returns:
        What differs; empty where the release answers as the notebook did.

    Raises:
        Refused: If the release answers with an error.
    """
    return [difference for one in golden for difference in _differences(one, _ask(one, call), tolerance)]


def explain(differences: Sequence[Difference], golden: Sequence[Golden], tolerance: float) -> errors.Refused:
    """Say why a release is refused.

    Args:
        differences: What differs.
        golden: The golden rows.
        tolerance: The relative tolerance that was applied.

    Returns:
        The error, with the first difference in its message.
    """
    first = differences[0]
    rows = sum(len(one.rows) for one in golden)
    return errors.Refused(
        f"{len(differences)} of {rows} golden answers differ from the notebook's (floats within {tolerance:g}): "
        f"row {first.row} of `{first.method}` should be {first.expected} and is {first.got}.",
        "What answered before still does. A model that draws random numbers needs a seed; `--tolerance` sets another tolerance.",
    )


def _ask(golden: Golden, call: Call) -> list[Any]:
    status, body = call(f"/{golden.method}", to_json({"rows": golden.rows}))
    try:
        answer = json.loads(body)
    except ValueError:
        answer = {}
    if status == 200 and isinstance(answer.get("predictions"), list):
        return list(answer["predictions"])
    what = answer.get("detail") or answer.get("title") or "no JSON"
    raise errors.Refused(
        f"The release answered its golden rows for `{golden.method}` with {status}: {what}",
        "What answered before still does. `%deploy logs` shows what the model's code raised; "
        "a model that needs the network to answer is deployed with `--network`.",
    )


def _differences(golden: Golden, got: list[Any], tolerance: float) -> list[Difference]:
    if len(got) != len(golden.answers):
        counted = Difference(method=golden.method, row=0, expected=f"{len(golden.answers)} answers", got=f"{len(got)} answers")
        return [counted]
    return [
        Difference(method=golden.method, row=row, expected=_short(wanted), got=_short(given))
        for row, (wanted, given) in enumerate(zip(golden.answers, got, strict=True))
        if not same(wanted, given, tolerance)
    ]


def _short(answer: Any) -> str:
    text = json.dumps(answer, ensure_ascii=False)
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"
