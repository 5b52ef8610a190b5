"""What every compiler must say of itself, on every one that there is; what it converts is tested in tests/unit/convert."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_deploy import bentos, plugins
from jupyter_deploy.compilers.base import Compiler
from jupyter_deploy.values import Manifest

CONVERTERS = Path(bentos.__file__).parent / "python" / "convert"


@pytest.fixture(params=plugins.names("compilers"))
def compiler(request: pytest.FixtureRequest) -> Compiler:
    """Give a test each compiler."""
    made: Compiler = plugins.load("compilers", request.param)()
    assert request.param == made.name
    return made


def test_it_bears_the_name_of_a_framework(compiler: Compiler) -> None:
    """It is found by the name that stands in a capture's manifest."""
    assert compiler.name in plugins.names("frameworks")


def test_it_has_a_converter(compiler: Compiler) -> None:
    """The module that it names converts, and what converts reads the model from the manifest alone."""
    assert (CONVERTERS / f"{compiler.converter}.py").is_file()
    assert "" == compiler.accepts(Manifest(endpoint="churn", language_version="3", framework=compiler.name))


def test_it_asks_for_what_is_missing_alone(compiler: Compiler) -> None:
    """What the model has already is not asked for again, and nothing that converts is served."""
    tools = compiler.converting(())

    assert tools
    assert () == compiler.converting(tools)
    assert not set(tools) & set(compiler.serving)
