"""The pictures of the documents: panel, form and widget, light and dark; `make pictures` puts them where they are shown."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Locator, expect

import jupyter_deploy as jd
from tests.browser.lab import PATIENCE, Lab, Notebook, panel

MODEL = """import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

%load_ext jupyter_deploy
customers = pd.DataFrame({
    "plan": ["basic", "plus", "pro", "plus"] * 50,
    "months": [3, 14, 40, 7] * 50,
    "tickets": [4, 0, 1, 6] * 50,
})
left = [True, False, False, True] * 50
churn = make_pipeline(
    make_column_transformer((OneHotEncoder(), ["plan"]), remainder="passthrough"), LogisticRegression()
).fit(customers, left)"""
DEPLOY = "ep = %deploy churn"
SECONDS = 80 if "PICTURES" in os.environ else 1  # of calls, for charts that people see something in
CALLS = f"""import random, time
end = time.time() + {SECONDS}
while time.time() < end:
    ep.predict(customers.sample(random.randrange(1, 20)))
    time.sleep(random.random() / 10)"""
LARGEST = 150_000  # bytes


def keep(folder: Path, name: str, picture: bytes) -> None:
    """Write a picture with few colours, which is small."""
    path = folder / f"{name}.png"
    Image.open(io.BytesIO(picture)).convert("RGB").quantize(128, dither=Image.Dither.NONE).save(path, optimize=True)
    assert path.stat().st_size < LARGEST, path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the pictures are written: `PICTURES`, or a folder that is thrown away."""
    return Path(os.environ.get("PICTURES", tmp_path))


def test_the_pictures(open_notebook: Callable[..., Notebook], lab: Lab, folder: Path) -> None:
    """Each can be taken, and is small."""
    notebook = open_notebook("churn.ipynb", width=1280, height=860)
    page = notebook.page
    page.keyboard.press("Control+b")  # the file browser away
    notebook.run(0, MODEL)
    cell = notebook.run(1, DEPLOY)
    widget = cell.get_by_role("group", name="endpoint")
    expect(widget.get_by_role("status").first).to_have_text("● churn@1 · verified", timeout=PATIENCE)
    jd.deploy(sorted, name="ranking", example=[3.0, 1.0], wait=True)
    notebook.run(2, CALLS)
    expect(widget.get_by_label("now", exact=True)).to_contain_text(re.compile(r"rate[1-9]"))
    found = panel(page)
    expect(found.get_by_role("listitem").filter(has_text="churn@1")).to_contain_text(re.compile(r"[1-9][\d.,]*/s"))
    for theme, name in (("JupyterLab Dark", "dark"), ("JupyterLab Light", "light")):
        notebook.theme(theme)
        widget.scroll_into_view_if_needed()
        expect(widget.locator("canvas").first).to_be_visible()
        keep(folder, f"widget-{name}", widget.screenshot(animations="disabled"))
        cell.evaluate("cell => cell.scrollIntoView()")
        keep(folder, f"lab-{name}", page.screenshot(animations="disabled"))
        form(notebook, folder, f"form-{name}")
        open_endpoint(found, "churn")
        keep(folder, f"panel-{name}", found.screenshot(animations="disabled"))
        found.get_by_role("button", name="Endpoints").first.click()


def form(notebook: Notebook, folder: Path, name: str) -> None:
    """Take a picture of the form, filled in and checked."""
    notebook.page.get_by_role("button", name="Deploy", exact=True).click()
    dialog = notebook.page.get_by_role("dialog")
    dialog.get_by_role("radio", name=re.compile("^churn")).check()
    expect(dialog.get_by_role("region", name="What would be deployed")).to_contain_text("Packages", timeout=PATIENCE)
    keep(folder, name, dialog.locator(".jp-Dialog-content").screenshot(animations="disabled"))
    dialog.get_by_text("Cancel", exact=True).click()
    expect(dialog).to_have_count(0)


def open_endpoint(found: Locator, name: str) -> None:
    """Open an endpoint, until its figures are there."""
    found.get_by_role("list", name="Endpoints").get_by_role("button", name=re.compile(f"^{name} ")).click()
    endpoint = found.get_by_role("region", name=f"Endpoint {name}")
    expect(endpoint.get_by_role("list", name="Releases, newest first")).to_be_visible()
