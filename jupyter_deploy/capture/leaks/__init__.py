"""Secrets: looked for in everything that a capture would write, before it is written."""
