"""Notebooks from elsewhere are only looked at: until a click or an executed cell, nothing of them runs and nothing is called."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import urlsplit

import nbformat
import pytest
from playwright.sync_api import Page, Request, WebSocket, expect

import jupyter_deploy as jd
from jupyter_deploy.agent.lifecycle import connect
from jupyter_deploy.home import Home
from tests.browser import hostile
from tests.browser.lab import READY, Lab, show

LOOKS = re.compile(r"/jupyter-deploy/api/(summary|status)$")  # what the panel itself asks, whatever is open
PICTURES = {"image", "media"}  # JupyterLab shows those of any notebook; they carry no key, and a GET changes nothing
JUPYTER = re.compile(r"debugger state|jupyterlab-manager")  # its words on kernels that end, and on widgets that nobody knows
END = """async () => {
  const { currentWidget } = window.jupyterapp.shell;
  await currentWidget.sessionContext.shutdown();
  currentWidget.dispose();
}"""
GROUP = 10  # notebooks in one page


@pytest.fixture(scope="module")
def victim(shared_home: Home) -> str:
    """Deploy what must not be called."""
    return jd.deploy(sorted, name="victim", example=[1.0, 2.0], wait=True).url


@pytest.mark.parametrize("group", range(5))
def test_what_is_only_opened_calls_nothing(
    victim: str, trouble: list[str], fresh: Callable[..., Page], lab: Lab, group: int
) -> None:
    """50 notebooks: no script, no dialog, no cell, no call but the panel's own look at the list, and no row reaches the model."""
    made = list(hostile.notebooks(victim, f"{lab.url}/jupyter-deploy/api"))
    assert 50 == len(made)
    calls, executed, page, before = [], [], fresh(), rows()
    page.on("request", lambda request: request.resource_type in PICTURES or calls.append(told(request)))
    page.on("websocket", lambda socket: socket.on("framesent", lambda data: executed.extend(asked(socket, data))))
    show(page, lab)

    for at, notebook in enumerate(made[group * GROUP : (group + 1) * GROUP]):
        name = f"from-elsewhere-{group}-{at}.ipynb"
        nbformat.write(notebook, lab.folder / name)
        page.evaluate("path => window.jupyterapp.commands.execute('docmanager:open', { path }).then(() => null)", name)
        expect(page.locator(".jp-NotebookPanel:visible .jp-Cell").first).to_be_visible()
        page.evaluate(READY)  # its widgets have been asked for by then
        assert not page.evaluate("window.injected"), name
        page.evaluate(END)
    near = [call for call in calls if call.startswith(victim) or "/jupyter-deploy/" in call.split()[-1]]
    assert [] == [call for call in near if not (call.startswith("GET ") and LOOKS.search(call))]
    assert [] == [code for code in executed if code]
    assert before == rows()
    trouble[:] = [one for one in trouble if not JUPYTER.search(one)]


def test_the_code_of_a_saved_widget_waits_for_trust(trouble: list[str], fresh: Callable[..., Page], lab: Lab) -> None:
    """JupyterLab makes every widget that a notebook has saved; ours lets that run code where somebody trusts the notebook alone."""
    for name in ("own", "foreign"):
        nbformat.write(hostile.with_code(f"window.ran_{name} = true"), lab.folder / f"{name}.ipynb")
    page = fresh()
    page.goto(f"{lab.url}/lab/tree/own.ipynb?token={lab.token}&reset")
    page.evaluate(READY)
    page.evaluate("() => { window.jupyterapp.commands.execute('notebook:trust') }")
    page.get_by_role("dialog").get_by_role("button", name="Trust").click()
    page.wait_for_function("[...window.jupyterapp.shell.currentWidget.model.cells].every(cell => cell.trusted ?? true)")
    page.wait_for_function("!window.jupyterapp.shell.currentWidget.model.dirty")  # it is saved with that
    assert not page.evaluate("window.ran_own")

    page.goto(f"{lab.url}/lab/tree/foreign.ipynb?token={lab.token}&reset")
    page.evaluate(READY)
    page.evaluate("window.jupyterapp.commands.execute('docmanager:open', { path: 'own.ipynb' }).then(() => null)")
    page.wait_for_function("window.ran_own")  # which came later, so the other one has been looked at too
    assert not page.evaluate("window.ran_foreign")
    trouble[:] = [one for one in trouble if not JUPYTER.search(one)]


def rows() -> int:
    """Count the rows that reached the model."""
    return sum(sample.rows for sample in connect(start=False).samples("victim", 86_400).samples)


def told(request: Request) -> str:
    """Say what was asked for, without its query."""
    place = urlsplit(request.url)
    return f"{request.method} {place._replace(query='', fragment='').geturl()}"


def asked(socket: WebSocket, data: bytes | str) -> list[str]:
    """Find the code that a page sends to a kernel."""
    text = data if isinstance(data, str) else data.decode("utf-8", "replace")
    return re.findall(r'"code":\s*"((?:[^"\\]|\\.)*)"', text) if "execute_request" in text else []
