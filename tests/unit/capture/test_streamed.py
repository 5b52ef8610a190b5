"""Generators: the contract says that their answers can be sent piece by piece, and golden rows hold the list of the pieces."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

MODELS = {
    "generator": "def model(text: str):\n    yield from text.split()",
    "asynchronous generator": "async def model(text: str):\n    for one in text.split():\n        yield one",
    "object": "class Words:\n    def __call__(self, text: str):\n        yield from text.split()\nmodel = Words()",
    "wrapped": (
        "import functools\ndef words(separator, text: str):\n    yield from text.split(separator)\n"
        "model = functools.partial(words, ' ')"
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_a_generator_is_streamed(name: str, session: Any, replay: Any) -> None:
    """A generator of any kind is told as one, and answers in a fresh interpreter with the list of what it yielded."""
    session.run(MODELS[name], "model('one two')")
    taken = session.capture("model")
    (golden,) = json.loads((Path(taken.folder) / "golden.json").read_bytes())

    assert [True] == [one.output.streamed for one in taken.contract.methods]
    assert [["one", "two"]] == golden["answers"]
    assert [] == replay(taken)


def test_a_method_of_a_class_is_streamed(session: Any, replay: Any) -> None:
    """Of an object's methods those that are generators are streamed, and others are not."""
    session.run(
        "class Writer:\n"
        "    def predict(self, text: str):\n        yield from text.split()\n"
        "    def transform(self, text: str) -> str:\n        return text.upper()\n"
        "writer = Writer()",
        "list(writer.predict('one two'))\nwriter.transform('one')",
    )
    taken = session.capture("writer")

    assert {"predict": True, "transform": False} == {one.name: one.output.streamed for one in taken.contract.methods}
    assert [] == replay(taken)


def test_a_function_is_not_streamed(session: Any) -> None:
    """A function that gives its answer whole is as before."""
    session.run("def model(text: str) -> list[str]:\n    return text.split()", "model('one two')")

    assert [False] == [one.output.streamed for one in session.capture("model").contract.methods]
