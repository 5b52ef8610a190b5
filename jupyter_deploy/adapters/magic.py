"""`%deploy`: the magic and its verbs; each reads its line, makes one call and shows what came back.

The expression is taken exactly as written, so that `{}` and `$` in it stay Python; only the values of options are expanded as in
other magics. A word that is a verb is always the verb: a variable called `status` is deployed with `%deploy (status)`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_magic, magics_class, no_var_expand
from IPython.core.magic_arguments import argument, magic_arguments

from jupyter_deploy import errors, staging
from jupyter_deploy.adapters.verbs import VERBS

if TYPE_CHECKING:
    from jupyter_deploy.adapters.python import Prepared

NAMED = {verb: "one endpoint's name" for verb in VERBS if verb != "status"} | {"diff": "one or two releases"}  # and what they need
SUCH = {"diff": "churn@1 churn@2"}
SETTINGS = (
    "workers", "tolerance", "deadline", "target", "retry", "network", "isolation", "preview", "preview_live", "golden_rows",
    "nondeterministic", "include", "env", "allow_secret", "threads", "memory", "gpu", "strict", "compile", "quantize",
)  # fmt: skip
EXPANDED = {
    "--name", "-n", "--workers", "--tolerance", "--deadline", "--target", "--lines", "--release", "--to", "--golden", "--include",
    "--method", "--env", "--threads", "--memory", "--gpu", "--compile",
}  # fmt: skip
AS_WRITTEN = {"--allow-secret", "--example", "-e"}
ON: dict[str, Any] = {"action": "store_true", "default": None}
OFF: dict[str, Any] = {"action": "store_false", "default": None}
Option = tuple[tuple[str, ...], dict[str, Any]]
OPTIONS: tuple[Option, ...] = (
    (("expression",), {"nargs": "*", "help": "What to deploy: a variable or any expression, such as models['churn']. Or a verb."}),
    (("--name", "-n"), {"help": "The endpoint's name; made from the expression if not given."}),
    (("--example", "-e"), {"help": "An expression with some rows of the model's input, such as X_test."}),
    (("--wait", "-w"), {"action": "store_true", "help": "Return only when the verified release serves."}),
    (("--workers",), {"type": int, "help": "How many worker processes answer."}),
    (("--threads",), {"type": int, "help": "Threads of the model's libraries in each worker; 0 divides the cores."}),
    (("--memory",), {"type": int, "help": "Bytes that each worker may have of its own; 0 sets no limit."}),
    (("--gpu",), {"type": int, "help": "How many GPUs, one worker on each."}),
    (("--strict",), {**ON, "help": "Refuse values outside of the ranges that the notebook's own data had."}),
    (("--compile",), {"help": "Look for a faster form of the model: auto, off or require."}),
    (("--quantize",), {**ON, "help": "Try a form of the model in 8-bit integers too."}),
    (("--tolerance",), {"type": float, "help": "Relative tolerance of floats when golden rows are compared."}),
    (("--deadline",), {"type": float, "help": "Seconds after which a call is given up."}),
    (("--target",), {"help": "Where to run."}),
    (("--retry",), {**ON, "dest": "retry", "help": "Let the router repeat a request that nobody began to answer."}),
    (("--no-retry",), {**OFF, "dest": "retry", "help": "Never repeat a request: for functions with side effects."}),
    (("--network",), {**ON, "help": "Let the verified release reach the network."}),
    (("--no-isolation",), {**OFF, "dest": "isolation", "help": "Let the release read whatever you may read."}),
    (("--no-preview",), {**OFF, "dest": "preview", "help": "Wait for the verified release; no preview."}),
    (("--preview-live",), {**ON, "help": "Let an unverified preview replace a verified release."}),
    (("--golden",), {"type": int, "dest": "golden_rows", "help": "How many golden rows of each method to keep at most."}),
    (
        ("--nondeterministic",),
        {**ON, "help": "Compare golden answers by shape and type only: for a model that draws random numbers."},
    ),
    (("--include",), {"action": "append", "help": "A data file, folder or pattern that the model opens; may be given again."}),
    (("--env",), {"action": "append", "help": "The name of an environment variable that the model reads; may be given again."}),
    (("--allow-secret",), {"action": "append", "help": "The path of what looks like a secret and is none; may be given again."}),
    (("--dry-run",), {"action": "store_true", "help": "Show what would be deployed, and deploy nothing."}),
    (("--json",), {"action": "store_true", "help": "Print JSON instead of a card."}),
    (("--lines",), {"type": int, "default": 100, "help": "logs: how many lines."}),
    (("--method",), {"help": "golden: the model's method."}),
    (("--release", "--to"), {"type": int, "help": "logs, golden, cancel, rollback, promote: the release's number."}),
)
RED, BOLD, PLAIN = "\x1b[31m", "\x1b[1m", "\x1b[0m"


def load(ipython: Any) -> None:
    """Register the magic and begin to warm up.

    Args:
        ipython: The IPython shell.
    """
    from jupyter_deploy.adapters.session import Recorder, folder_of
    from jupyter_deploy.adapters.warm import Warmer

    magics = DeployMagics(ipython)
    magics.warmer = Warmer(folder_of(ipython.user_ns))
    magics.recorder = Recorder(ipython)
    ipython.register_magics(magics)
    ipython.events.register("post_run_cell", magics.warmer.after_cell)
    magics.warmer.start()
    magics.recorder.start()


def unload(ipython: Any) -> None:
    """Take the magic away again.

    Args:
        ipython: The IPython shell.
    """
    magics = ipython.magics_manager.registry.pop("DeployMagics", None)
    ipython.magics_manager.magics["line"].pop("deploy", None)
    if magics is not None:
        ipython.events.unregister("post_run_cell", magics.warmer.after_cell)
        magics.warmer.stop()
        magics.recorder.stop()


def documented(function: Any) -> Any:
    """Give a magic its options and the help that `%deploy?` shows.

    Args:
        function: The magic.

    Returns:
        The same magic.
    """
    for names, how in reversed(OPTIONS):
        function = argument(*names, **how)(function)  # type: ignore[no-untyped-call]
    return magic_arguments()(function)  # type: ignore[no-untyped-call]


@magics_class
class DeployMagics(Magics):
    """The magic."""

    shell: Any
    warmer: Any = None
    recorder: Any = None

    @documented
    @no_var_expand
    @line_magic
    def deploy(self, line: str) -> Any:
        """Turn a fitted model into a live, verified endpoint.

        ::

          %deploy model                         deploy the variable `model` as the endpoint `model`
          ep = %deploy model --name churn       the endpoint as a value: ep.predict(X), ep.wait(), ep.url
          %deploy models["eu"] --example X_test any expression; rows to learn the contract from
          %deploy                               what is deployed
          %deploy status [NAME]                 one endpoint's card, or all endpoints
          %deploy logs NAME [--lines N]         what its processes wrote
          %deploy releases NAME                 its releases
          %deploy golden NAME [--method M]      its golden rows, with the notebook's answers
          %deploy history NAME                  what was done to it, when and by whom
          %deploy keys NAME                     its keys: whose they are, what each may do, what it was used for
          %deploy diff churn@1 [churn@2]        what changed between two releases
          %deploy rollback NAME [--to N]        let an older verified release answer again
          %deploy promote NAME [--to N]         let a newer one answer, or start a stopped endpoint again
          %deploy stop NAME                     let nothing answer; releases and keys are kept
          %deploy cancel NAME [--release N]     stop a deploy that is on its way
          %deploy remove NAME                   end the endpoint with its releases and keys

        A verb is always the verb: deploy a variable called `status` with `%deploy (status)`.
        """
        asked = parse(self.shell, line)
        try:
            return self._do(asked)
        except (errors.DeployError, TimeoutError) as error:
            raise _brief(error, asked) from None  # its own text is enough

    def _do(self, asked: Any) -> Any:
        verb = asked.expression[0] if asked.expression else "status"
        if verb not in VERBS:
            return self._deploy(asked)
        names = asked.expression[1:]
        if len(names) > (2 if verb == "diff" else 1) or (verb in NAMED and not names):
            also = f" A variable of that name is deployed with `%deploy ({verb})`." if verb in self.shell.user_ns else ""
            such = f"Such as `%deploy {verb} {SUCH.get(verb, 'churn')}`.{also}"
            raise errors.BadInput(f"`%deploy {verb}` takes {NAMED.get(verb, NAMED['logs'])}.", such)
        return getattr(self, f"_{verb}")(asked, *names)

    def _deploy(self, asked: Any) -> Any:
        from jupyter_deploy.adapters import card, python

        prepared = prepare(self.shell, asked)
        if asked.dry_run:
            staging.leave(Path(prepared.capture.folder))
            return self._show(asked, prepared.capture, lambda: card.plan(prepared.capture))
        endpoint = python.launch(*prepared)
        if not asked.json:
            endpoint._ipython_display_()
        if asked.wait:
            endpoint.wait()
        return self._show(asked, endpoint.view.release, dict) if asked.json else endpoint

    def _status(self, asked: Any, name: str = "") -> Any:
        from jupyter_deploy.adapters import card, python

        if name:
            endpoint = python.Endpoint(name, client=self._agent())
            if asked.json:
                return self._show(asked, endpoint.status(), dict)
            endpoint._ipython_display_()
            return endpoint
        client = self._agent()
        endpoints, trouble = client.endpoints(), client.status()["trouble"]
        return self._show(asked, endpoints, lambda: card.listing(endpoints, time.time(), trouble))

    def _logs(self, asked: Any, name: str) -> None:
        lines = self._agent().logs(name, asked.lines, asked.release)
        self._show(asked, lines, lambda: {"text/plain": "\n".join(lines) or f"The processes of `{name}` wrote nothing."})

    def _releases(self, asked: Any, name: str) -> None:
        from jupyter_deploy.adapters import card

        endpoint = self._agent().endpoint(name, whole=True)
        self._show(asked, endpoint.releases, lambda: card.releases(endpoint, time.time()))

    def _golden(self, asked: Any, name: str) -> None:
        from jupyter_deploy.adapters import card, golden

        found = golden.read(self._agent(), name, asked.release)
        chosen = [one for one in found if asked.method in (None, one.method)]
        self._show(asked, chosen, lambda: card.listed(golden.HEAD, *golden.show(name, found, asked.method, golden.DRAWN)))

    def _history(self, asked: Any, name: str) -> None:
        from jupyter_deploy.adapters import card, records

        events = self._agent().history(name)
        self._show(asked, events, lambda: card.listed(records.EVENTS, [records.row(event) for event in events]))

    def _keys(self, asked: Any, name: str) -> None:
        from jupyter_deploy.adapters import card, keytexts

        found, now = self._agent().keys(name), time.time()
        self._show(asked, found, lambda: card.listed(keytexts.HEADS, [keytexts.row(key, now) for key in found]))

    def _diff(self, asked: Any, old: str, new: str = "") -> None:
        from jupyter_deploy.adapters import records

        found = records.compare(self._agent(), old, new)
        self._show(asked, found, lambda: {"text/plain": records.text(found)})

    def _rollback(self, asked: Any, name: str) -> None:
        self._answering(asked, self._agent().rollback(name, asked.release))

    def _promote(self, asked: Any, name: str) -> None:
        self._answering(asked, self._agent().promote(name, asked.release))

    def _stop(self, asked: Any, name: str) -> None:
        from jupyter_deploy.adapters import switched

        endpoint = self._agent().halt(name)
        self._show(asked, endpoint, lambda: {"text/plain": switched.stopped(endpoint, "%deploy")})

    def _answering(self, asked: Any, endpoint: Any) -> None:
        from jupyter_deploy.adapters import switched

        self._show(asked, endpoint, lambda: {"text/plain": switched.answers(endpoint)})

    def _cancel(self, asked: Any, name: str) -> None:
        client = self._agent()
        number = asked.release or client.endpoint(name).releases[0].number
        release = client.cancel(name, number)
        self._show(asked, release, lambda: {"text/plain": f"{release.tag} is being cancelled; what served before goes on serving."})

    def _remove(self, asked: Any, name: str) -> None:
        self._agent().remove(name)
        self._show(asked, {"removed": name}, lambda: {"text/plain": f"`{name}` is removed with its releases and keys."})

    def _agent(self) -> Any:
        from jupyter_deploy.agent.lifecycle import connect

        return connect()

    def _show(self, asked: Any, value: Any, drawn: Callable[[], dict[str, str]]) -> None:
        """Show a value as JSON or as it is drawn."""
        if asked.json:
            from jupyter_deploy.values import to_json

            print(to_json(value).decode())
        else:
            self.shell.display_pub.publish(data=drawn(), metadata={})


def parse(shell: Any, line: str) -> Any:
    """Read a line.

    Args:
        shell: The IPython shell.
        line: What stands behind `%deploy`.

    Returns:
        Each option by its name, and the words of `expression`.

    Raises:
        UsageError: If there is no such option, or it takes no such value.
    """
    given = words(line)
    parsed: list[str] = []
    for before, word in zip(["", *given], given, strict=False):
        value = before in EXPANDED or (before in VERBS and len(parsed) == 1)
        parsed.append(_expanded(shell, unquoted(word)) if value else unquoted(word) if before in AS_WRITTEN else word)
    try:
        return DeployMagics.deploy.parser.parse_args(parsed)
    except UsageError as error:
        raise UsageError(f"{error}\nPut an expression with spaces or dashes into parentheses; `%deploy?` shows all.") from None


def prepare(shell: Any, asked: Any) -> Prepared:
    """Capture what a line asks for.

    Args:
        shell: The IPython shell.
        asked: The line, as `parse` read it.

    Returns:
        The capture, in a staging folder of its own, and the settings.

    Raises:
        DeployError: If the model cannot be deployed as asked; nothing is left behind.
    """
    from jupyter_deploy.adapters import python, session
    from jupyter_deploy.capture import MISSING

    here = session.of_notebook(shell)
    example = session.evaluate(asked.example, here.namespace, "--example") if asked.example else MISSING
    settings = {name: getattr(asked, name) for name in SETTINGS}
    return python.prepare(" ".join(asked.expression), here, asked.name, example, settings)


def words(line: str) -> list[str]:
    """Split a line at spaces outside of quotes and brackets, and leave each word as it was written.

    Args:
        line: What stands behind `%deploy`.

    Returns:
        The words; a comment and a semicolon at the end are left out.
    """
    found: list[str] = []
    word, depth, quote = "", 0, ""
    for at, char in enumerate(line):
        if quote:
            quote = "" if char == quote and not _escaped(line, at) else quote
        elif char in "\"'":
            quote = char
        elif char == "#" and not word and depth == 0:
            break
        elif char.isspace() and depth == 0:
            found, word = [*found, word], ""
            continue
        else:
            depth += (char in "([{") - (char in ")]}")
        word += char
    return [one for one in [*found, word.rstrip(";")] if one]


def unquoted(word: str) -> str:
    """Take the quotes off a word that is quoted as a whole.

    Args:
        word: The word.

    Returns:
        What stands between the quotes.
    """
    return word[1:-1] if len(word) > 1 and word[0] == word[-1] and word[0] in "\"'" else word


def _escaped(line: str, at: int) -> bool:
    before = line[:at]
    return (len(before) - len(before.rstrip("\\"))) % 2 == 1


def _expanded(_shell: Any, _word: str) -> str:
    """Expand `{name}` and `$name`; the names here begin with an underscore because IPython looks at them too."""
    return str(_shell.var_expand(_word))


def _brief(error: Exception, asked: Any) -> Exception:
    """Make IPython show an error in three lines: what, why, what to do."""
    what = " ".join(["%deploy", *asked.expression])
    message, hint = getattr(error, "message", str(error)), getattr(error, "hint", "")
    lines = [
        f"{BOLD}{what}{PLAIN}{RED} did not work: {type(error).__name__}{PLAIN}",
        message,
        *([f"→ {hint}"] if hint else []),
    ]
    error._render_traceback_ = lambda: lines  # type: ignore[attr-defined]
    return error
