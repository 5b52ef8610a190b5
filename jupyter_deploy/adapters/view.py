"""What people are told about an endpoint and a release, as plain words; the card and the terminal only lay it out."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Iterable, Mapping
from typing import Any, Literal, NamedTuple

import msgspec

from jupyter_deploy.bentos.python.endpoint import schema
from jupyter_deploy.values import STAGES, Capture, Column, Contract, Endpoint, Input, Method, Output, Release, Stage, Value

Mark = Literal["done", "running", "waiting", "wrong", "skipped"]
SIGNS: Mapping[Mark, str] = {"done": "✓", "running": "…", "waiting": "○", "wrong": "✗", "skipped": "-"}
NOT_DONE = ("no preview", "not asked for")  # how the journal's line of a stage begins that was passed over
BRIEF = 160  # characters of a reason in a table
VERBS = "status, logs, releases, golden, history, diff, rollback, cancel, remove"
HELP = f"Deploy with `%deploy EXPRESSION`; verbs: {VERBS}; all of it: `%deploy?`."


class View(Value, frozen=True, kw_only=True):
    """Everything that is shown of one release.

    Attributes:
        endpoint: The endpoint as it is now.
        release: The release to tell about.
        capture: What was captured, where this session knows it.
        example: One row as a caller sends it; made from the contract where None.
        note: One more line, such as that the agent cannot be reached.
    """

    endpoint: Endpoint
    release: Release
    capture: Capture | None = None
    example: Any = None
    note: str = ""

    @property
    def contract(self) -> Contract | None:
        """The release's own contract where it is known, otherwise the endpoint's."""
        return self.capture.contract if self.capture else self.endpoint.contract

    @property
    def state(self) -> str:
        """How the release stands, in one word."""
        return state(self.release, self.endpoint.answering)

    @property
    def url(self) -> str:
        """Where this release answers: at a path of its own while another one answers at the endpoint's URL."""
        return self.release.url or self.endpoint.url


class Step(NamedTuple):
    """One stage as it is shown.

    Attributes:
        name: The stage's name.
        mark: How it stands.
        seconds: How long it took or has been running; None where it did not begin.
        detail: One line more.
    """

    name: str
    mark: Mark
    seconds: float | None
    detail: str


def state(release: Release, answering: int | None) -> str:
    """Say in one word how a release stands.

    Args:
        release: The release.
        answering: The number of the release that answers at the endpoint's URL.

    Returns:
        `verified`, `preview`, `starting`, `refused`, `failed`, `cancelled` or `retired`.
    """
    if release.state == "serving":
        return "verified"
    if release.ended:
        return release.state
    return "preview" if release.url or answering == release.number else "starting"


def brief(reason: str) -> str:
    """Shorten a reason for a table; the card and `status` have the whole of it.

    Args:
        reason: Why a release does not serve.

    Returns:
        Its first line, of at most `BRIEF` characters.
    """
    first = reason.partition("\n")[0]
    return first if len(first) <= BRIEF else f"{first[: BRIEF - 1]}…"


def steps(release: Release, now: float) -> list[Step]:
    """Lay a release's journal along the stages that every release goes through.

    Args:
        release: The release.
        now: Seconds since the epoch.

    Returns:
        One step a stage, in order.
    """
    last = {stage.name: stage for stage in release.stages}
    furthest = max((at for at, name in enumerate(STAGES) if name in last and last[name].seconds is not None), default=0)
    found = []
    for at, name in enumerate(STAGES):
        mark = _mark(last.get(name), at - furthest, release)
        stage = last.get(name)
        seconds = (
            stage.seconds if stage and stage.seconds is not None else now - stage.started if stage and mark == "running" else None
        )
        found.append(Step(name, mark, seconds, stage.detail if stage else ""))
    return found


def _mark(stage: Stage | None, ahead: int, release: Release) -> Mark:
    """Say how a stage stands that lies so many stages ahead of the furthest one in the journal."""
    broken = release.state in {"refused", "failed", "cancelled"}
    if stage is None:  # the journal of a release that ended keeps finished stages alone, so the next one is where it broke
        return "wrong" if broken and ahead == 1 else "skipped" if release.ended or ahead < 0 else "waiting"
    if stage.seconds is None:
        return "wrong" if release.ended else "running"
    return "skipped" if stage.detail.startswith(NOT_DONE) else "done"


def situation(view: View) -> str:
    """Say what callers of the endpoint get at this moment, where that is not plain from the release's own state.

    Args:
        view: What is shown.

    Returns:
        A sentence, or an empty string.
    """
    release, endpoint = view.release, view.endpoint
    if view.state == "starting":
        tried = next((stage for stage in release.stages if stage.name == "preview" and stage.seconds is not None), None)
        return f"Preview: {tried.detail}." if tried else ""
    if endpoint.answering is None or (endpoint.answering == release.number and release.state == "serving"):
        return ""
    tag = f"{endpoint.name}@{endpoint.answering}"
    if endpoint.answering == release.number:
        return f"The unverified preview still answers at {endpoint.url}." if release.ended else ""
    kind = f" ({endpoint.state})" if endpoint.state else ""
    if view.url != endpoint.url and not release.ended:
        return f"This preview answers at a path of its own; {tag}{kind} goes on answering at {endpoint.url}."
    return f"{tag}{kind} goes on answering at {endpoint.url}."


def freshness(view: View, now: float) -> str:
    """Say when a release that is on its way was looked at: a page that is loaded again no longer changes.

    Args:
        view: What is shown.
        now: Seconds since the epoch.

    Returns:
        Such as ``As of 14:03:09. After a reload, `%deploy status churn` shows how it is.``
    """
    clock = time.strftime("%H:%M:%S", time.localtime(now))
    return f"As of {clock}. After a reload of the page, `%deploy status {view.endpoint.name}` shows how it is."


def proof(release: Release) -> str:
    """Say what was compared before the release was let through, and how exactly.

    Args:
        release: The release.

    Returns:
        Such as `200 golden answers reproduced (floats within 1e-06)`; empty before that.
    """
    return next(
        (stage.detail for stage in release.stages if stage.name == "verified" and stage.seconds is not None and release.verified),
        "",
    )


def form(release: Release) -> str:
    """Say whether a faster form of the model answers, and why not.

    Args:
        release: The release.

    Returns:
        Such as `compiled with ONNX Runtime: 12x faster, largest difference 3e-08`; empty where nobody has looked for one.
    """
    found = next((stage for stage in reversed(release.stages) if stage.name == "compiled"), None)
    return "" if found is None else found.detail if found.seconds is not None else "a faster form is being looked for"


def mark(release: Release) -> str:
    """Say how a release is marked.

    Args:
        release: The release.

    Returns:
        That its answers were not compared by value; empty where they were.
    """
    return "non-deterministic: only shapes and types of its answers are compared" if release.nondeterministic else ""


def span(seconds: float) -> str:
    """Write a length of time for people.

    Args:
        seconds: The time in seconds; less than none counts as none.

    Returns:
        Such as `0.35 s`, `12 s`, `2 min 5 s`, `3 h` or `4 d`.
    """
    seconds = max(0.0, seconds)  # the clock may have been set back since
    if seconds < 9.95:
        return f"{seconds:.1g} s" if seconds < 0.095 else f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    if seconds < 3600:
        return f"{int(seconds // 60)} min {int(seconds % 60)} s"
    return f"{seconds / 3600:.0f} h" if seconds < 172_800 else f"{seconds / 86_400:.0f} d"


def size(count: int) -> str:
    """Write a number of bytes for people.

    Args:
        count: Bytes.

    Returns:
        Such as `12 kB` or `3.4 MB`.
    """
    if count < 1_000_000:
        return f"{max(1, round(count / 1000))} kB"
    return f"{count / 1e6:.1f} MB" if count < 1e9 else f"{count / 1e9:.1f} GB"


def golden(capture: Capture) -> str:
    """Say how many golden rows there are and where they were found.

    Args:
        capture: The capture.

    Returns:
        Such as `100 for predict, 100 for predict_proba, from cell 7: model.predict(X_test)`.
    """
    if not any(capture.golden.values()):
        return "none: nothing tells whether the release answers as the notebook does"
    counts = ", ".join(f"{count} for {method}" for method, count in capture.golden.items())
    return f"{counts}, from {capture.golden_origin}" if capture.golden_origin else counts


def shared_inputs(contract: Contract) -> list[tuple[Input, list[Method]]]:
    """Group methods that accept the same, so that a table of columns is shown once.

    Args:
        contract: The contract.

    Returns:
        Each input with its methods, in the contract's order.
    """
    groups: list[tuple[Input, list[Method]]] = []
    for method in contract.methods:
        for known, methods in groups:
            if known == method.input:
                methods.append(method)
                break
        else:
            groups.append((method.input, [method]))
    return groups


def accepts(given: Input) -> str:
    """Say what a method accepts, without listing its columns.

    Args:
        given: The input.

    Returns:
        Such as `table with 4 columns` or `array (rows, 30) of float64`.
    """
    if given.kind in {"frame", "arguments"}:
        noun = "table with" if given.kind == "frame" else "named arguments:"
        return f"{noun} {_counted(len(given.columns), 'column' if given.kind == 'frame' else 'argument')}"
    words = {
        "series": "series",
        "array": f"array {_shape(given.shape)}".rstrip(),
        "sparse": f"{given.name or 'sparse matrix'} {_shape(given.shape)}".rstrip(),
        "list": "list, one element a row",
        "value": "one value",
    }
    return f"{words[given.kind]} of {given.dtype}" if given.dtype else words[given.kind]


def returns(output: Output) -> str:
    """Say what a method returns.

    Args:
        output: The output.

    Returns:
        Such as `probabilities: array (rows, 2) of float64; classes no, yes`.
    """
    text = f"{output.meaning}: {_container(output)}" if output.meaning else _container(output)
    names = output.classes or (output.names if output.kind != "dict" else None)
    return f"{text}; {'classes' if output.classes else 'columns'} {_few(names)}" if names else text


def _container(output: Output) -> str:
    if output.kind == "dict":
        named = zip(output.names or (), output.parts, strict=True)
        return f"dict of {'; '.join(f'{name}: {_container(part)}' for name, part in named)}"
    if output.parts:
        return f"{output.kind} of {'; '.join(_container(one) for one in output.parts)}"
    if output.each is not None:
        return f"list, one {returns(output.each)} a call"
    text: str = {"value": "one value", "sparse": str(output.name or "sparse matrix")}.get(output.kind, output.kind)
    text += f" {_shape(output.shape)}" if output.shape and len(output.shape) > 1 else ""
    text += f" of {output.dtype}" if output.dtype else ""
    text += f", {output.group} for each row" if output.group > 1 else ""
    return text + (f" with {_counted(len(output.columns), 'column')}" if output.columns else "")


def values_of(column: Column) -> str:
    """Say which values of a column were seen.

    Args:
        column: The column.

    Returns:
        Such as `0 to 99, may be missing` or `a, b, c`.
    """
    parts = []
    if column.categories is not None:
        parts.append(_few(column.categories))
    elif column.minimum is not None and column.maximum is not None:
        parts.append(f"{_plain(column.minimum)} to {_plain(column.maximum)}")
    if column.optional:
        known = column.default is not msgspec.UNSET
        parts.append(f"{json.dumps(column.default, ensure_ascii=False)} unless given" if known else "optional")
    if column.nullable:
        parts.append("may be missing")
    return ", ".join(parts)


def curl(view: View, key_file: str = "") -> str:
    """Write the command that calls a release from a shell; it reads the key from its file.

    Args:
        view: What is shown.
        key_file: The file with the key; the endpoint's own where empty.

    Returns:
        One shell command over several lines; empty where there is no contract, or nobody to answer any more.
    """
    alone = view.release.ended and view.endpoint.answering is None and not view.release.url
    if view.contract is None or not view.contract.methods or alone:
        return ""
    method = view.contract.methods[0]
    row = view.example if view.example is not None else schema.example(method.input)
    body = json.dumps({"rows": [row]}, ensure_ascii=False)
    return " \\\n  ".join(
        (
            "curl -sS --retry 5 --retry-connrefused",
            f'-H "Authorization: Bearer $(cat {shlex.quote(key_file or view.endpoint.key_file)})"',
            f"-H 'Content-Type: application/json' -d {shlex.quote(body)}",
            shlex.quote(view.url + method.name),
        )
    )


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _shape(shape: tuple[int | None, ...] | None) -> str:
    return "(" + ", ".join("rows" if length is None else str(length) for length in shape) + ")" if shape else ""


def _few(values: Iterable[Any], most: int = 6) -> str:
    listed = [str(value) for value in values]
    return ", ".join(listed[:most]) + (f" … ({len(listed)})" if len(listed) > most else "")


def _plain(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:g}"
