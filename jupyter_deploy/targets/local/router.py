"""Envoy's configuration, built from values by pure functions; `envoy.py` writes it and waits until it is acknowledged.

Four files: `bootstrap.json` never changes while Envoy runs, `lds.json` holds the port, `cds.json` one cluster per running
release, `rds.json` the routes. A cluster is added or removed, never edited; only `rds.json` moves traffic.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from jupyter_deploy.targets.base import Traffic
from jupyter_deploy.targets.local.replies import local_replies
from jupyter_deploy.values import Options, Value

HEAP = 512 * 1024 * 1024  # bytes; bodies are held whole, so some dozens of the largest must fit
CONNECTIONS = 2000
IN_FLIGHT = 1024  # also the number of retries at a time: Envoy's own 3 loses calls when a worker dies
RETRIES = 8  # with the pauses below they last 0.4 to 0.6 s, longer than a worker needs to be forked again
SLACK = 5.0  # seconds that a worker has to give a call up itself before the router does
BODY_TIME = 10.0  # seconds for a request's body to arrive, where no endpoint has more
SMALL_BODY = 1024 * 1024  # bytes, where no endpoint's own limit holds
ONCE = "connect-failure,refused-stream"
AGAIN = f"{ONCE},reset,retriable-headers"  # `reset`: no byte of the answer has come

STREAMED = {"name": "accept", "string_match": {"contains": "text/event-stream", "ignore_case": True}}
PER_ROUTE = "type.googleapis.com/envoy.extensions.filters.http.buffer.v3.BufferPerRoute"

Config = dict[str, Any]


class Cluster(Value, frozen=True, kw_only=True):
    """One running release, as the router sees it.

    Attributes:
        id: The launch's id.
        sockets: Its workers' Unix sockets.
    """

    id: str
    sockets: tuple[str, ...]


def discovery(version: str, resources: Sequence[Config]) -> Config:
    """Wrap resources as the content of one of the files that Envoy watches.

    Args:
        version: What Envoy acknowledges; must differ from the last one.
        resources: Listeners, clusters or route configurations.

    Returns:
        The file's content.
    """
    return {"version_info": version, "resources": list(resources)}


def bootstrap(folder: Path, admin: Path) -> Config:
    """Build what Envoy starts with.

    Args:
        folder: Where the files that it watches lie.
        admin: Its administration socket; a Unix socket, because whoever reaches it may end Envoy.

    Returns:
        The content of `bootstrap.json`.
    """
    return {
        "node": {"id": "router", "cluster": "jd"},
        "admin": {"address": {"pipe": {"path": str(admin), "mode": 0o600}}},
        "dynamic_resources": {"cds_config": _watched(folder / "cds.json"), "lds_config": _watched(folder / "lds.json")},
        "overload_manager": _overload(),
    }


def listener(folder: Path, port: int, body_time: float = BODY_TIME) -> Config:
    """Build the listener on the public port.

    Args:
        folder: Where `rds.json` lies.
        port: The port, on the loopback interface.
        body_time: Seconds for a request's body to arrive, whatever endpoint it is for.

    Returns:
        The only resource of `lds.json`.
    """
    return {
        "@type": "type.googleapis.com/envoy.config.listener.v3.Listener",
        "name": "main",
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
        "enable_reuse_port": False,  # with it a forgotten Envoy would silently take half of the calls
        "per_connection_buffer_limit_bytes": 32768,
        "filter_chains": [{"filters": [{"name": "http", "typed_config": _connection_manager(folder, body_time)}]}],
    }


def body_time(traffic: Iterable[Traffic]) -> float:
    """Say how long a request's body may take; the listener, which alone can limit it, does not know for whom it is.

    Args:
        traffic: The traffic of every endpoint.

    Returns:
        Seconds, those of the most patient endpoint.
    """
    return max((one.options.body_deadline for one in traffic), default=BODY_TIME)


def body_time_of(listeners: Sequence[Config]) -> float:
    """Read how long a request's body may take.

    Args:
        listeners: The resources of `lds.json`.

    Returns:
        Seconds.
    """
    return (
        BODY_TIME
        if not listeners
        else float(listeners[0]["filter_chains"][0]["filters"][0]["typed_config"]["request_timeout"].rstrip("s"))
    )


def cluster(value: Cluster) -> Config:
    """Build the cluster of one running release.

    Args:
        value: The release.

    Returns:
        One resource of `cds.json`.
    """
    protocol = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
    workers = [{"endpoint": {"address": {"pipe": {"path": path}}}} for path in value.sockets]
    limits = {"max_connections": IN_FLIGHT, "max_pending_requests": IN_FLIGHT, "max_requests": IN_FLIGHT, "max_retries": IN_FLIGHT}
    return {
        "@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster",
        "name": value.id,
        "type": "STATIC",
        "connect_timeout": "1s",
        "lb_policy": "LEAST_REQUEST",
        "load_assignment": {"cluster_name": value.id, "endpoints": [{"lb_endpoints": workers}]},
        "common_lb_config": {"healthy_panic_threshold": {"value": 1}},  # unhealthy workers are better than none
        "circuit_breakers": {"thresholds": [{**limits, "track_remaining": True}]},
        "health_checks": [_health_check()],
        "outlier_detection": {
            "consecutive_5xx": 5, "interval": "1s", "base_ejection_time": "1s", "max_ejection_time": "10s",
            "max_ejection_percent": 50, "enforcing_success_rate": 0, "enforcing_consecutive_5xx": 0,
            "split_external_local_origin_errors": True, "consecutive_local_origin_failure": 5,
        },
        "typed_extension_protocol_options": {
            protocol: {
                "@type": f"type.googleapis.com/{protocol}",
                "common_http_protocol_options": {"idle_timeout": "30s"},  # below the worker's keep-alive
                "explicit_http_config": {"http_protocol_options": {}},
            }
        },
    }  # fmt: skip


def routes(traffic: Iterable[Traffic]) -> Config:
    """Build every route.

    Args:
        traffic: The traffic of every endpoint.

    Returns:
        The only resource of `rds.json`.
    """
    found = [route for one in sorted(traffic, key=lambda one: one.endpoint) for route in _endpoint(one)]
    nowhere = {"name": "nowhere", "match": {"prefix": "/"}, **_unbuffered(), "direct_response": {"status": 404}}
    return {
        "@type": "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
        "name": "main",
        "validate_clusters": True,
        # A worker that is told that a request was tried before can learn whether another one has died of it.
        "virtual_hosts": [{"name": "all", "domains": ["*"], "include_request_attempt_count": True, "routes": [*found, nowhere]}],
    }


def named(traffic: Mapping[str, Traffic]) -> set[str]:
    """List the launches that some traffic goes to.

    Args:
        traffic: The traffic of every endpoint.

    Returns:
        Launch ids.
    """
    return {launch for one in traffic.values() for launch in (*_weighty(one), *one.beside.values())}


def routed(resources: Iterable[Config]) -> set[str]:
    """List the clusters that routes lead to.

    Args:
        resources: The resources of `rds.json`.

    Returns:
        Names of clusters.
    """
    every = [route for one in resources for host in one["virtual_hosts"] for route in host["routes"] if "route" in route]
    return {part["name"] for route in every for part in route["route"]["weighted_clusters"]["clusters"]}


def _weighty(one: Traffic) -> dict[str, int]:
    return {launch: weight for launch, weight in one.weights.items() if weight > 0}  # Envoy refuses a sum of 0


def _endpoint(one: Traffic) -> list[Config]:
    weights = _weighty(one)
    found = [route for segment, launch in one.beside.items() for route in _routes_at(segment, {launch: 100}, one.options)]
    return found + (_routes_at(one.endpoint, weights, one.options) if weights else [_stopped(one.endpoint)] if one.stopped else [])


def _stopped(segment: str) -> Config:
    match = {"path_separated_prefix": f"/{segment}"}
    return {"name": f"{segment} stopped", "match": match, **_unbuffered(), "direct_response": {"status": 503}}


def _routes_at(segment: str, weights: Mapping[str, int], options: Options) -> list[Config]:
    prefix = f"/{segment}/"
    length = {"name": "content-length", "range_match": {"start": options.body_limit + 1, "end": 2**63 - 1}}
    too_large = {"prefix": prefix, "headers": [length]}
    slash = {"path_redirect": prefix, "response_code": "PERMANENT_REDIRECT"}
    return [
        {"name": f"{segment} slash", "match": {"path": f"/{segment}"}, **_unbuffered(), "redirect": slash},
        {"name": f"{segment} too large", "match": too_large, **_unbuffered(), "direct_response": {"status": 413}},
        {
            "name": f"{segment} streams",
            "match": {"prefix": prefix, "headers": [STREAMED]},
            **_buffered(options.body_limit),
            "route": {**_route(weights, options), "timeout": "0s"},  # the idle time bounds each item
        },
        {"name": segment, "match": {"prefix": prefix}, **_buffered(options.body_limit), "route": _route(weights, options)},
    ]


def _route(weights: Mapping[str, int], options: Options) -> Config:
    one_try = options.deadline + SLACK
    whole = 2 * one_try
    return {
        "prefix_rewrite": "/",
        "timeout": _seconds(whole),
        "idle_timeout": _seconds(whole + SLACK),
        "weighted_clusters": {"clusters": [{"name": launch, "weight": weight} for launch, weight in weights.items()]},
        "retry_policy": _retries(options.retry, one_try),
    }


def _retries(again: bool, one_try: float) -> Config:
    predicate = "envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"
    return {
        "retry_on": AGAIN if again else ONCE,
        "retriable_headers": [{"name": "jd-retry", "present_match": True}],  # a full worker answers 503 with this header
        "num_retries": RETRIES,
        "per_try_timeout": _seconds(one_try),
        "retry_back_off": {"base_interval": "0.010s", "max_interval": "0.250s"},
        "retry_host_predicate": [
            {"name": "envoy.retry_host_predicates.previous_hosts", "typed_config": {"@type": f"type.googleapis.com/{predicate}"}}
        ],
        "host_selection_retry_max_attempts": 3,
    }


def _connection_manager(folder: Path, body_time: float) -> Config:
    http = "type.googleapis.com/envoy.extensions.filters"
    return {
        "@type": f"{http}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "in",
        "generate_request_id": True,  # the router's own replies and the worker's then carry the same one
        "preserve_external_request_id": True,
        "server_header_transformation": "PASS_THROUGH",
        "use_remote_address": True,
        "skip_xff_append": True,
        "normalize_path": True,
        "merge_slashes": True,
        "path_with_escaped_slashes_action": "REJECT_REQUEST",
        "max_request_headers_kb": 16,
        "common_http_protocol_options": {
            "idle_timeout": "300s", "max_headers_count": 64, "headers_with_underscores_action": "REJECT_REQUEST",
        },
        "request_headers_timeout": "10s",
        "request_timeout": _seconds(body_time),
        "stream_idle_timeout": "120s",
        "local_reply_config": local_replies(),
        "rds": {"route_config_name": "main", "config_source": _watched(folder / "rds.json")},
        "http_filters": [
            # The whole body first: a worker never meets a slow caller.
            {"name": "buffer", "typed_config": {"@type": f"{http}.http.buffer.v3.Buffer", "max_request_bytes": SMALL_BODY}},
            {"name": "router", "typed_config": {"@type": f"{http}.http.router.v3.Router", "suppress_envoy_headers": True}},
        ],
    }  # fmt: skip


def _health_check() -> Config:
    return {
        "timeout": "2s", "interval": "1s", "unhealthy_threshold": 2, "healthy_threshold": 1,
        "no_traffic_interval": "1s",  # Envoy's own 60 s keep a fresh release out of service when its first check fails
        "http_health_check": {"path": "/readyz", "host": "jd"},
    }  # fmt: skip


def _overload() -> Config:
    kind, monitor = "type.googleapis.com/envoy.extensions.resource_monitors", "envoy.resource_monitors"
    heap = {"@type": f"{kind}.fixed_heap.v3.FixedHeapConfig", "max_heap_size_bytes": HEAP}
    callers = {
        "@type": f"{kind}.downstream_connections.v3.DownstreamConnectionsConfig", "max_active_downstream_connections": CONNECTIONS,
    }  # fmt: skip
    return {
        "refresh_interval": "0.25s",
        "resource_monitors": [
            {"name": f"{monitor}.fixed_heap", "typed_config": heap},
            {"name": f"{monitor}.global_downstream_max_connections", "typed_config": callers},
        ],
        "actions": [_action("shrink_heap", 0.80), _action("stop_accepting_requests", 0.95)],
    }


def _action(name: str, threshold: float) -> Config:
    trigger = {"name": "envoy.resource_monitors.fixed_heap", "threshold": {"value": threshold}}
    return {"name": f"envoy.overload_actions.{name}", "triggers": [trigger]}


def _watched(path: Path) -> Config:
    return {"resource_api_version": "V3", "path_config_source": {"path": str(path)}}


def _buffered(limit: int) -> Config:
    return {"typed_per_filter_config": {"buffer": {"@type": PER_ROUTE, "buffer": {"max_request_bytes": limit}}}}


def _unbuffered() -> Config:
    return {"typed_per_filter_config": {"buffer": {"@type": PER_ROUTE, "disabled": True}}}  # else the body is read before the reply


def _seconds(value: float) -> str:
    return f"{value:.3f}s"
