"""Step 4, what decides whether a release may serve: its golden rows, asked over HTTP, must be answered as in the notebook."""

from __future__ import annotations

import functools
import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from jupyter_deploy import errors
from jupyter_deploy.answers import ABSOLUTE, alike, largest, same
from jupyter_deploy.values import Batching, Contract, Difference, Finding, Golden, Method, Output, to_json

ROUNDED = 1e-2  # of the largest number in a row, such as the distances of its neighbours, itself among them
SHOWN = 120  # characters of an answer that people see
KEPT = 100  # differences of a release that are kept
LIMIT, ROWS = 16 << 20, 100_000  # bytes and rows of a request where nothing else is said
OK, TOO_LATE = 200, 504
PROBED, PROBED_SECONDS = 20, 2.0  # rows of a method that are asked alone at most, and for how long
COARSE = ("float32", "float16", "bfloat16")
ROUNDED_COARSE = 1e-5  # of a method's largest answer: what is left when these are added up in another order
ONE_BY_ONE = ("arguments", "value")  # kinds of input of which one call takes one row
SUSPECTS = ("patch", "package", "module", "file", "environment")  # kinds of findings that change answers, the likeliest first
FAILING = ("file", "environment", "module", "package", "patch")  # and those that leave a model without an answer
NAMED = 3  # of these
EXPOSED = {
    "files": (
        "read files that are not its own, such as your home folder's: this system has no Landlock",
        "Linux 5.13 and newer have it, where `landlock` is among the security modules.",
    ),
    "signals": ("signal your other processes: this system's Landlock is too old to forbid it", "Linux 6.12 and newer can."),
    "sockets": ("connect to Unix sockets, the agent's too: this system has no filter for system calls", ""),
    "network": ("reach the network, though it was not to", "Allow user namespaces, or filters for system calls."),
}
"""What stays open to a release where the system cannot close it, and what to do about it."""

Call = Callable[[str, bytes], "tuple[int, bytes]"]


def verify(
    golden: Sequence[Golden], call: Call, tolerance: float, body_limit: int = LIMIT, row_limit: int = ROWS
) -> list[Difference]:
    """Ask a release for its golden rows, request by request as the notebook's model was asked.

    Args:
        golden: The golden rows of each method.
        call: Sends a path and a JSON body to the release; gives HTTP status and body.
        tolerance: Relative tolerance of floats; integers, texts and booleans must be equal. Where golden rows say that only shapes
            and types can be compared, values do not matter.
        body_limit: The largest body that the release takes, in bytes; larger requests are divided.
        row_limit: The most rows that it takes at once; so are these.

    Returns:
        What differs; empty where the release answers as the notebook did.

    Raises:
        Refused: If the release answers with an error.
    """
    found: list[Difference] = []
    asked: Counter[str] = Counter()
    for one in golden:
        got = _ask(one.method, one.rows, call, body_limit, row_limit)
        found += _differences(one, got, tolerance, asked[one.method])
        asked[one.method] += len(one.rows)
    return found


def probe(golden: Sequence[Golden], contract: Contract, call: Call, tolerance: float) -> list[Batching]:
    """Find out which methods may answer several requests in one call: those whose rows are answered alone as they were together.

    Args:
        golden: The golden rows of each method, which a release has reproduced.
        contract: The methods.
        call: Sends a path and a JSON body to the release; gives HTTP status and body.
        tolerance: Relative tolerance of floats.

    Returns:
        One decision for each method, with what was seen.
    """
    return [_probe(method, [one for one in golden if one.method == method.name], call, tolerance) for method in contract.methods]


def _probe(method: Method, golden: Sequence[Golden], call: Call, tolerance: float) -> Batching:
    told = functools.partial(Batching, method=method.name)
    if method.input.kind in ONE_BY_ONE:
        return told(on=False, reason="each row is a call of its own")
    if any(one.shape_only for one in golden):
        return told(on=False, reason="the model draws random numbers, so that answers cannot be compared")
    pairs = [(row, answer) for one in golden if len(one.rows) > 1 for row, answer in zip(one.rows, one.answers, strict=True)]
    coarse = max((largest(answer) for _, answer in pairs), default=0.0) if _is_coarse(method.output) else 0.0
    tolerance = max(tolerance, ROUNDED_COARSE) if coarse else tolerance
    asked, end = 0, time.monotonic() + PROBED_SECONDS
    for row, wanted in pairs[:: max(1, len(pairs) // PROBED)]:
        if asked and time.monotonic() > end:
            break
        status, answered = call(f"/{method.name}", to_json({"rows": [row]}))
        got = json.loads(answered).get("predictions") if status == OK else None
        if got is None or len(got) != 1 or not same(wanted, got[0], tolerance, max(_scale(wanted), coarse)):
            return told(on=False, reason="a golden row alone is not answered as it was together with others")
        asked += 1
    if not asked:
        return told(on=False, reason="there are no golden rows that were answered together")
    return told(on=True, reason=f"{asked} golden rows alone were answered as they were together")


def _is_coarse(output: Output) -> bool:
    """Say whether answers are in single precision, so that sums in another order differ by more than the usual tolerance."""
    return output.dtype in COARSE or any(map(_is_coarse, output.parts))


def explain(differences: Sequence[Difference], golden: Sequence[Golden], tolerance: float) -> errors.Refused:
    """Say why a release is refused.

    Args:
        differences: What differs.
        golden: The golden rows.
        tolerance: The relative tolerance that was applied.

    Returns:
        The error, with the first difference in its message.
    """
    first, counts = differences[0], Counter(one.method for one in differences)
    listed = ", ".join(f"{count} of `{method}`" for method, count in counts.items())
    each = f" ({listed})" if len(counts) > 1 else ""
    return errors.Refused(
        f"{len(differences)} of {_rows(golden)} golden answers differ from the notebook's{each}, {_compared(golden, tolerance)}: "
        f"row {first.row} of `{first.method}` should be {first.expected} and is {first.got}.",
        f"What answered before still does. {_advice(golden)}",
    )


def suspect(error: errors.Refused, findings: Sequence[Finding], kinds: Sequence[str] = SUSPECTS) -> errors.Refused:
    """Add to a refusal what was found that may be its reason.

    Args:
        error: Why a release is refused.
        findings: What is known of it.
        kinds: The kinds of findings that may be it, the likeliest first.

    Returns:
        The same error where nothing of the kind was found.
    """
    why = [one for kind in kinds for one in findings if one.kind == kind][:NAMED]
    if not why:
        return error
    message = f"{error.message} What was found before may be the reason: {' '.join(one.message for one in why)}"
    return errors.Refused(message, f"{why[0].hint} {error.hint}".strip())


def proof(golden: Sequence[Golden], tolerance: float) -> str:
    """Say what was compared, for a release that answers as the notebook did.

    Args:
        golden: The golden rows.
        tolerance: The relative tolerance that was applied.

    Returns:
        Such as `200 golden answers reproduced (floats within 1e-06)`.
    """
    rows = _rows(golden)
    return f"{rows} golden answers reproduced ({_compared(golden, tolerance)})" if rows else "no golden rows: it loads"


def unbatched(batching: Sequence[Batching], contract: Contract) -> str:
    """Say which methods are called once for each request though several of them could be answered together.

    Args:
        batching: What was decided.
        contract: The methods.

    Returns:
        Such as `; one call a request for predict: …`; empty where there is none.
    """
    kinds = {method.name: method.input.kind for method in contract.methods}
    alone = [one for one in batching if not one.on and kinds[one.method] not in ONE_BY_ONE]
    reasons = {
        reason: [one.method for one in alone if one.reason == reason] for reason in dict.fromkeys(one.reason for one in alone)
    }
    return "".join(f"; one call a request for {', '.join(names)}: {reason}" for reason, names in reasons.items())


def exposed(to: Sequence[str], *, isolation: bool) -> list[Finding]:
    """Say what a release could not be kept from.

    Args:
        to: What stays open to it, as in `EXPOSED`.
        isolation: Whether it was to be kept from anything.

    Returns:
        One finding each.
    """
    if not isolation:
        message = "The release is not isolated: it may read, signal and connect to whatever you may."
        return [Finding(kind="isolation", subject="isolation", message=message, hint="Leave out `isolation = false`.")]
    return [
        Finding(kind="isolation", subject=one, message=f"The release can {EXPOSED[one][0]}.", hint=EXPOSED[one][1]) for one in to
    ]


def _compared(golden: Sequence[Golden], tolerance: float) -> str:
    if any(one.shape_only for one in golden):
        return "non-deterministic: shapes and types alone, no values"
    return f"floats within {tolerance:g}"


def _advice(golden: Sequence[Golden]) -> str:
    if any(one.shape_only for one in golden):
        return "A model may draw random numbers, but shape and type of its answers must stay as they are in the notebook."
    return "A model that draws random numbers needs a seed; `--tolerance` sets another tolerance."


def _rows(golden: Sequence[Golden]) -> int:
    return sum(len(one.rows) for one in golden)


def _ask(method: str, rows: list[Any], call: Call, body_limit: int, row_limit: int) -> list[Any]:
    body = to_json({"rows": rows})
    if (len(body) > body_limit or len(rows) > row_limit) and len(rows) > 1:
        return _ask_halves(method, rows, call, body_limit, row_limit)
    status, answered = call(f"/{method}", body)
    if status == TOO_LATE and len(rows) > 1:  # the deadline is one call's, and callers may send fewer rows
        return _ask_halves(method, rows, call, body_limit, row_limit)
    try:
        answer = json.loads(answered)
    except ValueError:
        answer = {}
    if status == 200 and isinstance(answer.get("predictions"), list):
        return list(answer["predictions"])
    what = answer.get("detail") or answer.get("title") or "no JSON"
    raise errors.Refused(
        f"The release answered its golden rows for `{method}` with {status}: {what}",
        "What answered before still does. `%deploy logs` shows what the model's code raised; "
        "a model that needs the network to answer is deployed with `--network`.",
    )


def _ask_halves(method: str, rows: list[Any], call: Call, body_limit: int, row_limit: int) -> list[Any]:
    half = len(rows) // 2
    return [answer for part in (rows[:half], rows[half:]) for answer in _ask(method, part, call, body_limit, row_limit)]


def _differences(golden: Golden, got: list[Any], tolerance: float, before: int) -> list[Difference]:
    """Compare the answers to one request; rows are counted through all requests of a method."""
    if len(got) != len(golden.answers):
        counts = f"{len(golden.answers)} answers", f"{len(got)} answers"
        return [Difference(method=golden.method, row=before, expected=counts[0], got=counts[1])]
    return [
        Difference(method=golden.method, row=before + row, expected=_short(wanted), got=_short(given))
        for row, (wanted, given) in enumerate(zip(golden.answers, got, strict=True))
        if not (alike(wanted, given) if golden.shape_only else same(wanted, given, tolerance, _scale(wanted)))
    ]


def _scale(wanted: Any) -> float:
    """Say to what a tolerance is relative in one row: next to large numbers, one that is nearly 0 is what rounding left of them."""
    return max(ABSOLUTE, ROUNDED * largest(wanted)) if isinstance(wanted, list | dict) else ABSOLUTE


def _short(answer: Any) -> str:
    text = json.dumps(answer, ensure_ascii=False)
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"
