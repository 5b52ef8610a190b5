"""How long a deploy takes, and what callers notice of it, with peers in the same run.

python bench/deploy.py [--peers PYTHON] [--seconds 60] [--quick] [--only cells|rest|traffic]

Prints tables and writes `bench/results/deploy.json`. Exits 1 where a bar is missed, so that a program sees it too.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from cells import measure_deploys, measure_rest
from report import Report
from traffic import measure_traffic

PARTS = ("rest", "cells", "traffic")


def main() -> int:
    """Measure what was asked for.

    Returns:
        0 where every bar holds, 1 otherwise.
    """
    asked = arguments()
    began, report = time.monotonic(), Report()
    if "rest" in asked.only:
        measure_rest(report, times=2 if asked.quick else 10)
    if "cells" in asked.only:
        measure_deploys(report, asked.peers, times=4 if asked.quick else 20, first_times=1 if asked.quick else 3)
    if "traffic" in asked.only:
        measure_traffic(report, asked.seconds)
    report.show()
    path = report.write("deploy", seconds_each=asked.seconds, quick=asked.quick, parts=asked.only)
    print(f"{path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path}   {time.monotonic() - began:.0f} s")
    return 0 if all(bar["holds"] for bar in report.bars.values()) else 1


def arguments() -> argparse.Namespace:
    """Read the command line.

    Returns:
        `peers`, `seconds`, `quick` and `only`.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    peers = "the interpreter of the environment that holds the peers"
    parser.add_argument("--peers", type=lambda text: Path(text).absolute(), help=peers)  # peers run in folders of their own
    parser.add_argument("--seconds", type=float, default=60.0, help="how long each experiment with traffic lasts")
    parser.add_argument("--quick", action="store_true", help="fewer repetitions")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, help="parts to run")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
