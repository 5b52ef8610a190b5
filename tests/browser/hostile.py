"""Notebooks that try to do something as they are opened, before anybody has run a cell of theirs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import nbformat
from nbformat import NotebookNode

from jupyter_deploy.adapters.widgets.metrics import EndpointWidget
from tests.browser.lab import KERNEL

HIT = "window.injected=1,alert(1)"
WIDGET = "application/vnd.jupyter.widget-view+json"
STATE = "application/vnd.jupyter.widget-state+json"
OURS = "application/vnd.jupyterlab-deploy.view+json"
MODEL = "0123456789abcdef0123456789abcdef"


def notebooks(endpoint: str, api: str) -> Iterator[NotebookNode]:
    """Make 50 notebooks.

    Args:
        endpoint: The URL of an endpoint that a call would reach.
        api: The URL of the Jupyter server's part, for calls that change something.

    Yields:
        Notebooks.
    """
    for markup in _markup(endpoint, api):
        yield _notebook(_output({"text/html": markup, "text/plain": "ep"}))
        yield _notebook(_output({OURS: {}, WIDGET: _view(), "text/html": markup, "text/plain": "ep"}))
        yield _notebook(nbformat.v4.new_markdown_cell(markup))
        yield _notebook(
            _output({"text/markdown": markup, "image/svg+xml": f"<svg xmlns='http://www.w3.org/2000/svg'>{markup}</svg>"})
        )
    script = f"fetch('{api}/endpoints/victim/stop', {{method: 'POST'}}); {HIT}"
    yield _notebook(_output({"application/javascript": script, "text/plain": "ep"}))
    yield with_code(script)
    yield _notebook(_output({OURS: {}, WIDGET: _view(), "text/html": "ep", "text/plain": "ep"}), state=_ours(endpoint))
    yield _notebook(_output({"text/latex": f"$\\href{{javascript:{HIT}}}{{ep}}$", "text/plain": "ep"}))
    yield _notebook(nbformat.v4.new_code_cell("%load_ext jupyter_deploy\n%deploy model"))
    yield _notebook(nbformat.v4.new_code_cell("%deploy model", metadata={"trusted": True, "tags": ["execute", "autorun"]}))


def with_code(script: str) -> NotebookNode:
    """Make a notebook that has saved a widget with its code.

    Args:
        script: What runs once the widget is made.

    Returns:
        The notebook.
    """
    return _notebook(_output({WIDGET: _view(), "text/plain": "ep"}), state=_anywidget(f"{script}; export default {{}}"))


def _markup(endpoint: str, api: str) -> tuple[str, ...]:
    stop = f"{api}/endpoints/victim/stop"
    return (
        f"<script>{HIT}</script>",
        f"<img src=x onerror='{HIT}'>",
        f"<img src='{endpoint}predict'>",
        f"<img src='{api}/summary'><link rel=stylesheet href='{api}/summary'>",
        f"<iframe src='{endpoint}'></iframe><object data='{endpoint}'></object><embed src='{endpoint}'>",
        f"<iframe srcdoc='<script>parent.{HIT}</script>'></iframe>",
        f"<form action='{stop}' method=post><input autofocus onfocus='this.form.submit()'></form>",
        f"<style>@import '{api}/summary'; body {{ background: url({endpoint}) }}</style><i style=background:url({endpoint})>ep",
        f"<meta http-equiv=refresh content='0;url={endpoint}'><base href='{endpoint}'>",
        f"<video autoplay poster='{endpoint}' src='{endpoint}'></video><audio autoplay src='{endpoint}'></audio>",
        f"<div class=jd-widget data-commandlinker-command='jupyterlab-deploy:deploy' onmouseover='{HIT}'>ep</div>",
    )


def _notebook(*cells: NotebookNode, state: dict[str, Any] | None = None) -> NotebookNode:
    widgets = {"widgets": {STATE: {"version_major": 2, "version_minor": 0, "state": state}}} if state else {}
    return nbformat.v4.new_notebook(cells=[*cells, nbformat.v4.new_code_cell("")], metadata={**KERNEL, **widgets})


def _output(data: dict[str, Any]) -> NotebookNode:
    shown = nbformat.v4.new_output("display_data", data=data, metadata={"trusted": True, "isolated": False})
    return nbformat.v4.new_code_cell("ep", outputs=[shown], execution_count=1, metadata={"trusted": True})


def _view() -> dict[str, Any]:
    return {"version_major": 2, "version_minor": 0, "model_id": MODEL}


def _anywidget(script: str, **more: Any) -> dict[str, Any]:
    """Write down the state of a widget whose code stands in the notebook."""
    named = {
        name: trait.default_value for name, trait in EndpointWidget.class_traits().items() if name.startswith(("_model", "_view"))
    }
    state = {**named, "_anywidget_id": "jupyter_deploy.adapters.widgets.metrics.EndpointWidget", "_esm": script, "_css": "", **more}
    parts = {f"model_{part}": named[f"_model_{part}"] for part in ("module", "module_version", "name")}
    return {MODEL: {**parts, "state": {"layout": None, **state}}}


def _ours(endpoint: str) -> dict[str, Any]:
    """Write down this project's own widget, as if it showed the endpoint."""
    release = {"endpoint": "victim", "number": 1, "state": "serving", "created": 0, "capture": "", "stages": [], "findings": []}
    known = {"name": "victim", "url": endpoint, "answering": 1, "state": "verified"}
    shown = {"endpoint": known, "release": release, "about": "", "note": "", "now": 0}
    details = dict.fromkeys(("findings", "contract", "call"), f"<img src='{endpoint}' onerror='{HIT}'>")
    return _anywidget(EndpointWidget._esm, shown=shown, details=details, home="")
