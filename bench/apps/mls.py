"""Writes what MLServer serves beside the models of `MODELS`: `python mls.py FOLDER lr rf`."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

for name in sys.argv[2:]:
    folder = Path(sys.argv[1]) / name
    folder.mkdir(parents=True)
    shutil.copy(Path(os.environ["MODELS"]) / f"{name}.joblib", folder / "model.joblib")
    told = {
        "name": name,
        "implementation": "mlserver_sklearn.SKLearnModel",
        "parameters": {"uri": "./model.joblib", "version": "v1"},
    }
    (folder / "model-settings.json").write_text(json.dumps(told))
settings = {"debug": False, "parallel_workers": 0, "metrics_endpoint": None}
(Path(sys.argv[1]) / "settings.json").write_text(json.dumps(settings))
