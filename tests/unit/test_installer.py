from __future__ import annotations

import os
from pathlib import Path

from jupyter_deploy.installer import indexes, pip_files, pip_options, run_uv, without_credentials


def test_pip_indexes_become_uv_indexes() -> None:
    """Indexes and certificates of pip are translated, and with several indexes uv looks at all of them as pip does."""
    options = {"index-url": "https://a/simple", "extra-index-url": "https://b/simple\nhttps://c/simple", "cert": "/etc/ca.pem"}

    expected = {
        "UV_DEFAULT_INDEX": "https://a/simple",
        "UV_INDEX": "https://b/simple https://c/simple",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "SSL_CERT_FILE": "/etc/ca.pem",
    }
    assert expected == indexes({}, options)


def test_uv_own_configuration_wins() -> None:
    """What uv is told itself is left as it is."""
    told = {"UV_INDEX_URL": "https://mine/simple", "SSL_CERT_FILE": "/mine.pem"}

    assert {} == indexes(told, {"index-url": "https://a/simple", "cert": "/etc/ca.pem"})


def test_missing_folders_of_links_are_passed_by(tmp_path: Path) -> None:
    """A folder of links that does not exist is left out, as pip does; addresses and folders that exist are kept."""
    links = f"/nowhere/wheels {tmp_path} https://a/links"

    assert {"UV_FIND_LINKS": f"{tmp_path},https://a/links"} == indexes({}, {"find-links": links})


def test_pip_files_and_variables_are_read_in_order(tmp_path: Path) -> None:
    """A stronger file beats a weaker one, `install` beats `global`, and a variable beats both."""
    weak, strong, broken = tmp_path / "weak.conf", tmp_path / "strong.conf", tmp_path / "broken.conf"
    weak.write_text("[global]\nindex-url = https://weak/simple\nfind_links =\n  https://one/\n  https://two/\ncert = /weak.pem\n")
    strong.write_text("[global]\nindex-url = https://global/simple\n[install]\nindex-url = https://strong/simple\n")
    broken.write_text("no section\n")

    options = pip_options({"PIP_CERT": "/variable.pem"}, [weak, strong, broken, tmp_path / "absent.conf"])

    assert ("https://strong/simple", "/variable.pem") == (options["index-url"], options["cert"])
    assert ["https://one/", "https://two/"] == options["find-links"].split()


def test_named_pip_file_is_the_strongest() -> None:
    """The file that PIP_CONFIG_FILE names comes last, and the null device switches all files off."""
    assert Path("/x/pip.conf") == pip_files({"PIP_CONFIG_FILE": "/x/pip.conf", "HOME": "/home/me"})[-1]
    assert [] == pip_files({"PIP_CONFIG_FILE": os.devnull})


def test_credentials_are_taken_out() -> None:
    """What uv says of an index keeps the host and loses name and password; other texts stay."""
    said = "Failed to fetch: `https://me:hunter2@index/simple/x/` and http://token@other, but me@home and file:///a@b/c"

    assert "Failed to fetch: `https://index/simple/x/` and http://other, but me@home and file:///a@b/c" == without_credentials(said)


def test_uv_runs(tmp_path: Path) -> None:
    """The uv that is installed beside the package is found and run."""
    assert run_uv(["--version"], cwd=tmp_path).output.startswith("uv ")
