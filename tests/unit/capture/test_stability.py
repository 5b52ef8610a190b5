"""The same notebook gives the same pickle: in kernels with other hash seeds, and run again in the same one."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("kinds.py")
SPEC = importlib.util.spec_from_file_location("kinds", SCRIPT)
assert SPEC and SPEC.loader
KINDS = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(KINDS)


@pytest.fixture(scope="module")
def digests() -> list[dict[str, list[str]]]:
    """Run every notebook in three interpreters."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3]), "OMP_NUM_THREADS": "1"}
    running = [
        subprocess.Popen([sys.executable, SCRIPT, seed], env={**environment, "PYTHONHASHSEED": seed}, stdout=subprocess.PIPE)
        for seed in ("1", "22", "333")
    ]
    printed = [one.communicate()[0] for one in running]
    assert [0, 0, 0] == [one.returncode for one in running]
    return [json.loads(one) for one in printed]


@pytest.mark.parametrize("name", KINDS.cases())
def test_one_pickle(digests: list[dict[str, list[str]]], name: str) -> None:
    """Three kernels, each before and after the model was used and after the cell ran again, write one pickle."""
    assert 1 == len({digest for kernel in digests for digest in kernel[name]})
