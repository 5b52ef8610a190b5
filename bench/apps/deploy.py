"""Deploys a workload as a person would and waits for its verified release: `python deploy.py NAME WORKLOAD '{"workers": 1}'`."""

from __future__ import annotations

import json
import sys
from typing import Any

import tables
import workloads

import jupyter_deploy as jd


def example(workload: str) -> Any:
    """Give rows by which the contract is told."""
    if workload == "text":
        return workloads.texts(20)
    if workload == "table":
        return tables.frame(20)
    if workload == "mlp":
        import torch

        return torch.from_numpy(workloads.table(20)).float()
    return workloads.table(20)


name, workload, options = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
model = tables.fit() if workload == "table" else workloads.fit(workload)
if workload != "add":
    options["example"] = example(workload)
endpoint = jd.deploy(model, name=name, wait=True, preview=False, keep=0, folder=".", **options)
print(json.dumps({"url": endpoint.url}))
