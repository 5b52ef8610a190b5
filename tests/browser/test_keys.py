"""Keys in the panel: made, used, revoked; a secret is shown once and kept nowhere."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

import jupyter_deploy as jd
from jupyter_deploy.home import Home
from tests.browser.lab import Lab, panel
from tests.serving import until

Open = Callable[..., Page]
ROWS, LABELS = load_iris(return_X_y=True, as_frame=True)
EVIL = "<img src=x onerror=alert(1)>"
STORED = """async () => {
  const databases = await indexedDB.databases();
  return JSON.stringify([{ ...localStorage }, { ...sessionStorage }, databases, document.cookie, location.href]);
}"""


@pytest.fixture(scope="module")
def flower(shared_home: Home) -> Iterator[jd.Endpoint]:
    """Deploy an endpoint."""
    yield jd.deploy(LogisticRegression(max_iter=500).fit(ROWS, LABELS), name="flower", example=ROWS, wait=True)


@pytest.fixture
def page(flower: jd.Endpoint, fresh: Open, lab: Lab) -> Page:
    """Open JupyterLab."""
    made = fresh(permissions=("clipboard-read", "clipboard-write"))
    made.goto(f"{lab.url}/lab?token={lab.token}&reset")
    return made


def opened(page: Page) -> Locator:
    """Open the endpoint in the panel, and its keys."""
    found = panel(page)
    found.get_by_role("list", name="Endpoints").get_by_role("button", name=re.compile("^flower ")).click()
    endpoint = found.get_by_role("region", name="Endpoint flower")
    endpoint.get_by_role("heading", name="Keys").click()
    return endpoint


def call(endpoint: jd.Endpoint, secret: str, method: str = "predict") -> int:
    """Call the endpoint with a key, and give the status."""
    body = {"rows": ROWS.head(1).to_dict("records")}
    headers = {"Authorization": f"Bearer {secret}"}
    return httpx.post(endpoint.url + method, json=body, headers=headers, trust_env=False).status_code


def make(endpoint: Locator, owner: str) -> None:
    """Fill in the form: one method, in a week, two requests a day."""
    endpoint.get_by_role("button", name="Make a key …").click()
    form = endpoint.get_by_role("form", name="Make a key")
    expect(form.get_by_label("For whom")).to_be_focused()
    form.get_by_label("For whom").fill(owner)
    form.get_by_label("every method, later ones too").uncheck()
    expect(form.get_by_role("checkbox", name="predict", exact=True)).to_be_checked()
    form.get_by_label("Ends").select_option("in a week")
    form.get_by_label("Requests a day").fill("2")
    form.get_by_role("button", name="Make the key").click()


def test_a_key_is_made_used_and_revoked(page: Page, flower: jd.Endpoint, check_barriers: Callable[..., list[str]]) -> None:
    """It opens what was chosen as often as was chosen; the list tells so; revoked, it opens nothing."""
    endpoint = opened(page)
    endpoint.get_by_role("button", name="Make a key …").click()
    assert [] == check_barriers(page, ".jp-deploy-maker")
    endpoint.get_by_role("form").get_by_role("button", name="Cancel").click()
    make(endpoint, "nightly report")
    shown = endpoint.get_by_role("group", name="The secret of the key for nightly report")
    secret = shown.locator("code").first.inner_text()
    assert [] == check_barriers(page, ".jp-deploy-secret")
    shown.get_by_role("button", name="Copy the secret").click()
    page.keyboard.press("Escape")
    expect(shown).to_be_visible()
    assert secret == page.evaluate("navigator.clipboard.readText()")
    assert [200, 403, 200, 429] == [call(flower, secret, method) for method in ("predict", "predict_proba", "predict", "predict")]

    shown.get_by_role("button", name="I have copied it").click()
    key = endpoint.get_by_role("list", name="Keys", exact=True).get_by_role("listitem").filter(has_text="nightly report")
    expect(key).to_contain_text("2 of 2 requests today")
    expect(key).to_contain_text("last used just now")
    assert [] == check_barriers(page, ".jp-deploy-keyring")
    assert secret not in page.content() + page.evaluate(STORED)
    key.get_by_role("button", name="Revoke the key for nightly report").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    expect(endpoint.get_by_text("1 key has ended")).to_be_visible()
    until(lambda: call(flower, secret) == 401)


def test_what_a_key_cannot_be_is_told(page: Page) -> None:
    """The form stays as it was filled in, with the reason beside it; markup in a name is text."""
    endpoint = opened(page)
    make(endpoint, " ")
    expect(endpoint.get_by_role("alert")).to_contain_text("A key's owner is named by 1 to 100 characters")
    expect(endpoint.get_by_label("Requests a day")).to_have_value("2")
    endpoint.get_by_label("For whom").fill(EVIL)
    endpoint.get_by_role("button", name="Make the key").click()
    endpoint.get_by_role("button", name="I have copied it").click()

    expect(endpoint.get_by_role("list", name="Keys", exact=True)).to_contain_text(EVIL)


def test_the_owners_own_key_is_replaced(page: Page, flower: jd.Endpoint) -> None:
    """It is marked, and another one is in its file when the old one ends."""
    old = flower.key_file.read_text().strip()
    endpoint = opened(page)
    endpoint.get_by_role("button", name="Replace your own key").click()
    page.get_by_role("dialog").get_by_role("button", name="Replace").click()

    until(lambda: call(flower, old) == 401)
    assert 200 == call(flower, flower.key_file.read_text().strip())
    expect(endpoint.get_by_text("your own")).to_have_count(1)
