"""What the browser's part costs: its size, how soon the panel is there, what it takes while nothing happens, what a refresh takes.

python bench/lab.py [--quick] [--only size start panel widget] [--endpoints 50]

Drives a real JupyterLab with the system's Chromium. Prints tables and writes `bench/results/lab.json`. Exits 1 where a bar is
missed.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

from live import measure_widget
from report import Report, table
from sidebar import measure_panel

ROOT = Path(__file__).parents[1]
PARTS = ("size", "start", "panel", "widget")
FRONT = {"JupyterLab's extension": "share/jupyter/labextensions/", "the widget": "jupyter_deploy/adapters/widgets/static/"}
START = """
import json, sys, time
from jupyter_server.serverapp import ServerApp
server = ServerApp.instance()
server.initialize(argv=["--ServerApp.port=0", "--allow-root", "--ServerApp.log_level=ERROR"], find_extensions=False)
before = set(sys.modules)
began = time.perf_counter()
import jupyter_deploy
jupyter_deploy._load_jupyter_server_extension(server)
print(json.dumps([time.perf_counter() - began, len(set(sys.modules) - before)]))
"""


def main() -> int:
    """Measure what was asked for.

    Returns:
        0 where every bar holds, 1 otherwise.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer repetitions")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, help="parts to run")
    parser.add_argument("--endpoints", type=int, default=50, help="how many endpoints the panel shows")
    asked, report = parser.parse_args(), Report()
    began, load = time.monotonic(), os.getloadavg()[0]
    if "size" in asked.only:
        measure_size(report)
    if "start" in asked.only:
        measure_start(report, times=3 if asked.quick else 15)
    if "panel" in asked.only:
        loads, rounds, seconds = (3, 2, 10) if asked.quick else (15, 3, 30)
        measure_panel(report, asked.endpoints, loads, rounds, seconds)
    if "widget" in asked.only:
        measure_widget(report, rounds=1 if asked.quick else 5)
    report.show()
    path = report.write("lab", quick=asked.quick, parts=asked.only, load_before=load)
    print(f"{path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path}   {time.monotonic() - began:.0f} s")
    return 0 if all(bar["holds"] for bar in report.bars.values()) else 1


def measure_size(report: Report) -> None:
    """Measure what the wheel has for the browser.

    Args:
        report: Takes the figures.
    """
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder]
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
        (wheel,) = Path(folder).glob("*.whl")
        files = zipfile.ZipFile(wheel).infolist()
        whole = wheel.stat().st_size
    rows = []
    for name, place in FRONT.items():
        parts = [one for one in files if place in one.filename]
        rows.append((name, len(parts), sum(one.file_size for one in parts) / 1000, sum(one.compress_size for one in parts) / 1000))
    print("What the wheel has for the browser, kB")
    table(("part", "files", "as it is", "compressed"), [*rows, ("the whole wheel", len(files), "", whole / 1000)])
    report.add("front_end_mb", sum(row[2] for row in rows) / 1000, most=1.0)
    report.add("front_end_compressed_mb", sum(row[3] for row in rows) / 1000)
    report.add("wheel_mb", whole / 1e6)


def measure_start(report: Report, times: int) -> None:
    """Measure what a Jupyter server's start takes longer for its extension of ours.

    Args:
        report: Takes the figures.
        times: How many servers.
    """
    taken, modules = [], 0
    for _ in range(times):
        with tempfile.TemporaryDirectory() as folder:
            places = {f"JUPYTER_{name}_DIR": f"{folder}/{name.lower()}" for name in ("CONFIG", "DATA", "RUNTIME")}
            told = subprocess.run(
                [sys.executable, "-c", START], env={**os.environ, **places}, check=True, capture_output=True, text=True, cwd=folder
            )
        seconds, modules = json.loads(told.stdout.splitlines()[-1])
        taken.append(1000 * seconds)
    print("The server extension, imported and loaded by a server that has just started, ms")
    table(("servers", "median", "worst", "modules"), [(times, statistics.median(taken), max(taken), modules)])
    report.add("server_extension_start_ms_p50", statistics.median(taken), most=50.0)
    report.add("server_extension_start_ms_worst", max(taken))


if __name__ == "__main__":
    sys.exit(main())
