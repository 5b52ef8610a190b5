"""The house's layers, read from the source: who may import whom, and how long a file and a function may be."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from jupyter_deploy import plugins

ROOT = Path(__file__).parents[1]
PACKAGE = "jupyter_deploy"
BENTOS = f"{PACKAGE}.bentos"

# From the ground up; a module may import what stands on its own line or on one before it.
LAYERS = (
    ("errors",),
    ("values", "answers", "credentials", "settings", "plugins", "process", "stops", "installer", "home", "people", "staging"),
    ("languages.base", "frameworks.base", "compilers.base", "targets.base", "lock.base"),
    ("store", "space"),
    ("capture",),
    ("lock",),
    ("bundle",),
    ("archive",),
    ("release", "launches", "routing", "traffic", "manifest"),
    ("share",),
    ("observe",),
    ("compilation",),
    ("hastening",),
    ("walk", "received"),
    ("changes", "switches"),
    ("records", "soundness"),
    ("deployer",),
    ("check", "hostile"),
    ("agent",),
    ("adapters", ""),
)
GROUND = frozenset(name for layer in LAYERS[:2] for name in layer)
KINDS = {"compilers": "compilers", "frameworks": "frameworks", "languages": "languages", "targets": "targets", "lock": "lockers"}

# What the worker and the rest of the house share, and who may import it.
SHARED = {
    "contract": {"values", "capture", "adapters", "bundle", "frameworks", "languages", "targets", "lock", "compilers"},
    "codec": {"capture", "adapters"},
    "dtypes": {"capture", "hostile"},
    "hints": {"capture"},
    "schema": {"capture", "bundle", "adapters"},
    "keys": {"share"},
    "ledger": {"share"},
    "onnx": {"frameworks"},
    "mlflow": {"frameworks"},
    "skops": {"frameworks"},
    "statsmodels": {"frameworks"},
    "xgboost": {"frameworks"},
    "torch": {"frameworks"},
    "keras": {"frameworks"},
    "tensorflow": {"frameworks"},
    "transformers": {"frameworks"},
    "weights": {"frameworks"},
    "tensors": {"capture"},
    "openapi": {"bundle"},
    "bentos": {"bundle", "compilation"},  # the folder, to be copied
}

# A heavy library has one home.
HOMES = {
    "IPython": ("adapters", "capture"),
    "anywidget": ("adapters.widgets",),
    "bentoml": ("bentos",),
    "jupyter_server": ("adapters",),
    "kubernetes": ("targets.kubernetes",),
    "matplotlib": ("adapters.widgets",),
    "nbclient": ("adapters",),
    "onnxruntime": ("bentos",),
    "rich": ("adapters",),
    "sklearn": ("frameworks.sklearn", "bentos.python.convert"),
    "sqlite3": ("store",),
    "subprocess": ("process", "bentos", "targets.local.parents"),  # the last one names the type of what process.py started
    "tornado": ("adapters",),
    "typer": ("adapters",),
    "uvicorn": ("agent", "bentos"),
}
BANNED_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "misc"}
LONGEST_FILE = 400
LONGEST_FUNCTION = 50


class Import(NamedTuple):
    """One import: who imports what, on which line, and whether it happens when the module is loaded."""

    source: str
    target: str
    line: int
    eager: bool

    def __str__(self) -> str:
        return f"{self.source}:{self.line} imports {self.target}"


def modules() -> dict[str, Path]:
    """List the package's modules by dotted name."""
    found = {}
    for path in sorted((ROOT / PACKAGE).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def imports(module: str) -> Iterator[Import]:
    """Read what a module imports, anywhere in it; a name taken from a package counts as its module, if there is one."""
    tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))
    inside = {id(node) for function in ast.walk(tree) if isinstance(function, FUNCTIONS) for node in ast.walk(function)}
    for node in ast.walk(tree):
        for target in targets(module, node):
            yield Import(module, target, node.lineno, id(node) not in inside)


FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


def targets(module: str, node: ast.AST) -> list[str]:
    """Name the modules that one statement imports."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if not isinstance(node, ast.ImportFrom):
        return []
    base = node.module or ""
    if node.level:
        here = module.split(".") if MODULES[module].name == "__init__.py" else module.split(".")[:-1]
        base = ".".join([*here[: len(here) - node.level + 1], *([node.module] if node.module else [])])
    names = [alias.name for alias in node.names if (base, alias.name) != (PACKAGE, "__version__")]
    return [f"{base}.{name}" if f"{base}.{name}" in MODULES else base for name in names]


IMPORTS = [one for module in MODULES for one in imports(module)]
INSIDE = [one for one in IMPORTS if one.target == PACKAGE or one.target.startswith(f"{PACKAGE}.")]


def short(module: str) -> str:
    """Leave out the package's own name."""
    return module.removeprefix(PACKAGE).removeprefix(".")


def within(module: str, folder: str) -> bool:
    """Say whether a module is a folder's or lies below it."""
    return module == folder or module.startswith(f"{folder}.")


def level(module: str) -> int:
    """Say on which layer a module stands; the longest name that fits decides."""
    name = short(module)
    fitting = [
        (len(one), number) for number, layer in enumerate(LAYERS) for one in layer if name == one or (one and within(name, one))
    ]
    return max(fitting)[1] if fitting else -1


def implementations() -> set[str]:
    """List the modules that `plugins.py` loads by name."""
    return {entry.partition(":")[0] for kind in plugins.BUILT_IN.values() for entry in kind.values()}


def is_part_of_implementation(module: str) -> bool:
    """Say whether a module belongs to an implementation: it lies beside its base and is not the base."""
    kind, _, rest = short(module).partition(".")
    return kind in KINDS and rest not in {"", "base"}


def test_every_module_has_a_layer() -> None:
    """Every module stands on a layer, belongs to an implementation, or runs inside a release."""
    homeless = [
        m for m in MODULES if level(m) < 0 and not is_part_of_implementation(m) and short(m) not in KINDS and not within(m, BENTOS)
    ]

    assert [] == homeless


def test_imports_go_down() -> None:
    """A module imports from its own layer or a lower one, never from a higher one."""
    wrong = [
        str(one)
        for one in INSIDE
        if not within(one.target, BENTOS)
        and not within(one.source, BENTOS)
        and not is_part_of_implementation(one.source)
        and level(one.target) > level(one.source)
    ]

    assert [] == wrong


def test_implementations_stand_alone() -> None:
    """An implementation imports its base, the ground floor and files of its own, never a sibling, a step or an adapter."""
    wrong = []
    for one in INSIDE:
        if not is_part_of_implementation(one.source) or within(one.target, BENTOS):
            continue
        kind = short(one.source).split(".")[0]
        own = within(short(one.target), kind) or short(one.target).endswith(".base") or within(short(one.target), "lock")
        sibling = one.target in implementations() and one.target != one.source
        if sibling or not (own or short(one.target) in GROUND):
            wrong.append(str(one))

    assert [] == wrong


def test_nobody_imports_an_implementation() -> None:
    """Implementations are loaded by name, so that a third party's comes through the same door."""
    wrong = [str(one) for one in INSIDE if one.target in implementations()]

    assert [] == wrong


def test_bentos_imports_nothing_of_the_house() -> None:
    """What runs inside a release is copied into the bundle, so it imports only itself."""
    wrong = [str(one) for one in INSIDE if within(one.source, BENTOS) and not within(one.target, BENTOS)]

    assert [] == wrong


def test_bentos_is_shared_by_few() -> None:
    """Only the files that both sides share are imported from what runs inside a release."""
    wrong = []
    for one in INSIDE:
        if within(one.source, BENTOS) or not within(one.target, BENTOS):
            continue
        allowed = SHARED.get(one.target.rpartition(".")[2], set())
        if short(one.source).split(".")[0] not in allowed:
            wrong.append(str(one))

    assert [] == wrong


@pytest.mark.parametrize("library", HOMES)
def test_heavy_libraries_have_one_home(library: str) -> None:
    """A heavy library is imported in its home and nowhere else."""
    outside = [
        str(one) for one in IMPORTS if within(one.target, library) and not any(within(short(one.source), h) for h in HOMES[library])
    ]

    assert [] == outside


def test_no_cycles() -> None:
    """No module imports itself through others while it is being loaded."""
    graph = {
        module: {one.target for one in IMPORTS if one.source == module and one.eager and one.target in MODULES}
        for module in MODULES
    }

    assert [] == cycle(graph)


def cycle(graph: dict[str, set[str]]) -> list[str]:
    """Find one cycle in a graph; an empty list where there is none."""
    done: set[str] = set()

    def walk(module: str, path: list[str]) -> list[str]:
        if module in path:
            return [*path[path.index(module) :], module]
        if module in done:
            return []
        done.add(module)
        return next((found for target in sorted(graph[module]) if (found := walk(target, [*path, module]))), [])

    return next((found for module in sorted(graph) if (found := walk(module, []))), [])


def test_cycle_is_found() -> None:
    """The search for cycles finds one."""
    assert ["b", "c", "b"] == cycle({"a": {"b"}, "b": {"c"}, "c": {"b"}})


def test_names_say_something() -> None:
    """No module has a name that fits anything."""
    assert [] == [module for module in MODULES if module.rpartition(".")[2] in BANNED_NAMES]


def test_files_are_short() -> None:
    """No file is longer than one sitting's reading."""
    lengths = {module: len(path.read_text(encoding="utf-8").splitlines()) for module, path in MODULES.items()}

    assert {} == {module: length for module, length in lengths.items() if length > LONGEST_FILE}


def test_functions_are_short() -> None:
    """No function is longer than one screen."""
    long = [
        f"{module}:{node.lineno} {node.name}"
        for module, path in MODULES.items()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (node.end_lineno or 0) - node.lineno > LONGEST_FUNCTION
    ]

    assert [] == long


def test_broad_handlers_are_explained() -> None:
    """A handler for any error stands in an adapter, raises again, or runs the user's code and says so beside it."""
    wrong = []
    for module, path in MODULES.items():
        text = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ExceptHandler) and is_broad(node) and not within(short(module), "adapters"):
                explained = "#" in text.splitlines()[node.lineno - 1]
                if not explained and not any(isinstance(inner, ast.Raise) for inner in ast.walk(node)):
                    wrong.append(f"{module}:{node.lineno}")

    assert [] == wrong


def is_broad(handler: ast.ExceptHandler) -> bool:
    """Say whether a handler catches anything."""
    if handler.type is None:
        return True
    return bool({"Exception", "BaseException"} & {getattr(node, "id", "") for node in ast.walk(handler.type)})
