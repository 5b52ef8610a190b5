"""Runs notebooks of one cell in an interpreter of its own, and prints the digests of what `model` is pickled to.

Three digests for each: after the cell ran, after the model was used, and after the cell ran again in the same kernel.
"""

from __future__ import annotations

import hashlib
import io
import json
import linecache
import pickle
import re
import sys
import types

from jupyter_deploy.capture.cells import Notebook
from jupyter_deploy.capture.pickling import objects

WRITTEN = """
# --- class
class A:
    n = 0
    def predict(self, rows):
        return [len(r) for r in rows]
model = A()
# --- use
model.predict(['a'])
# --- dataclass
import dataclasses, typing
@dataclasses.dataclass
class A:
    w: set = dataclasses.field(default_factory=set)
    n: int = 3
    c: typing.ClassVar[int] = 1
    def __call__(self, x): return dataclasses.asdict(self)
model = A({'q','w','e'})
# --- use
model(1)
# --- frozen slots
import dataclasses
@dataclasses.dataclass(frozen=True, slots=True, order=True)
class P:
    x: int
    y: str
model = [P(1,'a'), {P(2,'b'), P(3,'c'), P(1,'z')}]
# --- use
hash(model[0]); sorted(model[1])
# --- enum
import enum
class E(enum.Enum):
    A = 1
    B = 'x'
class F(enum.Flag):
    X = 1
    Y = 2
class I(enum.IntEnum):
    ONE = 1
model = [E.A, F.X | F.Y, I.ONE, {E.A, E.B}, {E.A: 1}, lambda x: E(x)]
# --- use
model[-1](1)
# --- nested
class O:
    class I:
        class J:
            z = {1,'a'}
    def f(self): return self.I.J()
model = O().f()
# --- local
def mk(k):
    s = {'p','q',k}
    class L:
        def go(self): return s
        def sup(self): return super().__repr__()
    return L
model = [mk('r')(), mk('t')()]
# --- use
model[0].go()
# --- closure
def outer(a):
    b = {a, 'x', 'y'}
    def g(v, c={'d','e'}, *, k=frozenset({'m','n'})):
        nonlocal a
        return v, a, b, c, k
    return g
model = outer('s')
# --- use
model(1)
# --- lambda
W = {'a','b'}
model = [lambda x: x in W, lambda x: x in {'u','v'}]
# --- decorated
import functools
def deco(f):
    @functools.wraps(f)
    def w(*a, **k): return f(*a, **k)
    w.calls = {'a','b'}
    return w
@deco
def model(x): 'doc'
# --- use
model(1)
# --- partial
import functools
def f(a, b): return a, b
model = functools.partial(f, {'x','y'}, b=[{'q','r'}])
# --- typevar
import typing
T = typing.TypeVar('T', bound=int)
U = typing.TypeVar('U')
P = typing.ParamSpec('P')
class B(typing.Generic[T, U]):
    def f(self, x: T) -> U: return x
class C(B[int, str]): pass
N = typing.NewType('N', int)
model = [C(), B[int, str], N, typing.Callable[P, int]]
# --- namedtuple
import typing, collections
class N(typing.NamedTuple):
    a: int
    b: str = 'x'
M = collections.namedtuple('M', 'p q')
model = [N(1), M({'a','b'}, 2)]
# --- use
model[0]._asdict()
# --- protocol
import typing, abc
@typing.runtime_checkable
class P(typing.Protocol):
    x: int
    def f(self) -> int: ...
    def g(self): ...
class A(abc.ABC):
    @abc.abstractmethod
    def f(self): ...
    @property
    @abc.abstractmethod
    def q(self): ...
class B(A):
    q = 1
    def f(self): return isinstance(self, P)
class R1: pass
class R2: pass
class R3: pass
for r in (R1,R2,R3): A.register(r)
model = B()
# --- use
model.f()
# --- abc used
import abc
class A(abc.ABC):
    pass
class B(A): pass
model = [B(), lambda x: isinstance(x, A)]
# --- use
model[1](3); model[1](model[0])
# --- cached_property
import functools
class A:
    @functools.cached_property
    def big(self): return 3
    def predict(self, r): return [1 for _ in r]
model = A()
# --- singledispatch
import functools
@functools.singledispatch
def f(x): return 0
@f.register
def _(x: int): return 1
@f.register(str)
def _(x): return 2
model = f
# --- use
model(3); model('a'); model(2.0)
# --- singledispatchmethod
import functools
class A:
    @functools.singledispatchmethod
    def f(self, x): return 0
    @f.register
    def _(self, x: int): return 1
model = A()
# --- use
model.f(3); model.f('a')
# --- lru
import functools
@functools.lru_cache
def f(x): return x
class A:
    @functools.cache
    def m(self): return 1
model = [f, A()]
# --- use
model[0](3); model[1].m()
# --- async
async def helper(x): return x
async def model(x):
    return await helper(x)
# --- asyncgen
async def model(x):
    for i in x: yield i
# --- generator
def model(x):
    yield from (i for i in x if i in {'a','b','c'})
# --- cyclic
class N:
    pass
a = N(); b = N(); a.b = b; b.a = a; a.s = {b, a}; a.l = [a]; a.l.append(a.l); a.d = {'me': a, 's': {'x','y'}}
model = a
# --- users in sets
class K:
    def __init__(s, v): s.v = v
    def __hash__(s): return hash(s.v)
    def __eq__(s, o): return s.v == o.v
class D:
    def __init__(s, v): s.v = v
model = [{K('a'), K('b'), K('c')}, {D(i) for i in 'lmnop'}, {K('x'): {D(1), D(2)}}, frozenset({K('q'), K('r')})]
model += [({('a', 1), ('b', 2)},), {frozenset({'a','b'}), frozenset({'c','d'})}]
# --- graph
class N:
    def __init__(s, i): s.i = i; s.n = set()
ns = [N(i) for i in range(40)]
for i, x in enumerate(ns):
    for j in (1, 3, 7): x.n.add(ns[(i*j+j) % 40])
model = ns[0]
# --- set subclass
class S(set): pass
class FS(frozenset): pass
import collections
model = [S('abc'), FS('xyz'), collections.OrderedDict(a={'q','w'}), collections.defaultdict(set, {'k': {'e','r'}})]
model += [collections.Counter('abca'), collections.deque([{'t','y'}])]
# --- weak
import weakref
class A: pass
x, y, z = A(), A(), A(); x.i=1; y.i=2; z.i=3
model = [x, y, z, weakref.WeakSet([x, y, z]), weakref.WeakKeyDictionary({x: 1}), weakref.WeakValueDictionary({'k': y})]
# --- property
class A:
    @property
    def p(self): return {'a','b'}
    @classmethod
    def c(cls): return cls
    @staticmethod
    def s(): return 1
    def __init_subclass__(cls, **k): super().__init_subclass__(**k)
class B(A): pass
model = [B(), B.c, A.s, B().p]
# --- use
B.c()
# --- slots
class A:
    __slots__ = ('a', 'b')
    def __init__(self): self.a = {'x','y'}; self.b = 1
model = A()
# --- meta
class M(type):
    reg = {}
    def __new__(m, n, b, d):
        c = super().__new__(m, n, b, d)
        return c
class A(metaclass=M): pass
model = [A, A()]
# --- bound
import types
class A:
    def predict(self, r): return r
def patched(self, r): return [x in {'a','b'} for x in r]
model = A(); model.predict = types.MethodType(patched, model)
# --- use
model.predict(['a'])
# --- values of Python's own
import re, datetime, decimal, fractions, uuid, pathlib
model = [re.compile('a|b', re.I), datetime.date(2020, 1, 1), decimal.Decimal('1.2'), fractions.Fraction(1, 3)]
model += [uuid.UUID(int=5), pathlib.PurePosixPath('a')]
# --- numpy
import numpy as np, pandas as pd
a = np.array([{'x','y'}, 1, 'b'], dtype=object)
df = pd.DataFrame({'s': [{'a','b'}, {'c','d'}], 'n': [1, 2], 't': ['u', 'v']})
model = [a, df, df['s'], pd.Categorical(['a','b'])]
model += [np.random.RandomState(3), np.random.default_rng(4), np.dtype([('a','i4')])]
# --- use
df.sum; df.n.sum(); df.loc[0]
# --- pydantic
import pydantic, typing
class In(pydantic.BaseModel):
    a: int
    b: typing.Optional[str] = None
    tags: set[str] = {'x', 'y'}
def model(row: In) -> dict:
    return row.model_dump()
# --- use
model(In(a=1)); In.model_json_schema(); In.model_validate({'a': 2})
# --- scikit-learn
from sklearn.base import BaseEstimator, TransformerMixin
class T(TransformerMixin, BaseEstimator):
    STOP = {'a','the'}
    def __init__(self, words=None): self.words = words
    def fit(self, X, y=None): return self
    def transform(self, X): return X
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.pipeline import make_pipeline
v = CountVectorizer(stop_words=['bb']).fit(['aa bb cc', 'cc dd'])
v.extra = {'p','q'}
model = make_pipeline(T({'z','y'}), v)
# --- use
repr(model); model.get_params()
# --- fitted
import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
X = np.random.default_rng(0).normal(size=(60, 3))
y = (X[:, 0] + X[:, 1] > 0).astype(int)
model = [kind(random_state=0).fit(X, y) for kind in (HistGradientBoostingClassifier, RandomForestClassifier)]
# --- use
[one.predict(X) for one in model]
# --- searched
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
model = GridSearchCV(Ridge(), {"alpha": [0.1, 1.0]}, cv=2).fit([[0.0], [1.0], [2.0], [3.0]], [0, 1, 2, 3])
# --- logger
import logging, string, operator, itertools, math
log = logging.getLogger('x')
def model(x):
    log.info('x'); return operator.itemgetter(1)(x), math.sqrt(2)
# --- exec
ns = {}
exec('def f(x):\\n    return x in {"a","b"}', ns)
model = ns['f']
# --- typing
import typing
class TD(typing.TypedDict, total=False):
    a: int
    b: typing.Required[str] if hasattr(typing,'Required') else str
def model(x: TD, y: typing.Literal['a','b'], z: 'int | None' = None) -> list[TD]: return [x]
# --- use
typing.get_type_hints(model)
# --- descriptor
class Desc:
    def __set_name__(self, owner, name): self.name = name
    def __get__(self, o, t=None): return self if o is None else 5
class A:
    d = Desc()
model = A()
# --- use
model.d
# --- contextmanager
import contextlib
@contextlib.contextmanager
def cm():
    yield 1
def model(x):
    with cm() as c: return c + x
# --- use
model(1)
# --- attrs
import attrs
@attrs.define
class A:
    x: int = 1
    y: set = attrs.field(factory=set)
model = A(2, {'a','b'})
# --- use
repr(model); hash
"""
"""The cells, each with its name; `use` is how the model of the cell before is used."""


def cases() -> dict[str, tuple[str, str]]:
    """Read the notebooks: source of the cell, and how its model is used."""
    _, *parts = re.split(r"^# --- (.+)\n", WRITTEN, flags=re.MULTILINE)
    found: dict[str, tuple[str, str]] = {}
    last = ""
    for name, source in zip(parts[::2], parts[1::2], strict=True):
        if name == "use":
            found[last] = found[last][0], source
        else:
            found[name], last = (source, ""), name
    return found


class Kernel:
    """Runs one notebook under names that differ in every kernel, as ipykernel's do."""

    def __init__(self, seed: str) -> None:
        self._main = types.ModuleType("__main__")
        self._seed, self.cells = seed, list[tuple[int, str]]()
        sys.modules["__main__"] = self._main

    def run(self, source: str) -> None:
        """Execute a cell."""
        number = len(self.cells) + 1
        name = f"/tmp/ipykernel_{self._seed}/{number}{self._seed}.py"
        linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
        exec(compile(source, name, "exec"), vars(self._main))
        self.cells.append((number, source))

    def use(self, source: str) -> None:
        """Use the model in a way that leaves no cell."""
        exec(source, vars(self._main))

    def digest(self) -> str:
        """Pickle the model, see that it can be loaded, and name what was written."""
        file = io.BytesIO()
        objects.dump(vars(self._main)["model"], file, place=Notebook(self.cells).place)
        assert b"ipykernel" not in file.getvalue()
        pickle.loads(file.getvalue())
        return hashlib.sha256(file.getvalue()).hexdigest()


def digests(source: str, use: str, seed: str) -> list[str]:
    """Give the three digests of one notebook."""
    kernel = Kernel(seed)
    kernel.run(source)
    before = kernel.digest()
    kernel.use(use)
    after = kernel.digest()
    kernel.run(source)
    kernel.use(use)
    return [before, after, kernel.digest()]


if __name__ == "__main__":
    print(json.dumps({name: digests(*case, sys.argv[1]) for name, case in cases().items()}))  # noqa: T201 (read by the test)
