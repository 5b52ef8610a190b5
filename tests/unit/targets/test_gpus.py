"""Which GPUs a release gets, on machines that are made up."""

from __future__ import annotations

import pytest

from jupyter_deploy import errors
from jupyter_deploy.targets.local import gpus

LISTED = """GPU 0: NVIDIA H100 80GB HBM3 (UUID: GPU-aaaa-0)
GPU 1: NVIDIA H100 80GB HBM3 (UUID: GPU-bbbb-1)
  MIG 3g.40gb     Device  0: (UUID: MIG-cccc-2)
  MIG 3g.40gb     Device  1: (UUID: MIG-dddd/3/0)
GPU 2: NVIDIA T4 (UUID: GPU-eeee-4)
"""
FOUR = ["GPU-0", "GPU-1", "GPU-2", "GPU-3"]


def test_list_of_the_driver() -> None:
    """GPUs are told by their ids, and one that is cut into parts by the ids of these."""
    assert ["GPU-aaaa-0", "MIG-cccc-2", "MIG-dddd/3/0", "GPU-eeee-4"] == gpus.listed(LISTED)
    assert [] == gpus.listed("No devices were found\n")


@pytest.mark.parametrize(
    ("allowed", "expected"),
    [
        (None, FOUR), ("", []), ("2", ["GPU-2"]), ("3,0", ["GPU-3", "GPU-0"]), ("GPU-1", ["GPU-1"]), ("1,7,2", ["GPU-1"]),
        ("GPU-", []), ("-1", []), (" 1 , GPU-3 ", ["GPU-1", "GPU-3"]),
    ],
)  # fmt: skip
def test_what_this_process_is_allowed(allowed: str | None, expected: list[str]) -> None:
    """`CUDA_VISIBLE_DEVICES` is read as CUDA reads it: places or beginnings of ids, up to the first that is none."""
    assert expected == gpus.visible(FOUR, allowed)


@pytest.mark.parametrize("count", range(1, 5))
def test_each_worker_has_one_of_its_own(count: int) -> None:
    """A release gets as many GPUs as it asks for, each once, in the driver's order."""
    assert tuple(FOUR[:count]) == gpus.place("churn@1", count, FOUR, (), ())


def test_endpoints_share_none() -> None:
    """What another endpoint uses is not given away."""
    assert ("GPU-1", "GPU-3") == gpus.place("churn@1", 2, FOUR, {"GPU-0", "GPU-2"}, ())


def test_releases_of_one_endpoint_share_where_they_must() -> None:
    """A newer release gets free GPUs first, and those of the older one where there are no others."""
    assert ("GPU-2", "GPU-3") == gpus.place("churn@2", 2, FOUR, (), {"GPU-0", "GPU-1"})
    assert ("GPU-0",) == gpus.place("churn@2", 1, FOUR[:1], (), {"GPU-0"})


@pytest.mark.parametrize(
    ("ids", "taken", "told"),
    [
        ([], (), "it asks for 2 GPUs, and this machine has none that `nvidia-smi` lists."),
        (FOUR[:1], (), "it asks for 2 GPUs, and this machine has 1."),
        (FOUR, FOUR[:3], "it asks for 2 GPUs, and this machine has 4, of which other endpoints use 3."),
    ],
)
def test_too_few(ids: list[str], taken: tuple[str, ...], told: str) -> None:
    """Too few GPUs are an error that counts them."""
    with pytest.raises(errors.ReleaseFailed) as raised:
        gpus.place("churn@1", 2, ids, taken, ())

    assert f"The release churn@1 could not be started: {told}" == raised.value.message
