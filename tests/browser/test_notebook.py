"""`%deploy` in JupyterLab, as a person at its keyboard sees it."""

from __future__ import annotations

from collections.abc import Callable

from nbconvert import HTMLExporter
from playwright.sync_api import Locator, expect

from tests.browser.lab import BUSY, PATIENCE, SETUP, Lab, Notebook, end_kernels

MOODY = """import os
class Moody:
    def predict(self, rows):
        return [float(os.getpid()) for _ in range(len(rows))]
moody = Moody()"""


def shown(cell: Locator) -> Locator:
    """Find the widget of a cell."""
    return cell.get_by_role("group", name="endpoint")


def state(cell: Locator) -> Locator:
    """Find the word for how the release of a cell is."""
    return cell.get_by_role("status").first


def test_the_widget_from_preview_to_verified(
    open_notebook: Callable[..., Notebook], lab: Lab, secret: Callable[[str], str], check_barriers: Callable[..., list[str]]
) -> None:
    """It changes while the next cell runs; saved and opened again, with and without its kernel, it is there, without a secret."""
    notebook = open_notebook("iris.ipynb")
    notebook.run(0, SETUP)
    cell = notebook.type(1, "ep = %deploy model --name iris")
    busy = notebook.type(2, BUSY)

    expect(state(cell)).to_have_text("● iris@1 · verified", timeout=PATIENCE)
    expect(busy.locator(".jp-InputPrompt")).to_have_text("[*]:")
    (lab.folder / "go").touch()
    notebook.ended(busy)
    expect(shown(cell).get_by_label("done")).to_have_count(7)
    for theme in ("JupyterLab Dark", "JupyterLab Light"):
        notebook.theme(theme)
        assert [] == check_barriers(notebook.page, ".jd-widget")

    notebook.save()
    again = open_notebook("iris.ipynb")
    expect(state(shown(again.cells.nth(1)))).to_have_text("● iris@1 · verified")
    for page in (notebook.page, again.page):
        page.close()
    end_kernels(lab)
    alone = open_notebook("iris.ipynb").cells.nth(1)
    expect(state(alone)).to_have_text("● iris@1 · verified")
    expect(shown(alone)).to_have_count(0)
    expect(alone.get_by_role("list", name="stages").get_by_role("listitem")).to_have_count(7)
    alone.page.set_viewport_size({"width": 600, "height": 900})
    frame = alone.get_by_role("list", name="stages").locator("xpath=..")
    assert frame.evaluate("card => card.scrollWidth <= card.clientWidth")  # what is wide scrolls within
    saved = (lab.folder / "iris.ipynb").read_text()
    assert secret("iris") not in saved
    page, _ = HTMLExporter().from_filename(str(lab.folder / "iris.ipynb"))
    assert "iris@1" in page
    assert secret("iris") not in page


def test_refusals_and_mistakes(open_notebook: Callable[..., Notebook]) -> None:
    """A refused release shows its rows; a mistake is told in three lines, an error of a call with the caller's own line."""
    notebook = open_notebook("moody.ipynb")
    notebook.run(0, SETUP)
    card = notebook.run(1, f"{MOODY}\nep = %deploy moody --example X.head(3)")
    typo = notebook.run(2, "%deploy modle")
    call = notebook.run(3, "ep.predict(X.drop(columns='petal width (cm)'))")

    expect(state(card)).to_have_text("● moody@1 · refused", timeout=PATIENCE)
    expect(card).to_contain_text("3 of 3 golden answers differ from the notebook's")
    expect(card.get_by_role("table").first).to_contain_text("notebook answered")
    expect(typo.locator(".jp-OutputArea")).to_contain_text("Did you mean `model`")
    assert 3 == len(typo.locator(".jp-OutputArea").inner_text().strip().splitlines())
    expect(call.locator(".jp-OutputArea")).to_contain_text("petal width (cm): missing")
    expect(call.locator(".jp-OutputArea")).not_to_contain_text("calls.py")
