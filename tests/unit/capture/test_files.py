"""Data files: what is named goes along and opens in a release by the same path; what the code opens and nobody named is told."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from jupyter_deploy import errors
from jupyter_deploy.capture import Terms
from jupyter_deploy.capture.noticing import files
from jupyter_deploy.values import Capture

ROOT = Path(__file__).parents[3]


@pytest.fixture
def notebook(session: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Give a notebook in a folder with data, whose kernel runs there."""
    session.folder = session.folder / "project" / "books"
    for path, content in {"data/x.csv": "a\n1\n", "data/y.csv": "a\n2\n", "../shared/z.txt": "3", "words.txt": "one two"}.items():
        file = session.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    monkeypatch.chdir(session.folder)
    return session


def told(session: Any, body: str, *include: str, before: str = "") -> list[str]:
    """Deploy a function with that body; give the files that are told."""
    head = f"import json, os\nimport pandas as pd\nfrom pathlib import Path\n{before}\n"
    session.run(f"{head}def f(x: float) -> float:\n    {body}\n    return x\nf(1.0)")
    return [one.subject for one in session.capture("f", terms=Terms(include=include)).findings if one.kind == "file"]


def answered(taken: Capture, body: str) -> list[Any]:
    """Load a capture in an interpreter of its own, and ask it."""
    code = (
        "import sys; from pathlib import Path; from jupyter_deploy.bentos.python.endpoint import model\n"
        "print(model.load(Path(sys.argv[1])).methods['predict'](sys.argv[2].encode()).decode())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, taken.folder, body], cwd="/", env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "" == done.stderr
    answers: list[Any] = json.loads(done.stdout)["predictions"]
    return answers


@pytest.mark.parametrize(
    ("before", "body", "expected"),
    [
        ("", "open('data/x.csv')", ["data/x.csv"]),
        ("", "Path('data/x.csv').read_text()", ["data/x.csv"]),
        ("", "(Path('data') / 'x.csv').open().read()", ["data/x.csv"]),
        ("", "pd.read_csv(os.path.join('data', 'x.csv'))", ["data/x.csv"]),
        ("", "pd.read_csv(filepath_or_buffer='data/x.csv')", ["data/x.csv"]),
        ("FOLDER = 'data'", "pd.read_csv(f'{FOLDER}/x.csv')", ["data/x.csv"]),
        ("BASE = Path('data')", "pd.read_csv(BASE / 'x.csv')", ["data/x.csv"]),
        ("TABLE = 'data/x.csv'", "use = TABLE", ["data/x.csv"]),
        ("CONFIG = {'tables': ['data/x.csv', 'data/y.csv']}", "CONFIG['tables']", ["data/x.csv", "data/y.csv"]),
        ("class Config:\n    TABLE = 'data/x.csv'", "Config.TABLE", ["data/x.csv"]),
        ("", "name = 'x'\n    pd.read_csv(f'data/{name + str(1)}.csv') if x > 5 else 0", ["data/x*.csv"]),
        ("", "os.listdir('data')", ["data/"]),
        ("", "open('../shared/z.txt').read()", ["../shared/z.txt"]),
        ("def inner():\n    return open('words.txt').read()", "inner()", ["words.txt"]),
        ("", "g = lambda: open('words.txt')\n    g()", ["words.txt"]),
        ("", "pd.read_csv('data/x.csv').set_index('a').to_dict()", ["data/x.csv"]),
        ("", "pd.to_datetime(pd.read_csv('data/x.csv')['a'])", ["data/x.csv"]),
        ("", "pd.read_csv('data/x.csv').to_csv(os.devnull)", ["data/x.csv"]),
    ],
)
def test_opened_files_are_told(notebook: Any, before: str, body: str, expected: list[str]) -> None:
    """A path is found as a literal, joined, in a global, in a container, in a class, in another function."""
    assert expected == told(notebook, body, before=before)


@pytest.mark.parametrize(
    "body",
    [
        "'''words.txt'''",
        "open('out.txt', 'w').write('x')",
        "pd.DataFrame({'a': [1]}).to_csv('out.csv')",
        "(Path('.') / 'out.txt').write_text('x')",
        "x == 'words'",
        "open('gone.txt').read() if x > 5 else 0",
        "''.join(['a', 'b.c', '/', '..', '.'])",
        "open(os.devnull).read()",
    ],
)
def test_what_is_no_input_is_not_told(notebook: Any, body: str) -> None:
    """Docstrings, outputs, words that happen to be names, and files that do not exist are no findings."""
    (notebook.folder / "out.txt").write_text("")
    (notebook.folder / "out.csv").write_text("")
    (notebook.folder / "words").mkdir()

    assert [] == told(notebook, body)


def test_attributes_and_paths_are_told(notebook: Any) -> None:
    """A path that an object of the notebook's own class holds is told with the attribute that holds it."""
    notebook.run("""
from pathlib import Path
class Model:
    def __init__(self, table, words):
        self.table = table
        self.words = words
    def predict(self, rows):
        return [len(self.table.read_text() + open(self.words).read())] * len(rows)
model = Model(Path("data/x.csv"), "words.txt")
model.predict([1])
""")
    found = [one for one in notebook.capture("model").findings if one.kind == "file"]

    assert ["data/x.csv", "words.txt"] == [one.subject for one in found]
    assert "`words.txt` (7 bytes) is not taken along; `Model.words` names it." == found[1].message
    assert "Add `--include words.txt` if the model needs it to answer." == found[1].hint


def test_module_beside_the_notebook(notebook: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a module only what the model reaches is looked at; a file beside the module is found by the module's own path."""
    (notebook.folder / "reading_files.py").write_text(
        "from pathlib import Path\n"
        "WORDS = (Path(__file__).parent / 'words.txt').read_text().split()\n"
        "def train():\n    return open('data/y.csv').read()\n"
        "def first():\n    return second()\n"
        "def second():\n    return open('data/x.csv').read()\n"
    )
    monkeypatch.syspath_prepend(str(notebook.folder))

    assert ["words.txt", "data/x.csv"] == told(notebook, "reading_files.first()", before="import reading_files")
    assert [] == told(notebook, "reading_files.first()", "words.txt", "data/x.csv")


def test_absolute_path(notebook: Any) -> None:
    """An absolute path is told even where its file goes along, with the path to open instead."""
    path = notebook.folder / "data" / "x.csv"
    notebook.run(f"def f(x: float) -> float:\n    return x + len(open({str(path)!r}).read())\nf(1.0)")

    found = [one for one in notebook.capture("f", terms=Terms(include=("data/x.csv",))).findings if one.kind == "file"]

    assert f"`{path}` is an absolute path, which another machine does not have; `f` in cell 1 opens it." == found[0].message
    assert "Open it by its path from the notebook, `data/x.csv`." == found[0].hint


def test_included_files_open_by_the_same_path(notebook: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files below and beyond the notebook's folder open in a release as in the notebook, also from a module beside it."""
    (notebook.folder / "reading_words.py").write_text(
        "from pathlib import Path\ndef words():\n    return (Path(__file__).parent / 'words.txt').read_text().split()\n"
    )
    monkeypatch.syspath_prepend(str(notebook.folder))
    notebook.run("""
import reading_words
def f(x: float) -> float:
    texts = open('data/x.csv').read() + open('../shared/z.txt').read()
    return x + len(texts) + len(reading_words.words())
f(1.0)
""")

    taken = notebook.capture("f", terms=Terms(include=("data/*.csv", "../shared", "words.txt")))

    lying = {path.relative_to(taken.folder).as_posix() for path in Path(taken.folder, "sources").rglob("*") if path.is_file()}
    home = "sources/books"
    assert {
        f"{home}/data/x.csv",
        f"{home}/data/y.csv",
        f"{home}/words.txt",
        f"{home}/reading_words.py",
        "sources/shared/z.txt",
    } == lying
    assert () == taken.findings
    for folder in (notebook.folder / "data", notebook.folder.parent / "shared"):
        shutil.rmtree(folder)
    for file in (notebook.folder / "words.txt", notebook.folder / "reading_words.py"):
        file.unlink()
    assert [8.0] == answered(taken, '{"rows": [{"x": 1.0}]}')


def test_without_files_the_capture_is_as_before(notebook: Any) -> None:
    """A model without files or modules has no folder for them, and a file is part of the digest."""
    notebook.run("def f(x: float) -> float:\n    return x\nf(1.0)")

    without, first = notebook.capture("f"), notebook.capture("f", terms=Terms(include=("words.txt",)))
    (notebook.folder / "words.txt").write_text("other")
    second = notebook.capture("f", terms=Terms(include=("words.txt",)))

    assert not Path(without.folder, "sources").exists()
    assert 3 == len({without.digest, first.digest, second.digest})
    assert "other" == Path(second.folder, "sources", "words.txt").read_text()


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("data/x.csv", ["data/x.csv"]),
        ("./data/../data/x.csv", ["data/x.csv"]),
        ("data", ["data/x.csv", "data/y.csv"]),
        ("data/", ["data/x.csv", "data/y.csv"]),
        ("**/*.csv", ["data/x.csv", "data/y.csv"]),
        ("../books/words.txt", ["words.txt"]),
        ("../shared/*", ["../shared/z.txt"]),
    ],
)
def test_what_patterns_name(notebook: Any, pattern: str, expected: list[str]) -> None:
    """Files, folders and patterns are taken relative to the notebook's folder."""
    assert expected == [one.path for one in files.find([pattern], notebook.folder)]


def test_absolute_path_within_the_folder(notebook: Any) -> None:
    """An absolute path below the notebook's folder is as good as the relative one."""
    assert ["words.txt"] == [one.path for one in files.find([str(notebook.folder / "words.txt")], notebook.folder)]


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("data/z.csv", "`--include data/z.csv` names no file.\nDid you mean `data/y.csv` or `data/x.csv`?"),
        ("dta/x.csv", "`--include dta/x.csv` names no file.\nDid you mean `data/x.csv` or `data/y.csv`?"),
        ("*.parquet", "`--include *.parquet` names no file."),
        ("/etc/hostname", "`--include /etc/hostname` is an absolute path, and no such path exists where a release runs."),
        ("empty", "`--include empty` holds no file that can be taken along."),
    ],
)
def test_bad_patterns(notebook: Any, pattern: str, message: str) -> None:
    """What names nothing or cannot go along is refused, with the names that come near."""
    (notebook.folder / "empty").mkdir()
    (notebook.folder / "empty" / ".hidden").write_text("")

    with pytest.raises(errors.BadInput) as raised:
        files.find([pattern], notebook.folder)

    assert str(raised.value).startswith(message)


def test_root_of_the_file_system(notebook: Any) -> None:
    """A path that climbs to the root is refused: the whole machine's tree would stand in the bundle."""
    up = "/".join([".."] * (len(notebook.folder.parts) - 1))

    with pytest.raises(errors.BadInput, match="leads up to the root of the file system"):
        files.find([f"{up}/etc/hostname"], notebook.folder)


def test_links(notebook: Any, tmp_path: Path) -> None:
    """A link that is named is followed; one that leads out of a folder or a pattern that is named is not."""
    (tmp_path / "secret.csv").write_text("hush")
    (notebook.folder / "data" / "out.csv").symlink_to(tmp_path / "secret.csv")
    (notebook.folder / "data" / "in.csv").symlink_to(notebook.folder / "data" / "x.csv")
    (notebook.folder / "data" / "loop").symlink_to(notebook.folder / "data")

    inside = ["data/in.csv", "data/x.csv", "data/y.csv"]
    assert inside == [one.path for one in files.find(["data"], notebook.folder)]
    assert inside == [one.path for one in files.find(["data/*.csv"], notebook.folder)]
    assert [tmp_path / "secret.csv"] == [one.file for one in files.find(["data/out.csv"], notebook.folder)]


def test_limit(notebook: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Too much data is refused with its size."""
    with (notebook.folder / "data" / "big.bin").open("wb") as file:
        os.truncate(file.fileno(), files.MOST_BYTES + 1)

    with pytest.raises(
        errors.BadInput, match=r"makes it 3 files with 2,147 MB; at most 10,000 files with 2,147 MB can be taken along"
    ):
        files.find(["data"], notebook.folder)


def test_folders_that_are_no_data(notebook: Any) -> None:
    """Hidden folders, caches and virtual environments in a folder stay behind."""
    for path in (".git/x", "__pycache__/x.pyc", "venv/pyvenv.cfg", "venv/lib/y", ".ipynb_checkpoints/z"):
        file = notebook.folder / "data" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("")

    assert ["data/x.csv", "data/y.csv"] == [one.path for one in files.find(["data"], notebook.folder)]
