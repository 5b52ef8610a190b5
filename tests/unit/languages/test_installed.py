from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from jupyter_deploy.languages import installed


def install(folder: Path, name: str, version: str, files: list[str], metadata: str = "", **others: str) -> None:
    """Lay a distribution out as pip does."""
    info = folder / f"{name}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{metadata}\n\nName: not this\n")
    (info / "RECORD").write_text("".join(f"{file},sha256=x,1\n" for file in [*files, f"{info.name}/METADATA"]))
    for other, text in others.items():
        (info / other.replace("_json", ".json")).write_text(text)


def test_heads_are_read(tmp_path: Path) -> None:
    """Name, version and requirements come from the head of METADATA, folded lines included, and never from the README below it."""
    install(tmp_path, "Some_Thing", "1.0", ["thing/__init__.py"], "Requires-Dist: numpy>=1\nRequires-Dist: six ;\n  extra == 'all'")

    (found,) = installed.report([str(tmp_path)], [])["distributions"]

    expected = {
        "name": "some-thing",
        "version": "1.0",
        "requires": ["numpy>=1", "six ; extra == 'all'"],
        "origin": {},
        "folder": str(tmp_path / "Some_Thing-1.0.dist-info"),
        "modules": {},
    }
    assert expected == found


def test_modules_are_owned(tmp_path: Path) -> None:
    """A module belongs to the distribution that lists its top-level package, file or extension."""
    install(tmp_path, "package", "1.0", ["pkg/__init__.py", "pkg/deep/a.py"])
    install(tmp_path, "single", "1.0", ["lone.py"])
    install(
        tmp_path, "compiled", "1.0", ["fast.cpython-311-x86_64-linux-gnu.so" if sys.version_info[:2] == (3, 11) else "fast.abi3.so"]
    )

    owners = installed.report([str(tmp_path)], ["pkg.deep.a", "pkg.made.up", "lone", "fast"])["owners"]

    assert {"pkg.deep.a": ["package"], "pkg.made.up": ["package"], "lone": ["single"], "fast": ["compiled"]} == owners


def test_namespaces_are_split(tmp_path: Path) -> None:
    """Of distributions that share a namespace the one with the module's own file owns it; nobody owns the namespace."""
    install(tmp_path, "cloud-storage", "1.0", ["google/cloud/storage/__init__.py", "google/cloud/storage/client.py"])
    install(tmp_path, "protobuf", "5.0", ["google/protobuf/__init__.py"])

    found = installed.report([str(tmp_path)], ["google", "google.cloud", "google.cloud.storage.client", "google.protobuf.any_pb2"])

    expected = {
        "google": [],
        "google.cloud": [],
        "google.cloud.storage.client": ["cloud-storage"],
        "google.protobuf.any_pb2": ["protobuf"],
    }
    assert expected == found["owners"]
    assert [] == found["missing"]


def test_missing_modules_are_named(tmp_path: Path) -> None:
    """A module of no distribution is missing; those of the standard library and `__main__` need none."""
    found = installed.report([str(tmp_path)], ["json.decoder", "__main__", "nowhere.at.all"])

    assert ["nowhere.at.all"] == found["missing"]
    assert {"json.decoder": [], "__main__": []} == found["owners"]


def test_first_on_the_path_counts(tmp_path: Path) -> None:
    """Of two distributions of one name the first on the path is the one that imports see."""
    install(tmp_path / "a", "thing", "1.0", [])
    install(tmp_path / "b", "thing", "2.0", [])

    found = installed.report([str(tmp_path / "a"), str(tmp_path / "b")], [])["distributions"]

    assert ["1.0"] == [one["version"] for one in found]


@pytest.mark.parametrize(
    ("direct", "origin"),
    [
        ({"url": "file:///home/me/my%20lib", "dir_info": {"editable": True}}, {"kind": "editable", "place": "/home/me/my lib"}),
        ({"url": "file:///home/me/lib", "dir_info": {}}, {"kind": "folder", "place": "/home/me/lib"}),
        (
            {"url": "https://me:secret@git/x/y.git", "vcs_info": {"vcs": "git", "commit_id": "c"}},
            {"kind": "repository", "place": "https://git/x/y.git"},
        ),
        (
            {"url": "file:///tmp/w-1.0-py3-none-any.whl", "archive_info": {}},
            {"kind": "archive", "place": "/tmp/w-1.0-py3-none-any.whl"},
        ),
    ],
)
def test_origins_are_told(tmp_path: Path, direct: dict[str, object], origin: dict[str, str]) -> None:
    """What came from no index is said with its place, without credentials."""
    install(tmp_path, "mine", "1.0", [], direct_url_json=json.dumps(direct))

    (found,) = installed.report([str(tmp_path)], [])["distributions"]

    assert origin == found["origin"]


def test_conda_folders_tell_nothing(tmp_path: Path) -> None:
    """A distribution that conda installed counts as one from an index."""
    install(tmp_path, "numpy", "2.0", [], direct_url_json='{"url": "file:///croot/numpy", "dir_info": {}}', INSTALLER="conda\n")

    (found,) = installed.report([str(tmp_path)], [])["distributions"]

    assert {} == found["origin"]


def test_editable_modules_are_found(tmp_path: Path) -> None:
    """Modules of a project that is installed in place are found in its folder, because no list names them."""
    package = tmp_path / "project" / "src" / "inplace"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    direct = {"url": f"file://{tmp_path}/project", "dir_info": {"editable": True}}
    install(tmp_path / "site", "my-project", "1.0", ["_my_project.pth"], direct_url_json=json.dumps(direct))

    assert {"inplace.part": ["my-project"]} == installed.report([str(tmp_path / "site")], ["inplace.part"])["owners"]


def edited(folder: Path, *files: str, **listed: str) -> Path:
    """Lay out a project and its editable installation, whose listed files have the given texts."""
    for file in files:
        (folder / "project" / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / "project" / file).touch()
    direct = json.dumps({"url": f"file://{folder}/project", "dir_info": {"editable": True}})
    install(folder / "site", "mine", "1.0", list(listed), direct_url_json=direct)
    for name, text in listed.items():
        (folder / "site" / name).write_text(text.replace("PROJECT", str(folder / "project")))
    return folder / "project"


def test_modules_in_a_source_folder(tmp_path: Path) -> None:
    """A path file names a folder whose packages, single modules and parts of namespaces are the project's."""
    project = edited(
        tmp_path, "pyproject.toml", "src/mine/__init__.py", "src/lone.py", "src/space/part/__init__.py", "src/mine.egg-info/x",
        **{"mine.pth": "PROJECT/src\n"},
    )  # fmt: skip

    expected = {"mine": "mine", "lone": "lone.py", "space.part": "space/part"}
    assert {name: str(project / "src" / path) for name, path in expected.items()} == installed.in_place([str(tmp_path / "site")])


def test_modules_in_a_project_folder(tmp_path: Path) -> None:
    """Beside a project's modules, what belongs to its tests, build and documents is none, nor is a folder of data."""
    project = edited(
        tmp_path, "setup.py", "mine/__init__.py", "helper.py", "tests/__init__.py", "docs/conf.py", "data/words.txt", "other/x.py",
        **{"mine.pth": "PROJECT\n"},
    )  # fmt: skip

    assert {"mine": str(project / "mine"), "helper": str(project / "helper.py")} == installed.in_place([str(tmp_path / "site")])


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("__editable___mine_1_0_finder.py", "MAPPING: dict[str, str] = {'mine': 'PROJECT/lib/mine'}\nNAMESPACES = {}\n"),
        ("_editable_impl_mine.py", "F.map_module('mine', 'PROJECT/lib/mine/__init__.py')\nF.install()\n"),
    ],
)
def test_modules_that_a_finder_maps(tmp_path: Path, name: str, text: str) -> None:
    """The tables that setuptools, hatchling and PDM write are read without running them."""
    project = edited(tmp_path, "pyproject.toml", "lib/mine/__init__.py", **{name: text, "mine.pth": "import x; x.install()\n"})

    assert {"mine": str(project / "lib" / "mine")} == installed.in_place([str(tmp_path / "site")])


def test_modules_beside_old_metadata(tmp_path: Path) -> None:
    """After `setup.py develop` the metadata lies beside the modules, in the project's folder."""
    info = tmp_path / "mine.egg-info"
    info.mkdir()
    (info / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1.0\n")
    for file in ("setup.py", "mine.py"):
        (tmp_path / file).touch()

    (found,) = installed.report([str(tmp_path)], [])["distributions"]

    assert {"kind": "editable", "place": str(tmp_path)} == found["origin"]
    assert {"mine": str(tmp_path / "mine.py")} == found["modules"]


def test_runs_as_a_script(tmp_path: Path) -> None:
    """The kernel's interpreter runs the file alone, without site packages, and gets the same answer."""
    install(tmp_path, "package", "1.0", ["pkg/__init__.py"])
    question = {"path": [str(tmp_path)], "modules": ["pkg"]}

    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", installed.__file__],
        input=json.dumps(question),
        capture_output=True,
        text=True,
        check=True,
    )

    assert installed.report([str(tmp_path)], ["pkg"]) == json.loads(done.stdout)
