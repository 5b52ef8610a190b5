"""Errors say what to do next and survive the way over a socket."""

from __future__ import annotations

import pytest

from jupyter_deploy import errors


def test_an_error_shows_its_hint_on_a_line_of_its_own() -> None:
    """The text is the message, then the hint."""
    assert "The port 8484 is taken.\nSet `port`." == str(errors.PortInUse("The port 8484 is taken.", "Set `port`."))


def test_an_error_comes_back_as_its_own_class() -> None:
    """What the agent raised is raised again at the caller."""
    error = errors.Refused("differs", "look")

    again = errors.by_code(error.code, error.message, error.hint)

    assert (errors.Refused, "differs", "look") == (type(again), again.message, again.hint)


def test_an_unknown_code_is_a_plain_error() -> None:
    """A newer agent's error is still readable."""
    assert errors.DeployError is type(errors.by_code("FromTheFuture", "x"))


@pytest.mark.parametrize(
    ("name", "said"), [("fram", "Did you mean `frame`?"), ("zzz", ""), ("modle", "Did you mean `model` or `models`?")]
)
def test_near_names_are_offered(name: str, said: str) -> None:
    """A misspelt name brings the names that come near, an absurd one nothing."""
    assert said == errors.did_you_mean(name, ["model", "models", "frame"])


def test_every_error_is_drawn_in_the_tree() -> None:
    """The module's docstring draws each class with its HTTP status."""
    drawn = errors.__doc__ or ""
    classes = [cls for cls in vars(errors).values() if isinstance(cls, type) and issubclass(cls, errors.DeployError)]

    assert [] == [cls.__name__ for cls in classes if cls.__name__ not in drawn]
