"""Saves the models of `MODELS` as MLflow's: `python flow.py FOLDER lr rf text`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import joblib
import mlflow.sklearn

for name in sys.argv[2:]:
    model = joblib.load(Path(os.environ["MODELS"]) / f"{name}.joblib")
    where = str(Path(sys.argv[1]) / name)
    mlflow.sklearn.save_model(model, where, serialization_format="cloudpickle", pip_requirements=["scikit-learn"])
