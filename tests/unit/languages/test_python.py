from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_deploy import errors
from jupyter_deploy.languages.plan import RUNTIME, Installed, Kernel, Plan, closure, inspect_kernel, plan_lock
from jupyter_deploy.lock.wheels import Wheel
from jupyter_deploy.values import Manifest, to_json
from tests.captures import reaching as capture

MARKERS = {"implementation_name": "cpython", "python_version": "3.11", "sys_platform": "linux"}
BESIDE = {name: Installed(name=name, version="1.4.39") for name in RUNTIME}


def thing(name: str, version: str, *requires: str, **origin: str) -> Installed:
    """Make an installed distribution."""
    return Installed(name=name, version=version, requires=requires, origin=origin)


def kernel(*distributions: Installed, reached: tuple[str, ...] = ()) -> Kernel:
    """Make a kernel whose captured code reaches some distributions, each by one module."""
    owners = {name: (name,) for name in reached}
    return Kernel(distributions=distributions, owners=owners, missing=(), markers=MARKERS, platform="linux-x86_64")


def planned(own: Kernel, beside: dict[str, Installed], *wheels: Wheel) -> Plan:
    """Plan a lock for a kernel."""
    return plan_lock(own, {name for names in own.owners.values() for name in names}, beside, wheels)


def test_reached_and_runtime_are_asked_for_at_their_versions() -> None:
    """What the code reaches and what serves it are required at the kernel's versions, else the agent's; their needs are held."""
    own = kernel(thing("lib", "2.0", "dep>=1"), thing("dep", "1.1"), thing("cloudpickle", "3.0"), reached=("lib",))

    plan = planned(own, BESIDE)

    assert {"lib==2.0", "cloudpickle==3.0", "bentoml==1.4.39"} <= set(plan.requirements)
    assert ("dep==1.1",) == plan.constraints


def test_looser_plan_keeps_what_the_model_needs() -> None:
    """When runtime and kernel clash, the model's own packages stay exact, and so do the bundle's and the pickle's format."""
    own = kernel(
        thing("lib", "2.0", "dep"), thing("dep", "1.1"), thing("uvicorn", "0.9", "h11"), thing("h11", "0.1"), reached=("lib",)
    )

    requirements, constraints = planned(own, BESIDE).looser

    assert ["bentoml==1.4.39", "cloudpickle==1.4.39", "httptools", "lib==2.0"] == list(requirements[:4])
    assert ("dep==1.1",) == constraints


def test_unrelated_packages_change_nothing() -> None:
    """Installing what the model does not need leaves the digest; another version of what it needs changes it."""
    lib = thing("lib", "2.0", "dep")
    before = planned(kernel(lib, thing("dep", "1.1"), reached=("lib",)), BESIDE)
    beside = planned(kernel(lib, thing("dep", "1.1"), thing("ipython", "9.0"), reached=("lib",)), BESIDE)
    after = planned(kernel(lib, thing("dep", "1.2"), reached=("lib",)), BESIDE)

    assert before.digest == beside.digest != after.digest


def test_kernel_with_another_bentoml_gets_the_agents() -> None:
    """A bentoml of the kernel counts only if bundles can be made for it."""
    plan = planned(kernel(thing("bentoml", "1.2.0")), BESIDE)

    assert "bentoml==1.4.39" in plan.requirements


def test_no_fitting_bentoml_is_told() -> None:
    """Without a bentoml that bundles can be made for the error says which, and what to run."""
    with pytest.raises(errors.LockFailed, match=r"Bundles need bentoml<1.5,>=1.4.39; installed beside jupyter_deploy: 1.2.0"):
        planned(kernel(), BESIDE | {"bentoml": thing("bentoml", "1.2.0")})


def test_wheels_count_by_their_content() -> None:
    """A wheel is asked for by version like all else, and its hash, not its place, counts in the lock's digest."""
    own = kernel(thing("lib", "1.0", "mine"), thing("mine", "0.1", kind="folder", place="/x"), reached=("lib",))
    first, again, other = (
        planned(own, BESIDE, Wheel("mine", "0.1", Path(place), digest)).digest
        for place, digest in (("/a", "1"), ("/b", "1"), ("/a", "2"))
    )

    assert first == again != other
    assert "mine==0.1" in planned(own, BESIDE, Wheel("mine", "0.1", Path("/a"), "1")).requirements


def test_closure_follows_extras_and_markers() -> None:
    """A requirement counts where its marker is true, also one of an extra that somebody asks for; broken ones are passed by."""
    known = {
        one.name: one
        for one in (
            thing("top", "1", "Mid_Dle[fast]>=1", "other ; sys_platform == 'win32'", "absent", "not a requirement !"),
            thing("mid-dle", "1", "quick ; extra == 'fast'", "slow ; extra == 'full'"),
            thing("quick", "1", "top"),
            thing("slow", "1"),
            thing("other", "1"),
        )
    }

    assert {"top", "mid-dle", "quick"} == closure(["top"], known, MARKERS)


def test_missing_module_is_named(tmp_path: Path) -> None:
    """A module that nothing installed contains is an error that names it."""
    with pytest.raises(errors.LockFailed, match=r"imports `nowhere.at`, which no installed distribution contains"):
        inspect_kernel(capture(tmp_path, "nowhere.at"))


def test_module_that_only_a_function_imports_is_no_error(tmp_path: Path) -> None:
    """A module that no package contains, and that the model does not load by itself, is named and stops nothing."""
    manifest = Manifest(endpoint="demo", language_version="3.11.7", framework="callable", preload=("joblib",))
    (tmp_path / "manifest.json").write_bytes(to_json(manifest))

    assert ("nowhere.at",) == inspect_kernel(capture(tmp_path, "nowhere.at", "joblib")).missing


def test_modules_beside_the_notebook_and_tools_are_left_out(tmp_path: Path) -> None:
    """What travels in the capture, and what only stands around a notebook, is no package to lock."""
    (tmp_path / "sources" / "features").mkdir(parents=True)
    (tmp_path / "sources" / "cleaning.py").touch()

    own = inspect_kernel(capture(tmp_path, "features.text", "cleaning", "IPython.core", "json"))

    assert {"json": ()} == own.owners


def test_contract_brings_its_libraries(tmp_path: Path) -> None:
    """A contract of frames needs pandas, though the model's own code may not import it."""
    assert {"pandas": ("pandas",)} == inspect_kernel(capture(tmp_path, kind="frame")).owners


def test_a_notebook_that_imports_pyarrow_has_it_in_its_release(tmp_path: Path) -> None:
    """What the worker makes something of is locked where the notebook imported it, though no model needs it."""
    import msgspec

    asked = msgspec.structs.replace(capture(tmp_path), imported=("pyarrow", "seaborn"))

    assert {"pyarrow": ("pyarrow",)} == inspect_kernel(asked).owners


def test_broken_interpreter_is_told(tmp_path: Path) -> None:
    """A kernel whose interpreter is gone is an error that names it."""
    import msgspec

    gone = msgspec.structs.replace(capture(tmp_path), interpreter="/nowhere/python")

    with pytest.raises(errors.LockFailed, match="/nowhere/python does not say what is installed"):
        inspect_kernel(gone)
