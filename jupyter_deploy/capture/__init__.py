"""The first step: from a live variable to a `Capture`; it runs in the kernel, and it alone needs the live objects.

`variable.py` composes the others: `objects.py` pickles what is reached, `unpicklable.py` says what cannot be, `sources.py` copies
the modules beside the notebook, `cells.py` reads the executed cells, `calls.py` finds in them what the model was called on,
`contract.py` chooses what to ask the model, `golden.py` asks it. `findings.py` composes what a person should know: `stale.py` on
cells, `files.py`, `environment.py`, `changed.py` on modules, `patches.py`; `provenance.py` tells where it all came from.
"""

from jupyter_deploy.capture.contract import MISSING
from jupyter_deploy.capture.variable import Terms, capture

__all__ = ["MISSING", "Terms", "capture"]
