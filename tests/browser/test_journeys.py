"""What people do with an endpoint in JupyterLab, with a real kernel, a real agent and the panel beside the notebook."""

from __future__ import annotations

import re
from collections.abc import Callable

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

import jupyter_deploy as jd
from jupyter_deploy.agent.lifecycle import connect, wait_for_end
from jupyter_deploy.home import Home
from tests.browser.lab import BUSY, PATIENCE, SETUP, Lab, Notebook, panel, show

Open = Callable[..., Page]
SLOW = """class Slow:
    def __init__(self, seconds): self.seconds = seconds
    def predict(self, rows): return [1.0 for _ in rows]
    def __setstate__(self, state):
        self.__dict__ = state
        time.sleep(self.seconds)"""


@pytest.fixture(scope="module")
def flower(shared_home: Home) -> str:
    """Deploy two verified releases, of which the second answers."""
    rows, labels = load_iris(return_X_y=True, as_frame=True)
    for steps in (300, 400):
        model = LogisticRegression(max_iter=steps).fit(rows, labels)
        jd.deploy(model, name="flower", example=rows, wait=True)
    return "flower"


def opened(page: Page, name: str) -> Locator:
    """Open an endpoint in the panel."""
    found = panel(page)
    found.get_by_role("list", name="Endpoints").get_by_role("button", name=re.compile(f"^{name} ")).click()
    return found.get_by_role("region", name=f"Endpoint {name}")


def release(endpoint: Locator, tag: str) -> Locator:
    """Find a release in the list of an open endpoint."""
    return (
        endpoint.get_by_role("list", name="Releases, newest first").get_by_role("listitem").filter(has_text=re.compile(f"^{tag}"))
    )


def agree(page: Page, label: str) -> None:
    """Say yes in the dialog that asks once more."""
    page.get_by_role("dialog").get_by_role("button", name=label).click()


def test_deploy_from_the_button(open_notebook: Callable[..., Notebook]) -> None:
    """The form checks the kernel's model, deploys it, follows it, and writes the cell that does the same; the panel lists it."""
    notebook = open_notebook("button.ipynb")
    page = notebook.page
    notebook.run(0, SETUP)
    page.get_by_role("button", name="Deploy", exact=True).click()
    form = page.get_by_role("dialog")

    expect(form.get_by_role("radio", name=re.compile("model"))).to_be_checked()
    expect(form).to_contain_text("LogisticRegression")
    form.get_by_label("Endpoint", exact=True).fill("pressed")
    expect(form.get_by_role("region", name="What would be deployed")).to_contain_text("sepal length (cm)")
    form.get_by_role("button", name="Deploy", exact=True).click()
    expect(form).to_contain_text("pressed@1 is verified and serves.", timeout=PATIENCE)
    form.get_by_role("button", name="Insert this cell").click()
    form.get_by_role("button", name="Close", exact=True).click()
    expect(notebook.cells.filter(has_text="%deploy model")).to_have_count(1)
    expect(panel(page).get_by_role("button", name=re.compile("^pressed "))).to_contain_text("verified")


def test_deploy_by_magic_and_watch(open_notebook: Callable[..., Notebook], lab: Lab) -> None:
    """The widget tells each stage, then the calls that are made, while the next cell runs."""
    notebook = open_notebook("magic.ipynb")
    notebook.run(0, SETUP)
    widget = notebook.type(1, "ep = %deploy model --name watched").get_by_role("group", name="endpoint")
    stages = widget.get_by_role("list", name="stages").get_by_role("listitem")
    expect(stages).to_have_count(7)
    expect(widget.get_by_role("status").first).to_have_text("● watched@1 · verified", timeout=PATIENCE)
    calling = notebook.type(2, "while not Path('enough').exists(): ep.predict(X.head(3))")

    expect(calling.locator(".jp-InputPrompt")).to_have_text("[*]:")
    expect(widget.get_by_label("now", exact=True)).to_contain_text(re.compile(r"rate[1-9][\d,.]*/s"))
    expect(widget.get_by_label("in the time shown", exact=True)).to_contain_text("watched@1")
    row = panel(notebook.page).get_by_role("list", name="Endpoints").get_by_role("listitem").filter(has_text="watched@1")
    expect(row).to_contain_text(re.compile(r"[1-9][\d,.]*/s"))
    (lab.folder / "enough").touch()
    notebook.ended(calling)


def test_roll_back_while_the_kernel_is_busy(flower: str, open_notebook: Callable[..., Notebook], lab: Lab) -> None:
    """The panel asks once more, and the release before answers, whatever the kernel does meanwhile."""
    notebook = open_notebook("busy.ipynb")
    notebook.run(0, "import time; from pathlib import Path")
    busy = notebook.type(1, BUSY)
    expect(busy.locator(".jp-InputPrompt")).to_have_text("[*]:")
    endpoint = opened(notebook.page, flower)
    release(endpoint, "flower@1").get_by_role("button", name="Roll back to flower@1").click()
    agree(notebook.page, "Roll back to flower@1")

    expect(release(endpoint, "flower@1")).to_contain_text("answers")
    assert 1 == connect(start=False).endpoint(flower).answering
    expect(busy.locator(".jp-InputPrompt")).to_have_text("[*]:")
    release(endpoint, "flower@2").get_by_role("button", name="Promote flower@2").click()
    agree(notebook.page, "Promote flower@2")
    expect(release(endpoint, "flower@2")).to_contain_text("answers")
    (lab.folder / "go").touch()
    notebook.ended(busy)


def test_the_kernel_is_killed(open_notebook: Callable[..., Notebook], secret: Callable[[str], str]) -> None:
    """Panel and widget go on telling of an endpoint whose kernel is gone, calls included."""
    notebook = open_notebook("killed.ipynb")
    notebook.run(0, SETUP)
    cell = notebook.run(1, "import os\nep = %deploy model --name orphan --wait")
    widget = cell.get_by_role("group", name="endpoint")
    expect(widget.get_by_role("status").first).to_have_text("● orphan@1 · verified", timeout=PATIENCE)
    url = widget.get_by_role("link").inner_text()
    notebook.page.evaluate("window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")

    one = {"rows": [dict.fromkeys(load_iris(as_frame=True).feature_names, 1.0)]}
    answer = httpx.post(f"{url}predict", json=one, headers={"Authorization": f"Bearer {secret('orphan')}"})
    assert 200 == answer.status_code, answer.text
    expect(widget.get_by_label("in the time shown", exact=True)).to_contain_text(re.compile("requests[1-9]"))
    expect(panel(notebook.page).get_by_role("button", name=re.compile("^orphan "))).to_contain_text("verified")


def test_the_agent_is_started_again(flower: str, fresh: Open, lab: Lab) -> None:
    """The panel says that it is not connected while there is no agent, and shows the same endpoint when there is."""
    page = show(fresh(), lab)
    endpoint = opened(page, flower)
    expect(release(endpoint, "flower@2")).to_contain_text("answers")
    agent = connect(start=False)
    agent.stop(everything=False)
    wait_for_end(agent.home)

    expect(panel(page)).to_contain_text("The agent does not run")
    panel(page).get_by_role("button", name="Start the agent").click()
    expect(panel(page)).to_contain_text("flower@2")


def test_two_tabs_agree(flower: str, fresh: Open, lab: Lab) -> None:
    """What is done in one tab is seen in the other."""
    pages = [show(fresh(), lab) for _ in range(2)]
    one, other = (opened(page, flower) for page in pages)
    expect(release(other, "flower@2")).to_contain_text("answers")
    one.get_by_role("button", name="Roll back to flower@1").first.click()
    agree(pages[0], "Roll back to flower@1")

    expect(release(other, "flower@1")).to_contain_text("answers")
    other.get_by_role("button", name="Promote flower@2").first.click()
    agree(pages[1], "Promote flower@2")
    expect(release(one, "flower@2")).to_contain_text("answers")


@pytest.mark.parametrize(("option", "stage"), [("", "preview"), ("--no-preview", "verified")])
def test_a_deploy_is_cancelled(open_notebook: Callable[..., Notebook], option: str, stage: str) -> None:
    """A click in the panel ends a deploy at whatever stage it is, and the widget tells so too."""
    notebook = open_notebook(f"cancel-{stage}.ipynb")
    name = f"slow-{stage}"
    notebook.run(0, f"%load_ext jupyter_deploy\nimport time\n{SLOW}")
    cell = notebook.type(1, f"slow = Slow(100)\nep = %deploy slow --name {name} --example [1.0] {option}")
    endpoint = opened(notebook.page, name)
    running = endpoint.get_by_role("list", name="Stages", exact=True).get_by_role("listitem").filter(has_text="running")

    expect(running).to_contain_text(stage, timeout=PATIENCE)
    endpoint.get_by_role("button", name=f"Cancel {name}@1").click()
    expect(release(endpoint, f"{name}@1")).to_contain_text("cancelled")
    expect(cell.get_by_role("status").first).to_have_text(f"● {name}@1 · cancelled")


def test_the_page_is_reloaded_while_a_deploy_runs(open_notebook: Callable[..., Notebook]) -> None:
    """The deploy goes on, and so do the widget and the panel of the page that is loaded anew."""
    notebook = open_notebook("reload.ipynb")
    notebook.run(0, f"%load_ext jupyter_deploy\nimport time\n{SLOW}")
    cell = notebook.run(1, "slow = Slow(8)\nep = %deploy slow --name reloaded --example [1.0]")
    expect(cell.get_by_role("list", name="stages")).to_have_count(1)
    notebook.save()
    notebook.page.reload()
    notebook.wait()

    expect(notebook.cells.nth(1).get_by_role("status").first).to_have_text("● reloaded@1 · verified", timeout=PATIENCE)
    expect(panel(notebook.page).get_by_role("button", name=re.compile("^reloaded "))).to_contain_text("verified")
