"""The card below a cell: pure functions from what is known to static HTML and text.

The HTML has no script and no style sheet, so that it survives in a saved notebook; its colours are JupyterLab's own variables,
which follow the theme, with a fallback elsewhere. Every text goes through `escaped`. No secret is ever given to these
functions: the `curl` line reads the key from its file.
"""

from __future__ import annotations

from collections.abc import Sequence

from jupyter_deploy.adapters import figures, notes
from jupyter_deploy.adapters import view as words
from jupyter_deploy.adapters.markup import (
    BOX,
    CODE,
    COLOURS,
    FONT,
    MUTED,
    QUIET,
    ROW,
    STEP,
    code,
    dot,
    escaped,
    frame,
    link,
    marked,
    table,
)
from jupyter_deploy.adapters.view import SIGNS, View
from jupyter_deploy.values import Capture, Column, Contract, Difference, Endpoint, Release, Series

UNFOLDED = 8  # columns that are shown without a click
SHOWN_DIFFERENCES = 10
ENDPOINTS = ("endpoint", "answers", "newest", "age", "URL")
RELEASES = ("release", "state", "age", "answers", "why")


def bundle(view: View, now: float, series: Series | None = None, picture: bytes = b"") -> dict[str, str]:
    """Draw a release for every frontend.

    Args:
        view: What is shown.
        now: Seconds since the epoch, for what is still running.
        series: The figures of its endpoint; none where None.
        picture: Their charts as a PNG.

    Returns:
        A mime bundle with `text/html` and `text/plain`.
    """
    return {"text/html": markup(view, now, series, picture), "text/plain": text(view, now, series)}


def text(view: View, now: float, series: Series | None = None) -> str:
    """Draw a release as plain text.

    Args:
        view: What is shown.
        now: Seconds since the epoch.
        series: The figures of its endpoint; none where None.

    Returns:
        Some lines.
    """
    release = view.release
    lines = [
        f"{release.tag} · {view.state}   {view.url}",
        "  ".join(_plain_step(step) for step in words.steps(view.release, now)),
    ]
    hint = f"→ {release.hint}" if release.hint else ""
    lines += [line for line in (release.reason, hint, *_plain_differences(release), words.situation(view), view.note) if line]
    lines += _plain_contract(view.contract)
    if view.capture:
        lines += [f"golden rows: {words.golden(view.capture)}", *notes.saved_lines(view.capture)]
    lines += notes.lines(notes.of(view))
    told = figures.lines(series) if series else []
    return "\n".join(line for line in (*lines, words.proof(release), words.form(release), *told, words.curl(view)) if line)


def markup(view: View, now: float, series: Series | None = None, picture: bytes = b"") -> str:
    """Draw a release as HTML.

    Args:
        view: What is shown.
        now: Seconds since the epoch.
        series: The figures of its endpoint; none where None.
        picture: Their charts as a PNG.

    Returns:
        One `div`.
    """
    parts = (
        _head(view),
        _steps(view, now),
        _outcome(view, now),
        accepted(view),
        findings(view),
        _proof(view),
        figures.markup(series, picture) if series else "",
        _curl(view),
    )
    return frame("".join(parts), COLOURS.get(view.state, QUIET))


def accepted(view: View) -> str:
    """Draw what a release accepts and returns, and the golden rows that it was compared with.

    Args:
        view: What is shown.

    Returns:
        Markup; nothing where neither is known.
    """
    return _contract(view.contract) + _golden(view.capture)


def findings(view: View) -> str:
    """Draw what a person should know before they trust a release.

    Args:
        view: What is shown.

    Returns:
        Markup; nothing of nothing.
    """
    return notes.markup(notes.of(view))


def plan(capture: Capture) -> dict[str, str]:
    """Draw what a deploy would take along.

    Args:
        capture: The capture.

    Returns:
        A mime bundle.
    """
    about = f"{capture.variable} ({capture.kind}, {words.size(capture.size)}) would become the endpoint {capture.endpoint}."
    imports = f"It imports {', '.join(sorted({module.partition('.')[0] for module in capture.modules})) or 'nothing'}."
    golden, end = f"golden rows: {words.golden(capture)}", "Nothing was deployed."
    told = [*notes.saved_lines(capture), *notes.lines(capture.findings), *notes.taken_lines(capture)]
    lines = [about, imports, *_plain_contract(capture.contract), golden, *told, end]
    body = (
        f"<div>{escaped(about)}</div><div>{escaped(imports)}</div>{_contract(capture.contract)}{_golden(capture)}"
        f"{notes.markup(capture.findings, unfolded=True)}{notes.taken_markup(capture)}<div>{end}</div>"
    )
    return {"text/html": frame(body, QUIET), "text/plain": "\n".join(lines)}


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
            "text/html": f'<div style="{FONT}">Nothing is deployed. {marked(words.HELP)}</div>',
            "text/plain": f"Nothing is deployed. {words.HELP}",
        }
    rows = [row(endpoint, now) for endpoint in endpoints]
    drawn = table(ENDPOINTS, [(*(escaped(cell) for cell in cells[:4]), link(cells[4])) for cells in rows])
    warned = f'<div style="color:{COLOURS["failed"]};white-space:pre-wrap">{escaped(trouble)}</div>' if trouble else ""
    return {
        "text/html": f'<div style="{FONT}">{drawn}{warned}<div style="{MUTED}">{marked(words.HELP)}</div></div>',
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
    drawn = table(head, [tuple(escaped(cell) for cell in cells) for cells in rows])
    below = f'<div style="{MUTED}">{marked(note)}</div>' if note else ""
    plain = "\n".join(line for line in (columns(head, rows), note) if line)
    return {"text/html": f'<div style="{FONT}">{drawn}{below}</div>', "text/plain": plain}


def row(endpoint: Endpoint, now: float) -> tuple[str, ...]:
    """Tell an endpoint in one row.

    Args:
        endpoint: The endpoint.
        now: Seconds since the epoch.

    Returns:
        Name, what answers, the newest release, its age, the URL.
    """
    newest = endpoint.releases[0] if endpoint.releases else None
    answers = f"{endpoint.name}@{endpoint.answering} {endpoint.state}" if endpoint.answering is not None else unanswered(endpoint)
    latest = f"{newest.tag} {words.state(newest, endpoint.answering)}" if newest else ""
    return endpoint.name, answers, latest, words.span(now - newest.created) if newest else "", endpoint.url


def unanswered(endpoint: Endpoint) -> str:
    """Say how it is with an endpoint at which nothing answers.

    Args:
        endpoint: The endpoint, with its newest release at least.

    Returns:
        `stopped`, `nothing`, or `nothing yet` while its first release is on its way.
    """
    if any(release.state == "retired" for release in endpoint.releases):
        return "stopped"
    return "nothing" if endpoint.releases and endpoint.releases[0].ended else "nothing yet"


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
        ("yes" if release.verified else "its preview") if release.number == answering else "",
        words.brief(release.reason) or words.mark(release),
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


def _head(view: View) -> str:
    release, capture = view.release, view.capture
    word = view.state
    badge = (
        f'<span role="status" aria-live="polite" style="border:1px solid {COLOURS.get(word, QUIET)};border-radius:10px;'
        f'padding:0 8px;white-space:nowrap">{dot(COLOURS.get(word, QUIET))} {escaped(release.tag)} · <b>{escaped(word)}</b></span>'
    )
    about = f"{capture.kind}, {words.size(capture.size)}" if capture else ""
    return (
        f'<div style="{ROW}"><b style="font-size:15px">{escaped(view.endpoint.name)}</b>'
        f'{badge}<span style="{MUTED}">{escaped(about)}</span></div><div style="{CODE}">{link(view.url)}</div>'
    )


def _steps(view: View, now: float) -> str:
    items = []
    for step in words.steps(view.release, now):
        colour = COLOURS.get(step.mark, QUIET)
        took = f' <span style="{MUTED}">{words.span(step.seconds)}</span>' if step.seconds is not None else ""
        faint = ";opacity:.65" if step.mark in {"waiting", "skipped"} else ""
        strong = f"<b>{escaped(step.name)}</b>" if step.mark in {"running", "wrong"} else escaped(step.name)
        sign = f'<span aria-label="{step.mark}" style="color:{colour};font-weight:bold">{SIGNS[step.mark]}</span>'
        items.append(f'<li title="{escaped(step.detail)}" style="{STEP}{faint}">{sign} {strong}{took}</li>')
    return f'<ol aria-label="stages" style="list-style:none;padding:0;margin:6px 0">{" ".join(items)}</ol>'


def _outcome(view: View, now: float) -> str:
    release = view.release
    parts = []
    if release.reason:
        sign = f'<b style="color:{COLOURS["wrong"]}">{SIGNS["wrong"]}</b> ' if view.state in COLOURS else ""
        parts.append(f'<div style="white-space:pre-wrap">{sign}{marked(release.reason)}</div>')
    if release.differences:
        parts.append(_differences(release.differences))
    if release.hint:
        parts.append(f"<div>→ {marked(release.hint)}</div>")
    parts += [f'<div style="{MUTED}">{escaped(line)}</div>' for line in (words.situation(view), view.note) if line]
    if not release.ended:
        parts.append(f'<div style="{MUTED}">{marked(words.freshness(view, now))}</div>')
    return f'<div style="margin:4px 0">{"".join(parts)}</div>' if parts else ""


def _differences(differences: Sequence[Difference]) -> str:
    cells = [(escaped(one.method), str(one.row), code(one.expected), code(one.got)) for one in differences[:SHOWN_DIFFERENCES]]
    more = len(differences) - SHOWN_DIFFERENCES
    drawn = table(("method", "golden row", "notebook answered", "release answered"), cells)
    return drawn + (f'<div style="{MUTED}">and {more} more</div>' if more > 0 else "")


def _contract(contract: Contract | None) -> str:
    parts = []
    for given, methods in words.shared_inputs(contract) if contract else ():
        outputs = "".join(f"<div>{code(method.name)} → {escaped(words.returns(method.output))}</div>" for method in methods)
        listed = _columns(given.columns)
        summary = f"Accepts: {escaped(words.accepts(given))}"
        if len(given.columns) > UNFOLDED:
            parts.append(f'{outputs}<details><summary style="cursor:pointer">{summary}</summary>{listed}</details>')
        else:
            parts.append(f"{outputs}<div>{summary}</div>{listed}")
    return f'<div style="margin:6px 0">{"".join(parts)}</div>' if parts else ""


def _columns(shown: Sequence[Column]) -> str:
    if not shown:
        return ""
    rows = [
        (code(column.name), escaped(column.dtype), escaped(words.values_of(column)), code(_example(column))) for column in shown
    ]
    return table(("column", "type", "values seen", "example"), rows)


def _example(column: Column) -> str:
    return "" if column.example is None else str(column.example)[:40]


def _golden(capture: Capture | None) -> str:
    if capture is None:
        return ""
    saved = "".join(f"<div>{escaped(line.capitalize())}</div>" for line in notes.saved_lines(capture))
    return f"<div>Golden rows: {escaped(words.golden(capture))}</div>{saved}"


def _proof(view: View) -> str:
    proof, form = words.proof(view.release), words.form(view.release)
    below = f"<div>{escaped(form[:1].upper() + form[1:])}</div>" if form else ""
    return f'<div><b style="color:{COLOURS["done"]}">{SIGNS["done"]}</b> {escaped(proof)}</div>{below}' if proof else below


def _curl(view: View) -> str:
    command = words.curl(view)
    return f'<pre style="{BOX}" tabindex="0" aria-label="a call from a shell">{escaped(command)}</pre>' if command else ""


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
