"""The first step: from a live variable to a `Capture`; it runs in the kernel, and it alone needs the live objects.

`variable.py` composes the others, in order: `cells.py` reads the executed cells; `pickling/` takes the model out of the kernel;
`leaks/` looks for secrets before anything is written; `sources.py` copies the modules beside the notebook; `asking/` asks the
model, for contract and golden rows; `saving.py` keeps the model's own format where that answers alike; `noticing/` says what a
person should know; `report.py` lists what was taken along.
"""

from jupyter_deploy.capture.asking.contract import MISSING
from jupyter_deploy.capture.variable import Terms, capture

__all__ = ["MISSING", "Terms", "capture"]
