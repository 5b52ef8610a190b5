"""Which release of an endpoint somebody means who wants another one to answer."""

from __future__ import annotations

from jupyter_deploy import errors, routing
from jupyter_deploy.values import Endpoint, Release


def older(endpoint: Endpoint, to: int | None) -> Release:
    """Choose the release to roll back to.

    Args:
        endpoint: The endpoint with all of its releases.
        to: The release's number; the newest one below the answering one that has served where None.

    Returns:
        The release.

    Raises:
        Conflict: If there is none.
    """
    if to is not None:
        return _numbered(endpoint, to)
    served = [one for one in _verified(endpoint) if any(stage.name == "serving" for stage in one.stages)]
    below = [one for one in served if endpoint.answering is None or one.number < endpoint.answering]
    if not below:
        raise errors.Conflict(f"`{endpoint.name}` has no older verified release.", "Deploy the model that you want.")
    return below[0]


def newer(endpoint: Endpoint, to: int | None) -> Release:
    """Choose the release to promote.

    Args:
        endpoint: The endpoint with all of its releases.
        to: The release's number. Where None, the newest one above the answering one; of an endpoint at whose URL nothing verified
            answers, the one that did so last.

    Returns:
        The release.

    Raises:
        Conflict: If there is none.
    """
    if to is not None:
        return _numbered(endpoint, to)
    known = _verified(endpoint)
    if endpoint.answering is not None and endpoint.state == "verified":
        known = [one for one in known if one.number > endpoint.answering][:1]
    if not known:
        hint = f"`jupyter deploy rollback {endpoint.name}` lets an older one answer." if endpoint.answering else ""
        raise errors.Conflict(f"`{endpoint.name}` has no newer verified release.", hint or "Deploy the model that you want.")
    return max(known, key=lambda one: (routing.last_answered(one), one.number))


def _verified(endpoint: Endpoint) -> list[Release]:
    """List what could answer in place of what does; a deploy that is on its way will do so by itself."""
    kept = (endpoint.answering, endpoint.state)
    return [one for one in endpoint.releases if one.verified and one.ended and (one.number, "verified") != kept]


def _numbered(endpoint: Endpoint, number: int) -> Release:
    known = _verified(endpoint)
    chosen = next((one for one in known if one.number == number), None)
    if chosen is None:
        listed = ", ".join(one.tag for one in known) or "none"
        raise errors.Conflict(
            f"`{endpoint.name}@{number}` cannot answer: it is not another verified release.", f"There are: {listed}."
        )
    return chosen
