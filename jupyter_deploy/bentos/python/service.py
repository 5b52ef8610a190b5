"""The service of a bundle, for `bentoml serve`: what it does is said by the files beside it and done in `endpoint/`."""

from __future__ import annotations

from pathlib import Path

from endpoint import bento, model  # type: ignore[import-not-found]  # stands beside this file in the bundle

FOLDER = Path(__file__).parent
_, CONTRACT, _ = model.read(FOLDER)
Endpoint = bento.decorator(FOLDER)(bento.api_class(CONTRACT, lambda: model.load(FOLDER)))
