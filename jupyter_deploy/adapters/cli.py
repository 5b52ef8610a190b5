"""`jupyter deploy`: each command reads its arguments, makes one call and shows what came back.

Exit codes: 0 done, 1 a deploy error, 2 wrong usage, 3 a release was refused, 124 the time was over.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from jupyter_deploy import __version__, errors, settings
from jupyter_deploy.adapters import archives, card, checking, metrics, records, soundness, switching, terminal
from jupyter_deploy.adapters import golden as goldens
from jupyter_deploy.adapters import keys as keyring
from jupyter_deploy.adapters import lock as locks
from jupyter_deploy.adapters import view as words
from jupyter_deploy.adapters.commands import Json, Name, confirmed, connected, follow
from jupyter_deploy.adapters.terminal import failing
from jupyter_deploy.home import Home
from jupyter_deploy.values import Endpoint

HELP = """Turn a fitted model in a notebook into a live, verified endpoint.

Without a command: what is deployed. Exit codes: 0 done, 1 a deploy error, 2 wrong usage, 3 a release was refused because it did not
answer as the notebook did, 124 the time was over. With --json, standard output holds JSON and nothing else.
"""

BOTH = {"help_option_names": ["-h", "--help"]}
app = typer.Typer(
    help=HELP, invoke_without_command=True, add_completion=False, pretty_exceptions_enable=False, context_settings=BOTH
)
agent = typer.Typer(help="The background process that owns what is deployed.", no_args_is_help=True)
app.add_typer(agent, name="agent")
app.add_typer(keyring.app, name="keys")

agent.command("verify")(soundness.verify)

app.add_typer(switching.app)
app.add_typer(records.app)
app.add_typer(archives.app)
app.add_typer(checking.app)
app.add_typer(goldens.app)
app.add_typer(locks.app)
app.add_typer(metrics.app)


def main() -> None:
    """Run the command line."""
    app(prog_name="jupyter deploy")


@app.callback()
def root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
    as_json: Json = False,
) -> None:
    """Show what is deployed where no command is given."""
    if version:
        print(__version__)
    elif context.invoked_subcommand is None:
        list_endpoints(as_json)
        if not as_json:
            print(f"Commands: {' '.join(_commands())}. More: jupyter deploy --help")
    elif as_json:
        raise typer.BadParameter(f"it stands behind the command: jupyter deploy {context.invoked_subcommand} … --json")


@app.command()
def run(
    notebook: Annotated[Path, typer.Argument(help="The notebook to execute; the file is not changed.", show_default=False)],
    variable: Annotated[str, typer.Argument(help="The variable or expression to deploy.", show_default=False)],
    name: Annotated[
        str | None, typer.Option("--name", "-n", help="The endpoint's name; made from the variable's if not given.")
    ] = None,
    example: Annotated[str | None, typer.Option(help="An expression with rows of the model's input, such as X_test.")] = None,
    workers: Annotated[int | None, typer.Option(help="How many worker processes answer.")] = None,
    tolerance: Annotated[float | None, typer.Option(help="Relative tolerance of floats when golden rows are compared.")] = None,
    golden: Annotated[int | None, typer.Option(help="How many golden rows of each method to keep at most.")] = None,
    nondeterministic: Annotated[
        bool | None, typer.Option("--nondeterministic", help="Compare golden answers by shape and type only.")
    ] = None,
    include: Annotated[list[str] | None, typer.Option(help="A data file, folder or pattern that the model opens.")] = None,
    env: Annotated[list[str] | None, typer.Option(help="The name of an environment variable that the model reads.")] = None,
    allow_secret: Annotated[
        list[str] | None, typer.Option(help="The path of what looks like a secret and is none, as the message names it.")
    ] = None,
    threads: Annotated[
        int | None, typer.Option(help="Threads of the model's libraries in each worker; 0 divides the cores.")
    ] = None,
    memory: Annotated[int | None, typer.Option(help="Bytes that each worker may have of its own; 0 sets no limit.")] = None,
    gpu: Annotated[int | None, typer.Option(help="How many GPUs, one worker on each.")] = None,
    strict: Annotated[bool | None, typer.Option("--strict", help="Refuse values outside of the notebook's own ranges.")] = None,
    compile: Annotated[str | None, typer.Option(help="Look for a faster form of the model: auto, off or require.")] = None,
    quantize: Annotated[bool | None, typer.Option("--quantize", help="Try a form in 8-bit integers too.")] = None,
    kernel: Annotated[str | None, typer.Option(help="The kernelspec; the notebook's own if not given.")] = None,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until the verified release serves.")] = True,
    timeout: Annotated[float | None, typer.Option(help="Seconds for all of it.")] = None,
    as_json: Json = False,
) -> None:
    """Execute a notebook without a browser and deploy one of its variables; exit 0 only when the verified release serves."""
    from jupyter_deploy.adapters import notebook as notebooks

    asked = {
        "name": name, "example": example, "workers": workers, "tolerance": tolerance, "golden_rows": golden,
        "nondeterministic": nondeterministic, "include": include, "env": env, "allow_secret": allow_secret,
        "threads": threads, "memory": memory, "gpu": gpu, "strict": strict, "compile": compile, "quantize": quantize,
    }  # fmt: skip
    given = {key: value for key, value in asked.items() if value not in (None, [])}
    began = time.monotonic()
    with failing(as_json):
        started = notebooks.run(notebook, variable, given, kernel=kernel, timeout=timeout, progress=terminal.cell)
        left = None if timeout is None else max(0.0, timeout - (time.monotonic() - began))
        follow(started.endpoint, started.number, left, wait, as_json)


@app.command("list")
def list_endpoints(as_json: Json = False) -> None:
    """List what is deployed."""
    with failing(as_json):
        endpoints, trouble = _endpoints()
        terminal.warn(trouble)
        if as_json:
            terminal.json(endpoints)
        elif endpoints:
            terminal.table(card.ENDPOINTS, [card.row(endpoint, time.time()) for endpoint in endpoints])
        else:
            print("Nothing is deployed. In a notebook: %load_ext jupyter_deploy, then %deploy model.")


@app.command()
def status(name: Name, as_json: Json = False) -> None:
    """Show one endpoint: URL, what answers, contract, a call to copy."""
    from jupyter_deploy.adapters.handle import newest

    with failing(as_json):
        client = connected()
        terminal.warn(client.status()["trouble"])
        if as_json:
            terminal.json(client.endpoint(name))
        else:
            terminal.release(newest(client, name))


@app.command()
def logs(
    name: Name,
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="How many lines.")] = 100,
    release: Annotated[int | None, typer.Option(help="The release's number; the newest one if not given.")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on printing until Ctrl-C.")] = False,
    as_json: Json = False,
) -> None:
    """Print what an endpoint's processes wrote."""
    with failing(as_json):
        client = connected()
        shown = client.logs(name, lines, release)
        if as_json:
            terminal.json(shown)
            return
        print("\n".join(shown))
        while follow:
            time.sleep(0.5)
            shown, before = client.logs(name, 10_000, release), shown
            for line in _new(before, shown):
                print(line, flush=True)


@app.command()
def releases(name: Name, as_json: Json = False) -> None:
    """List an endpoint's releases."""
    with failing(as_json):
        endpoint = connected().endpoint(name, whole=True)
        if as_json:
            terminal.json(endpoint.releases)
        else:
            rows = [card.release_row(release, endpoint.answering, time.time()) for release in endpoint.releases]
            terminal.table(card.RELEASES, rows)


@app.command()
def remove(
    name: Name, yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False, as_json: Json = False
) -> None:
    """End an endpoint with its releases and keys."""
    with failing(as_json):
        client = connected(start=True)
        question = f"{client.endpoint(name).url} will stop answering. Remove `{name}` with its releases and keys?"
        confirmed(question, yes=yes, as_json=as_json)
        client.remove(name)
        terminal.json({"removed": name}) if as_json else print(f"`{name}` is removed.")


@app.command()
def gc(as_json: Json = False) -> None:
    """Delete captures, environments and bundles that no release needs."""
    with failing(as_json):
        freed = connected(start=True).free()
        rows = [(folder, words.size(size)) for folder, size in freed.items() if size]
        if as_json:
            terminal.json(freed)
        elif rows:
            terminal.table(("freed", ""), rows)
        else:
            print("Nothing to free: releases need all that is kept.")


@app.command()
def call(
    name: Name,
    method: Annotated[str | None, typer.Argument(help="The model's method; the first one if not given.")] = None,
    data: Annotated[str, typer.Option("--data", "-d", help="JSON, or @FILE, or @- for standard input.")] = "@-",
) -> None:
    """Call an endpoint with its owner's key and print the answer's JSON."""
    from jupyter_deploy.adapters.calls import Caller

    with failing(as_json=False):
        endpoint = connected().endpoint(name)
        methods = [one.name for one in endpoint.contract.methods] if endpoint.contract else []
        chosen = method or (methods[0] if methods else "predict")
        if chosen not in methods:
            hint = errors.did_you_mean(chosen, methods) or f"It has: {', '.join(methods)}."
            raise errors.UnknownName(f"`{name}` has no method `{chosen}`.", hint)
        options = settings.read(Path.cwd(), {}, name)[0]
        caller = Caller(name, endpoint.url, Path(endpoint.key_file), options.deadline, repeat=options.retry)
        terminal.json(caller.raw(endpoint.url + chosen, _body(data)))


@app.command()
def config(
    folder: Annotated[Path, typer.Argument(help="The notebook's folder.")] = Path(),
    name: Annotated[str, typer.Option(help="An endpoint with settings of its own.")] = "",
    as_json: Json = False,
) -> None:
    """Show every setting and where its value came from."""
    with failing(as_json):
        read, origins = settings.read(folder, {}, name)
        values = {key: getattr(read, key) for key in read.__struct_fields__}
        if as_json:
            terminal.json({key: {"value": value, "origin": origins[key]} for key, value in values.items()})
        else:
            rows = [(key, "none" if value is None else _plain(value), origins[key]) for key, value in values.items()]
            terminal.table(("setting", "value", "from"), rows)


@agent.command("status")
def agent_status(as_json: Json = False) -> None:
    """Show whether the agent runs, and what it holds."""
    with failing(as_json):
        found = connected().status()
        rows = [
            (key, words.size(value) if key == "memory" else str(value)) for key, value in found.items() if value not in {"", None}
        ]
        terminal.json(found) if as_json else terminal.table(("agent", ""), rows)


@agent.command("start")
def agent_start() -> None:
    """Start the agent, which brings back what was deployed; `%deploy` does so by itself."""
    with failing(as_json=False):
        print(f"The agent runs as process {connected(start=True).status()['pid']}.")


@agent.command("stop")
def agent_stop(
    keep: Annotated[bool, typer.Option("--keep", help="Let the endpoints go on answering without an agent.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """End the agent; its endpoints stop answering until it starts again."""
    from jupyter_deploy.agent.lifecycle import wait_for_end

    with failing(as_json=False):
        client = connected()
        if not (keep or yes) and client.endpoints():
            if not sys.stdin.isatty():
                raise typer.BadParameter("endpoints would stop answering, so say --yes or --keep", param_hint="--yes")
            typer.confirm("Every endpoint will stop answering until the agent starts again. Stop it?", abort=True)
        client.stop(everything=not keep)
        wait_for_end(client.home)
        print("The agent has ended." if not keep else "The agent has ended; its endpoints go on.")


@agent.command("logs")
def agent_logs(lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="How many lines.")] = 100) -> None:
    """Print what the agent wrote."""
    path = Home.find().agent_log
    text = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
    print("\n".join(text.splitlines()[-lines:]) if text else f"{path} is empty.")


def _commands() -> list[str]:
    """List the commands as they were written above, groups last."""
    merged = [group.typer_instance for group in app.registered_groups if not group.name]
    known = [command for one in (app, *merged) if one is not None for command in one.registered_commands]
    commands = [one.name or one.callback.__name__ for one in known if one.callback is not None]
    return [*commands, *(group.name for group in app.registered_groups if group.name)]


def _endpoints() -> tuple[list[Endpoint], str]:
    """List what is deployed, and say why it does not answer where it does not."""
    if not Home.find().store.exists():
        return [], ""  # nothing was ever deployed, so no agent is needed to say so
    client = connected()
    return client.endpoints(), client.status()["trouble"]


def _body(data: str) -> bytes:
    if data == "@-":
        return sys.stdin.buffer.read()
    if not data.startswith("@"):
        return data.encode()
    try:
        return Path(data[1:]).read_bytes()
    except OSError as error:
        raise errors.BadInput(f"{data[1:]} cannot be read: {error.strerror}.") from error


def _new(before: list[str], shown: list[str]) -> list[str]:
    """Find the lines that came since, by the place at which the last known ones end."""
    tail = before[-20:]
    ends = (end for end in range(len(shown), len(tail) - 1, -1) if shown[end - len(tail) : end] == tail)
    return shown[next(ends, 0) :]


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
