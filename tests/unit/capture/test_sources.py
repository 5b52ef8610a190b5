"""Local modules are copied with what they import; installed ones are named."""

from __future__ import annotations

import json
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import cloudpickle
import msgspec
import pytest

from jupyter_deploy import errors
from jupyter_deploy.capture import packages, sources


@pytest.fixture
def beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a test a notebook's folder on the module path."""
    folder = tmp_path / "notebook"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    return folder


def collected(beside: Path, *modules: str) -> sources.Sources:
    found = sources.find(modules, beside)
    sources.copy(found.files, beside.parent / "sources")
    return found


def test_imports_are_followed(beside: Path) -> None:
    """A chain of local modules is copied, and the installed modules at its end are named."""
    (beside / "local_a.py").write_text("def f():\n    from local_b import g\n    import not_there_at_all\n")
    (beside / "local_b.py").write_text(
        "import os, cloudpickle\nimport xml.dom\ntry:\n    import msgspec.json\nexcept ImportError:\n    pass\n"
    )
    (beside / "local_c.py").write_text("")

    found = collected(beside, "local_a")

    assert (("cloudpickle", "msgspec.json"), ("local_a.py", "local_b.py")) == (found.installed, tuple(found.files))
    assert (beside / "local_b.py").read_text() == (beside.parent / "sources" / "local_b.py").read_text()


@pytest.mark.parametrize("taken", ["endpoint", "service"])
def test_names_of_the_bundle(beside: Path, taken: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A local module that a worker could never import, because the bundle has one of that name, is refused by name."""
    monkeypatch.delitem(sys.modules, taken, raising=False)
    (beside / f"{taken}.py").write_text("def tweak(x): return x + 1\n")
    (beside / "local_u.py").write_text(f"import {taken}\n")

    with pytest.raises(errors.NotDeployable, match=f"every bundle has a module of its own called `{taken}`") as caught:
        collected(beside, "local_u")

    assert f"Rename yours, such as `my_{taken}`, restart the kernel, and deploy again." == caught.value.hint


def test_package_is_copied_whole(beside: Path) -> None:
    """A package is copied whole with its data files, without notebooks, caches, hidden files and environments."""
    for name in (
        "local_p/__init__.py", "local_p/inner/__init__.py", "local_p/inner/deep.py", "local_p/unused.py",
        "local_p/__pycache__/x.py",
        "local_p/.ipynb_checkpoints/x.py", "local_p/env/pyvenv.cfg", "local_p/env/x.py", "local_p/data.csv", "local_p/.secret.py",
        "local_p/words/de.json", "local_p/try.ipynb", "local_p/unused.pyc", "local_p/node_modules/x.js", "local_p/.git/config",
    ):  # fmt: skip
        (beside / name).parent.mkdir(parents=True, exist_ok=True)
        (beside / name).write_text("")
    (beside / "local_p" / "inner" / "deep.py").write_text("from ..unused import x\nfrom . import y\nimport cloudpickle\n")
    (beside / "local_p" / "unused.py").write_text("import msgspec\n")

    found = collected(beside, "local_p.inner.deep")

    assert (
        "local_p/__init__.py", "local_p/data.csv", "local_p/inner/__init__.py", "local_p/inner/deep.py", "local_p/unused.py",
        "local_p/words/de.json",
    ) == tuple(found.files)  # fmt: skip
    assert ("cloudpickle", "msgspec") == found.installed
    assert () == found.findings


def test_links_out_of_a_package(beside: Path) -> None:
    """A link within a package goes along as the file that it leads to; one that leads out of it stays."""
    for name in ("local_l/__init__.py", "local_l/one.txt", "elsewhere.txt"):
        (beside / name).parent.mkdir(parents=True, exist_ok=True)
        (beside / name).write_text("x")
    (beside / "local_l" / "two.txt").symlink_to("one.txt")
    (beside / "local_l" / "out.txt").symlink_to("../elsewhere.txt")

    assert ("local_l/__init__.py", "local_l/one.txt", "local_l/two.txt") == tuple(collected(beside, "local_l").files)


def test_large_data_of_a_package(beside: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Data files of a package that are too large stay behind, the largest first, and a finding says which."""
    monkeypatch.setattr(packages, "LARGEST", 3 << 20)
    monkeypatch.setattr(packages, "ALL", 5 << 20)
    (beside / "local_d").mkdir()
    (beside / "local_d" / "__init__.py").write_text("")
    for name, size in (("a.bin", 2), ("b.bin", 3), ("c.bin", 3), ("d.bin", 4)):
        (beside / "local_d" / name).write_bytes(b"\0" * (size << 20))

    found = collected(beside, "local_d")

    assert ("local_d/__init__.py", "local_d/a.bin", "local_d/b.bin") == tuple(found.files)
    assert [("file", "local_d/d.bin"), ("file", "local_d/c.bin")] == [(one.kind, one.subject) for one in found.findings]
    assert "`local_d/d.bin` (4 MB) does not go along" in found.findings[0].message
    assert "Add `--include local_d/d.bin` if the model needs it to answer." == found.findings[0].hint


def test_folder_of_modules(beside: Path) -> None:
    """Of a folder that is no package but holds modules, the code goes along."""
    (beside / "local_n" / "deep").mkdir(parents=True)
    (beside / "local_n" / "deep" / "größe.py").write_text("import cloudpickle\n")
    (beside / "local_n" / "train.csv").write_text("")

    found = collected(beside, "local_n.deep.größe")

    assert (("cloudpickle",), ("local_n/deep/größe.py",)) == (found.installed, tuple(found.files))


def test_extension_modules(beside: Path) -> None:
    """Compiled modules go along, by themselves and within a package."""
    suffix = EXTENSION_SUFFIXES[0]
    for name in (f"local_x{suffix}", "local_y/__init__.py", f"local_y/fast{suffix}"):
        (beside / name).parent.mkdir(exist_ok=True)
        (beside / name).write_text("")

    assert (f"local_x{suffix}", "local_y/__init__.py", f"local_y/fast{suffix}") == tuple(
        collected(beside, "local_x", "local_y").files
    )


def test_modules_that_are_imported_by_a_function(beside: Path) -> None:
    """A module that a local module imports by its name goes along, also by a relative name."""
    (beside / "local_i").mkdir()
    (beside / "local_i" / "__init__.py").write_text(
        "import importlib\nmodels = importlib.import_module('.models', __package__)\n"
        "from importlib import import_module\ndef f():\n    return import_module('local_j'), __import__('msgspec')\n"
    )
    (beside / "local_i" / "models.py").write_text("import cloudpickle\n")
    (beside / "local_j.py").write_text("")

    found = collected(beside, "local_i")

    assert (("cloudpickle", "msgspec"), ("local_i/__init__.py", "local_i/models.py", "local_j.py")) == (
        found.installed, tuple(found.files),
    )  # fmt: skip
    assert ("local_i", "local_j") == found.ways["local_j"]


def test_imports_for_type_checkers(beside: Path) -> None:
    """What only a type checker imports is not needed where the model runs."""
    (beside / "local_t.py").write_text(
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import msgspec\nelse:\n    import cloudpickle\n"
    )

    assert ("cloudpickle",) == collected(beside, "local_t").installed


def test_nothing_local(beside: Path) -> None:
    """Modules of Python itself are neither copied nor named, and no folder is made."""
    found = collected(beside, "os.path", "collections", "builtins", "__main__", "_thread", "msgspec", "_pytest.fixtures")

    assert (("_pytest.fixtures", "msgspec"), {}) == (found.installed, found.files)
    assert not (beside.parent / "sources").exists()


def test_local_module_that_hides_a_standard_one(beside: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module beside the notebook is copied though Python has one of the same name."""
    (beside / "this.py").write_text("X = 1\n")
    monkeypatch.delitem(sys.modules, "this", raising=False)

    assert ("this.py",) == tuple(collected(beside, "this").files)


def test_module_elsewhere_on_the_path(beside: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module of a folder that the person put on the path is local too."""
    library = tmp_path / "library"
    library.mkdir()
    (library / "local_elsewhere.py").write_text("")
    monkeypatch.syspath_prepend(str(library))

    assert ("local_elsewhere.py",) == tuple(collected(beside, "local_elsewhere").files)


def test_broken_source(beside: Path) -> None:
    """A file that is no Python is copied as it is."""
    (beside / "local_broken.py").write_text("def (\n")

    found = collected(beside, "local_broken")

    assert ((), ("local_broken.py",)) == (found.installed, tuple(found.files))


def test_projects_in_place_are_installed(beside: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A project that is installed editable is named as installed, whatever it imports is followed, and it is not copied."""
    package, site = beside / "project" / "src" / "local_in_place", tmp_path / "site"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("import cloudpickle, local_beside")
    (beside / "local_beside.py").write_text("")
    info = site / "local_in_place-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "direct_url.json").write_text(json.dumps({"url": f"file://{beside}/project", "dir_info": {"editable": True}}))
    (info / "RECORD").write_text("_in_place.pth,,\n")
    (site / "_in_place.pth").write_text(f"{package.parent}\n")
    monkeypatch.syspath_prepend(str(package.parent))
    monkeypatch.syspath_prepend(str(site))

    found = collected(beside, "local_in_place")

    assert (("cloudpickle", "local_in_place"), ("local_beside.py",)) == (found.installed, tuple(found.files))


def test_what_nobody_has_is_told(beside: Path) -> None:
    """A module that local code names and that is installed nowhere is a finding, since the code may do without it."""
    (beside / "local_try.py").write_text("try:\n    import no_such_thing.at_all\nexcept ImportError:\n    pass\nimport os\n")

    (finding,) = collected(beside, "local_try").findings

    assert ("package", "no_such_thing") == (finding.kind, finding.subject)
    assert "`no_such_thing`, which the kernel does not have either" in finding.message


def test_imports_of_the_notebook_are_listed() -> None:
    """Modules, and what was imported from modules, name the packages of a notebook; Python's own and plain values do not."""
    namespace = {"json": json, "pytest": pytest, "dumps": cloudpickle.dumps, "_hidden": msgspec, "number": 1}

    assert ("cloudpickle", "pytest") == sources.of_notebook(namespace)
