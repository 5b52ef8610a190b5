"""How soon the panel is there, and what it takes while it is looked at and nothing happens."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping

import psutil
from growth import deploy, home_of_bench
from models import Small
from playwright.sync_api import Page
from report import Report, quantile, table
from screen import chromium, lab

PANEL = "jupyterlab-deploy-panel"
TAB = f'.jp-SideBar [data-id="{PANEL}"]'
WATCH = """(() => {  // notes when JupyterLab has restored itself, and when the panel first has its rows; looks once a frame
  const seen = (window.seen = {});
  const look = () => {
    const app = window.jupyterapp;
    if (app && !seen.asked) {
      seen.asked = true;
      app.restored.then(() => { seen.lab = performance.now(); });
    }
    if (!seen.panel && document.querySelectorAll('#jupyterlab-deploy-panel .jp-deploy-open').length >= COUNT) {
      seen.panel = performance.now();
    }
    if (!seen.lab || !seen.panel) requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})()"""
PARTS = ("agent", "Jupyter server", "page", "rest of the browser")
SETTLE = 8.0  # seconds until a page that was loaded, or a panel that was shown, is at rest
PATIENCE = 120_000.0  # milliseconds


def measure_panel(report: Report, endpoints: int, loads: int, rounds: int, seconds: float) -> None:
    """Measure the panel over real endpoints, each a verified release with one worker.

    Args:
        report: Takes the figures.
        endpoints: How many.
        loads: How often the page is loaded.
        rounds: How often the panel is hidden and shown.
        seconds: How long each time.
    """
    with home_of_bench() as (_, client), chromium() as browser, lab() as jupyter:
        for number in range(endpoints):
            deploy(Small(number + 1.0), f"bench-{number}")
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        page.goto(f"{jupyter.url}/lab?token={jupyter.token}")
        page.wait_for_selector("#jupyterlab-splash", state="detached", timeout=PATIENCE)
        with page.expect_response(lambda answer: "/api/workspaces/" in answer.url and answer.request.method == "PUT"):
            page.click(TAB)  # JupyterLab remembers that it is open
        page.wait_for_selector(f"#{PANEL} .jp-deploy-open", timeout=PATIENCE)
        tell_ready(report, page, f"{jupyter.url}/lab", min(endpoints, 50), loads)
        tell_idle(report, page, {"agent": int(client.status()["pid"]), "Jupyter server": jupyter.process.pid}, rounds, seconds)
    report.add("panel_endpoints", endpoints)


def tell_ready(report: Report, page: Page, url: str, rows: int, loads: int) -> None:
    """Measure how long after JupyterLab the panel is there, in a page that had it open when it was left.

    Args:
        report: Takes the figures.
        page: The browser's page.
        url: Where JupyterLab is.
        rows: How many rows the panel has.
        loads: How often the page is loaded.
    """
    page.add_init_script(WATCH.replace("COUNT", str(rows)))
    labs, later = [], []
    for _ in range(loads):
        page.goto(url)
        page.wait_for_function("() => window.seen.lab && window.seen.panel", timeout=PATIENCE)
        seen = page.evaluate("window.seen")
        labs.append(seen["lab"])
        later.append(seen["panel"] - seen["lab"])
    print(f"The panel with {rows} rows, ms after JupyterLab has restored itself (before it, where negative)")
    table(("loads", "median", "p95", "worst", "JupyterLab itself"),
          [(loads, statistics.median(later), quantile(later, 0.95), max(later), statistics.median(labs))])  # fmt: skip
    report.add("panel_ready_after_lab_ms_p50", statistics.median(later), most=300.0)
    report.add("panel_ready_after_lab_ms_worst", max(later))
    report.add("lab_ready_ms_p50", statistics.median(labs))


def tell_idle(report: Report, page: Page, known: Mapping[str, int], rounds: int, seconds: float) -> None:
    """Measure what a visible panel takes beside a hidden one, in turns, while nobody calls anything.

    Args:
        report: Takes the figures.
        page: The browser's page, with the panel open.
        known: The processes' numbers by name.
        rounds: How often.
        seconds: How long each time.
    """
    shares: dict[bool, list[list[float]]] = {True: [], False: []}
    page.context.new_cdp_session(page).send(
        "HeapProfiler.collectGarbage"
    )  # which the browser would do now, as the page was just loaded
    for turn in range(-2, 2 * rounds):
        visible = turn % 2 == 0
        if page.locator(f"#{PANEL}").is_visible() != visible:
            page.click(TAB)
        time.sleep(SETTLE)
        before, began = spent(known), time.monotonic()
        time.sleep(seconds)
        after, took = spent(known), time.monotonic() - began
        if turn >= 0:  # the first of each is not counted: what was loaded is still being compiled and thrown away
            shares[visible].append([100 * (new - old) / took for new, old in zip(after, before, strict=True)])
    shown, hidden = ([statistics.mean(column) for column in zip(*shares[visible], strict=True)] for visible in (True, False))
    cost = [one - other for one, other in zip(shown, hidden, strict=True)]
    print("Percent of a core while nothing happens")
    parts = list(zip(PARTS, shown, hidden, cost, strict=True))
    together = ("these three", *(sum(column[:3]) for column in (shown, hidden, cost)))
    table(("process", "panel visible", "hidden", "the panel's"), [*parts[:3], together, parts[3]])
    for name, visible, _, own in (*parts, together):
        report.add(f"idle_visible_percent: {name}", visible)
        report.add(f"idle_panel_percent: {name}", own, most=1.0 if name == together[0] else None)


def spent(known: Mapping[str, int]) -> list[float]:
    """Read the seconds of CPU that each of `PARTS` has taken.

    Args:
        known: The numbers of the agent's and the server's process.

    Returns:
        User and system time together.
    """
    family = [one for one in psutil.Process().children(recursive=True) if "chrom" in one.name()]
    pages = [one for one in family if "--type=renderer" in one.cmdline()]
    others = [one for one in family if one not in pages]
    groups = [[psutil.Process(known["agent"])], [psutil.Process(known["Jupyter server"])], pages, others]
    return [sum(one.cpu_times().user + one.cpu_times().system for one in group) for group in groups]
