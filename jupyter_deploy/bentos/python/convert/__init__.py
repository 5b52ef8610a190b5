"""Converts a model, in the release's own environment with what converts beside it; no part of a bundle."""
