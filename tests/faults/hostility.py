"""Five endpoints of five kinds of input behind one router, each captured as from a notebook, for bad input of all sorts."""

from __future__ import annotations

import contextlib
import csv
import datetime
import io
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pandas as pd
import psutil
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from jupyter_deploy.adapters import python
from jupyter_deploy.adapters.session import Session
from jupyter_deploy.hostile.attack import Attack
from jupyter_deploy.hostile.bodies import Bodies
from jupyter_deploy.targets.base import Launch, Traffic
from jupyter_deploy.values import Contract, Golden, Options
from tests.conftest import own_home
from tests.serving import KERNEL, SECRET, Machine

PEOPLE = pd.DataFrame({
    "age": [20, 30, 40, 50], "height": [1.5, 1.6, None, 1.9], "plan": pd.Categorical(["a", "b", "a", "c"]),
    "member": [True, False, True, True], "since": pd.to_datetime(["2020-01-31", "2021-05-01", "2022-07-04", "2023-12-31"]),
    "name": ["Ada", "Bob", None, "Zoë"], "score": pd.Series([0.5, 1.5, 2.5, 3.5], dtype="float32"),
    "size": pd.Series([1, 2, None, 200], dtype="UInt8"),
})  # fmt: skip
CELLS = {
    "price": """
import dataclasses, datetime, decimal, enum, uuid
from typing import Literal, Optional

class Zone(enum.Enum):
    CITY = "city"
    LAND = "land"

@dataclasses.dataclass
class Flat:
    area: float
    rooms: int
    built: Optional[datetime.date] = None
    zone: Zone = Zone.CITY
    inner: Optional["Flat"] = None

def price(flat: Flat, rates: list[float], kind: Literal["rent", "sale"] = "rent", when: Optional[datetime.datetime] = None,
          discount: decimal.Decimal = decimal.Decimal("0"), tags: dict[str, int] = {}, id: Optional[uuid.UUID] = None) -> float:
    return flat.area * flat.rooms * sum(rates) - float(discount) + len(tags)
""",
    "echo": """
def echo(rows: list) -> list:
    return rows
""",
}  # fmt: skip


@dataclass(frozen=True)
class Served:
    """One of the endpoints.

    Attributes:
        name: Its name.
        launch: The launch's id.
        contract: What it accepts.
        golden: Its golden rows.
    """

    name: str
    launch: str
    contract: Contract
    golden: list[Golden]


class Hostility:
    """The endpoints and what they run on.

    Args:
        machine: The local target.
        beside: An empty folder.
    """

    options = Options(workers=2)

    def __init__(self, machine: Machine, beside: Path) -> None:
        self.machine = machine
        self._beside = beside
        self.served: list[Served] = []
        iris = load_iris()
        texts = ["good", "bad", "very good", "very bad"]
        columns = ColumnTransformer([
            ("numbers", SimpleImputer(), ["age", "height", "score"]), ("plans", OneHotEncoder(handle_unknown="ignore"), ["plan"]),
        ])  # fmt: skip
        self._start("people", make_pipeline(columns, LogisticRegression()).fit(PEOPLE, [0, 1, 0, 1]), PEOPLE)
        self._start("flowers", LogisticRegression(max_iter=500).fit(iris.data, iris.target), iris.data[:4])
        self._start("words", make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(texts, [1, 0, 1, 0]), texts)
        price = function("price")
        known = price.__globals__
        flat = known["Flat"](50.0, 2, datetime.date(1999, 1, 31), known["Zone"].LAND)
        self._start("price", price, {"flat": flat, "rates": [1.5, 2.0]})
        self._start("echo", function("echo"), [1, "a", None, {"a": [1.5]}])

    def _start(self, name: str, model: Any, example: Any) -> None:
        capture, _ = python.prepare("model", Session({"model": model}, (), self._beside), name, example, {})
        folder = Path(capture.folder)
        golden = msgspec.json.decode((folder / "golden.json").read_bytes(), type=list[Golden])
        launch = Launch(
            endpoint=name, number=1, state="preview", folder=str(folder), keys=str(self.machine.keys), options=self.options,
            log=str(self.machine.home.releases / name / "1" / "preview.log"), **KERNEL,
        )  # fmt: skip
        self.machine.target.start(launch)
        self.served.append(Served(name, launch.id, capture.contract, golden))
        self.machine.target.switch({
            one.name: Traffic(endpoint=one.name, weights={one.launch: 100}, options=self.options) for one in self.served
        })  # fmt: skip

    def attack(self, served: Served, seed: int) -> Attack:
        """Prepare to attack one of the endpoints."""
        bodies = Bodies(served.name, served.contract, served.golden, seed, more=others(served))
        return Attack(self.machine.target.url(served.name), SECRET, bodies)

    def warm(self, served: Served) -> None:
        """Let each worker import and allocate what it does once."""
        attack = self.attack(served, 0)
        for _ in range(2):
            attack.warm()
        attack.run(range(300))

    def log(self, served: Served) -> str:
        """Read what an endpoint's processes wrote."""
        path = self.machine.home.releases / served.name / "1" / "preview.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def memory(self) -> int:
        """Give the workers' memory in bytes, what they share counted once."""
        pids = [pid for one in self.served for pid in self.machine.target.status()[one.launch].workers]
        return sum(psutil.Process(pid).memory_full_info().pss for pid in pids)

    def restarts(self) -> int:
        """Give how many workers were replaced."""
        return sum(self.machine.target.status()[one.launch].restarts for one in self.served)


def others(served: Served) -> dict[str, list[bytes]]:
    """Write golden rows in the other formats that endpoints read."""
    import numpy as np
    import pyarrow as pa

    made: dict[str, list[bytes]] = {}
    for golden in served.golden:
        rows = golden.rows
        with contextlib.suppress(pa.ArrowInvalid, pa.ArrowTypeError):
            table = pa.Table.from_pylist(rows) if isinstance(rows[0], dict) else pa.table({"0": rows})
            sink = pa.BufferOutputStream()
            with pa.ipc.new_stream(sink, table.schema) as writer:
                writer.write_table(table)
            made.setdefault("application/vnd.apache.arrow.stream", []).append(sink.getvalue().to_pybytes())
        text, file = io.StringIO(), io.BytesIO()
        lines = csv.writer(text)
        lines.writerow(rows[0] if isinstance(rows[0], dict) else ["0"])
        lines.writerows(row.values() if isinstance(row, dict) else row if isinstance(row, list) else [row] for row in rows)
        made.setdefault("text/csv", []).append(text.getvalue().encode())
        numbers = [list(row.values()) if isinstance(row, dict) else row for row in rows]
        with contextlib.suppress(ValueError, TypeError):
            np.save(file, np.array(numbers, dtype="float64"), allow_pickle=False)
            made.setdefault("application/x-npy", []).append(file.getvalue())
    return made


def function(name: str) -> Any:
    """Run the cell that has a function, and give that."""
    space: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(CELLS[name], "<cell 1>", "exec", dont_inherit=True), space)
    return space[name]


@contextlib.contextmanager
def hostility() -> Iterator[Hostility]:
    """Give five endpoints and end everything that was started for them."""
    with own_home() as home, tempfile.TemporaryDirectory() as beside:
        machine = Machine(home.make())
        try:
            yield Hostility(machine, Path(beside))
        finally:
            machine.target.close(everything=True)
