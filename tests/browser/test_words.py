"""The widget tells a release in the same words as the kernel's own card."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page

from jupyter_deploy.adapters import view as words
from jupyter_deploy.values import STAGES, Release, Stage, to_json

SCRIPT = Path(__file__).parents[2] / "labextension" / "lib" / "widget" / "words.js"
TELL = """async ([source, release, answering, now]) => {
  const words = await import('data:text/javascript,' + encodeURIComponent(source));
  const steps = words.steps(release, now).map(({ name, mark, seconds, detail }) => [name, mark, seconds, detail]);
  return [words.state(release, answering), steps, words.proofs(release), [0.004, 0.35, 12.4, 125, 7200].map(words.span)];
}"""
NOW = 1_000_000.0
CASES = [
    *((state, done, {}) for state in ("refused", "failed", "cancelled", "retired") for done in range(1, len(STAGES))),
    *((STAGES[done], done, {}) for done in range(1, len(STAGES))),
    ("locked", 4, {"preview": "no preview: the kernel has another Python"}),
    ("serving", 7, {"verified": "200 golden answers reproduced", "preview": "not asked for"}),
]


@pytest.fixture(scope="module")
def page(browser: Callable[..., Page]) -> Page:
    """Open an empty page, in which modules of a text can be loaded."""
    return browser.new_page()  # type: ignore[attr-defined, no-any-return]


@pytest.mark.parametrize(("state", "done", "details"), CASES)
@pytest.mark.parametrize("running", [False, True])
def test_widget_and_card_agree(page: Page, state: str, done: int, details: dict[str, str], running: bool) -> None:
    """Word, stages with sign and time, and proof are the same, however far a release has come and however it ended."""
    stages = [Stage(name=name, started=NOW - 20, seconds=1.5, detail=details.get(name, "")) for name in STAGES[:done]]
    if running and done < len(STAGES):
        stages.append(Stage(name=STAGES[done], started=NOW - 3))
    release = Release(
        endpoint="churn", number=2, state=state, created=NOW - 90, capture="c", stages=tuple(stages), verified=state == "serving"
    )

    told = page.evaluate(TELL, [SCRIPT.read_text(encoding="utf-8"), json.loads(to_json(release)), 1, NOW])

    proof = [line for line in (words.proof(release), words.form(release)) if line]
    spans = [words.span(seconds) for seconds in (0.004, 0.35, 12.4, 125, 7200)]
    assert [words.state(release, 1), [list(step) for step in words.steps(release, NOW)], proof, spans] == told
