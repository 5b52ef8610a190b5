"""The panel itself: the list, an open endpoint, the keys of the keyboard, the settings, and when it asks."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

import jupyter_deploy as jd
from jupyter_deploy.agent.client import AgentClient
from jupyter_deploy.agent.lifecycle import connect
from jupyter_deploy.home import Home
from tests.browser.lab import PANEL, Lab, panel

Open = Callable[..., Page]
MANY = 60  # endpoints, of which no more are drawn than can be seen
DRAWN = 30
LOUD = """def loud(number: float) -> float:
    print(f"heard {number}", flush=True)
    return number"""
FOCUS = "document.activeElement.dataset.endpoint ?? document.activeElement.textContent"


def told(source: str, name: str) -> Callable[..., object]:
    """Define a function as a notebook's cell does: beside no file, from which more would go along."""
    cell: dict[str, Callable[..., object]] = {}
    exec(source, {"__name__": "__main__"}, cell)
    return cell[name]


@pytest.fixture(scope="module")
def agent(shared_home: Home) -> AgentClient:
    """Deploy two releases of one endpoint, of which the second answers, and a function that writes into its log."""
    rows, labels = load_iris(return_X_y=True, as_frame=True)
    for strength in (1.0, 0.001):
        jd.deploy(LogisticRegression(C=strength, max_iter=500).fit(rows, labels), name="flower", example=rows, wait=True)
    jd.deploy(told(LOUD, "loud"), name="loud", example=1.0, wait=True)
    return connect(shared_home)


@pytest.fixture(scope="module")
def many(agent: AgentClient) -> Iterator[None]:
    """Have many more endpoints, of which none answers, as their deploys were cancelled."""
    names = [f"m-{at:02}" for at in range(MANY)]
    for name in names:
        jd.deploy(sorted, name=name, example=[1.0, 2.0], preview=False).cancel()
    yield
    for name in names:
        agent.remove(name)


@pytest.fixture
def page(agent: AgentClient, fresh: Open, lab: Lab) -> Page:
    """Open JupyterLab with the settings as they come."""
    set_up(lab, {})
    return begin(fresh(), lab)


def begin(page: Page, lab: Lab) -> Page:
    """Open JupyterLab, without a notebook, until it is there."""
    page.goto(f"{lab.url}/lab?token={lab.token}&reset")
    expect(page.locator('.jp-SideBar [data-id="jp-property-inspector"]')).to_be_visible()
    expect(page.locator("#jupyterlab-splash")).to_have_count(0, timeout=60_000)
    return page


def set_up(lab: Lab, settings: dict[str, object]) -> None:
    """Write the settings, as the settings editor does."""
    url = f"{lab.url}/lab/api/settings/jupyterlab-deploy:plugin"
    asked = {"headers": {"Authorization": f"token {lab.token}"}, "json": {"raw": json.dumps(settings)}}
    assert 204 == httpx.put(url, trust_env=False, **asked).status_code  # type: ignore[arg-type]


def opened(page: Page, name: str) -> Locator:
    """Open an endpoint in the panel."""
    found = panel(page)
    found.get_by_role("list", name="Endpoints").get_by_role("button", name=re.compile(f"^{name} ")).click()
    return found.get_by_role("region", name=f"Endpoint {name}")


def focused(page: Page, expected: str) -> None:
    """Wait until a row of the list, or a button, has the focus."""
    page.wait_for_function(f"expected => ({FOCUS}) === expected", arg=expected)


def test_without_a_mouse(page: Page) -> None:
    """Arrow keys walk, Enter opens and acts, Escape goes back to the row; the focus is never lost."""
    found = panel(page)
    found.get_by_role("button", name=re.compile("^flower ")).focus()
    page.keyboard.press("End")
    focused(page, "loud")
    page.keyboard.press("ArrowUp")
    focused(page, "flower")
    page.keyboard.press("Enter")
    endpoint = found.get_by_role("region", name="Endpoint flower")
    expect(endpoint.get_by_role("button", name="Endpoints")).to_be_focused()
    expect(endpoint.get_by_role("button", name="Roll back to flower@1").first).to_be_visible()
    for _ in range(3):  # the URL and its copy stand between
        page.keyboard.press("Tab")
    focused(page, "Roll back to flower@1")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_contain_text("flower@1 takes over from flower@2")
    agreeing = page.get_by_role("dialog").get_by_role("button", name="Roll back to flower@1")
    expect(agreeing).to_be_focused()  # before that, a key would go to the panel
    page.keyboard.press("Escape")
    focused(page, "Roll back to flower@1")
    page.keyboard.press("Enter")
    expect(agreeing).to_be_focused()
    page.keyboard.press("Enter")
    expect(endpoint.get_by_role("button", name="Promote flower@2").first).to_be_enabled()
    expect(endpoint).to_be_focused()
    page.keyboard.press("Escape")
    focused(page, "flower")


def test_what_an_open_endpoint_tells(page: Page) -> None:
    """Stages, what changed between releases, contract, golden rows and history are there to be read."""
    endpoint = opened(page, "flower")
    stages = endpoint.get_by_role("list", name="Stages", exact=True).get_by_role("listitem")
    expect(stages).to_have_count(7)
    expect(stages.last).to_contain_text("serving done")
    endpoint.get_by_role("button", name="What changed from flower@1 to flower@2").click()
    expect(endpoint).to_contain_text("the model is another one")
    expect(endpoint).to_contain_text("of 100 shared rows are answered otherwise")
    for part in ("Contract", "Golden rows", "History"):
        endpoint.get_by_role("heading", name=part).click()
    expect(endpoint.get_by_role("region", name="Columns")).to_contain_text("petal length (cm)float64")
    expect(endpoint.get_by_role("region", name="Golden rows of predict", exact=True).get_by_role("row")).to_have_count(6)
    expect(endpoint).to_contain_text("endpoint made flower")


def test_the_log_while_it_is_written(page: Page, agent: AgentClient, secret: Callable[[str], str]) -> None:
    """A line that a model prints stands in the open log without a reload, and a paused log stays as it is."""
    endpoint = opened(page, "loud")
    endpoint.get_by_role("heading", name="Log").click()
    log = endpoint.get_by_role("log")
    expect(log).to_contain_text("ready")
    url, headers = agent.endpoint("loud").url, {"Authorization": f"Bearer {secret('loud')}"}
    httpx.post(f"{url}predict", json={"rows": [{"number": 7.25}]}, headers=headers, trust_env=False).raise_for_status()
    expect(log).to_contain_text("heard 7.25")


def test_figures_of_calls(page: Page, agent: AgentClient, secret: Callable[[str], str]) -> None:
    """Calls show in the list's line and in the open endpoint's charts, both of which are told in words too."""
    found = panel(page)
    url, headers = agent.endpoint("loud").url, {"Authorization": f"Bearer {secret('loud')}"}
    for _ in range(20):
        httpx.post(f"{url}predict", json={"rows": [{"number": 1.0}]}, headers=headers, trust_env=False).raise_for_status()
    row = found.get_by_role("listitem").filter(has_text="loud@1")
    expect(row.get_by_role("img", name=re.compile(r"^Rate of the last 5 minutes: at most [1-9.]"))).to_be_visible()
    charts = opened(page, "loud").get_by_role("img")
    expect(charts.filter(visible=True)).to_have_count(7)
    expect(charts.first).to_have_attribute("aria-label", re.compile(r"^Requests, last 5 min: now .*; at most [1-9.]"))


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark", "JupyterLab Dark High Contrast"])
def test_it_is_readable_in_every_theme(page: Page, theme: str, check_barriers: Callable[..., list[str]]) -> None:
    """No barrier that axe-core knows, in the list and in an endpoint with every part unfolded."""
    page.evaluate("theme => window.jupyterapp.commands.execute('apputils:change-theme', { theme })", theme)
    expect(page.locator(f'body[data-jp-theme-name="{theme}"]')).to_have_count(1)
    expect(panel(page).get_by_role("listitem").first).to_be_visible()
    assert [] == check_barriers(page, f"#{PANEL}")

    endpoint = opened(page, "flower")
    for part in ("Keys", "Log", "Contract", "Golden rows", "History"):
        endpoint.get_by_role("heading", name=part).click()
    expect(endpoint.get_by_role("region", name="Golden rows of predict", exact=True)).to_be_visible()
    assert [] == check_barriers(page, f"#{PANEL}")


def test_many_endpoints(page: Page, many: None) -> None:
    """Only what can be seen is drawn; the last one is reached with a key, and a name finds its row."""
    found = panel(page)
    rows = found.get_by_role("list", name="Endpoints").get_by_role("listitem")
    expect(found.get_by_role("status").filter(has_text=f"{MANY + 2} endpoints")).to_have_count(1)
    assert DRAWN > rows.count()

    found.get_by_role("button", name=re.compile("^flower ")).focus()
    page.keyboard.press("End")
    focused(page, f"m-{MANY - 1}")
    assert DRAWN > rows.count()

    found.get_by_role("searchbox").fill("M-07")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("cancelled")


def test_it_asks_only_while_it_is_seen(page: Page, agent: AgentClient) -> None:
    """Nothing is asked behind another tab of the sidebar; what happened meanwhile is there as soon as it is seen again."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/api/summary" in request.url else None)
    found = panel(page)
    expect(found.get_by_role("listitem").first).to_be_visible()
    with page.expect_request("**/api/summary*"):
        pass
    page.locator('.jp-SideBar [data-id="jp-property-inspector"]').click()
    expect(found).to_be_hidden()
    before = len(asked)
    jd.deploy(sorted, name="aside", example=[1.0, 2.0], wait=True)
    assert before + 1 >= len(asked)  # one may have been on its way

    expect(panel(page).get_by_role("button", name=re.compile("^aside "))).to_be_visible()
    agent.remove("aside")
    expect(found.get_by_role("button", name=re.compile("^aside "))).to_have_count(0)


def test_what_the_settings_say(agent: AgentClient, fresh: Open, lab: Lab) -> None:
    """Nothing is asked before what is not to be asked before; a hidden panel has no tab, and comes back with its setting."""
    set_up(lab, {"confirmStop": False})
    endpoint = opened(begin(fresh(), lab), "flower")
    endpoint.get_by_role("button", name="Stop", exact=True).click()
    endpoint.get_by_role("button", name="Start flower@2").first.click()
    expect(endpoint.get_by_role("button", name="Stop", exact=True)).to_be_enabled()

    set_up(lab, {"hidePanel": True})
    page = begin(fresh(), lab)
    expect(page.locator(f'[data-id="{PANEL}"]')).to_have_count(0)
    set_up(lab, {})
