"""300 texts that are script wherever a text is taken for markup, in every field that people are shown."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from jupyter_deploy.home import Home
from jupyter_deploy.values import (
    Brief,
    Column,
    Contract,
    Difference,
    Endpoint,
    Event,
    Finding,
    Golden,
    Input,
    KeyInfo,
    Method,
    Output,
    Overview,
    Provenance,
    Release,
    Stage,
    Summary,
)
from tests.browser.lab import PATIENCE, SETUP, Lab, Notebook, panel, show
from tests.browser.stub import Stub, standing_in
from tests.browser.texts import TEXTS, TRACES

EACH = 20  # texts in each endpoint
NAMES = [f"endpoint-{at}" for at in range(len(TEXTS) // EACH)]
MODEL = """import pandas as pd
from IPython.display import clear_output
from tests.browser.texts import TEXTS
table = pd.DataFrame({text: [0.0, 1.0] for text in TEXTS[:150]})
table['kind'] = pd.Categorical(TEXTS[150:152], categories=TEXTS[150:])
Hostile = type(TEXTS[0], (), {'predict': lambda self, rows: print(*TEXTS, sep='\\n') or [TEXTS[1]] * len(rows)})
hostile = Hostile()
answers = hostile.predict(table)
clear_output()"""  # JupyterLab makes links of what a cell prints


def changed(name: str, texts: tuple[str, ...]) -> dict[str, object]:
    """Make what changed between two releases of such texts."""
    every = [{"name": text, "before": text, "after": text} for text in texts]
    cells = [{"what": text, "diff": f"- {text}\n+ {text}"} for text in texts]
    golden = [{"method": texts[0], "rows": 2, "changed": 1, "added": 1, "removed": 1}]
    parts = dict.fromkeys(("packages", "contract", "settings", "origin"), every)
    return {"old": texts[0], "new": texts[1], "model": True, "cells": cells, "golden": golden, **parts}


def releases(name: str, texts: tuple[str, ...]) -> tuple[Release, ...]:
    """Make a release for each text, which stands wherever the agent takes a text from somebody."""
    findings = tuple(Finding(kind="cell", subject=text, message=text, hint=text) for text in texts)
    differences = tuple(Difference(method=text, row=0, expected=text, got=text) for text in texts[:10])
    journal = {text: (Stage(name="captured", started=1.0, seconds=1.0, detail=text),) for text in texts}
    origin = {
        text: Provenance(user=text, host=text, notebook=text, kernel=text, revision=text, dirty=(text,), cells=(1,))
        for text in texts
    }
    return tuple(
        Release(
            endpoint=name, number=number, state="refused", created=1.0, capture=text, reason=text, hint=text,
            stages=journal[text], findings=findings, differences=differences, provenance=origin[text],
        )
        for number, text in zip(range(len(texts), 0, -1), texts, strict=True)
    )  # fmt: skip


def contract(texts: tuple[str, ...]) -> Contract:
    """Make a contract whose columns, categories, examples and classes are such texts."""
    columns = tuple(
        Column(name=text, dtype=text, categories=texts, example=text, minimum=text, maximum=text, nullable=True) for text in texts
    )
    answer = Output(kind="array", dtype=texts[0], meaning="labels", classes=texts, names=texts)
    given = Input(kind="frame", columns=columns, dtype=texts[0], name=texts[0])
    return Contract(methods=tuple(Method(name=text, attribute=text, input=given, output=answer) for text in texts[:3]))


def fill(stub: Stub, url: str) -> None:
    """Let a second agent answer with such texts in every field."""
    lines = []
    for at, name in enumerate(NAMES):
        texts = TEXTS[at * EACH : (at + 1) * EACH]
        brief = Brief(
            number=EACH, state="refused", created=1.0, ended=True, reason=texts[0], who=texts[1], notebook=texts[2], stage=texts[3]
        )
        lines.append(
            Summary(name=name, url=f"{url}{texts[4]}", target=texts[5], newest=brief, rate=1.0, rates=(1.0,) * 30, p95s=(0.1,) * 30)
        )
        endpoint = Endpoint(
            name=name, url=texts[6], target=texts[7], key_file=texts[8], contract=contract(texts), releases=releases(name, texts)
        )
        golden = [Golden(method=text, rows=[{text: text}], answers=[text], origin=text) for text in texts]
        keys = [KeyInfo(id=f"key{place}", owner=text, created=1.0, methods=(text,)) for place, text in enumerate(texts)]
        history = [Event(at=1.0, who=text, action=text, subject=text, detail=text) for text in texts]
        stub.answers |= {f"endpoints/{name}": endpoint, f"endpoints/{name}/keys": keys, f"endpoints/{name}/history": history}
        stub.answers |= {f"endpoints/{name}/changes": changed(name, texts), f"endpoints/{name}/releases/{EACH}/golden": golden}
        stub.answers[f"endpoints/{name}/samples"] = {"endpoint": name, "span": 300, "step": 1, "now": 1.0, "samples": []}
        stub.lines[f"endpoints/{name}/logs/stream"] = list(texts)
    stub.answers["summary"] = Overview(version=TEXTS[0], now=10.0, trouble=TEXTS[9], endpoints=tuple(lines))


@pytest.fixture
def agent(home: Home) -> Iterator[Stub]:
    """Let a second agent answer in a home of its own."""
    stub = Stub()
    with standing_in(home, stub):
        yield stub


def unfold(endpoint: Locator) -> None:
    """Open every part of an endpoint."""
    folded = endpoint.locator("details:not([open]) > summary:visible")
    while folded.count():
        folded.first.click()


def test_the_panel(agent: Stub, serve: Callable[..., Lab], fresh: Callable[..., Page]) -> None:
    """Owners, notebooks, columns, categories, reasons, log lines, golden values, findings, revisions and whatever else is told."""
    fill(agent, "http://127.0.0.1/")
    page = show(fresh(height=2000), serve())
    found = panel(page)
    for at, name in enumerate(NAMES):
        found.get_by_role("list", name="Endpoints").get_by_role("button", name=re.compile(f"^{name} ")).click()
        endpoint = found.get_by_role("region", name=f"Endpoint {name}")
        expect(endpoint.get_by_role("list", name="Releases, newest first")).to_be_visible()
        unfold(endpoint)
        endpoint.get_by_role("button", name="What changed from").first.click()
        last = TEXTS[(at + 1) * EACH - 1]
        for part in ("Releases", "Contract", "Golden rows", "History", "Keys", "Log"):
            section = endpoint.locator("details").filter(has=page.get_by_role("heading", name=part, exact=True))
            expect(section).to_contain_text(" ".join(last.split()))
        assert [] == page.evaluate(TRACES), name
        found.get_by_role("button", name="Endpoints").first.click()


def test_a_real_model_in_the_notebook(
    open_notebook: Callable[..., Notebook], fresh: Callable[..., Page], secret: Callable[[str], str]
) -> None:
    """A class, columns, categories, answers and log lines of such texts: in form, widget, card, panel and the endpoint's page."""
    notebook = open_notebook("hostile.ipynb")
    page = notebook.page
    notebook.run(0, SETUP)
    notebook.run(1, MODEL)
    widget = notebook.run(2, "ep = %deploy hostile --wait").get_by_role("group", name="endpoint")
    expect(widget.get_by_role("status").first).to_have_text("● hostile@1 · verified", timeout=PATIENCE)
    unfold(widget)
    expect(widget).to_contain_text(TEXTS[10])
    assert [] == page.evaluate(TRACES)

    endpoint = panel(page)
    endpoint.get_by_role("list", name="Endpoints").get_by_role("button", name=re.compile("^hostile ")).click()
    expect(endpoint.get_by_role("list", name="Releases, newest first")).to_be_visible()
    unfold(endpoint)
    expect(endpoint.get_by_role("log")).to_contain_text(TEXTS[0])
    assert [] == page.evaluate(TRACES)

    page.get_by_role("button", name="Deploy", exact=True).click()
    form = page.get_by_role("dialog")
    form.get_by_role("radio", name=re.compile("hostile")).check()
    expect(form.get_by_role("region", name="What would be deployed")).to_contain_text("Contract", timeout=PATIENCE)
    unfold(form)
    expect(form).to_contain_text(TEXTS[10])
    assert [] == page.evaluate(TRACES)

    alone = fresh()
    alone.goto(widget.get_by_role("link").inner_text())
    alone.get_by_label("Your key").fill(secret("hostile"))
    alone.keyboard.press("Enter")
    alone.get_by_role("button", name="Try", exact=True).click()
    expect(alone.locator("#status")).to_contain_text("by hostile@1")
    expect(alone.locator("#columns")).to_contain_text(TEXTS[10])
    assert [] == alone.evaluate(TRACES)
