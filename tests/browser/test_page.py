"""The page at an endpoint's URL, as a colleague with a browser and a key finds it."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

import jupyter_deploy as jd
from jupyter_deploy.home import Home

Open = Callable[..., Page]


@pytest.fixture(scope="module")
def url(shared_home: Home) -> str:
    """Deploy a classifier of a table, and give its URL."""
    rows, labels = load_iris(return_X_y=True, as_frame=True)
    return jd.deploy(LogisticRegression(max_iter=500).fit(rows, labels), name="iris", example=rows, wait=True).url


@pytest.fixture
def inside(fresh: Open, url: str, secret: Callable[[str], str]) -> Callable[..., Page]:
    """Give a function that opens the page with the right key, by keyboard alone."""

    def opened(**look: object) -> Page:
        page = fresh(**look)
        page.goto(url)
        page.keyboard.press("Tab")
        page.keyboard.insert_text(secret("iris"))
        page.keyboard.press("Enter")
        expect(page.locator("#contract")).to_be_visible()
        return page

    return opened


def test_without_a_key_it_tells_nothing(fresh: Open, url: str, check_barriers: Callable[..., list[str]]) -> None:
    """The shell asks for a key, and names neither endpoint nor columns."""
    page = fresh()
    page.goto(url)

    expect(page.get_by_label("Your key")).to_be_visible()
    expect(page.locator("#contract")).to_be_hidden()
    assert "iris" not in page.content()
    assert "sepal" not in page.content()
    assert [] == check_barriers(page)


def test_a_wrong_key_is_told_at_the_field(fresh: Open, url: str) -> None:
    """A key that is not valid leaves the form where it is, with a word about it and the field in focus."""
    page = fresh()
    page.goto(url)
    page.get_by_label("Your key").fill("jd_wrong")
    page.keyboard.press("Enter")

    expect(page.get_by_role("alert")).to_have_text("This key does not open this endpoint.")
    expect(page.get_by_label("Your key")).to_be_focused()
    expect(page.locator("#contract")).to_be_hidden()


def test_the_contract_can_be_read_and_tried(inside: Open) -> None:
    """Columns with an example, rows that are ready to be sent, an answer with the release that gave it."""
    page = inside()

    expect(page.get_by_role("heading", level=1)).to_have_text("iris")
    expect(page.locator("#state")).to_have_text("verified")
    expect(page.locator("#columns tbody tr")).to_have_count(4)
    expect(page.locator("#columns tbody tr").first).to_contain_text("sepal length (cm)float64no4.3 … 7.95.1")
    page.get_by_role("button", name="Try", exact=True).click()
    expect(page.locator("#status")).to_contain_text("by iris@1")
    assert [0] == sorted({*json.loads(page.locator("#result").inner_text())["predictions"]})


def test_every_method_has_its_tab(inside: Open) -> None:
    """The arrow keys lead from method to method, and what is sent goes to the chosen one."""
    page = inside()
    page.get_by_role("tab", name="predict", exact=True).focus()
    page.keyboard.press("ArrowRight")

    expect(page.get_by_role("tab", name="predict_proba")).to_have_attribute("aria-selected", "true")
    page.locator("#rows").press("Control+Enter")
    expect(page.locator("#status")).to_contain_text("Answered")
    assert 3 == len(json.loads(page.locator("#result").inner_text())["predictions"][0])


def test_an_error_names_its_field(inside: Open) -> None:
    """What does not fit the contract is listed by row and column, above the whole answer; what is no JSON is not sent."""
    page = inside()
    rows = json.loads(page.locator("#rows").input_value())
    rows[1]["sepal length (cm)"] = "long"
    page.locator("#rows").fill(json.dumps(rows))
    page.locator("#rows").press("Control+Enter")

    expect(page.locator("#status")).to_contain_text("422")
    expect(page.locator("#errors li")).to_have_text("rows[1].sepal length (cm): expected a number, got a string")
    page.locator("#rows").fill("[{")
    page.locator("#rows").press("Control+Enter")
    expect(page.locator("#status")).to_have_text("This is not JSON")


def test_the_calls_can_be_copied(inside: Open, secret: Callable[[str], str]) -> None:
    """What is copied is the shown command, and the key stands in neither."""
    page = inside(permissions=("clipboard-read", "clipboard-write"))
    page.locator("[data-copy=curl]").click()

    expect(page.locator("[data-copy=curl]")).to_have_text("Copied")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert page.locator("#curl").text_content() == copied
    assert secret("iris") not in page.content()


def test_the_openapi_document_is_handed_out(inside: Open) -> None:
    """A browser cannot send the key with a link, so the page fetches the document and saves it."""
    page = inside()
    with page.expect_download() as saved:
        page.get_by_role("button", name="OpenAPI document").click()

    assert "iris-openapi.json" == saved.value.suggested_filename
    assert "/predict" in json.loads(saved.value.path().read_text())["paths"]


def test_nothing_stays_in_the_browser(inside: Open) -> None:
    """The key is in the page's memory alone: no storage, no cookie, no address, and a reload asks again."""
    page = inside()

    assert [0, 0, ""] == page.evaluate("[localStorage.length, sessionStorage.length, document.cookie]")
    assert "jd_" not in page.url
    page.reload()
    expect(page.get_by_label("Your key")).to_be_visible()
    expect(page.get_by_label("Your key")).to_be_empty()


@pytest.mark.parametrize(("width", "colours"), [(360, "dark"), (1200, "light")])
def test_it_is_readable_everywhere(inside: Open, check_barriers: Callable[..., list[str]], width: int, colours: str) -> None:
    """On a phone in the dark as on a desk: no sideways scrolling, no barrier that axe-core knows."""
    page = inside(width=width, colours=colours)
    page.get_by_role("button", name="Try", exact=True).click()
    expect(page.locator("#status")).to_contain_text("Answered")

    assert width == page.evaluate("document.documentElement.scrollWidth")
    assert [] == check_barriers(page)
