"""LitServe as its documentation shows it, one workload at a server: `python lit.py PORT lr`, with `MODELS` as in raw.py.

A slow model answers up to 64 requests in one call; for a quick one the wait for others costs more than it saves.
"""

import itertools
import os
import sys
from pathlib import Path
from typing import Any

import joblib
import litserve
import numpy as np

PORT, NAME = int(sys.argv[1]), sys.argv[2]


class Api(litserve.LitAPI):
    """One workload."""

    def setup(self, device: str) -> None:  # noqa: ARG002 (LitServe gives it)
        """Load the model."""
        self.model = None if NAME == "add" else joblib.load(Path(os.environ["MODELS"]) / f"{NAME}.joblib")

    def decode_request(self, request):  # noqa: ANN001, ANN201 (LitServe takes a type for a schema)
        """Find the rows."""
        return request["rows"]

    def predict(self, rows: list[Any]) -> Any:
        """Predict."""
        if NAME == "add":
            return [row["a"] + row["b"] for row in rows]
        return self.model.predict(rows if NAME == "text" else np.array(rows)).tolist()

    def encode_response(self, output: Any) -> dict[str, Any]:
        """Name the answers."""
        return {"predictions": output}


class Together(Api):
    """One workload, several requests in one call."""

    def batch(self, inputs: list[Any]) -> Any:
        """Join the rows of several requests."""
        self.sizes = [len(rows) for rows in inputs]
        return [row for rows in inputs for row in rows]

    def unbatch(self, output: Any) -> Any:
        """Split the answers again."""
        ends = itertools.accumulate(self.sizes)
        return [output[last - size : last] for last, size in zip(ends, self.sizes, strict=True)]


if __name__ == "__main__":
    api = Together(max_batch_size=64, batch_timeout=0.005) if NAME == "rf" else Api()
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=1)
    server.run(port=PORT, host="127.0.0.1", num_api_servers=1, generate_client_file=False, log_level="warning")
