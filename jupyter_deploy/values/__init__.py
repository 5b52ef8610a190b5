"""The values that walk through a deploy, in the order in which they are made.

Capture -> Lock -> Bundle -> Release -> Endpoint, Key -> Sample, Series, Overview

Each is frozen and goes to JSON and back (`to_json`, `from_json`); none does I/O. The contract, the golden rows and the manifest
are shared with the workers, so they are defined beside them, in `bentos/python/endpoint/contract.py`.
"""

from jupyter_deploy.bentos.python.endpoint.contract import (
    Attempt,
    Batching,
    Column,
    Contract,
    Golden,
    Input,
    Manifest,
    Method,
    Output,
)
from jupyter_deploy.values.base import Value, from_json, to_json
from jupyter_deploy.values.bundle import Bundle, Lock, Requirement
from jupyter_deploy.values.capture import Capture, Cell, Finding, History, Provenance, Taken
from jupyter_deploy.values.keys import Grant, Key, KeyInfo, NewKey
from jupyter_deploy.values.observed import Brief, Overview, Sample, Series, Summary
from jupyter_deploy.values.release import (
    ENDED,
    NAME,
    STAGES,
    Difference,
    Endpoint,
    Event,
    Options,
    Release,
    Stage,
    State,
    check_name,
    suggest_name,
)

__all__ = [
    "ENDED", "NAME", "STAGES", "Attempt", "Batching", "Brief", "Bundle", "Capture", "Cell", "Column", "Contract",
    "Difference", "Endpoint", "Event", "Finding", "Golden", "Grant", "History", "Input", "Key", "KeyInfo", "Lock",
    "Manifest", "Method", "NewKey", "Options", "Output", "Overview", "Provenance", "Release", "Requirement", "Sample",
    "Series", "Stage", "State", "Summary", "Taken", "Value", "check_name", "from_json", "suggest_name", "to_json",
]  # fmt: skip
