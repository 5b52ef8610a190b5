"""What people see where something around the panel is missing, old, dead or in between."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from jupyter_server.auth import passwd
from playwright.sync_api import Page, expect

import jupyter_deploy as jd
from jupyter_deploy import errors
from jupyter_deploy.agent.lifecycle import connect, wait_for_end
from jupyter_deploy.home import Home
from tests.browser.lab import Lab, Notebook, panel, running, show
from tests.browser.proxy import before
from tests.browser.stub import Stub, standing_in
from tests.conftest import own_home

Open = Callable[..., Page]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Start JupyterLab in a home where no agent runs."""
    with own_home(), running(tmp_path_factory.mktemp("jupyter"), tmp_path_factory.mktemp("notebooks")) as lab:
        yield lab


@pytest.fixture
def here(lab: Lab) -> Iterator[Home]:
    """Give the home of this JupyterLab, with no agent in it before and after."""
    home = Home.find()
    yield home
    with contextlib.suppress(errors.AgentUnreachable):
        connect(home, start=False).stop()
    wait_for_end(home)


def test_the_servers_part_is_disabled(serve: Callable[..., Lab], fresh: Open) -> None:
    """The panel says what is missing, and the two commands that put it there."""
    found = panel(show(fresh(), serve(server_part=False)))

    expect(found.get_by_role("status", name="Not connected")).to_be_visible()
    expect(found).to_contain_text("part of jupyterlab-deploy does not answer")
    expect(found).to_contain_text("jupyter server extension enable jupyter_deploy")


def test_no_agent_runs(fresh: Open, here: Home, lab: Lab) -> None:
    """The panel says so and starts none by itself; a click starts it."""
    found = panel(show(fresh(), lab))

    expect(found).to_contain_text("The agent does not run")
    assert not here.agent_socket.exists()
    found.get_by_role("button", name="Start the agent").click()
    expect(found).to_contain_text("Nothing is deployed yet")


def test_the_agent_is_killed(fresh: Open, here: Home, lab: Lab) -> None:
    """The panel that showed its list says that the agent is gone, and shows the list again once it is back."""
    agent = connect(here)
    found = panel(show(fresh(), lab))
    expect(found).to_contain_text("Nothing is deployed yet")
    os.kill(agent.status()["pid"], signal.SIGKILL)

    expect(found).to_contain_text("The agent does not run")
    connect(here)
    expect(found).to_contain_text("Nothing is deployed yet", timeout=90_000)


def test_an_agent_of_an_older_version(fresh: Open, here: Home, lab: Lab) -> None:
    """The panel says that it is older and replaces it at a click."""
    with standing_in(here, Stub("0.0.1")):
        found = panel(show(fresh(), lab))

        expect(found).to_contain_text("of another version")
        found.get_by_role("button", name="Replace the agent").click()
        expect(found).to_contain_text("Nothing is deployed yet")


def test_an_expired_login(home: Home, serve: Callable[..., Lab], trouble: list[str], fresh: Open) -> None:
    """Somebody who was logged out is told so, and sees the list again after logging in in another tab."""
    connect(home)
    login = ("--IdentityProvider.token=", f"--PasswordIdentityProvider.hashed_password={passwd('sesame', algorithm='sha1')}")
    lab, page = serve(*login), fresh()
    page.goto(f"{lab.url}/lab")
    enter(page)
    found = panel(page)
    expect(found).to_contain_text("Nothing is deployed yet")
    beside = page.context.new_page()
    beside.goto(f"{lab.url}/logout")

    expect(found).to_contain_text("Your login at this Jupyter server has ended")
    with page.context.expect_page() as opened:
        found.get_by_role("link", name="Log in again").click()
    enter(opened.value)
    expect(found).to_contain_text("Nothing is deployed yet")  # it tries again by itself
    trouble[:] = [one for one in trouble if one != "Forbidden"]  # JupyterLab's own word on it


def enter(page: Page) -> None:
    """Log in with the password."""
    page.get_by_label("Password").fill("sesame")
    page.get_by_role("button", name="Log in").click()
    expect(page.locator("#jupyterlab-splash")).to_have_count(0, timeout=60_000)


def test_a_prefix_and_a_proxy(home: Home, serve: Callable[..., Lab], tmp_path: Path, fresh: Open) -> None:
    """Behind a proxy that passes on nothing but the server's own path, the panel lists, opens and follows an endpoint."""
    jd.deploy(sorted, name="ascending", example=[1.0, 2.0], wait=True)
    lab, page = serve("--ServerApp.base_url=/user/ada/"), fresh()
    with before(lab.url, tmp_path) as url:
        notebook = Notebook.open(page, lab._replace(url=url), "one.ipynb")
        found = panel(notebook.page)
        found.get_by_role("button", name="ascending").first.click()

        expect(found.get_by_role("list", name="Stages", exact=True).get_by_role("listitem")).not_to_have_count(0)
        expect(found.get_by_role("button", name="Stop")).to_be_visible()
        page.close()
