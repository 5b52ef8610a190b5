"""What a refresh of the live widget takes in the kernel, beside a figure drawn again, and what it adds to the notebook's file."""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

from growth import home_of_bench
from playwright.sync_api import Page
from report import Report, table
from screen import chromium, lab

from tests.browser.lab import PATIENCE, Lab, Notebook

MODEL = """%load_ext jupyter_deploy
def twice(rows: list[float]) -> list[float]:
    return [2 * row for row in rows]

expected = twice([1.0, 2.0])"""
DEPLOY = "ep = %deploy twice --workers 1 --compile off"
SAMPLES = 1000  # refreshes
PREPARE = """
import io, json, math, time
import matplotlib
import msgspec
import numpy as np
from IPython.display import Image, display
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from jupyter_deploy.adapters.widgets.metrics import Feed
from jupyter_deploy.values import Sample

widget = ep._card._widget
line = msgspec.json.encode(Sample(at=time.time(), seconds=1.0, requests=200, errors=1, refused=2, rows=800, p50=0.002, p95=0.004,
    p99=0.009, workers=1, queue=3, memory=150_000_000, restarts=0, split={"twice@1": 120, "twice@2": 80}))

class Replay:
    # gives sample after sample as the agent's stream does, as fast as they are taken
    def sample_stream(self, name, patience):
        for at in range(SAMPLES):
            yield msgspec.json.decode(line, type=Sample)

def refresh():
    Feed(widget, Replay(), widget._view, math.inf).run()

figure = Figure(figsize=(12, 3), dpi=100)
FigureCanvasAgg(figure)
x = np.arange(120.0)
drawn = [axes.plot(x, np.random.rand(120))[0] for axes in figure.subplots(1, 4)]
handle = display(Image(data=b"", format="png"), display_id=True)

def redraw():
    for one in drawn:
        one.set_ydata(np.random.rand(120))
    picture = io.BytesIO()
    figure.savefig(picture, format="png")
    handle.update(Image(data=picture.getvalue(), format="png"))

def cost(act, times):
    # milliseconds of CPU of all of the kernel's threads
    began = time.process_time()
    for _ in range(times):
        act()
    time.sleep(0.5)  # the thread that writes to the socket comes after
    return 1000 * (time.process_time() - began) / times
"""
COUNT = """() => {  // counts what the kernel sends to widgets
  window.updates = 0;
  window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.iopubMessage.connect((_, message) => {
    if (message.header.msg_type === 'comm_msg' && message.content.data?.content?.sample) window.updates += 1;
  });
}"""
PICTURE = """() => JSON.stringify(window.jupyterapp.shell.currentWidget.context.model.toJSON()).includes('image/png')"""
"""Whether the output is written to its end, with the picture that a saved notebook keeps."""
RUN = """async code => {
  const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
  const { content } = await kernel.requestExecute({ code, store_history: false }).done;
  return content.status === 'ok' ? '' : (content.traceback ?? []).join('\\n');
}"""


def measure_widget(report: Report, rounds: int) -> None:
    """Measure in one kernel, in turns, while the widget is shown by a page that gets its figures from the kernel.

    Args:
        report: Takes the figures.
        rounds: How often both are measured.
    """
    with home_of_bench(), chromium() as browser, lab(server_part=False) as jupyter:
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        notebook = deployed(page, jupyter)
        run(page, PREPARE.replace("SAMPLES", str(SAMPLES)))
        grown, received = growth(page, jupyter.folder / "bench.ipynb")
        refreshes, redraws = [], []
        for _ in range(rounds):
            refreshes.append(asked(page, jupyter, f"cost(refresh, 1) / {SAMPLES}"))
            redraws.append(asked(page, jupyter, "cost(redraw, 20)"))
        look = asked(page, jupyter, "cost(Feed(widget, widget._client, widget._view, math.inf)._look, 50)")
        notebook.save()
    tell(report, refreshes, redraws, look, grown, received)


def deployed(page: Page, jupyter: Lab) -> Notebook:
    """Deploy in a notebook, and wait until its widget shows a verified release."""
    notebook = Notebook.open(page, jupyter, "bench.ipynb")
    notebook.run(0, MODEL)
    cell = notebook.run(1, DEPLOY)
    cell.get_by_role("status").filter(has_text="verified").first.wait_for(timeout=PATIENCE)
    cell.get_by_role("group", name="figures").wait_for(timeout=PATIENCE)
    page.wait_for_function(PICTURE, timeout=PATIENCE)
    page.evaluate(COUNT)
    return notebook


def growth(page: Page, path: Path) -> tuple[int, int]:
    """Save, refresh again and again, save once more.

    Returns:
        By how many bytes the file has grown, and how many refreshes the page has got.
    """
    before = saved(page, path)
    seen = page.evaluate("window.updates")
    run(page, "refresh()")
    page.wait_for_function(f"() => window.updates >= {seen + SAMPLES}", timeout=PATIENCE)
    return saved(page, path) - before, page.evaluate("window.updates") - seen


def saved(page: Page, path: Path) -> int:
    """Save the notebook, and give its size in bytes."""
    page.evaluate("async () => { await window.jupyterapp.commands.execute('docmanager:save'); }")
    return path.stat().st_size


def run(page: Page, code: str) -> None:
    """Run code in the notebook's kernel without a cell.

    Raises:
        RuntimeError: If it raised.
    """
    if trouble := page.evaluate(RUN, code):
        raise RuntimeError(trouble)


def asked(page: Page, jupyter: Lab, expression: str) -> Any:
    """Give an expression's value in the kernel, which leaves it in a file beside the notebook."""
    run(page, f"open('told.json', 'w').write(json.dumps({expression}))")
    return json.loads((jupyter.folder / "told.json").read_text(encoding="utf-8"))


def tell(report: Report, refreshes: list[float], redraws: list[float], look: float, grown: int, received: int) -> None:
    """Print and note the figures."""
    refresh, redraw = statistics.median(refreshes) + look / 5, statistics.median(redraws)
    print("CPU of the kernel for one refresh, ms")
    rows = [
        ("the widget: one sample, with its share of a look at the endpoint", refresh, max(refreshes) + look / 5),
        ("matplotlib: four small charts, drawn again as one PNG", redraw, max(redraws)),
    ]
    table(("way", "median", "worst round"), rows)
    print(f"The notebook's file after {received} refreshes that the page has got: {grown:+d} bytes\n")
    report.add("widget_refresh_ms", refresh, most=2.0)
    report.add("matplotlib_redraw_ms", redraw)
    report.add("widget_refreshes_received", received, least=SAMPLES)
    report.add("notebook_growth_bytes", grown, most=0)
