"""`jupyter deploy check`: hostile bodies for an endpoint of one's own, or the verification of an archive."""

from __future__ import annotations

import random
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jupyter_deploy import errors
from jupyter_deploy.adapters import archives, terminal
from jupyter_deploy.adapters.commands import Json, connected
from jupyter_deploy.adapters.terminal import failing
from jupyter_deploy.values import NAME, Endpoint

if TYPE_CHECKING:
    from jupyter_deploy.agent.client import AgentClient
    from jupyter_deploy.hostile.attack import Attack, Report

app = typer.Typer()
INTERRUPTED = 130  # exit code of what Ctrl-C has ended, as shells have it
LOG = 10_000  # lines of the log that are looked through


@app.command("check")
def check(
    target: Annotated[str, typer.Argument(help="An endpoint of your own, or an archive to verify.", show_default=False)],
    seed: Annotated[int | None, typer.Option(help="Makes the same bodies again; drawn and printed if not given.")] = None,
    count: Annotated[int, typer.Option(min=1, help="How many bodies.")] = 1000,
    method: Annotated[list[str] | None, typer.Option(help="A method to send them to; all if not given.")] = None,
    body: Annotated[int | None, typer.Option(min=0, help="Send the body of this number alone, and print it.")] = None,
    as_json: Json = False,
) -> None:
    """Throw hostile bodies at an endpoint of your own and tell what it made of them; or verify an archive without deploying it."""
    with failing(as_json):
        if Path(target).is_file() or not NAME.fullmatch(target):
            archives.verify(Path(target), as_json=as_json)
            return
        seed = random.SystemRandom().randrange(10**6) if seed is None else seed
        client = connected()
        endpoint = client.endpoint(target)
        attack = _prepared(client, endpoint, seed, method or [])
        if body is not None:
            _one(attack, body, as_json=as_json)
            return
        report = _run(attack, endpoint, count, as_json=as_json)
        _look_into_log(client, endpoint, attack, report)
        if as_json:
            terminal.json({**vars(report), "statuses": dict(report.statuses), "kinds": dict(report.kinds)})
        else:
            print(told(endpoint.name, report))
    if report.wrong:
        raise typer.Exit(terminal.WRONG)
    if report.stopped:
        raise typer.Exit(INTERRUPTED)


def _prepared(client: AgentClient, endpoint: Endpoint, seed: int, methods: list[str]) -> Attack:
    from jupyter_deploy.hostile.attack import Attack
    from jupyter_deploy.hostile.bodies import Bodies

    if endpoint.contract is None or endpoint.answering is None:
        raise errors.Conflict(
            f"`{endpoint.name}` does not answer yet.", f"`jupyter deploy status {endpoint.name}` shows what it does."
        )
    known = [one.name for one in endpoint.contract.methods]
    for name in methods:
        if name not in known:
            raise errors.UnknownName(f"`{endpoint.name}` has no method `{name}`.", errors.did_you_mean(name, known))
    golden = client.golden(endpoint.name, endpoint.answering)
    key = Path(endpoint.key_file).read_text(encoding="ascii").strip()
    return Attack(endpoint.url, key, Bodies(endpoint.name, endpoint.contract, golden, seed, methods))


def _run(attack: Attack, endpoint: Endpoint, count: int, *, as_json: bool) -> Report:
    if as_json:
        return attack.run(range(count))
    print(
        f"{endpoint.name}: {count:,} hostile bodies, seed {attack.report.seed}; Ctrl-C ends it and tells what is known", flush=True
    )
    with terminal.progress(count) as done:
        return attack.run(range(count), done)


def _look_into_log(client: AgentClient, endpoint: Endpoint, attack: Attack, report: Report) -> None:
    from jupyter_deploy.hostile.attack import Finding

    lines = client.logs(endpoint.name, LOG, endpoint.answering)
    repeated = sum(attack.bodies.canary in line for line in lines)
    if repeated:
        report.add(Finding(-1, "log", f"the log repeats the input in {repeated} lines"))


def _one(attack: Attack, number: int, *, as_json: bool) -> None:
    """Send one body and print both sides of it, which is for its sender's own eyes."""
    sent = attack.bodies.make(number)
    answer = attack.one(sent)
    wrong = [one.what for one in attack.report.findings]
    shown: dict[str, Any] = {
        "number": number, "kind": sent.kind, "path": sent.path, "headers": dict(sent.headers), "body": repr(sent.body),
        "status": answer.status, "answer": answer.body.decode(errors="replace"), "seconds": answer.seconds, "wrong": wrong,
    }  # fmt: skip
    if as_json:
        terminal.json(shown)
    else:
        sys.stdout.write("".join(f"{name}: {value}\n" for name, value in shown.items()))
    if wrong:
        raise typer.Exit(terminal.WRONG)


def told(name: str, report: Report) -> str:
    """Tell a report to a person.

    Args:
        name: The endpoint's name.
        report: What came of the attack.

    Returns:
        Some lines.
    """
    from jupyter_deploy.adapters import card

    counts = sorted(report.statuses.items(), key=lambda one: -one[1])
    lines = [card.columns(("answer", "how often"), [(status, f"{number:,}") for status, number in counts]), ""]
    memory = f"; the workers' {report.memory / 1e6:.0f} MB grew by {report.growth / 1e6:.1f} MB" if report.memory else ""
    ended = "stopped after" if report.stopped else "sent"
    lines.append(
        f"{ended} {report.sent:,} bodies in {report.seconds:.1f} s, the slowest answer took {report.slowest:.2f} s{memory}"
    )
    if report.raised >= 0:
        lines.append(
            f"The model itself raised at {report.statuses['500 model_failed']} inputs that fit its contract, first at body "
            f"{report.raised}: `jupyter deploy logs {name}` says where; this is no fault of the endpoint."
        )
    if not report.wrong:
        return "\n".join([*lines, "Nothing is wrong."])
    rows = [("" if one.number < 0 else str(one.number), one.kind, one.what) for one in report.findings]
    again = f"`jupyter deploy check {name} --seed {report.seed} --body NUMBER` sends one of them again and prints it."
    return "\n".join([*lines, f"{report.wrong} things are wrong:", card.columns(("body", "kind", "what"), rows), again])
