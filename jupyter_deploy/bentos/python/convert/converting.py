"""From a model's folder to folders with compiled forms of it, each proved against the model itself and measured."""

from __future__ import annotations

import importlib
import textwrap
import time
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from endpoint import model as models  # type: ignore[import-not-found]
from endpoint.contract import Golden, Method  # type: ignore[import-not-found]
from endpoint.loaders import compiled  # type: ignore[import-not-found]

from .forms import Graph, Impossible
from .matching import Match, Runner, match
from .measuring import speedup
from .quantizing import quantized
from .questions import Question, questions

ENGINE = "ONNX Runtime"


class Subject(NamedTuple):
    """The model itself.

    Attributes:
        folder: The folder with its manifest.
        loaded: The model as a worker loads it.
        target: The object.
        asked: The questions of each method that a graph could answer, by attribute.
        reasons: Why the others stay as they are, by attribute.
        golden: The golden rows by attribute.
    """

    folder: Path
    loaded: Any
    target: Any
    asked: dict[str, list[Question]]
    reasons: dict[str, str]
    golden: dict[str, list[Any]]


def convert(asked: dict[str, Any], out: Path) -> list[dict[str, Any]]:
    """Convert a model.

    Args:
        asked: What to do: `folder`, `converter`, `tolerance`, `speedup`, `quantize` and `quantize_tolerance`.
        out: The folder to write to.

    Returns:
        What was tried: `engine`, `folder` (empty where nothing came of it), `whole`, `reason`, `speedup`, `seconds`.
    """
    began = time.monotonic()
    subject = _subject(Path(asked["folder"]))
    found, reasons = _find(subject, asked["converter"], asked["tolerance"])
    tried = [_form(subject, ENGINE, found, reasons, asked["speedup"], out / "onnx", began)]
    if asked["quantize"]:
        began = time.monotonic()
        roughly, _ = _find(subject, asked["converter"], asked["quantize_tolerance"])
        smaller, reasons = _quantize(subject, roughly, asked["quantize_tolerance"], out)
        tried.append(_form(subject, f"{ENGINE}, int8", smaller, reasons, asked["speedup"], out / "int8", began))
    return tried


def _subject(folder: Path) -> Subject:
    loaded = models.load(folder)
    loader = importlib.import_module(f"endpoint.loaders.{loaded.manifest.loader}")
    target = loader.load(folder / loaded.manifest.model)
    known: dict[str, list[Question]] = {}
    reasons: dict[str, str] = {}
    golden: dict[str, list[Any]] = {}
    for method in loaded.contract.methods:
        own = [one for one in loaded.golden if one.method == method.name and one.rows]
        why = _obstacle(method, own)
        if why:
            reasons[method.attribute] = why
            continue
        known[method.attribute] = questions(method, loaded.methods[method.name], own)
        golden[method.attribute] = [row for one in own for row in one.rows]
    return Subject(folder, loaded, target, known, reasons, golden)


def _obstacle(method: Method, golden: list[Golden]) -> str:
    """Say why no graph could answer a method; empty where one could."""
    if not golden:
        return "it has no golden rows to prove it by"
    if any(one.shape_only for one in golden):
        return "its answers cannot be compared by value"
    if method.input.kind not in ("frame", "array", "list"):
        return f"its input is of the kind `{method.input.kind}`"
    if method.output.kind != "array" or method.output.group > 1 or method.output.each is not None:
        return f"its answer is of the kind `{method.output.kind}`"
    return ""


def _find(subject: Subject, converter: str, tolerance: float) -> tuple[dict[str, Match], dict[str, str]]:
    """Look for a graph for each method."""
    found: dict[str, Match] = {}
    reasons = dict.fromkeys(subject.asked, "") | subject.reasons
    inputs = {method.attribute: method.input for method in subject.loaded.contract.methods}
    if not subject.asked:
        return found, reasons
    offered = importlib.import_module(f".{converter}", __package__).graphs(subject.target, inputs[next(iter(subject.asked))])
    at = 0
    while len(found) < len(subject.asked):
        try:
            graph = next(offered)()
            runner = Runner(graph)
        except StopIteration:
            break
        except Exception as error:  # noqa: BLE001 (a converter raises anything at a model that it does not know)
            _note(reasons, found, _said(error))
            continue
        at += 1
        for attribute in [one for one in subject.asked if one not in found]:
            answer = match(runner, attribute, subject.asked[attribute], tolerance, f"{at}.onnx")
            if isinstance(answer, Match):
                found[attribute] = answer
            else:
                reasons[attribute] = reasons[attribute] or answer
    return found, {name: reason for name, reason in reasons.items() if name not in found}


def _note(reasons: dict[str, str], found: dict[str, Match], why: str) -> None:
    reasons |= {name: why for name, known in reasons.items() if name not in found and not known}


def _said(error: BaseException) -> str:
    if isinstance(error, Impossible):
        return str(error)
    text = textwrap.shorten(str(error).strip().partition("\n")[0], 160, placeholder=" …")
    return f"the converter says {type(error).__name__}: {text}" if text else f"the converter says {type(error).__name__}"


def _quantize(subject: Subject, found: dict[str, Match], tolerance: float, out: Path) -> tuple[dict[str, Match], dict[str, str]]:
    smaller: dict[str, Match] = {}
    reasons = {name: "it was not compiled" for name in (*subject.asked, *subject.reasons) if name not in found}
    made: dict[bytes, Graph | str] = {}
    for attribute, one in found.items():
        data = one.graph.data
        if data not in made:
            made[data] = quantized(one.graph, out)
        graph = made[data]
        asked = [question for question in subject.asked[attribute] if question.golden]
        answer = graph if isinstance(graph, str) else match(Runner(graph), attribute, asked, tolerance, one.routine.file)
        if isinstance(answer, Match):
            smaller[attribute] = answer
        else:
            reasons[attribute] = answer
    return smaller, reasons


def _form(
    subject: Subject, engine: str, found: dict[str, Match], reasons: dict[str, str], needed: float, folder: Path, began: float
) -> dict[str, Any]:  # fmt: skip
    """Write a form of the model, measure it, and leave those methods as they are that it does not make faster."""
    speeds = _measured(subject, found, folder) if found else {}
    slow = {
        name: f"it takes {speed:.2g} times less time, and {needed:g} are needed" for name, speed in speeds.items() if speed < needed
    }
    kept = {name: one for name, one in found.items() if name not in slow}
    reasons = {**reasons, **slow}
    if kept and slow:
        _write(subject, kept, folder)
    names = ", ".join(map(_called, kept))
    return {
        "engine": engine, "folder": folder.name if kept else "", "whole": not reasons, "seconds": time.monotonic() - began,
        "speedup": min((speeds[name] for name in kept), default=max(speeds.values(), default=None)),
        "reason": "; ".join(filter(None, (f"compiled: {names}" if kept else "", _told(reasons)))),
    }  # fmt: skip


def _told(reasons: dict[str, str]) -> str:
    """Say which methods stay as they are, those with one reason together."""
    together: dict[str, list[str]] = {}
    for name, reason in reasons.items():
        together.setdefault(reason, []).append(_called(name))
    return "; ".join(
        f"{', '.join(names)} {'stays as it is' if len(names) == 1 else 'stay as they are'}: {reason}"
        for reason, names in together.items()
    )


def _called(name: str) -> str:
    return f"`{name}`" if name else "the call"


def _measured(subject: Subject, found: dict[str, Match], folder: Path) -> dict[str, float]:
    methods = compiled.methods_of(_write(subject, found, folder), folder)
    speeds = {}
    for method in subject.loaded.contract.methods:
        if method.attribute in found:
            fast = models.BoundMethod(method, methods[method.attribute])
            speeds[method.attribute] = speedup(subject.loaded.methods[method.name], fast, subject.golden[method.attribute])
    return speeds


def _write(subject: Subject, found: dict[str, Match], folder: Path) -> Any:
    """Write graphs and plan, which it gives; the model itself is needed where a method is not among them."""
    folder.mkdir(exist_ok=True)
    for one in found.values():
        (folder / one.routine.file).write_bytes(one.graph.data)
    manifest = subject.loaded.manifest
    whole = all(method.attribute in found for method in subject.loaded.contract.methods)
    plan = compiled.Plan(
        routines=tuple(one.routine for one in found.values()),
        loader="" if whole else manifest.loader,
        model="" if whole else manifest.model,
    )
    (folder / compiled.PLAN).write_bytes(msgspec.json.encode(plan))
    for file in folder.glob("*.onnx"):
        if file.name not in {one.routine.file for one in found.values()}:
            file.unlink()
    return plan
