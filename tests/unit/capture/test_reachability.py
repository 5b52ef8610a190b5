"""Whatever a model reaches in the notebook answers in a fresh interpreter as it did in the kernel."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jupyter_deploy.values import Capture

from .conftest import REPLAY, ROOT, Session

Replay = Callable[[Capture], list[Any]]

WRITTEN = """
# --- globals of globals
RATE, TABLE = 2, {"a": [1, {"b": 3}]}
def inner(x): return x * RATE + TABLE["a"][1]["b"]
def outer(x): return inner(x) + 1
def model(rows): return [outer(x) for x in rows]
# --- what is live counts
def factor(): return 1
def model(rows): return [x * factor() for x in rows]
def factor(): return 10
# --- closure with state
def make(weights):
    total = 0
    def model(rows):
        nonlocal total
        total = 5
        return [x * weights["w"] + total for x in rows]
    return model
model = make({"w": 3})
# --- defaults
def model(rows, scale=2, *, shift={"by": 4}): return [x * scale + shift["by"] for x in rows]
# --- attributes of a function
def model(rows): return [x + model.shift for x in rows]
model.shift = 7
# --- method patched onto an object
import types
class Model:
    def __init__(self): self.base = 5
    def predict(self, rows): return rows
LIFT = 2
def patched(self, rows): return [x * LIFT + self.base for x in rows]
model = Model()
model.predict = types.MethodType(patched, model)
# --- method patched onto a class
class Model:
    def predict(self, rows): return rows
Model.predict = lambda self, rows: [x + 3 for x in rows]
model = Model()
# --- bound method
class Holder:
    def __init__(self): self.k = 4
    def go(self, rows): return [x + self.k for x in rows]
model = Holder().go
# --- nested class
class Model:
    class Inner:
        class Deep:
            k = 3
        def go(self, x): return x * Model.Inner.Deep.k
    def predict(self, rows): return [self.Inner().go(x) for x in rows]
model = Model()
# --- local class with super
def make(k):
    class Base:
        def go(self, x): return x + k
    class Model(Base):
        def go(self, x): return super().go(x) * 2
        def predict(self, rows): return [self.go(x) for x in rows]
    return Model()
model = make(2)
# --- dataclasses
import dataclasses
@dataclasses.dataclass(frozen=True, order=True)
class Weight:
    w: float
    b: float = dataclasses.field(default=1.0, compare=False)
@dataclasses.dataclass
class Model:
    weights: list[Weight] = dataclasses.field(default_factory=list)
    def predict(self, rows):
        replaced = dataclasses.replace(max(self.weights), b=0.5)
        return [x * replaced.w + dataclasses.asdict(replaced)["b"] + len(dataclasses.fields(self)) for x in rows]
model = Model([Weight(1.0), Weight(3.0)])
# --- enums
import enum
class Side(enum.Enum):
    LEFT, RIGHT = 1, 2
    def flip(self): return Side.RIGHT if self is Side.LEFT else Side.LEFT
class Access(enum.Flag):
    READ, WRITE = enum.auto(), enum.auto()
def model(rows): return [[Side(x).flip().name, (Access.READ | Access.WRITE).value, Side["LEFT"] is Side.LEFT] for x in rows]
# --- decorator
import functools
CALLS = []
def counted(times):
    def decorate(function):
        @functools.wraps(function)
        def wrapper(*args, **kwargs): return [x * times for x in function(*args, **kwargs)]
        return wrapper
    return decorate
@counted(3)
def model(rows): return [x + 1 for x in rows]
# --- class decorator and metaclass
class Registry(type):
    known = {}
    def __new__(mcs, name, bases, body):
        made = super().__new__(mcs, name, bases, body)
        mcs.known[name] = made.__name__.lower()
        return made
def tagged(kind):
    kind.tag = kind.__name__ + "!"
    return kind
@tagged
class Model(metaclass=Registry):
    def predict(self, rows): return [[x, self.tag, type(type(self)).__name__, Registry.known["Model"]] for x in rows]
model = Model()
# --- partial of partial
import functools
def weigh(a, b, rows, c=0): return [a * x + b + c for x in rows]
model = functools.partial(functools.partial(weigh, 2), 3, c=4)
# --- lambdas
K = 3
model = (lambda f: lambda rows: [f(x) for x in rows])(lambda x: x * K)
# --- recursion
def even(n): return True if n == 0 else odd(n - 1)
def odd(n): return False if n == 0 else even(n - 1)
def model(rows): return [even(x) for x in rows]
# --- async function
import asyncio
async def fetch(x):
    await asyncio.sleep(0)
    return x * 2
async def model(rows): return await asyncio.gather(*(fetch(x) for x in rows))
# --- async methods
class Model:
    async def predict(self, rows):
        async with self.context() as k: return [x + k async for x in self.each(rows)]
    async def each(self, rows):
        for x in rows: yield x
    def context(self):
        import contextlib
        @contextlib.asynccontextmanager
        async def context():
            yield 9
        return context()
model = Model()
# --- async call
class Model:
    async def __call__(self, rows): return [x - 1 for x in rows]
model = Model()
# --- async generator
async def model(rows):
    for x in rows: yield x * 5
# --- generator
def model(rows):
    def each():
        yield from (x * x for x in rows)
    yield from each()
# --- generator method
class Model:
    def predict(self, rows):
        for x in rows: yield {"x": x}
model = Model()
# --- dispatch
import functools
@functools.singledispatch
def show(x): return "?"
@show.register
def _(x: int): return f"int {x}"
@show.register(list)
def _(x): return "list"
class Model:
    @functools.singledispatchmethod
    def one(self, x): return "?"
    @one.register
    def _(self, x: int): return x + 1
    def predict(self, rows): return [[show(x), show([x]), show(1.5), self.one(x), self.one("a")] for x in rows]
model = Model()
# --- cached
import functools
class Model:
    @functools.cached_property
    def table(self): return {x: x * x for x in range(9)}
    @functools.lru_cache(maxsize=3)
    def one(self, x): return self.table[x]
    def predict(self, rows): return [self.one(x) for x in rows]
model = Model()
# --- tuples with names
import collections, typing
class Point(typing.NamedTuple):
    x: int
    y: int = 2
    def area(self): return self.x * self.y
Pair = collections.namedtuple("Pair", "a b")
def model(rows): return [Point(x).area() + Pair(a=1, b=x)._replace(a=5).a for x in rows]
# --- protocols and abstract classes
import abc, typing
@typing.runtime_checkable
class Goes(typing.Protocol):
    def go(self, x: int) -> int: ...
class Base(abc.ABC):
    @abc.abstractmethod
    def go(self, x): ...
    @property
    def twice(self): return 2
class Model(Base):
    def go(self, x): return x * self.twice
    def predict(self, rows): return [[self.go(x), isinstance(self, Goes), isinstance(x, Base)] for x in rows]
class Registered: pass
Base.register(Registered)
model = Model()
# --- generics
import typing
T = typing.TypeVar("T")
class Box(typing.Generic[T]):
    def __init__(self, value: T): self.value = value
class Model(Box[int]):
    def predict(self, rows: "list[int]") -> "list[int]": return [x + self.value for x in rows]
model = Model(4)
# --- descriptors and slots
class Positive:
    def __set_name__(self, owner, name): self.name = "_" + name
    def __get__(self, obj, kind=None): return self if obj is None else getattr(obj, self.name)
    def __set__(self, obj, value): setattr(obj, self.name, abs(value))
class Model:
    __slots__ = ("_k", "other")
    k = Positive()
    def __init__(self): self.k, self.other = -6, 1
    def predict(self, rows): return [x + self.k + self.other for x in rows]
model = Model()
# --- static, class and property
class Model:
    scale = 3
    @staticmethod
    def one(x): return x + 1
    @classmethod
    def two(cls, x): return cls.one(x) * cls.scale
    @property
    def k(self): return 5
    def predict(self, rows): return [self.two(x) + self.k for x in rows]
model = Model()
# --- submodules and aliases
import os.path as osp, xml.dom.minidom, collections.abc
from concurrent import futures
import concurrent.futures as cf
def model(rows):
    with cf.ThreadPoolExecutor(1) as pool: done = list(pool.map(str, rows))
    return [[osp.join("a", one), xml.dom.minidom.parseString("<a>é</a>").toxml(), futures is cf] for one in done]
# --- imports within
def model(rows):
    from decimal import Decimal
    import importlib
    return [str(Decimal(x) / 3)[:4] + str(importlib.import_module("colorsys").rgb_to_hsv(0, 0, 1)[2]) for x in rows]
# --- objects that know each other
class Node:
    def __init__(self, value): self.value, self.links, self.seen = value, set(), []
a, b, c = Node(1), Node(2), Node(4)
a.links |= {b, c}; b.links.add(a); c.seen.append(c.seen); c.links.add(c)
class Model:
    def __init__(self): self.root = a
    def predict(self, rows): return [x + sum(one.value for one in self.root.links) + (b in a.links) for x in rows]
model = Model()
# --- unicode
größe, 名前 = 3, {"straße": 2}
class Modèle:
    def predict(self, rows): return [x * größe + 名前["straße"] for x in rows]
model = Modèle()
# --- names of builtins
def max(values): return 42
len = lambda values: 7
def model(rows): return [x + max([x]) + len("") for x in rows]
# --- code made at run time
names = {"K": 3}
exec("def made(x):\\n    return x * K", names)
model = eval("lambda rows: [names['made'](x) for x in rows]")
# --- newer syntax
def model(rows):
    def one(x):
        match x:
            case int() if (y := x * 2) > 2: return y
            case _: return -1
    return [one(x) for x in rows]
# --- numpy
import numpy as np
POLY = np.poly1d([1, 2, 3])
STEP = np.vectorize(lambda x: x + 1)
def model(rows: np.ndarray): return np.add(STEP(POLY(np.asarray(rows))), np.linalg.norm([3.0, 4.0]))
# --- scikit-learn
import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
def widen(x): return np.hstack([x, x * SCALE])
SCALE = 2.0
class Cut(TransformerMixin, BaseEstimator):
    def __init__(self, top=2.0): self.top = top
    def fit(self, X, y=None): return self
    def transform(self, X): return np.minimum(X, self.top)
X = np.arange(8.0).reshape(4, 2)
model = make_pipeline(Cut(5.0), FunctionTransformer(widen), LinearRegression()).fit(X, X.sum(axis=1))
EXAMPLE = X[:2]
"""


def cases() -> dict[str, str]:
    _, *parts = re.split(r"^# --- (.+)\n", WRITTEN, flags=re.MULTILINE)
    return dict(zip(parts[::2], parts[1::2], strict=True))


CASES = cases()


@pytest.fixture(scope="module")
def differing(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Any]]:
    """Capture every model, and answer the golden rows of all of them in one fresh interpreter."""
    folders = {}
    for name, source in CASES.items():
        session = Session(tmp_path_factory.mktemp("notebook")).run(source)
        taken = session.capture("model", example=session.namespace.get("EXAMPLE", [1, 2]))
        assert taken.golden["predict"] >= 2, name
        folders[name] = taken.folder
    code = f"import sys\nfor folder in sys.argv[1:]:\n    sys.argv[1:] = [folder]\n    exec({REPLAY!r})"
    done = subprocess.run(
        [sys.executable, "-c", code, *folders.values()], cwd=tmp_path_factory.mktemp("elsewhere"),
        env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert 0 == done.returncode, done.stderr
    return dict(zip(folders, map(json.loads, done.stdout.splitlines()), strict=True))


@pytest.mark.parametrize("name", CASES)
def test_answers_elsewhere(differing: dict[str, list[Any]], name: str) -> None:
    """Each kind of thing that a model may reach is there."""
    assert [] == differing[name]


def test_package_beside_the_notebook(session: Any, replay: Replay, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package with relative imports and data files answers elsewhere, as do modules with globals of their own."""
    files = {
        "shop_beside/__init__.py": "from .prices import price\n",
        "shop_beside/prices.py": (
            "import json, pkgutil\nfrom importlib import resources\nfrom pathlib import Path\nfrom . import tax\n"
            "HERE = Path(__file__).parent\n"
            "def price(x):\n    base = json.loads((HERE / 'data' / 'größen.json').read_text(encoding='utf-8'))[str(x)]\n"
            "    more = pkgutil.get_data(__package__, 'data/more.csv').decode().count(',')\n"
            "    last = resources.files(__package__).joinpath('data/last.txt').read_text()\n"
            "    return base * tax.rate() + more + len(last)\n"
        ),
        "shop_beside/tax.py": "RATES = {'de': 1.19}\ndef rate(): return RATES['de']\n",
        "shop_beside/data/größen.json": '{"1": 10, "2": 20}',
        "shop_beside/data/more.csv": "a,b,c", "shop_beside/data/last.txt": "é",
        "single_beside.py": "K = 5\ndef lift(x): return x + K\n",
        "named_beside.py": "def f(x): return x * 100\n",
    }  # fmt: skip
    for name, content in files.items():
        path = Path(session.folder / name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    monkeypatch.syspath_prepend(str(session.folder))
    session.run(
        "import importlib\nfrom shop_beside import price\nfrom single_beside import lift\n"
        "def model(rows):\n    return [lift(price(x)) + importlib.import_module('named_beside').f(x) for x in rows]"
    )
    taken = session.capture("model", example=[1, 2])

    assert [] == replay(taken)
    assert set(files) == {str(one.relative_to(Path(taken.folder) / "sources")) for one in Path(taken.folder).glob("sources/**/*.*")}


def test_notebook_without_a_file(replay: Replay, tmp_path: Path) -> None:
    """A notebook of which no file and no folder is known is captured all the same."""
    from jupyter_deploy.capture import capture

    session = Session(tmp_path).run("def model(rows):\n    return [x + 1 for x in rows]")
    taken = capture("model", session.namespace, name="m", folder=tmp_path / "taken", example=[1])

    assert "" == taken.notebook
    assert [] == replay(taken)
