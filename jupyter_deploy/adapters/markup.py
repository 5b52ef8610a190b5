"""The pieces of HTML that every card is made of: without script or style sheet, so that they survive in a saved notebook.

Colours are JupyterLab's own variables, which follow the theme, with a fallback elsewhere. Every text goes through `escaped`.
"""

from __future__ import annotations

import html
from collections.abc import Sequence

MUTED = "color:var(--jp-ui-font-color2,inherit)"
LINE = "var(--jp-border-color2,rgba(128,128,128,.4))"
INK = "color:var(--jp-ui-font-color1,inherit)"
FONT = f"font-family:var(--jp-ui-font-family,system-ui,sans-serif);font-size:13px;line-height:1.5;{INK}"
CODE = "font-family:var(--jp-code-font-family,monospace);font-size:12px"
SHADE = "background:var(--jp-layout-color2,rgba(128,128,128,.12))"
BOX = f"{CODE};{INK};{SHADE};margin:6px 0 0;padding:6px 8px;overflow-x:auto;white-space:pre"
TABLE = "border-collapse:collapse;margin:2px 0;font-size:12px;color:inherit"
CELL = "text-align:left;padding:1px 14px 1px 0;vertical-align:top"
SHORT = 20  # characters of a cell that is kept on one line, such as a time or a size
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


def frame(body: str, colour: str) -> str:
    """Put a frame around markup.

    Args:
        body: The markup.
        colour: The colour of its edge.

    Returns:
        One `div`.
    """
    edges = f"border:1px solid {LINE};border-left:4px solid {colour};border-radius:4px"
    wrapped = "max-width:900px;overflow-wrap:break-word"  # a long path in a text wraps; a table scrolls
    return f'<div style="{FONT};{edges};padding:8px 12px;margin:4px 0;{wrapped}">{body}</div>'


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Make a table.

    Args:
        head: The columns' names.
        rows: The cells, which are markup already.

    Returns:
        The table.
    """
    names = "".join(f'<th scope="col" style="{CELL};font-weight:normal;{MUTED}">{escaped(name)}</th>' for name in head)
    lines = ("".join(_cell(one) for one in cells) for cells in rows)
    body = "".join(f'<tr style="background:none">{line}</tr>' for line in lines)
    table = f'<table style="{TABLE}"><thead><tr>{names}</tr></thead><tbody>{body}</tbody></table>'
    return f'<div style="overflow-x:auto">{table}</div>'


def _cell(content: str) -> str:
    wrap = ";white-space:nowrap" if len(content) <= SHORT else ""
    return f'<td style="{CELL}{wrap}">{content}</td>'


def link(url: str) -> str:
    """Make a link of a URL; anything else stays text.

    Args:
        url: The URL.

    Returns:
        Markup.
    """
    if not url.startswith(("http://", "https://")):
        return escaped(url)
    colour = "color:var(--jp-content-link-color,#1976d2)"
    return f'<a href="{escaped(url)}" target="_blank" rel="noopener" style="{colour}">{escaped(url)}</a>'


def dot(colour: str) -> str:
    """Draw a dot.

    Args:
        colour: Its colour.

    Returns:
        Markup.
    """
    return f'<span aria-hidden="true" style="color:{colour}">●</span>'


def code(content: str) -> str:
    """Set a text as code.

    Args:
        content: The text.

    Returns:
        Markup; nothing of nothing.
    """
    return f'<code style="{CODE};background:none;color:inherit;padding:0">{escaped(content)}</code>' if content else ""


def marked(content: str) -> str:
    """Escape a text and set what stands between backticks as code.

    Args:
        content: The text.

    Returns:
        Markup.
    """
    pieces = content.split("`")
    return "".join(code(piece) if at % 2 else escaped(piece) for at, piece in enumerate(pieces))


def escaped(content: str) -> str:
    """Escape a text.

    Args:
        content: The text.

    Returns:
        Markup.
    """
    return html.escape(content, quote=True)
