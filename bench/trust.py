"""What a deploy costs as things grow: endpoints, releases, models, packages; capture, lock, environment, memory.

python bench/trust.py [--peers PYTHON] [--quick] [--only capture|packages|endpoints|releases|models|memory]

Prints tables and writes `bench/results/trust.json`. Exits 1 where a bar is missed, so that a program sees it too.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from growth import measure_endpoints, measure_memory, measure_models, measure_releases
from report import Report
from steps import measure_captures, measure_packages

PARTS = ("capture", "packages", "endpoints", "releases", "models", "memory")


def main() -> int:
    """Measure what was asked for.

    Returns:
        0 where every bar holds, 1 otherwise.
    """
    asked = arguments()
    began, report = time.monotonic(), Report()
    if "capture" in asked.only:
        measure_captures(report, times=3 if asked.quick else 7, large=10**8 if asked.quick else 10**9)
    if "packages" in asked.only:
        measure_packages(report, (5, 70) if asked.quick else (5, 70, 200))
    if "endpoints" in asked.only:
        measure_endpoints(report, (1, 5) if asked.quick else (1, 10, 50))
    if "releases" in asked.only:
        measure_releases(report, (1, 10, 100) if asked.quick else (1, 100, 1000))
    if "models" in asked.only:
        measure_models(report, (10**6, 10**8) if asked.quick else (10**6, 10**8, 10**9))
    if "memory" in asked.only:
        measure_memory(report, asked.peers)
    report.show()
    path = report.write("trust", quick=asked.quick, parts=asked.only)
    print(f"{path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path}   {time.monotonic() - began:.0f} s")
    return 0 if all(bar["holds"] for bar in report.bars.values()) else 1


def arguments() -> argparse.Namespace:
    """Read the command line.

    Returns:
        `peers`, `quick` and `only`.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    peers = "the interpreter of the environment that holds the peers"
    parser.add_argument("--peers", type=lambda text: Path(text).absolute(), help=peers)
    parser.add_argument("--quick", action="store_true", help="smaller numbers and fewer repetitions")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, help="parts to run")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
