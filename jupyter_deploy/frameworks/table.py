"""The table of frameworks in the README, made of what each of them says of itself.

`python -m jupyter_deploy.frameworks.table README.md` makes it anew.
"""

from __future__ import annotations

import sys
from pathlib import Path

from jupyter_deploy import plugins
from jupyter_deploy.frameworks.base import About

BEGIN, END = "<!-- frameworks: python -m jupyter_deploy.frameworks.table README.md -->", "<!-- /frameworks -->"


def table() -> str:
    """Draw the built-in frameworks.

    Returns:
        A table in Markdown, in the order in which they are asked whether they take a model.
    """
    names = [one for one in plugins.names("frameworks") if one in plugins.BUILT_IN["frameworks"]]
    abouts: list[About] = [plugins.load("frameworks", one).about for one in names]
    head = ["| framework | what can be deployed | routes | saved as |", "|---|---|---|---|"]
    return "\n".join([*head, *(f"| {one.title} | {one.takes} | {one.methods} | {one.saved} |" for one in abouts)])


def replaced(page: str) -> str:
    """Put the table into a page.

    Args:
        page: Text with both markers.

    Returns:
        The text with the table between them.
    """
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


if __name__ == "__main__":
    for file in map(Path, sys.argv[1:]):
        file.write_text(replaced(file.read_text(encoding="utf-8")), encoding="utf-8")
