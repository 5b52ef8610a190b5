"""Envoy's configuration as values; whether Envoy takes it is tested with a real one in tests/integration/test_router.py."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from jupyter_deploy.bentos.python.endpoint.problems import TITLES
from jupyter_deploy.targets.base import Traffic
from jupyter_deploy.targets.local import router
from jupyter_deploy.targets.local.replies import REPLIES, local_replies
from jupyter_deploy.values import Options


def found(*traffic: Traffic) -> dict[str, Any]:
    """Give every route by its name."""
    return {route["name"]: route for route in router.routes(traffic)["virtual_hosts"][0]["routes"]}


def test_canary_stays_last() -> None:
    """Weights keep the order in which the traffic names them, because callers that stick to the canary must stay in it."""
    route = found(Traffic(endpoint="churn", weights={"churn@2": 90, "churn@1": 10}))["churn"]

    assert [{"name": "churn@2", "weight": 90}, {"name": "churn@1", "weight": 10}] == route["route"]["weighted_clusters"]["clusters"]


def test_endpoint_without_weights_has_no_route() -> None:
    """An endpoint at which nothing may answer yet has no route, since Envoy refuses a sum of weights of 0."""
    assert ["nowhere"] == list(found(Traffic(endpoint="churn", weights={"churn@1": 0})))


def test_a_stopped_endpoint_answers_for_itself_and_no_other() -> None:
    """Its callers get 503 and not 404, at its own path and below it."""
    routes = found(Traffic(endpoint="churn", stopped=True), Traffic(endpoint="churn-eu"))

    assert ["churn stopped", "nowhere"] == list(routes)
    assert {"path_separated_prefix": "/churn"} == routes["churn stopped"]["match"]
    assert {"status": 503} == routes["churn stopped"]["direct_response"]


def test_beside_has_routes_of_its_own() -> None:
    """A release beside the serving one answers at its own path segment alone."""
    routes = found(Traffic(endpoint="churn", weights={"churn@7": 100}, beside={"churn@8": "churn@8-preview"}))

    assert "/churn@8/" == routes["churn@8"]["match"]["prefix"]
    assert [{"name": "churn@8-preview", "weight": 100}] == routes["churn@8"]["route"]["weighted_clusters"]["clusters"]
    assert [{"name": "churn@7", "weight": 100}] == routes["churn"]["route"]["weighted_clusters"]["clusters"]


def test_side_effects_are_not_repeated() -> None:
    """With `retry = false` a request is repeated only while no worker has seen it."""
    again = found(Traffic(endpoint="a", weights={"a@1": 1}))["a"]["route"]["retry_policy"]["retry_on"]
    once = found(Traffic(endpoint="a", weights={"a@1": 1}, options=Options(retry=False)))["a"]["route"]["retry_policy"]["retry_on"]

    assert "connect-failure,refused-stream,reset,retriable-headers" == again
    assert "connect-failure,refused-stream" == once


def test_limits_come_from_options() -> None:
    """Body limit and deadline of the routes are those of the endpoint, and the worker's own deadline comes first."""
    routes = found(Traffic(endpoint="a", weights={"a@1": 1}, options=Options(body_limit=1000, deadline=3.0)))

    assert 1001 == routes["a too large"]["match"]["headers"][0]["range_match"]["start"]
    assert 1000 == routes["a"]["typed_per_filter_config"]["buffer"]["buffer"]["max_request_bytes"]
    assert "8.000s" == routes["a"]["route"]["retry_policy"]["per_try_timeout"]
    assert "16.000s" == routes["a"]["route"]["timeout"]


def test_named_lists_every_launch() -> None:
    """The launches that some traffic goes to are those with a weight and those beside."""
    traffic = {"a": Traffic(endpoint="a", weights={"a@1": 100, "a@2": 0}, beside={"a@3": "a@3-preview"})}

    assert {"a@1", "a@3-preview"} == router.named(traffic)
    assert {"a@1", "a@3-preview"} == router.routed([router.routes(traffic.values())])


def test_configuration_is_json() -> None:
    """Every part can be written as JSON, with the administration socket never on a port."""
    folder = Path("/somewhere")
    parts = [
        router.bootstrap(folder, folder / "admin.sock"),
        router.discovery("1", [router.listener(folder, 8484)]),
        router.discovery("1", [router.cluster(router.Cluster(id="a@1", sockets=("/somewhere/w0.sock",)))]),
    ]

    assert parts == [json.loads(json.dumps(part)) for part in parts]
    assert {"path": "/somewhere/admin.sock", "mode": 0o600} == parts[0]["admin"]["address"]["pipe"]


def test_replies_are_problem_details() -> None:
    """Each of the router's own replies is a problem with title, status, code and detail."""
    mappers = local_replies()["mappers"]

    assert len(REPLIES) == len(mappers)
    for mapper in mappers:
        body = mapper["body_format_override"]
        assert "application/problem+json" == body["content_type"]
        assert {"type", "title", "status", "code", "detail", "request_id"} == set(body["json_format"])


def test_router_and_workers_call_a_status_the_same() -> None:
    """A caller reads one title a status, whoever refused the request."""
    both = [reply for reply in REPLIES if reply.status in TITLES]

    assert [TITLES[reply.status] for reply in both if reply.status] == [reply.title for reply in both]
    assert {400, 404, 413, 504} <= {reply.status for reply in both}
