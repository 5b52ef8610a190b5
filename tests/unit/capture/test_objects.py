"""A pickle holds what was live, is the same in every kernel, and names what cannot leave."""

from __future__ import annotations

import http.server
import importlib.util
import io
import pickle
import re
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.neighbors import KNeighborsClassifier

from jupyter_deploy import errors
from jupyter_deploy.capture.pickling import objects, paths


def dumped(obj: object, **options: Any) -> bytes:
    file = io.BytesIO()
    objects.dump(obj, file, **options)
    return file.getvalue()


def loaded(obj: object) -> Any:
    return pickle.loads(dumped(obj))


def test_sets_stay_what_they_are(session: Any) -> None:
    """A set that is written in order is loaded as a set, frozen or not, and shared by those who shared it."""
    session.run(
        "words = {'a', 'b'}\nfrozen = frozenset({1, 2})\n"
        "def add(word):\n    words.add(word)\n    return frozen\ndef look():\n    return words, 'x' in {'x', 'y'}"
    )
    add, look = loaded([session.namespace["add"], session.namespace["look"]])

    assert frozenset({1, 2}) == add("c")
    assert ({"a", "b", "c"}, True) == look()
    assert {"a", "b"} == session.namespace["words"]


def test_equal_classes_stay_apart(session: Any) -> None:
    """Two classes of one name and one content stay two classes; objects of one class share it."""
    make = "class Model:\n    def predict(self, rows):\n        return rows"
    old = session.run(make).namespace["Model"]
    new = session.run(make).namespace["Model"]

    first, second, third = loaded([old(), new(), old()])

    assert type(first) is type(third)
    assert type(first) is not type(second)
    assert type(first) is not old


def test_cached_function(session: Any) -> None:
    """A function of a cell that remembers its answers is taken along, and remembers nothing; it may call itself."""
    session.run(
        "import functools\n@functools.lru_cache(maxsize=7)\ndef fib(n):\n"
        "    return n if n < 2 else fib(n - 1) + fib(n - 2)\nfib(30)"
    )
    fib = loaded(session.namespace["fib"])

    assert 0 == fib.cache_info().currsize
    assert 7 == fib.cache_info().maxsize
    assert 832040 == fib(30)


def test_reached_modules(session: Any) -> None:
    """Modules are noted of objects, classes, functions, extension functions, and of imports inside functions."""
    session.run(
        "import functools, statistics, collections, xml.dom.minidom\nimport numpy as np\n"
        "def f(x):\n    import colorsys\n    from email import message\n"
        "    return xml.dom.minidom.parseString(x), colorsys, np.add(x, 1)\n"
        "model = [f, functools.partial(statistics.mean), collections.Counter(), np.exp, np.linalg.norm, np.float32(1)]"
    )
    reached = objects.Reached()
    dumped(session.namespace["model"], reached=reached)

    wanted = {"statistics", "collections", "xml.dom.minidom", "colorsys", "email.message", "numpy", "numpy.linalg", "functools"}
    assert set() == wanted - set(reached.modules)
    assert ["f"] == [name for name, _ in reached.defined]


def test_reached_bases_of_other_packages() -> None:
    """A class brings the modules of its bases along, since a package need not require what it derives from."""
    reached = objects.Reached()
    dumped(http.server.HTTPServer, reached=reached)

    assert {"http.server", "socketserver"} <= set(reached.modules)


def test_compiled_functions_bring_no_module_that_exists_at_run_time_only() -> None:
    """Models with functions of Cython's reach modules that can be imported elsewhere, and nothing else."""
    rows = [[0.0], [1.0], [2.0], [3.0]]
    models = [HistGradientBoostingRegressor(max_iter=2).fit(rows, [0, 1, 2, 3]), KNeighborsClassifier(1).fit(rows, [0, 0, 1, 1])]
    reached = objects.Reached()
    dumped(models, reached=reached)

    assert "sklearn.neighbors._kd_tree" in reached.modules
    assert [] == [name for name in reached.modules if importlib.util.find_spec(name) is None]


@pytest.mark.parametrize(
    ("making", "path", "what", "advice"),
    [
        ("Holder(threading.Lock())", "model.inner", "a lock of a thread", "make it when it is first needed"),
        ("[1, {'a': (2, Holder(threading.RLock()))}]", "model[1]['a'][1].inner", "a lock of a thread", "`__getstate__`"),
        ("Holder(x for x in 'ab')", "model.inner", "a running generator", "Keep a list"),
        ("Holder(open(__import__('os').devnull))", "model.inner", "an open file", "Read what the model needs"),
        ("Holder(socket.socket())", "model.inner", "an open network connection", "Open it when it is first needed"),
        ("Holder(sqlite3.connect(':memory:'))", "model.inner", "an open database connection", "connect when"),
        ("Holder(weakref.ref(Holder))", "model.inner", "a weak reference", "Keep the object itself"),
        ("Holder(threading.Thread())", "model.inner", "a running thread", "Start it when it is first needed"),
        ("Holder(queue.Queue())", "model.inner", "a queue of threads", "leave it out"),
        ("Holder(threading.local())", "model.inner", "data of a thread", "make it when it is first needed"),
        ("Holder(threading.Event())", "model.inner", "a lock of a thread", "make it when it is first needed"),
        ("Holder(sqlite3.connect(':memory:').cursor())", "model.inner", "an open database connection", "connect when"),
        ("Holder(asyncio.new_event_loop())", "model.inner", "a part of an event loop", "when it is first needed"),
        ("Holder(concurrent.futures.ThreadPoolExecutor(1))", "model.inner", "a pool of workers, or what it works on", "Start it"),
        ("Holder(multiprocessing.Lock())", "model.inner", "shared with other processes", "Start it"),
        ("Holder(mmap.mmap(-1, 8))", "model.inner", "an open file", "Read what the model needs"),
        ("Holder(tempfile.NamedTemporaryFile())", "model.inner", "an open file", "Read what the model needs"),
        ("Holder(gzip.open(os.devnull))", "model.inner", "an open file", "Read what the model needs"),
        ("Holder(ctypes.c_char_p(b'x'))", "model.inner", "memory of this process", "when it is first needed"),
        ("Holder(subprocess.Popen(['true']))", "model.inner", "a running process", "Start it"),
        ("Holder(httpx.Client())", "model.inner", "an open connection", "Open it"),
        ("Holder(sys._getframe())", "model.inner", "a part of running code", "Keep what the model needs of it"),
        ("Holder(weakref.proxy(Holder(1)))", "model.inner", "a weak reference", "Keep the object itself"),
        ("Holder(logging.StreamHandler())", "model.inner.lock", "a lock of a thread", "the class of `model` a method"),
        ("Holder({'many': [*range(5000), threading.Lock()]})", "model.inner['many'][5000]", "a lock of a thread", "of `model`"),
        ("Holder({1, threading.Lock()})", "model.inner → an element", "a lock of a thread", "leave it out"),
        ("Holder(closes(threading.Lock()))", "model.inner → inner", "a lock of a thread", "leave it out"),
        ("lambda rows, lock=threading.Lock(): rows", "model → lock", "a lock of a thread", "Make it inside the function"),
        ("uses_global", "model → LOCK", "a lock of a thread", "Make it inside the function"),
        ("closes(threading.Lock())", "model → inner", "a lock of a thread", "Make it inside the function"),
        ("functools.partial(print, threading.Lock())", "model.args[0]", "a lock of a thread", "one of its own"),
        ("WithLock()", "model → its class.lock", "a lock of a thread", "one of its own"),
        ("Holder(WithLock().method)", "model.inner.__self__ → its class.lock", "a lock of a thread", "one of its own"),
        ("Refuses()", "model", "an object of the class Refuses: RuntimeError: not me", ""),
    ],
)  # fmt: skip
def test_path_of_what_cannot_leave(session: Any, making: str, path: str, what: str, advice: str) -> None:
    """What cannot be pickled is named by the path to it, with what it is and what to do."""
    session.run(
        "import asyncio, concurrent.futures, ctypes, functools, gzip, httpx, logging, mmap, multiprocessing, os, queue, socket\n"
        "import sqlite3, subprocess, sys, tempfile, threading, weakref\n"
        "class Holder:\n    def __init__(self, inner):\n        self.before = [1, 'a']\n        self.inner = inner\n"
        "class WithLock:\n    lock = threading.Lock()\n    def method(self):\n        return __class__\n"
        "class Refuses:\n    def __reduce__(self):\n        raise RuntimeError('not me')\n"
        "LOCK = threading.Lock()\n"
        "def uses_global(rows):\n    with LOCK:\n        return rows\n"
        "def closes(inner):\n    def model(rows):\n        return inner\n    return model",
        f"model = {making}",
    )
    with pytest.raises(errors.NotPicklable) as raised:
        dumped(session.namespace["model"])

    assert f"`{path}` cannot be taken out of the kernel: it is {what}." == raised.value.message
    assert advice in raised.value.hint


def test_path_within_a_pipeline(session: Any) -> None:
    """The path goes through a pipeline's steps as a person would write it."""
    session.run(
        "import threading\nfrom sklearn.base import BaseEstimator\nfrom sklearn.pipeline import Pipeline\n"
        "class Own(BaseEstimator):\n    def __init__(self, callback=None):\n        self.callback = callback",
        "model = Pipeline([('first', Own()), ('second', Own(threading.Lock()))])",
    )
    with pytest.raises(errors.NotPicklable, match=re.escape("`model.steps[1][1].callback` cannot be taken out of the kernel")):
        dumped(session.namespace["model"])


def test_object_that_leaves_its_lock_behind(session: Any) -> None:
    """An object whose `__getstate__` leaves the lock out is pickled, and is not blamed where something else fails."""
    session.run(
        "import threading\nclass Careful:\n"
        "    def __init__(self, more=None):\n        self.lock, self.more = threading.Lock(), more\n"
        "    def __getstate__(self):\n        return {'more': self.more}"
    )

    assert not hasattr(loaded(session.namespace["Careful"]()), "lock")
    with pytest.raises(errors.NotPicklable, match=r"`model\.more` cannot"):
        dumped(session.namespace["Careful"](x for x in "a"))


def test_too_deep(session: Any) -> None:
    """An object that nests too deeply says so."""
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]

    with pytest.raises(errors.NotPicklable, match="nests too deeply"):
        dumped(deep)


def test_what_opens_files_in_a_notebook() -> None:
    """`open`, in whose place IPython puts a function of its own, leaves the kernel as Python's."""
    interactiveshell = pytest.importorskip("IPython.core.interactiveshell")

    assert [open] == loaded([interactiveshell._modified_open])
    assert paths.is_named(interactiveshell._modified_open)  # so that no report tells of it


def test_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment is taken by name, so that no variable's value stands in a pickle."""
    monkeypatch.setenv("HUSH", "the-value-of-hush")
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec("from os import environ\ndef ask(x):\n    return environ['HUSH']", namespace)
    sink = io.BytesIO()

    objects.dump(namespace["ask"], sink)

    assert b"the-value-of-hush" not in sink.getvalue()
    assert "the-value-of-hush" == pickle.loads(sink.getvalue())(1)


@pytest.mark.parametrize("count", [10, 10_000, 200_000])
def test_arrays_of_any_size(session: Any, count: int) -> None:
    """Arrays come back as they were and can be written to, whether they stand within a frame of the pickle or beside it."""
    array = np.arange(float(count))
    first, (second, same) = loaded([array, [np.asfortranarray(array.reshape(2, -1)), array]])
    same[0] = 7.0

    assert 7.0 == first[0]
    assert (array.reshape(2, -1) == second).all()
