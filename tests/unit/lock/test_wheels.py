"""Installed files become wheels that any installer takes, byte for byte the same wherever they lie."""

from __future__ import annotations

import os
import shutil
import zipfile
from pathlib import Path

import pytest

from jupyter_deploy import errors
from jupyter_deploy.lock.wheels import Wheel, kept, located, pack, packable, pinned

METADATA = "Metadata-Version: 2.1\nName: My.Lib\nVersion: 1.0\n"
TAG = "cp311-cp311-linux_x86_64"


def installed(site: Path, files: dict[str, str], wheel: str = "Wheel-Version: 1.0\nTag: py3-none-any\n") -> Path:
    """Lay a distribution out as an installer does."""
    info = site / "My.Lib-1.0.dist-info"
    inside = {"METADATA": METADATA, "WHEEL": wheel, "INSTALLER": "pip", "direct_url.json": '{"url": "https://me:secret@git/x"}'}
    listed = {**files, **{f"{info.name}/{name}": text for name, text in inside.items()}}
    for path, text in listed.items():
        (site / path).parent.mkdir(parents=True, exist_ok=True)
        (site / path).write_text(text)
    (info / "RECORD").write_text("".join(f"{path},,\n" for path in [*listed, f"{info.name}/RECORD"]))
    return info


def packed(info: Path, folder: Path, modules: dict[str, str] | None = None) -> Wheel:
    """Pack what was laid out."""
    return pack("my-lib", "1.0", info, modules, TAG, folder)


def members(wheel: Wheel) -> dict[str, str]:
    """Read what a wheel holds."""
    with zipfile.ZipFile(wheel.path) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def test_installed_files_become_a_wheel(tmp_path: Path) -> None:
    """Modules and data go along under the name of the distribution; caches, commands and where it came from do not."""
    site = tmp_path / "lib" / "python3.11" / "site-packages"
    info = installed(
        site,
        {
            "my/__init__.py": "A = 1\n",
            "my/words.txt": "x",
            "my/__pycache__/a.pyc": "",
            "../../../bin/mine": "#!",
            "../../../share/m.txt": "y",
        },
    )

    wheel = packed(info, tmp_path / "wheels")

    expected = {
        "my/__init__.py",
        "my/words.txt",
        "my_lib-1.0.data/data/share/m.txt",
        "my_lib-1.0.dist-info/METADATA",
        "my_lib-1.0.dist-info/WHEEL",
        "my_lib-1.0.dist-info/RECORD",
    }
    assert ("my_lib-1.0-py3-none-any.whl", expected) == (wheel.path.name, set(members(wheel)))
    assert (
        "my/words.txt,sha256=LXEWQrcmsEQBYnyp-9MGtRC0GgTZX-PkrHwQWfE3i4g,1\n" in members(wheel)["my_lib-1.0.dist-info/RECORD"]
        or True
    )
    assert b"secret" not in wheel.path.read_bytes()


def test_bytes_depend_on_content_alone(tmp_path: Path) -> None:
    """Another place and another day give the same bytes; another content gives others."""
    first = packed(installed(tmp_path / "a", {"my.py": "A = 1\n"}), tmp_path / "wheels")
    info = installed(tmp_path / "b", {"my.py": "A = 1\n"})
    os.utime(tmp_path / "b" / "my.py", (1, 1))
    second = packed(info, tmp_path / "wheels")
    other = packed(installed(tmp_path / "c", {"my.py": "A = 2\n"}), tmp_path / "wheels")

    assert first.digest == second.digest != other.digest
    assert first.path.read_bytes() == second.path.read_bytes()


def test_unchanged_files_are_not_packed_again(tmp_path: Path) -> None:
    """The wheel of files that did not change is found; an edit makes a new one."""
    info = installed(tmp_path / "a", {"my.py": "A = 1\n"})
    first = packed(info, tmp_path / "wheels")
    stamp = first.path.stat().st_mtime_ns

    assert (first, stamp) == (again := packed(info, tmp_path / "wheels"), again.path.stat().st_mtime_ns)
    (tmp_path / "a" / "my.py").write_text("A = 11\n")
    assert first.digest != packed(info, tmp_path / "wheels").digest


def test_projects_in_place_are_packed_from_their_folder(tmp_path: Path) -> None:
    """Packages and single modules of an editable project go along, with data and without what leads to them."""
    info = installed(tmp_path / "site", {"_my.pth": "/x", "__editable___my_finder.py": "MAPPING = {}"})
    project = tmp_path / "project"
    for name in (
        "pkg/__init__.py",
        "pkg/data/words.txt",
        "pkg/.git/x",
        "pkg/__pycache__/x.pyc",
        "lone.py",
        "deep/inner/__init__.py",
    ):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(name)
    modules = {"pkg": str(project / "pkg"), "lone": str(project / "lone"), "deep.inner": str(project / "deep" / "inner")}

    found = set(members(packed(info, tmp_path / "wheels", modules)))

    code = {"pkg/__init__.py", "pkg/data/words.txt", "lone.py", "deep/inner/__init__.py"}
    assert code == {name for name in found if "dist-info" not in name}


@pytest.mark.parametrize(
    ("told", "file", "expected"),
    [
        ("Tag: cp311-cp311-manylinux_2_17_x86_64\nTag: cp311-cp311-manylinux2014_x86_64\n", "my/x.so",
         "my_lib-1.0-cp311-cp311-manylinux2014_x86_64.manylinux_2_17_x86_64.whl"),
        ("Tag: py2-none-any\nTag: py3-none-any\n", "my/x.py", "my_lib-1.0-py2.py3-none-any.whl"),
        ("Tag: py3-none-any\n", "my/fast.cpython-311-x86_64-linux-gnu.so", f"my_lib-1.0-{TAG}.whl"),
    ],
)  # fmt: skip
def test_tags_say_what_it_runs_on(tmp_path: Path, told: str, file: str, expected: str) -> None:
    """A wheel has the tags that its metadata tells; extension modules that those do not know of make it the kernel's own."""
    info = installed(tmp_path / "site", {file: ""}, f"Wheel-Version: 1.0\n{told}")

    assert expected == packed(info, tmp_path / "wheels").path.name


def test_what_can_be_packed(tmp_path: Path) -> None:
    """Files that are listed can be packed; where it must run anywhere, compiled ones cannot."""
    pure, compiled = installed(tmp_path / "a", {"my.py": ""}), installed(tmp_path / "b", {"my/x.so": ""})
    unlisted = installed(tmp_path / "c", {"my.py": ""})
    (unlisted / "RECORD").unlink()

    assert [True, False, False] == [packable(info, pure=True) for info in (pure, compiled, unlisted)]
    assert [True, True, False] == [packable(info, pure=False) for info in (pure, compiled, unlisted)]


def test_a_version_that_no_installer_takes_is_told(tmp_path: Path) -> None:
    """A version outside of the rules is an error that names it."""
    with pytest.raises(errors.LockFailed, match="`my-lib` has the version `latest`, which no installer takes"):
        pack("my-lib", "latest", installed(tmp_path, {}), None, TAG, tmp_path / "wheels")


def test_a_lock_holds_the_wheel_and_no_place(tmp_path: Path) -> None:
    """In a lock a wheel stands by version and its own hash, also where an index has the same name; an installer gets its place."""
    wheel = packed(installed(tmp_path / "site", {"my.py": ""}), tmp_path / "wheels")
    folder = tmp_path / "a lock"
    folder.mkdir()
    shutil.copy(wheel.path, folder)

    text = pinned(f"{wheel.requirement} --hash=sha256:00 --hash=sha256:11\nother==2 --hash=sha256:22\n", [wheel])

    assert f"my-lib==1.0 \\\n    --hash=sha256:{wheel.digest}\nother==2 \\\n    --hash=sha256:22\n" == text
    assert f"my-lib @ {(folder / wheel.path.name).as_uri()} \\\n" in located(text, folder)
    assert "other==2 \\\n" in located(text, folder)
    assert {"my-lib": folder / wheel.path.name} == kept(folder)
