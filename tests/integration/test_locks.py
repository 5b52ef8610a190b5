"""Kernels as they really are: packages from folders, in place, patched, withdrawn, gone; with real installers and an index."""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
import venv
import zipfile
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from jupyter_deploy import errors, plugins
from jupyter_deploy.installer import run_uv
from jupyter_deploy.languages.plan import RUNTIME
from jupyter_deploy.languages.python import Python
from jupyter_deploy.lock.format import parse
from jupyter_deploy.lock.uv import Uv
from jupyter_deploy.lock.wheels import kept
from jupyter_deploy.values import Capture, Finding, Lock
from tests.captures import reaching

if TYPE_CHECKING:
    from tests.conftest import Index

UNREACHABLE = "http://127.0.0.1:9/simple"  # the port of `discard`, where nobody listens
NATIVE = {"fast.cpython-311-x86_64-linux-gnu.so": ""}


class Kernel:
    """A kernel's folder of packages.

    Args:
        folder: Where everything of a test lies.
        index: The only index that there is.
    """

    def __init__(self, folder: Path, index: Index) -> None:
        self.folder, self.index, self.site = folder, index, folder / "site"
        self.locks, self.environments = folder / "locks", folder / "environments"
        for name in RUNTIME:
            index.add(name.replace("-", "_"), version(name))

    def install(self, *arguments: str) -> None:
        """Install as people do."""
        command = ["pip", "install", "--python", sys.executable, "--target", str(self.site), "--no-deps", "--no-build-isolation"]
        done = run_uv([*command, *arguments], cwd=self.folder)
        assert 0 == done.code, done.errors

    def project(self, name: str) -> Path:
        """Write a project with one package, which has a data file."""
        project = self.folder / name
        package = project / "src" / f"{name}_code"
        package.mkdir(parents=True)
        (project / "pyproject.toml").write_text(
            '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
            f'[project]\nname = "{name}"\nversion = "0.1"\n[tool.setuptools.package-data]\n"*" = ["*.txt"]\n'
        )
        (package / "__init__.py").write_text("A = 1\n")
        (package / "words.txt").write_text("hello")
        return project

    def capture(self, *modules: str, path: tuple[Path, ...] = ()) -> Capture:
        """Make a capture that reaches modules."""
        return reaching(self.folder, *modules, path=(str(self.site), *map(str, path)))

    def lock(self, *modules: str, path: tuple[Path, ...] = ()) -> Lock:
        """Lock what modules need."""
        return Python().lock(self.capture(*modules, path=path), "uv", self.locks)

    def run(self, lock: Lock, code: str) -> str:
        """Run code in the clean environment of a lock."""
        python = Python().environment(self.capture(), lock, self.environments)
        return subprocess.run([python, "-I", "-c", code], capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def kernel(tmp_path: Path, index: Index) -> Kernel:
    """Give a test a kernel without packages, and an index with what serves models."""
    return Kernel(tmp_path, index)


def entry(lock: Lock, name: str) -> tuple[str, tuple[str, ...]]:
    """Find a package in a lock: its requirement and hashes."""
    (found,) = (one for one in parse(lock.text) if one.name == name)
    return found.requirement, found.hashes


def only(lock: Lock) -> Finding:
    """Give the one finding of a lock."""
    (finding,) = lock.findings
    return finding


def test_folders_and_projects_in_place_travel_as_wheels(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder's installation and an editable one are in the clean environment with their data, and no index is asked for them."""
    kernel.index.add("lib", "1.0", "placed")
    placed, edited = kernel.project("placed"), kernel.project("edited")
    kernel.install("lib", str(placed), "--editable", str(edited))

    lock = kernel.lock("lib", "edited_code.part", path=(edited / "src",))

    assert (("edited", "placed"), {"edited", "placed"}) == (lock.own, set(kept(Path(lock.folder))))
    assert ("edited==0.1", 1) == (entry(lock, "edited")[0], len(entry(lock, "edited")[1]))
    assert () == lock.findings
    code = "import edited_code, placed_code, pathlib, importlib.metadata as m; print(m.version('edited'), edited_code.A, "
    assert "0.1 1 hello" == kernel.run(lock, f"{code}pathlib.Path(placed_code.__file__).with_name('words.txt').read_text())")

    monkeypatch.setenv("PIP_INDEX_URL", UNREACHABLE)
    assert lock == kernel.lock("lib", "edited_code.part", path=(edited / "src",))
    (edited / "src" / "edited_code" / "__init__.py").write_text("A = 2\n")
    with pytest.raises(errors.LockFailed, match="cannot be reached"):  # another content is another lock
        kernel.lock("lib", "edited_code.part", path=(edited / "src",))


def test_all_of_it_out_of_the_cache(kernel: Kernel) -> None:
    """Once uv has seen the packages, another lock and its environment are made though the index answers no more."""
    kernel.index.add("lib", "1.0", "dep")
    kernel.index.add("dep", "1.0")
    kernel.install("lib", "dep")
    kernel.run(kernel.lock("lib"), "")
    kernel.index.down = True

    lock = Python().lock(kernel.capture("lib"), "uv", kernel.folder / "other")
    python = Python().environment(kernel.capture(), lock, kernel.folder / "anew")

    assert kernel.lock("lib").text == lock.text
    assert (
        "1.0"
        == subprocess.run(
            [python, "-Ic", "import dep; print(dep.VERSION)"], capture_output=True, text=True, check=True
        ).stdout.strip()
    )


def test_a_wheel_that_was_changed_is_refused(kernel: Kernel) -> None:
    """A wheel of which one byte is another than when it was locked is not installed."""
    kernel.install(str(kernel.project("placed")))
    lock = kernel.lock("placed_code")
    (wheel,) = kept(Path(lock.folder)).values()
    data = bytearray(wheel.read_bytes())
    data[data.index(b"A = 1")] ^= 1
    wheel.write_bytes(data)

    with pytest.raises(errors.EnvironmentFailed, match=r"cannot be made: `placed` cannot be installed[\s\S]*Bad CRC"):
        kernel.run(lock, "")
    data[data.index(b"@ = 1")] ^= 1
    wheel.write_bytes(data)
    with zipfile.ZipFile(wheel, "a") as archive:  # whole, but another one
        archive.comment = b"another"
    with pytest.raises(errors.EnvironmentFailed, match="Hash mismatch for `placed"):
        kernel.run(lock, "")

    again = kernel.lock("placed_code")  # takes the kernel's files anew
    assert "1" == kernel.run(again, "import placed_code; print(placed_code.A)")


def test_the_kernels_own_pip_configuration_counts(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    """An index that only the configuration in the kernel's own environment names is asked, by every locker."""
    kernel.index.add("lib", "1.0")
    venv.create(kernel.folder / "env", symlinks=True, with_pip=False)
    (kernel.folder / "env" / "pip.conf").write_text(f"[global]\nindex-url = {kernel.index.url}\n")
    monkeypatch.delenv("PIP_INDEX_URL")
    monkeypatch.delenv("PIP_CONFIG_FILE")

    for name in plugins.names("lockers"):
        folder = kernel.folder / name
        folder.mkdir()
        found = plugins.load("lockers", name)().compile(["lib"], [], kernel.folder / "env" / "bin" / "python", folder)
        assert "lib==1.0" in found.text


def test_a_project_in_place_whose_modules_nobody_tells(kernel: Kernel) -> None:
    """An editable project that is found by code of its build tool's own is refused by name, with what to do."""
    project = kernel.project("edited")
    kernel.install("--editable", str(project))
    for file in kernel.site.glob("__editable__*.pth"):
        file.write_text("import _edited_loader; _edited_loader.install()\n")

    with pytest.raises(
        errors.LockFailed, match=r"`edited`, which is installed in place from .*/edited, by a build tool[\s\S]*without `-e`"
    ):
        kernel.lock("edited_code", path=(project / "src",))


def test_withdrawn_versions_are_told(kernel: Kernel) -> None:
    """A yanked version is locked as the kernel has it, and the author's reason is a finding, also the next time."""
    kernel.index.add("lib", "1.0", yanked="loses data")
    kernel.index.add("lib", "1.1")
    kernel.install("lib==1.0")

    for _ in range(2):
        lock = kernel.lock("lib")
        assert "lib==1.0" == entry(lock, "lib")[0]
        assert ("package", "lib") == (only(lock).kind, only(lock).subject)
        assert "`lib` 1.0 was withdrawn by its author: loses data." == only(lock).message


def test_what_is_on_no_index_comes_from_the_kernel(kernel: Kernel) -> None:
    """A version that has vanished becomes a wheel of the installed files where those run anywhere, and that is a finding."""
    kernel.index.add("lib", "1.0", "dep")
    kernel.index.add("dep", "1.0")
    kernel.install("lib", "dep")
    kernel.index.forget("dep")
    kernel.index.add("dep", "2.0")

    lock = kernel.lock("lib")

    assert ("dep",) == lock.own
    assert "`dep` 1.0 is on no package index that pip or uv knows: the release gets the kernel's own files." == only(lock).message
    assert "1.0" == kernel.run(lock, "import dep; print(dep.VERSION)")
    assert lock == kernel.lock("lib")


@pytest.mark.parametrize("by", ["uv", "conda"])
def test_compiled_versions_that_are_gone_are_refused(kernel: Kernel, by: str) -> None:
    """A compiled package that the index lacks is refused; the nearest versions that it has, and who installed it, are named."""
    tag = "py3-none-any"  # so that every machine installs it
    for one in ("1.9", "2.0", "2.1", "3.0"):
        kernel.index.add("lib", one, tag=tag, more=NATIVE)
    kernel.install("lib==2.0")
    (kernel.site / "lib-2.0.dist-info" / "INSTALLER").write_text(by)
    kernel.index.forget("lib")
    for one in ("1.9", "2.1", "3.0"):
        kernel.index.add("lib", one, tag=tag, more=NATIVE)

    with pytest.raises(errors.Unsolvable) as caught:
        kernel.lock("lib")

    message = f"`lib` 2.0 (installed by {by}) is on no package index that pip or uv knows. The nearest there: 1.9, 2.1."
    assert message == caught.value.message
    assert caught.value.hint.startswith("Run `pip install lib==1.9` in the kernel's environment, restart the kernel")


def test_patches_in_site_packages_are_told(kernel: Kernel) -> None:
    """A file that was edited by hand is a finding, and the release has the original though the edit reached uv's cache."""
    kernel.index.add("lib", "1.0")
    kernel.install("lib")
    file = kernel.site / "lib.py"
    assert file.stat().st_nlink > 1, "uv links files of its cache"
    with file.open("r+") as edited:  # in place, as some editors do
        edited.write("VERSION = 'patched by hand'\n")

    lock = kernel.lock("lib")

    assert "`lib.py`: not as `lib` 1.0 installed it; the release gets the original." == only(lock).message
    assert "1.0" == kernel.run(lock, "import lib; print(lib.VERSION)")


def test_passwords_of_an_index_stay_in_its_configuration(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    """With an index that asks for a password in pip's configuration, the password is in no file and no message."""
    kernel.index.add("lib", "1.0")
    kernel.install("lib")
    configuration = kernel.folder / "pip.conf"
    configuration.write_text(f"[global]\nindex-url = {kernel.index.ask_for('me:hunter2')}\n")
    monkeypatch.delenv("PIP_INDEX_URL")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(configuration))

    lock = kernel.lock("lib")
    assert "1.0" == kernel.run(lock, "import lib; print(lib.VERSION)")
    kernel.index.forget("lib")
    (kernel.site / "lib-1.0.dist-info" / "RECORD").unlink()
    (kernel.site / "more.pth").touch()
    with pytest.raises(errors.LockFailed) as caught:
        Python().lock(kernel.capture("lib"), "uv", kernel.folder / "other")

    files = [
        file for folder in ("locks", "environments", "other") for file in (kernel.folder / folder).rglob("*") if file.is_file()
    ]
    assert [] == [file for file in files if b"hunter2" in file.read_bytes()]
    assert "hunter2" not in str(caught.value)


def test_imports_that_the_model_does_without_are_named(kernel: Kernel) -> None:
    """What the notebook imports and the model does not need is named with the lock, and not locked."""
    for name in ("lib", "dep", "plots"):
        kernel.index.add(name, "1.0", *(["dep"] if name == "lib" else []))
    kernel.install("lib", "dep", "plots")
    import msgspec

    asked = msgspec.structs.replace(kernel.capture("lib"), imported=("lib", "dep", "plots", "IPython"))
    lock = Python().lock(asked, "uv", kernel.locks)

    assert ("plots",) == lock.unused
    assert "plots" not in lock.text


def test_start_files_are_told(kernel: Kernel) -> None:
    """A file that runs at every start of Python, and that the kernel does not have, is a finding about its package."""
    kernel.index.add("lib", "1.0", more={"lib_start.pth": "import sys\n"})
    kernel.install("lib")
    lock = kernel.lock("lib")
    kernel.run(lock, "")

    assert () == Python().look(kernel.capture(), lock, kernel.environments)
    (kernel.site / "lib_start.pth").unlink()
    (finding,) = Python().look(kernel.capture(), lock, kernel.environments)

    assert "lib" == finding.subject
    assert finding.message.startswith("`lib` brings lib_start.pth")


def source(index: Index, name: str, metadata: str) -> None:
    """Publish a distribution that has a source and no wheel, and whose build fails."""
    files = {
        "PKG-INFO": f"Metadata-Version: {metadata}\nName: {name}\nVersion: 1.0\n",
        "setup.py": "raise SystemExit('no compiler')\n",
    }
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        for path, text in files.items():
            member = tarfile.TarInfo(f"{name}-1.0/{path}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    index.publish(f"{name}-1.0.tar.gz", name, made.getvalue())


def test_what_cannot_be_installed_is_named(kernel: Kernel) -> None:
    """A package whose build fails is named by the environment's error, and nothing is left; or by the lock's, if that builds it."""
    kernel.index.add("lib", "1.0")
    kernel.install("lib")
    kernel.index.forget("lib")
    source(kernel.index, "lib", "2.2")  # so that its requirements are known without building it
    lock = kernel.lock("lib")

    with pytest.raises(errors.EnvironmentFailed, match=r"cannot be made: `lib==1\.0` cannot be installed") as caught:
        kernel.run(lock, "")

    assert "cannot be built here" in caught.value.hint
    assert [] == [one.name for one in kernel.environments.iterdir() if one.is_dir()]
    source(kernel.index, "older", "2.1")
    with pytest.raises(
        errors.LockFailed, match=r"`older==1\.0` has no wheel for the kernel's Python, and its source cannot be built"
    ):
        Uv().compile(["older==1.0"], [], Path(sys.executable), kernel.folder)


def test_the_same_for_another_machine(kernel: Kernel) -> None:
    """A lock for another machine holds what that one needs; what runs only here is named, all of it."""
    kernel.index.add("lib", "1.0", "elsewhere ; platform_machine == 'aarch64'")
    kernel.index.add("elsewhere", "2.0")
    kernel.install("lib")
    lock = kernel.lock("lib")

    other = Python().lock_elsewhere(lock, "linux/arm64")

    assert ("elsewhere==2.0", "lib==1.0") == (entry(other, "elsewhere")[0], entry(other, "lib")[0])
    assert other.digest != lock.digest
    with pytest.raises(errors.BadInput, match=r"no platform `linux/arm`[\s\S]*Did you mean `linux/arm64`"):
        Python().lock_elsewhere(lock, "linux/arm")

    for name in ("one", "two"):
        kernel.index.add(name, "1.0", tag="py3-none-any")
    kernel.install("one", "two")
    local = kernel.lock("lib", "one", "two")
    for name in ("one", "two"):
        kernel.index.forget(name)
        kernel.index.add(name, "1.0", tag="py3-none-manylinux_2_17_x86_64")
    with pytest.raises(
        errors.LockFailed, match=r"For linux/arm64 there is neither a wheel nor a source of `one==1\.0`, `two==1\.0`"
    ):
        Python().lock_elsewhere(local, "linux/arm64")
