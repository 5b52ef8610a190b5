"""What is installed for one interpreter, and which of it given modules come from.

This file is run by the kernel's own interpreter, as a script, so it needs nothing but the standard library of Python 3.10. It reads
`{"path": [...], "modules": [...]}` from its standard input and writes what `report` returns to its standard output. It imports none
of what it finds, and reads only the head of each METADATA file and the file lists.
"""

from __future__ import annotations

import ast
import inspect
import json
import os
import platform
import re
import sys
import sysconfig
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

FIELDS = {"Name": "name", "Version": "version"}
TOLD = ("name", "version", "requires", "origin", "folder", "modules")
MAPPED = re.compile(r"map_module\('([^']+)', '([^']+)'\)")  # what hatchling and PDM write
ASIDE = frozenset({"setup", "conftest", "noxfile", "tests", "test", "docs", "doc", "examples", "build", "dist", "node_modules"})
"""What lies beside a project's modules and is none of them."""


def report(path: list[str], modules: list[str]) -> dict[str, Any]:
    """Say what is installed.

    Args:
        path: The module path to look along.
        modules: Dotted names of modules that were reached.

    Returns:
        `distributions`: name, version, requires, origin, the folder of the metadata, and for one that is installed in place its
        modules, of each; `owners`: the names of the distributions that each module comes from, none for one of the standard
        library or the bare root of a namespace; `missing`: modules that come from nowhere; `markers`: the interpreter's
        environment for markers; `platform`: what wheels call it; `tag`: of a wheel with extension modules that is made for it.
    """
    found = _installed(path)
    owners, missing = _owners(list(found.values()), modules) if modules else ({}, [])
    return {
        "distributions": [{key: one[key] for key in TOLD} for one in found.values()],
        "owners": owners,
        "missing": missing,
        "markers": _markers(),
        "platform": sysconfig.get_platform(),
        "tag": _tag(),
    }


def in_place(path: list[str]) -> dict[str, str]:
    """Find the modules of all projects that are installed in place, editable.

    Args:
        path: The module path to look along.

    Returns:
        The file or folder of each module, by its dotted name; a file may lack its suffix.
    """
    found: dict[str, str] = {}
    for distribution in distributions(path=path):
        origin = _origin(distribution)
        if origin.get("kind") == "editable":
            found = (_modules(distribution) or _guessed(origin["place"])) | found
    return found


def _installed(path: list[str]) -> dict[str, dict[str, Any]]:
    """Read every distribution; of two with one name the first on the path counts, as it does for imports."""
    found: dict[str, dict[str, Any]] = {}
    for distribution in distributions(path=path):
        head = _head(distribution.read_text("METADATA") or distribution.read_text("PKG-INFO") or "")
        if head["name"] and head["version"]:
            name = re.sub(r"[-_.]+", "-", head["name"]).lower()
            if name not in found:
                origin = _origin(distribution)
                modules = _modules(distribution) if origin.get("kind") == "editable" else {}
                folder = str(getattr(distribution, "_path", ""))
                found[name] = {**head, "name": name, "origin": origin, "folder": folder, "modules": modules, "files": distribution}
    return found


def _head(metadata: str) -> dict[str, Any]:
    """Read the fields that count; a whole METADATA holds a README, and parsing it as an e-mail takes a hundred times longer."""
    head: dict[str, Any] = {"name": "", "version": "", "requires": []}
    for line in re.sub(r"\r?\n[ \t]+", " ", metadata.partition("\n\n")[0]).splitlines():
        field, _, value = line.partition(": ")
        if field == "Requires-Dist":
            head["requires"].append(value.strip())
        elif field in FIELDS and not head[FIELDS[field]]:
            head[FIELDS[field]] = value.strip()
    return head


def _origin(distribution: Distribution) -> dict[str, str]:
    """Say where a distribution came from if that was no package index."""
    text = distribution.read_text("direct_url.json")
    if not text:  # `setup.py develop` leaves the metadata beside the project's own files
        beside = str(getattr(distribution, "_path", "")).endswith(".egg-info")
        here = Path(str(distribution.locate_file("")))
        project = next((one for one in (here, here.parent) if _is_project(one)), None) if beside else None
        return {"kind": "editable", "place": str(project)} if project else {}
    if (distribution.read_text("INSTALLER") or "").strip() == "conda":
        return {}  # it wrote the folder of the machine that built the package, which tells nothing
    facts = json.loads(text)
    kind = "repository" if "vcs_info" in facts else "archive" if "archive_info" in facts else "folder"
    if facts.get("dir_info", {}).get("editable"):
        kind = "editable"
    url = urlsplit(facts.get("url", ""))
    place = unquote(url.path) if url.scheme == "file" else f"{url.scheme}://{url.hostname}{url.path}"  # without credentials
    return {"kind": kind, "place": place}


def _owners(found: list[dict[str, Any]], modules: list[str]) -> tuple[dict[str, list[str]], list[str]]:
    wanted = {module.partition(".")[0] for module in modules} - set(sys.stdlib_module_names) - set(sys.builtin_module_names)
    holders: dict[str, list[tuple[str, list[str]]]] = {top: [] for top in wanted}
    for one in found:
        files = _files(one["files"]) + [f"{module.replace('.', '/')}/__init__." for module in one["modules"]]
        for top in _tops(one, files) & wanted:
            holders[top].append((one["name"], files))
    owners: dict[str, list[str]] = {}
    missing = []
    for module in modules:
        top = module.partition(".")[0]
        if top not in wanted or top == "__main__":
            owners[module] = []
        elif holders[top]:
            owners[module] = _holding(module, holders[top])
        else:
            missing.append(module)
    return owners, missing


def _files(distribution: Distribution) -> list[str]:
    text = distribution.read_text("RECORD") or distribution.read_text("installed-files.txt") or ""
    return [line.lstrip('"') for line in text.splitlines()]


def _tops(one: dict[str, Any], files: list[str]) -> set[str]:
    """Name the top-level modules of a distribution, as `importlib.metadata.packages_distributions` does."""
    tops = set((one["files"].read_text("top_level.txt") or "").split())
    for line in files:
        first, slash, _ = line.partition("/")
        name = first if slash else inspect.getmodulename(first.partition(",")[0])
        if name and name.isidentifier():
            tops.add(name)
    if one["origin"].get("kind") == "editable":
        tops |= {module.partition(".")[0] for module in one["modules"] or _guessed(one["origin"]["place"])}
    return tops or {one["name"].replace("-", "_")}


def _is_project(folder: Path) -> bool:
    return any((folder / one).exists() for one in ("pyproject.toml", "setup.py", "setup.cfg"))


def _modules(distribution: Distribution) -> dict[str, str]:
    """List the modules of a project that is installed in place: its files stand in no list, but what leads to them does."""
    site, own = Path(str(distribution.locate_file(""))), Path(str(getattr(distribution, "_path", ""))).name.partition("-")[0]
    files = [line.partition(",")[0] for line in _files(distribution)]
    if not files:  # `setup.py develop` has its metadata beside the modules
        return _modules_in(site, own)
    found: dict[str, str] = {}
    for file in (site / file for file in files if "/" not in file):
        if file.suffix == ".pth":
            lines = [line.strip() for line in _text(file).splitlines()]
            folders = [site / line for line in lines if line and not line.startswith(("#", "import ", "import\t"))]
            found |= {name: path for folder in folders for name, path in _modules_in(folder, own).items()}
        elif file.name.startswith("__editable__"):
            found |= _mapped(_text(file))
        elif file.name.startswith("_editable_impl_"):
            found |= {name: place.removesuffix("/__init__.py") for name, place in MAPPED.findall(_text(file))}
    return found


def _guessed(place: str) -> dict[str, str]:
    """Guess a project's modules, where its build tool makes them known in a way of its own; for their names alone."""
    source = Path(place, "src")
    return _modules_in(source if source.is_dir() else Path(place), "")


def _mapped(finder: str) -> dict[str, str]:
    """Read the table of the module that setuptools makes to find a project's modules."""
    for node in ast.parse(finder).body:
        targets = [node.target] if isinstance(node, ast.AnnAssign) else node.targets if isinstance(node, ast.Assign) else []
        if any(getattr(target, "id", "") == "MAPPING" for target in targets):
            return dict(ast.literal_eval(node.value))  # type: ignore[attr-defined]
    return {}


def _modules_in(folder: Path, own: str) -> dict[str, str]:
    """List the modules in a folder that is on the module path; a project's own folder holds much that is none."""
    is_project = _is_project(folder)
    found: dict[str, str] = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        name = path.name if path.is_dir() else inspect.getmodulename(path.name) or ""
        if not name.isidentifier() or name in ASIDE or name.startswith("__"):
            continue
        if path.is_file() or (path / "__init__.py").exists():
            found[name] = str(path)
        elif not is_project or name == own:  # a namespace
            found |= {f"{name}.{inner}": place for inner, place in _modules_in(path, own).items()}
    return found


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8", errors="replace") if file.exists() else ""


def _holding(module: str, holders: list[tuple[str, list[str]]]) -> list[str]:
    """Choose among the distributions that share a top-level name (a namespace) by the deepest file that may hold the module."""
    if len(holders) == 1:
        return [holders[0][0]]
    parts = module.split(".")
    for depth in range(len(parts), 0, -1):
        stem = "/".join(parts[:depth])
        files = (f"{stem}.", f"{stem}/__init__.")  # .py, .cpython-311-….so
        holding = [name for name, lines in holders if any(line.startswith(files) for line in lines)]
        if holding:
            return holding
    return []


def _markers() -> dict[str, str]:
    """Give the environment of PEP 508 markers."""
    return {
        "implementation_name": sys.implementation.name,
        "implementation_version": platform.python_version(),
        "os_name": os.name,
        "platform_machine": platform.machine(),
        "platform_python_implementation": platform.python_implementation(),
        "platform_release": platform.release(),
        "platform_system": platform.system(),
        "platform_version": platform.version(),
        "python_full_version": platform.python_version(),
        "python_version": ".".join(platform.python_version_tuple()[:2]),
        "sys_platform": sys.platform,
    }


def _tag() -> str:
    """Name what an extension module that was built for this interpreter runs on."""
    version = "{}{}".format(*sys.version_info[:2])
    kind = "cp" if sys.implementation.name == "cpython" else sys.implementation.name[:2]
    place = re.sub(r"[-.]", "_", sysconfig.get_platform())
    return f"{kind}{version}-{kind}{version}{getattr(sys, 'abiflags', '')}-{place}"


if __name__ == "__main__":
    json.dump(report(**json.load(sys.stdin)), sys.stdout)
