"""The documents tell the truth: whatever can be set, called, met or installed is in them, and nothing is that must not be."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from jupyter_deploy import __version__, errors
from jupyter_deploy.adapters import cli, magic
from jupyter_deploy.adapters.serving.table import TABLE
from jupyter_deploy.bentos.python.endpoint import problems
from jupyter_deploy.frameworks import table as frameworks
from jupyter_deploy.settings import Settings
from jupyter_deploy.targets.local import replies

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "examples" / "README.md", *DOCS.glob("*.md")])
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
FIRST_SCREEN = 30  # lines

# Written so that this file does not hold them itself.
HOSTS = re.compile(
    r"(py[p]i\.org|python[h]osted\.org|registry\.np[m]js|registry\.yarn[p]kg|crates\.i[o]\b|proxy\.gola[n]g|deb\.debia[n])"
)
MACHINE_PATHS = re.compile(r"(?<![\w.])/(wor[k]|far[m])/[a-z]")


def read(path: Path) -> str:
    """Read a document."""
    return path.read_text(encoding="utf-8")


def project() -> dict[str, Any]:
    """Read `pyproject.toml`."""
    return tomllib.loads(read(ROOT / "pyproject.toml"))


def tracked() -> list[Path]:
    """List the files that are kept in the repository; all files where there is no repository."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    names = listed.stdout.split("\0") if listed.returncode == 0 else [str(p) for p in ROOT.glob("[!.]*/**/*")]
    return [path for name in names if name and (path := ROOT / name).is_file()]


def table(page: str) -> dict[str, list[str]]:
    """Read the rows of a page's tables by the name in backticks that stands in the first cell."""
    rows = (line.strip().strip("|").split(" | ") for line in read(DOCS / page).splitlines() if line.startswith("| `"))
    return {row[0].strip().split("`")[1]: [cell.strip() for cell in row[1:]] for row in rows}


@pytest.mark.parametrize(
    "word", ["make demo", "make test", "%load_ext jupyter_deploy", "%deploy model", "docs/images/lab-light.png"]
)
def test_first_screen_has_what_a_newcomer_needs(word: str) -> None:
    """The two commands, the example and the picture stand before line 30 of the README."""
    assert word in "\n".join(read(ROOT / "README.md").splitlines()[: FIRST_SCREEN - 1])


@pytest.mark.parametrize("name", Settings.__struct_fields__)
def test_every_setting_is_documented(name: str) -> None:
    """Every setting stands in docs/settings.md with its default."""
    default = getattr(Settings(), name)
    shown = (
        "none"
        if default in (None, ())
        else f'`"{default}"`'
        if isinstance(default, str)
        else f"`{str(default).lower()}`".replace("e-0", "e-")
    )

    assert shown == table("settings.md")[name][0]


def test_no_other_settings_are_documented() -> None:
    """A setting that is gone is gone from the documents."""
    assert set(Settings.__struct_fields__) == set(table("settings.md"))


def test_every_error_is_documented() -> None:
    """Every error that people meet has a line in docs/troubleshooting.md, and a line in the tree that errors.py draws."""
    families = {errors.DeployError, errors.BadInput, errors.Conflict}
    names = {one.__name__ for one in vars(errors).values() if isinstance(one, type) and issubclass(one, errors.DeployError)}
    met = names - {one.__name__ for one in families}

    assert set() == {name for name in met if f"`{name}`" not in read(DOCS / "troubleshooting.md")}
    assert set() == {name for name in names if name not in (errors.__doc__ or "")}


def test_every_problem_is_documented() -> None:
    """Every code with which an endpoint refuses a request has a line in docs/http.md with its status."""
    kinds = [one for one in vars(problems).values() if isinstance(one, type) and issubclass(one, problems.Problem)]
    codes = {(one.status, one.code) for one in kinds} | {(one.status or "any", one.code) for one in replies.REPLIES}
    page = read(DOCS / "http.md")

    assert [] == [code for status, code in codes if f"\n| {status} | `{code}` |" not in page]


def test_every_dependency_is_documented() -> None:
    """Every package that the project asks for has a line in docs/dependencies.md, and no other has one."""
    described = project()["project"]
    asked = [*described["dependencies"], *(one for extra in described["optional-dependencies"].values() for one in extra)]

    assert {re.match(r"[\w-]+", one).group() for one in asked} == set(table("dependencies.md"))


def test_links_lead_somewhere() -> None:
    """Every link from one document to another file leads to a file."""
    broken = [
        f"{page.name}: {target}"
        for page in PAGES
        for target in re.findall(r"\]\((?!https?:)([^)#]+)[^)]*\)", read(page))
        if not (page.parent / target).exists()
    ]

    assert [] == broken


def test_changelog_knows_this_version() -> None:
    """The changelog has a section for what is to come and one for this version."""
    heads = re.findall(r"^## \[(.+?)\]", read(ROOT / "CHANGELOG.md"), re.MULTILINE)

    assert ["Unreleased", __version__] == heads[:2]


def test_nothing_names_a_registry_or_a_machine() -> None:
    """No committed file names a package registry's host or a path of somebody's machine."""
    found = []
    for path in tracked():
        try:
            text = read(path)
        except UnicodeDecodeError:
            continue
        found += [f"{path.relative_to(ROOT)}: {hit.group()}" for hit in (HOSTS.search(text), MACHINE_PATHS.search(text)) if hit]

    assert [] == found


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.name)
def test_requirements_are_hashed(path: Path) -> None:
    """Every requirement has an exact version and a hash, and no line says where packages come from."""
    blocks = re.split(r"\n(?=\S)", read(path).replace("\\\n", " ").strip())

    assert [] == [block for block in blocks if not re.match(r"[\w.\[\],-]+==\S+ ?( ; .+?)? +--hash=sha256:", block)]


def test_locks_agree() -> None:
    """What people install is what the tests ran with."""
    base, dev = (
        set(re.findall(r"^[\w.-]+==\S+", read(ROOT / "requirements" / name), re.MULTILINE)) for name in ("base.txt", "dev.txt")
    )

    assert set() == base - dev


def test_the_table_of_frameworks_is_that_of_the_registry() -> None:
    """The README's table is what the registry makes; `python -m jupyter_deploy.frameworks.table README.md` makes it anew."""
    page = read(ROOT / "README.md")

    assert frameworks.replaced(page) == page, "run: python -m jupyter_deploy.frameworks.table README.md"


@pytest.mark.parametrize("path", TABLE)
def test_every_call_of_the_server_is_documented(path: str) -> None:
    """Every path that the browser may ask stands in docs/jupyterlab.md, whole or by its last word."""
    asked = path.replace("{number}", "{n}")

    assert re.search(rf"[ `]{re.escape(asked)}[`?]|`…/{re.escape(asked.rpartition('/')[2])}`", read(DOCS / "jupyterlab.md"))


def commands(group: Any, path: str) -> Iterator[tuple[str, Any]]:
    """List the commands below a group by the words that call them."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


COMMANDS = dict(commands(typer.main.get_command(cli.app), "jupyter deploy"))


@pytest.mark.parametrize("words", COMMANDS)
def test_every_command_is_documented(words: str) -> None:
    """Every command has a line in docs/cli.md that names each of its options."""
    (line,) = (line for line in read(DOCS / "cli.md").splitlines() if line.startswith((f"| `{words} ", f"| `{words}`")))
    options = [one for parameter in COMMANDS[words].params for one in parameter.opts if one.startswith("--")]

    assert [] == [one for one in options if f"`{one}`" not in line]


@pytest.mark.parametrize(
    "word", sorted({word for names, _ in magic.OPTIONS for word in names if word.startswith("--")} | set(magic.VERBS))
)
def test_every_word_of_the_magic_is_documented(word: str) -> None:
    """Every verb and option of `%deploy` stands in docs/cli.md."""
    assert re.search(rf"[` \[]{word}\b", read(DOCS / "cli.md").partition("## In a notebook")[2])
