"""The widget below a cell: what it lets people do, and what it does without the server's part."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from jupyter_deploy.agent.lifecycle import connect
from jupyter_deploy.home import Home
from tests.browser.lab import PATIENCE, SETUP, Lab, Notebook, running

AGAIN = "model = LogisticRegression(max_iter=400).fit(X, y)\nep = %deploy model --name wheel --wait"
CALLS = "while not Path('enough').exists(): ep.predict(X.head(3))"
REFRESH = """from jupyter_deploy.values import Sample
import msgspec
sample = msgspec.to_builtins(Sample(at=time.time(), seconds=1.0, requests=7, split={"bare@1": 7}))
for _ in range(1000): ep._card._widget.send({"sample": sample})"""


@pytest.fixture(scope="module")
def bare(shared_home: Home, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Start JupyterLab without the server's part."""
    with running(tmp_path_factory.mktemp("bare"), tmp_path_factory.mktemp("notebooks"), server_part=False) as lab:
        yield lab


def widget(cell: Locator) -> Locator:
    """Find the widget of a cell."""
    return cell.get_by_role("group", name="endpoint")


def test_roll_back_and_promote(open_notebook: Callable[..., Notebook], check_barriers: Callable[..., list[str]]) -> None:
    """Each asks once more, is told by every widget of the endpoint, and leaves the focus where it was."""
    notebook = open_notebook("wheel.ipynb")
    notebook.run(0, SETUP)
    first = widget(notebook.run(1, "ep = %deploy model --name wheel --wait"))
    second = widget(notebook.run(2, AGAIN))

    second.get_by_role("button", name="Roll back to wheel@1").click()
    assert [] == check_barriers(notebook.page, ".jd-widget")
    second.get_by_role("button", name="No").click()
    expect(second.get_by_role("button", name="Roll back to wheel@1")).to_be_focused()
    assert 2 == connect(start=False).endpoint("wheel").answering
    second.get_by_role("button", name="Roll back to wheel@1").click()
    second.get_by_role("button", name="Yes").click()
    expect(second.get_by_role("status")).to_have_text("● wheel@2 · retired")
    assert 1 == connect(start=False).endpoint("wheel").answering
    first.scroll_into_view_if_needed()
    expect(first.get_by_role("status")).to_have_text("● wheel@1 · verified")
    first.get_by_role("button", name="Promote wheel@2").click()
    first.get_by_role("button", name="Yes").click()
    expect(first.get_by_role("status")).to_have_text("● wheel@1 · retired")
    assert 2 == connect(start=False).endpoint("wheel").answering


def test_figures_stand_still_and_reach_back(open_notebook: Callable[..., Notebook]) -> None:
    """Pause keeps what is shown, and says of when it is; another span of time is asked for at once."""
    notebook = open_notebook("spans.ipynb")
    notebook.run(0, SETUP)
    shown = widget(notebook.run(1, "ep = %deploy model --name spans --wait"))
    notebook.run(2, "for _ in range(5): ep.predict(X)")
    counted = shown.get_by_label("in the time shown", exact=True)
    expect(counted).to_contain_text("rows750")

    shown.get_by_role("button", name="Pause").click()
    expect(shown).to_contain_text("Paused, as of ")
    notebook.run(3, "ep.predict(X)")
    expect(counted).to_contain_text("rows750")
    shown.get_by_role("button", name="1 h").click()
    expect(shown.get_by_role("button", name="1 h")).to_have_attribute("aria-pressed", "true")
    expect(shown).to_contain_text("In the last 1 h:")
    expect(counted).to_contain_text("rows900")
    expect(shown.get_by_role("img", name="Requests/s: all ")).to_be_visible()


def test_without_the_servers_part(bare: Lab, fresh: Callable[..., Page]) -> None:
    """The kernel sends the figures, also while it is busy; there are no buttons, with the reason and what to type instead."""
    notebook = Notebook.open(fresh(), bare, "bare.ipynb")
    notebook.run(0, SETUP)
    shown = widget(notebook.run(1, "ep = %deploy model --name bare --wait"))
    expect(shown.get_by_role("status")).to_have_text("● bare@1 · verified", timeout=PATIENCE)
    expect(shown).to_contain_text("The Jupyter server has no part of jupyterlab-deploy.")
    expect(shown).to_contain_text("%deploy rollback bare")
    expect(shown.get_by_role("button", name="Roll back")).to_have_count(0)

    calling = notebook.type(2, CALLS)
    expect(shown.get_by_label("now", exact=True)).to_contain_text(re.compile(r"rate[1-9][\d,.]*/s"))
    expect(calling.locator(".jp-InputPrompt")).to_have_text("[*]:")
    (bare.folder / "enough").touch()
    notebook.ended(calling)


def test_a_notebook_does_not_grow(bare: Lab, fresh: Callable[..., Page]) -> None:
    """After a thousand refreshes in an open page the file that is saved is as long as before."""
    notebook = Notebook.open(fresh(), bare, "size.ipynb")
    notebook.run(0, SETUP)
    shown = widget(notebook.run(1, "ep = %deploy model --name size --wait"))
    notebook.run(2, REFRESH.replace("1000", "1"))
    expect(shown.get_by_label("in the time shown", exact=True)).to_contain_text("requests7")
    lengths = []
    for _ in range(2):
        notebook.page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")
        expect(notebook.page.locator(".jp-mod-dirty")).to_have_count(0)
        lengths.append((bare.folder / "size.ipynb").stat().st_size)
        notebook.page.evaluate(RUN, REFRESH)

    assert lengths[0] == lengths[1]


RUN = """source => {  // runs what is no cell of the notebook
  const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
  return kernel.requestExecute({ code: source, store_history: false }).done.then(() => undefined);
}"""
