"""Run an example notebook through a real kernel, then call what it deployed as any other program would.

python examples/demo.py
"""

from __future__ import annotations

import time
from pathlib import Path

import httpx
import nbformat
from nbclient import NotebookClient

from jupyter_deploy.agent.lifecycle import connect
from jupyter_deploy.values import Endpoint

NOTEBOOK = Path(__file__).parent / "classifier" / "wine.ipynb"
NAME = "wine"
QUIET = ["--IPKernelApp.log_level=ERROR"]


def main() -> None:
    """Execute, call, tell."""
    began = time.monotonic()
    print(f"Executing {NOTEBOOK.name} in a kernel of its own: it fits a classifier, runs `%deploy model --name {NAME}` and waits …")
    execute()
    print(f"Done after {time.monotonic() - began:.1f} s.\n")

    endpoint = connect(start=False).endpoint(NAME)
    tell_call(endpoint)
    tell_stages(endpoint)
    print(f"""The notebook's kernel is gone; the endpoint goes on. From here:
  make lab                                    the example notebooks in JupyterLab (open {NOTEBOOK.parent.name}/{NOTEBOOK.name})
  {endpoint.url:<43} a page to read and try, in a browser
  .venv/bin/jupyter deploy status {NAME:<11} how it is
  .venv/bin/jupyter deploy remove {NAME:<11} the end of it""")


def execute() -> None:
    """Run the notebook from top to bottom."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    resources = {"metadata": {"path": str(NOTEBOOK.parent)}}
    NotebookClient(notebook, timeout=600, resources=resources, extra_arguments=QUIET).execute()


def tell_call(endpoint: Endpoint) -> None:
    """Send one row over HTTP and print what comes back."""
    if endpoint.contract is None:
        raise SystemExit(f"`{NAME}` has no contract; `jupyter deploy status {NAME}` says why.")
    method = endpoint.contract.methods[0]
    row = {column.name: column.example for column in method.input.columns}
    key = Path(endpoint.key_file).read_text(encoding="ascii").strip()

    with httpx.Client(trust_env=False, headers={"Authorization": f"Bearer {key}"}) as http:  # no proxy on the way to loopback
        began = time.perf_counter()
        answer = http.post(endpoint.url + method.name, json={"rows": [row]})
        seconds = time.perf_counter() - began

    answer.raise_for_status()
    print(f"POST {endpoint.url}{method.name}   (key from {endpoint.key_file})")
    print(f"  {row}")
    print(f"{answer.status_code} in {1000 * seconds:.1f} ms   {answer.text}")
    print(f"jd-release: {answer.headers['jd-release']}")
    print(f"jd-state: {answer.headers['jd-state']}\n")


def tell_stages(endpoint: Endpoint) -> None:
    """Print how long each stage of the newest release took."""
    release = endpoint.releases[0]
    print(f"Stages of {release.tag}:")
    for stage in release.stages:
        print(f"  {stage.name:<12} {stage.seconds or 0:6.2f} s  {stage.detail}")
    print()


if __name__ == "__main__":
    main()
