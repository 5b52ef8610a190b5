"""Hostile bodies for one's own endpoint: `bodies` makes them, `attack` sends them, `report` says what came of it."""
