"""What a person should know before they trust a release, and what went along with it, as HTML and as text."""

from __future__ import annotations

from collections.abc import Sequence

from jupyter_deploy.adapters import view as words
from jupyter_deploy.adapters.markup import COLOURS, MUTED, code, escaped, marked, table
from jupyter_deploy.adapters.view import View
from jupyter_deploy.values import Capture, Finding

UNFOLDED = 3  # findings that are shown without a click
MOST = 12  # findings, or things taken along, that a text or a dry run shows at once
SIGN = "!"


def of(view: View) -> tuple[Finding, ...]:
    """List what is known of a release.

    Args:
        view: What is shown.

    Returns:
        The findings of the capture and of the stages after it, each once.
    """
    own = view.capture.findings if view.capture else ()
    return tuple(dict.fromkeys((*own, *view.release.findings)))


def lines(findings: Sequence[Finding]) -> list[str]:
    """Tell findings as text.

    Args:
        findings: The findings.

    Returns:
        One line each, at most `MOST`, and one with what to do about it.
    """
    told = [
        line for one in findings[:MOST] for line in (f"{SIGN} {one.kind}: {one.message}", f"  → {one.hint}" if one.hint else "")
    ]
    more = [f"{SIGN} and {len(findings) - MOST} more: `--json` shows all"] if len(findings) > MOST else []
    return [line for line in (*told, *more) if line]


def markup(findings: Sequence[Finding], *, unfolded: bool = False) -> str:
    """Draw findings.

    Args:
        findings: The findings.
        unfolded: Whether up to `MOST` are shown at once.

    Returns:
        A list, folded where it is long; nothing of nothing.
    """
    if not findings:
        return ""
    items = "".join(_item(one) for one in findings)
    drawn = f'<ul aria-label="findings" style="list-style:none;padding:0;margin:2px 0">{items}</ul>'
    if len(findings) <= (MOST if unfolded else UNFOLDED):
        return f'<div style="margin:6px 0">{drawn}</div>'
    counts: dict[str, int] = {}
    for one in findings:
        counts[one.kind] = counts.get(one.kind, 0) + 1
    about = ", ".join(f"{count} {kind}" for kind, count in counts.items())
    summary = f"{_sign()} {len(findings)} findings: {escaped(about)}"
    return f'<details style="margin:6px 0"><summary style="cursor:pointer">{summary}</summary>{drawn}</details>'


def saved_lines(capture: Capture) -> list[str]:
    """Tell in which format a model is written.

    Args:
        capture: The capture.

    Returns:
        One line; none where it was made before that was noted.
    """
    return [f"saved as {capture.saved}"] if capture.saved else []


def taken_lines(capture: Capture) -> list[str]:
    """Tell as text what a capture took along.

    Args:
        capture: The capture.

    Returns:
        One line each, the biggest first.
    """
    return [f"took {one.path}: {one.kind}, {words.size(one.size)}" for one in capture.taken[:MOST]] + (
        [f"and {len(capture.taken) - MOST} more: `--json` shows all"] if len(capture.taken) > MOST else []
    )


def taken_markup(capture: Capture) -> str:
    """Draw what a capture took along.

    Args:
        capture: The capture.

    Returns:
        A table, folded where it is long; nothing of nothing.
    """
    if not capture.taken:
        return ""
    rows = [(code(one.path), escaped(one.kind), escaped(words.size(one.size))) for one in capture.taken]
    drawn = table(("taken along", "kind", "size"), rows)
    if len(rows) <= MOST:
        return drawn
    return f'<details><summary style="cursor:pointer">Takes {len(rows)} things along</summary>{drawn}</details>'


def _item(one: Finding) -> str:
    hint = f'<div style="{MUTED};padding-left:14px">→ {marked(one.hint)}</div>' if one.hint else ""
    return f"<li>{_sign()} <b>{escaped(one.kind)}</b> {marked(one.message)}{hint}</li>"


def _sign() -> str:
    return f'<b aria-label="note" style="color:{COLOURS["preview"]}">{SIGN}</b>'
