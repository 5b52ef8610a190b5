"""Values go to JSON and back, and names are checked where they come in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_deploy import errors
from jupyter_deploy.values import NAME, Cell, Difference, Release, Stage, check_name, from_json, suggest_name, to_json


def release() -> Release:
    """Make a release that uses every kind of field."""
    stage = Stage(name="preview", started=1.5, seconds=0.25, detail="answers")
    differs = Difference(method="predict", row=3, expected="1", got="2")
    return Release(
        endpoint="churn",
        number=7,
        state="refused",
        created=1.0,
        capture="c0ffee",
        stages=(stage,),
        reason="it differs",
        differences=(differs,),
    )


def test_a_value_comes_back_from_its_json() -> None:
    """Writing a value and reading it again gives an equal value."""
    assert release() == from_json(to_json(release()), Release)


def test_a_wrong_field_is_named_with_its_place() -> None:
    """JSON of another shape is refused with the path to the field."""
    with pytest.raises(errors.BadInput) as caught:
        from_json(b'{"id": 1, "source": "", "why": ""}', Cell)

    assert "This is not a Cell: Expected `str`, got `int` - at `$.id`." == str(caught.value)


def test_a_release_is_named_by_endpoint_and_number() -> None:
    """People read `churn@7`."""
    assert "churn@7" == release().tag


@pytest.mark.parametrize("name", ["a", "churn", "churn-2", "a" * 40, "x9"])
def test_a_good_name_is_taken(name: str) -> None:
    """A name that can stand in a URL comes back unchanged."""
    assert name == check_name(name)


@pytest.mark.parametrize("name", ["", "Churn", "2churn", "churn-", "a" * 41, "a_b", "ä", "a/b", "a\n", "../x"])
def test_a_bad_name_is_refused_with_a_good_one(name: str) -> None:
    """The message says the rule and the hint gives a name that would be taken."""
    with pytest.raises(errors.BadName) as caught:
        check_name(name)

    assert "cannot be an endpoint's name" in caught.value.message
    assert caught.value.hint.split("`")[1] == check_name(caught.value.hint.split("`")[1])


def test_letters_with_marks_keep_their_plain_form() -> None:
    """A name in another language is suggested as it would be written without marks."""
    assert ["prix-ete", "grosse"] == [suggest_name(one) for one in ("prix_été", "Größe")]


@given(st.text())
def test_every_text_suggests_a_valid_name(text: str) -> None:
    """Whatever a variable is called, a valid name can be made out of it."""
    assert NAME.fullmatch(suggest_name(text))
