"""The card is static, escaped and complete in every state of a release."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest

from jupyter_deploy.adapters import card
from jupyter_deploy.adapters.view import View
from jupyter_deploy.values import Column, Contract, Difference, Input, Method, Output

DONE = {"preview": 0.3, "locked": 3.4, "environment": 12.3, "bundled": 0.4, "verified": 1.2, "serving": 0.05}
VOID = {"br", "hr", "img"}


class Checker(HTMLParser):
    """Collects tags and text, and notices a tag that is closed in the wrong place."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(markup)
        assert [] == self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag."""
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)
        self.open += [] if tag in VOID else [tag]

    def handle_endtag(self, tag: str) -> None:
        """Note that a tag ends."""
        assert tag == self.open.pop()

    def handle_data(self, data: str) -> None:
        """Note text."""
        self.text += data


def test_card_of_a_verified_release(make: Any) -> None:
    """It shows name, URL, release, state, contract, golden rows, stages with times, and a call."""
    view = View(endpoint=make.endpoint(), release=make.release("serving", DONE), capture=make.capture())

    shown = Checker(card.markup(view, make.now)).text

    for part in (
        "churn@1 · verified", "http://127.0.0.1:8484/churn/", "RandomForestClassifier, 1.2 MB", "captured 0.2 s", "locked 3.4 s",
        "environment 12 s", "18 to 99", "basic, pro, may be missing", "100 for predict, from cell 7: model.predict(X_test)",
        "$(cat /home/ada/keys/churn.key)", "predict_proba → array (rows, 2) of float64; classes no, yes",
    ):  # fmt: skip
        assert part in shown


def test_everything_is_escaped(make: Any) -> None:
    """No text of the user's becomes markup: neither a column's name nor a value, a reason or a hint."""
    evil = "<img src=x onerror=alert(1)>`<b>`\"'"
    differences = (Difference(method=evil, row=0, expected=evil, got=evil),)
    refused = make.release("refused", {"preview": 0.1}, reason=evil, hint=evil, differences=differences)
    view = View(
        endpoint=make.endpoint(url=f"javascript:alert(1)//{evil}", key_file=evil),
        release=refused,
        capture=make.capture(kind=evil),
        note=evil,
    )

    checked = Checker(card.markup(view, make.now))

    assert set() == checked.tags & {"img", "script", "style", "iframe", "a"}
    assert not any(name.startswith("on") for name in checked.attributes)
    assert evil.replace("`", "") in checked.text


def test_both_forms_hold_no_secret(make: Any, tmp_path: Any) -> None:
    """The key's file is named and never read."""
    key = tmp_path / "churn.key"
    key.write_text("jd_secret")
    bundle = card.bundle(View(endpoint=make.endpoint(key_file=str(key)), release=make.release(), capture=make.capture()), make.now)

    assert {"text/html", "text/plain"} == set(bundle)
    assert all("jd_secret" not in text and str(key) in text for text in bundle.values())


def test_many_columns_are_folded(make: Any) -> None:
    """A table of more than eight columns stands in `details`; a smaller one is open."""
    columns = tuple(Column(name=f"c{number}", dtype="float64") for number in range(9))
    wide = Contract(methods=(Method(name="predict", input=Input(kind="frame", columns=columns), output=Output(kind="list")),))

    folded = Checker(card.markup(View(endpoint=make.endpoint(contract=wide), release=make.release()), make.now))
    opened = Checker(card.markup(View(endpoint=make.endpoint(), release=make.release()), make.now))

    assert "details" in folded.tags
    assert "Accepts: table with 9 columns" in folded.text
    assert "details" not in opened.tags


def test_refused_shows_the_rows(make: Any) -> None:
    """The differing rows are shown with what the notebook and the release answered, ten of them at most."""
    rows = tuple(Difference(method="predict", row=number, expected=f"yes{number}", got=f"no{number}") for number in range(12))
    refused = make.release(
        "refused", {"preview": 0.1, "bundled": 0.1}, number=2, reason="12 differ.", hint="Set a seed.", differences=rows
    )

    shown = Checker(card.markup(View(endpoint=make.endpoint(), release=refused), make.now)).text

    assert "churn@2 · refused" in shown
    assert "yes9" in shown
    assert "no9" in shown
    assert "yes10" not in shown
    assert "and 2 more" in shown
    assert "→ Set a seed." in shown
    assert "churn@1 (verified) goes on answering at http://127.0.0.1:8484/churn/." in shown


def test_colours_have_fallbacks(make: Any) -> None:
    """Each theme variable has a fallback, so that the card is readable outside of JupyterLab."""
    markup = card.markup(View(endpoint=make.endpoint(), release=make.release()), make.now)

    assert re.findall(r"var\(--jp-[\w-]+\)", markup) == []
    assert 'role="status" aria-live="polite"' in markup


def test_text_of_a_running_release(make: Any) -> None:
    """The plain form says the same in lines: what is done, what runs, what waits."""
    running = make.release("preview", {"preview": 0.3, "locked": None})
    lines = card.text(View(endpoint=make.endpoint(answering=1, state="preview"), release=running), make.now).splitlines()

    assert "churn@1 · preview   http://127.0.0.1:8484/churn/" == lines[0]
    assert "✓ captured 0.2 s  ✓ preview 0.3 s  … locked 20 s  ○ environment  ○ bundled  ○ verified  ○ serving" == lines[1]
    assert "table with 3 columns: age int64, plan category, note <b> object" in lines


def test_listing(make: Any) -> None:
    """What is deployed: one row an endpoint, with a line of help; a hint where there is nothing."""
    newest = make.release("refused", number=2, verified=False)
    shown = card.listing([make.endpoint(releases=(newest,))], make.now)
    nothing = card.listing([], make.now)

    assert (
        "churn     churn@1 verified  churn@2 refused  1 min 30 s  http://127.0.0.1:8484/churn/"
        == shown["text/plain"].splitlines()[1]
    )
    assert "Nothing is deployed." in nothing["text/plain"]
    troubled = card.listing([make.endpoint()], make.now, "Port <8484> is used.")
    assert "Port <8484> is used." == troubled["text/plain"].splitlines()[2]
    assert "Port <8484> is used." in Checker(troubled["text/html"]).text
    for bundle in (shown, nothing):
        assert "%deploy?" in Checker(bundle["text/html"]).text


def test_releases(make: Any) -> None:
    """One row a release, newest first, with the one that answers marked."""
    endpoint = make.endpoint(releases=(make.release("refused", number=2, verified=False, reason="Rows differ."), make.release()))

    lines = card.releases(endpoint, make.now)["text/plain"].splitlines()

    assert ["churn@2", "refused", "1 min 30 s", "Rows differ."] == re.split(r" {2,}", lines[1])
    assert ["churn@1", "verified", "1 min 30 s", "yes"] == re.split(r" {2,}", lines[2])


@pytest.mark.parametrize("kind", ["text/html", "text/plain"])
def test_plan(make: Any, kind: str) -> None:
    """A dry run says what would be taken along, and that nothing was deployed."""
    shown = card.plan(make.capture())[kind]

    for part in (
        "model (RandomForestClassifier, 1.2 MB) would become the endpoint churn.",
        "It imports sklearn.",
        "Nothing was deployed.",
    ):
        assert part in shown


def test_a_card_on_its_way_says_when_it_was_drawn(make: Any) -> None:
    """A page that is loaded again keeps what was drawn last, so a card that is not final says of when it is."""
    running = View(endpoint=make.endpoint(answering=None, state=""), release=make.release("captured"))
    ended = View(endpoint=make.endpoint(), release=make.release())

    assert re.search(
        r"As of \d\d:\d\d:\d\d\. After a reload .* %deploy status churn ", Checker(card.markup(running, make.now)).text
    )
    assert "As of" not in Checker(card.markup(ended, make.now)).text


def test_no_call_is_offered_where_nobody_answers(make: Any) -> None:
    """The first release failed and nothing else is there: a command that calls it would only be refused."""
    failed = View(endpoint=make.endpoint(answering=None, state=""), release=make.release("failed", reason="No network."))

    assert "curl" not in card.markup(failed, make.now)
    assert "curl" not in card.text(failed, make.now)
