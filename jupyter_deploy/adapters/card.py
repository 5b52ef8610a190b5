"""The card below a cell: pure functions from what is known to static HTML and text.

The HTML has no script and no style sheet, so that it survives in a saved notebook; its colours are JupyterLab's own variables,
which follow the theme, with a fallback elsewhere. Every text goes through `html.escape`. No secret is ever given to these
functions: the `curl` line reads the key from its file.
"""

from __future__ import annotations

import html
from collections.abc import Sequence

from jupyter_deploy.adapters import view as words
from jupyter_deploy.adapters.view import SIGNS, View
from jupyter_deploy.values import Capture, Column, Contract, Difference, Endpoint, Release

UNFOLDED = 8  # columns that are shown without a click
SHOWN_DIFFERENCES = 10
ENDPOINTS = ("endpoint", "answers", "newest", "age", "URL")
RELEASES = ("release", "state", "age", "answers", "why")

MUTED = "color:var(--jp-ui-font-color2,inherit)"
LINE = "var(--jp-border-color2,rgba(128,128,128,.4))"
INK = "color:var(--jp-ui-font-color1,inherit)"
FONT = f"font-family:var(--jp-ui-font-family,system-ui,sans-serif);font-size:13px;line-height:1.5;{INK}"
CODE = "font-family:var(--jp-code-font-family,monospace);font-size:12px"
SHADE = "background:var(--jp-layout-color2,rgba(128,128,128,.12))"
BOX = f"{CODE};{INK};{SHADE};margin:6px 0 0;padding:6px 8px;overflow-x:auto;white-space:pre"
TABLE = "border-collapse:collapse;margin:2px 0;font-size:12px;color:inherit"
CELL = "text-align:left;padding:1px 14px 1px 0;vertical-align:top"
ROW = "display:flex;flex-wrap:wrap;gap:4px 12px;align-items:baseline"
STEP = "display:inline;margin:0 14px 0 0;white-space:nowrap"
COLOURS = {
    "verified": "var(--jp-success-color1,#388e3c)",
    "serving": "var(--jp-success-color1,#388e3c)",
    "done": "var(--jp-success-color1,#388e3c)",
    "preview": "var(--jp-warn-color1,#f57c00)",
    "starting": "var(--jp-brand-color1,#1976d2)",
    "running": "var(--jp-brand-color1,#1976d2)",
    "refused": "var(--jp-error-color1,#d32f2f)",
    "failed": "var(--jp-error-color1,#d32f2f)",
    "wrong": "var(--jp-error-color1,#d32f2f)",
}
QUIET = "var(--jp-ui-font-color2,#757575)"


def bundle(view: View, now: float) -> dict[str, str]:
    """Draw a release for every frontend.

    Args:
        view: What is shown.
        now: Seconds since the epoch, for what is still running.

    Returns:
        A mime bundle with `text/html` and `text/plain`.
    """
    return {"text/html": markup(view, now), "text/plain": text(view, now)}


def text(view: View, now: float) -> str:
    """Draw a release as plain text.

    Args:
        view: What is shown.
        now: Seconds since the epoch.

    Returns:
        Some lines.
    """
    release = view.release
    lines = [
        f"{release.tag} · {view.state}   {view.url}",
        "  ".join(_plain_step(step) for step in words.steps(view.release, now)),
    ]
    lines += [
        line for line in (release.reason, release.hint, *_plain_differences(release), words.situation(view), view.note) if line
    ]
    lines += _plain_contract(view.contract)
    if view.capture:
        lines.append(f"golden rows: {words.golden(view.capture)}")
    return "\n".join(line for line in (*lines, words.proof(release), words.curl(view)) if line)


def markup(view: View, now: float) -> str:
    """Draw a release as HTML.

    Args:
        view: What is shown.
        now: Seconds since the epoch.

    Returns:
        One `div`.
    """
    parts = (
        _head(view),
        _steps(view, now),
        _outcome(view, now),
        _contract(view.contract),
        _golden(view.capture),
        _proof(view),
        _curl(view),
    )
    return _frame("".join(parts), COLOURS.get(view.state, QUIET))


def plan(capture: Capture) -> dict[str, str]:
    """Draw what a deploy would take along.

    Args:
        capture: The capture.

    Returns:
        A mime bundle.
    """
    about = f"{capture.variable} ({capture.kind}, {words.size(capture.size)}) would become the endpoint {capture.endpoint}."
    imports = f"It imports {', '.join(sorted({module.partition('.')[0] for module in capture.modules})) or 'nothing'}."
    lines = [about, imports, *_plain_contract(capture.contract), f"golden rows: {words.golden(capture)}", "Nothing was deployed."]
    body = f"<div>{_e(about)}</div><div>{_e(imports)}</div>{_contract(capture.contract)}{_golden(capture)}<div>{lines[-1]}</div>"
    return {"text/html": _frame(body, QUIET), "text/plain": "\n".join(lines)}


def listing(endpoints: Sequence[Endpoint], now: float, trouble: str = "") -> dict[str, str]:
    """Draw what is deployed, with a line of help.

    Args:
        endpoints: The endpoints.
        now: Seconds since the epoch.
        trouble: Why they do not answer, if they do not.

    Returns:
        A mime bundle.
    """
    if not endpoints:
        return {
            "text/html": f'<div style="{FONT}">Nothing is deployed. {_marked(words.HELP)}</div>',
            "text/plain": f"Nothing is deployed. {words.HELP}",
        }
    rows = [row(endpoint, now) for endpoint in endpoints]
    table = _table(ENDPOINTS, [(*(_e(cell) for cell in cells[:4]), _link(cells[4])) for cells in rows])
    warned = f'<div style="color:{COLOURS["failed"]};white-space:pre-wrap">{_e(trouble)}</div>' if trouble else ""
    return {
        "text/html": f'<div style="{FONT}">{table}{warned}<div style="{MUTED}">{_marked(words.HELP)}</div></div>',
        "text/plain": "\n".join(line for line in (columns(ENDPOINTS, rows), trouble, words.HELP) if line),
    }


def releases(endpoint: Endpoint, now: float) -> dict[str, str]:
    """Draw the releases of one endpoint.

    Args:
        endpoint: The endpoint.
        now: Seconds since the epoch.

    Returns:
        A mime bundle.
    """
    return listed(RELEASES, [release_row(release, endpoint.answering, now) for release in endpoint.releases])


def listed(head: Sequence[str], rows: Sequence[Sequence[str]], note: str = "") -> dict[str, str]:
    """Draw a table.

    Args:
        head: The columns' names.
        rows: The cells.
        note: A line below it; none where empty.

    Returns:
        A mime bundle.
    """
    table = _table(head, [tuple(_e(cell) for cell in cells) for cells in rows])
    below = f'<div style="{MUTED}">{_marked(note)}</div>' if note else ""
    plain = "\n".join(line for line in (columns(head, rows), note) if line)
    return {"text/html": f'<div style="{FONT}">{table}{below}</div>', "text/plain": plain}


def row(endpoint: Endpoint, now: float) -> tuple[str, ...]:
    """Tell an endpoint in one row.

    Args:
        endpoint: The endpoint.
        now: Seconds since the epoch.

    Returns:
        Name, what answers, the newest release, its age, the URL.
    """
    newest = endpoint.releases[0] if endpoint.releases else None
    answers = f"{endpoint.name}@{endpoint.answering} {endpoint.state}" if endpoint.answering is not None else "nothing yet"
    latest = f"{newest.tag} {words.state(newest, endpoint.answering)}" if newest else ""
    return endpoint.name, answers, latest, words.span(now - newest.created) if newest else "", endpoint.url


def release_row(release: Release, answering: int | None, now: float) -> tuple[str, ...]:
    """Tell a release in one row.

    Args:
        release: The release.
        answering: The number of the one that answers at the endpoint's URL.
        now: Seconds since the epoch.

    Returns:
        Tag, state, age, whether it answers, the reason where it did not come to serve or how it is marked.
    """
    return (
        release.tag,
        words.state(release, answering),
        words.span(now - release.created),
        "yes" if release.number == answering else "",
        release.reason or words.mark(release),
    )


def columns(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Align rows of text.

    Args:
        head: The columns' names.
        rows: The cells.

    Returns:
        One line a row.
    """
    widths = [max(len(cells[at]) for cells in (head, *rows)) for at in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip() for cells in (head, *rows)
    )


def _frame(body: str, colour: str) -> str:
    edges = f"border:1px solid {LINE};border-left:4px solid {colour};border-radius:4px"
    return f'<div style="{FONT};{edges};padding:8px 12px;margin:4px 0;max-width:900px">{body}</div>'


def _head(view: View) -> str:
    release, capture = view.release, view.capture
    word = view.state
    badge = (
        f'<span role="status" aria-live="polite" style="border:1px solid {COLOURS.get(word, QUIET)};border-radius:10px;'
        f'padding:0 8px;white-space:nowrap">{_dot(COLOURS.get(word, QUIET))} {_e(release.tag)} · <b>{_e(word)}</b></span>'
    )
    about = f"{capture.kind}, {words.size(capture.size)}" if capture else ""
    return (
        f'<div style="{ROW}"><b style="font-size:15px">{_e(view.endpoint.name)}</b>'
        f'{badge}<span style="{MUTED}">{_e(about)}</span></div><div style="{CODE}">{_link(view.url)}</div>'
    )


def _steps(view: View, now: float) -> str:
    items = []
    for step in words.steps(view.release, now):
        colour = COLOURS.get(step.mark, QUIET)
        took = f' <span style="{MUTED}">{words.span(step.seconds)}</span>' if step.seconds is not None else ""
        faint = ";opacity:.65" if step.mark in {"waiting", "skipped"} else ""
        strong = f"<b>{_e(step.name)}</b>" if step.mark in {"running", "wrong"} else _e(step.name)
        sign = f'<span aria-label="{step.mark}" style="color:{colour};font-weight:bold">{SIGNS[step.mark]}</span>'
        items.append(f'<li title="{_e(step.detail)}" style="{STEP}{faint}">{sign} {strong}{took}</li>')
    return f'<ol aria-label="stages" style="list-style:none;padding:0;margin:6px 0">{" ".join(items)}</ol>'


def _outcome(view: View, now: float) -> str:
    release = view.release
    parts = []
    if release.reason:
        sign = f'<b style="color:{COLOURS["wrong"]}">{SIGNS["wrong"]}</b> ' if view.state in COLOURS else ""
        parts.append(f'<div style="white-space:pre-wrap">{sign}{_marked(release.reason)}</div>')
    if release.differences:
        parts.append(_differences(release.differences))
    if release.hint:
        parts.append(f"<div>→ {_marked(release.hint)}</div>")
    parts += [f'<div style="{MUTED}">{_e(line)}</div>' for line in (words.situation(view), view.note) if line]
    if not release.ended:
        parts.append(f'<div style="{MUTED}">{_marked(words.freshness(view, now))}</div>')
    return f'<div style="margin:4px 0">{"".join(parts)}</div>' if parts else ""


def _differences(differences: Sequence[Difference]) -> str:
    cells = [(_e(one.method), str(one.row), _code(one.expected), _code(one.got)) for one in differences[:SHOWN_DIFFERENCES]]
    more = len(differences) - SHOWN_DIFFERENCES
    table = _table(("method", "golden row", "notebook answered", "release answered"), cells)
    return table + (f'<div style="{MUTED}">and {more} more</div>' if more > 0 else "")


def _contract(contract: Contract | None) -> str:
    parts = []
    for given, methods in words.shared_inputs(contract) if contract else ():
        outputs = "".join(f"<div>{_code(method.name)} → {_e(words.returns(method.output))}</div>" for method in methods)
        table = _columns(given.columns)
        summary = f"Accepts: {_e(words.accepts(given))}"
        if len(given.columns) > UNFOLDED:
            parts.append(f'{outputs}<details><summary style="cursor:pointer">{summary}</summary>{table}</details>')
        else:
            parts.append(f"{outputs}<div>{summary}</div>{table}")
    return f'<div style="margin:6px 0">{"".join(parts)}</div>' if parts else ""


def _columns(shown: Sequence[Column]) -> str:
    if not shown:
        return ""
    rows = [(_code(column.name), _e(column.dtype), _e(words.values_of(column)), _code(_example(column))) for column in shown]
    return _table(("column", "type", "values seen", "example"), rows)


def _example(column: Column) -> str:
    return "" if column.example is None else str(column.example)[:40]


def _golden(capture: Capture | None) -> str:
    return f"<div>Golden rows: {_e(words.golden(capture))}</div>" if capture else ""


def _proof(view: View) -> str:
    proof = words.proof(view.release)
    return f'<div><b style="color:{COLOURS["done"]}">{SIGNS["done"]}</b> {_e(proof)}</div>' if proof else ""


def _curl(view: View) -> str:
    command = words.curl(view)
    return f'<pre style="{BOX}" tabindex="0" aria-label="a call from a shell">{_e(command)}</pre>' if command else ""


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Make a table out of cells that are markup already."""
    names = "".join(f'<th scope="col" style="{CELL};font-weight:normal;{MUTED}">{_e(name)}</th>' for name in head)
    lines = ("".join(f'<td style="{CELL}">{one}</td>' for one in cells) for cells in rows)
    body = "".join(f'<tr style="background:none">{line}</tr>' for line in lines)
    table = f'<table style="{TABLE}"><thead><tr>{names}</tr></thead><tbody>{body}</tbody></table>'
    return f'<div style="overflow-x:auto">{table}</div>'


def _link(url: str) -> str:
    if not url.startswith(("http://", "https://")):
        return _e(url)
    return f'<a href="{_e(url)}" target="_blank" rel="noopener" style="color:var(--jp-content-link-color,#1976d2)">{_e(url)}</a>'


def _dot(colour: str) -> str:
    return f'<span aria-hidden="true" style="color:{colour}">●</span>'


def _code(content: str) -> str:
    return f'<code style="{CODE};background:none;color:inherit;padding:0">{_e(content)}</code>' if content else ""


def _marked(content: str) -> str:
    """Escape a text and set what stands between backticks as code."""
    pieces = content.split("`")
    return "".join(_code(piece) if at % 2 else _e(piece) for at, piece in enumerate(pieces))


def _e(content: str) -> str:
    return html.escape(content, quote=True)


def _plain_step(step: words.Step) -> str:
    return f"{SIGNS[step.mark]} {step.name}" + (f" {words.span(step.seconds)}" if step.seconds is not None else "")


def _plain_contract(contract: Contract | None) -> list[str]:
    lines = []
    for given, methods in words.shared_inputs(contract) if contract else ():
        listed = ", ".join(f"{column.name} {column.dtype}" for column in given.columns)
        lines.append(words.accepts(given) + (f": {listed}" if listed else ""))
        lines += [f"  {method.name} -> {words.returns(method.output)}" for method in methods]
    return lines


def _plain_differences(release: Release) -> list[str]:
    return [
        f"  {one.method}, golden row {one.row}: notebook answered {one.expected}, release answered {one.got}"
        for one in release.differences[:SHOWN_DIFFERENCES]
    ]
