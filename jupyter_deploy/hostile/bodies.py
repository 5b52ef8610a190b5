"""Hostile requests, each made by its number out of a contract, golden rows and a seed, so that any one can be made again alone."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from jupyter_deploy.hostile import values
from jupyter_deploy.hostile.oddities import PICKLE, PLACE, arrow, csv_of, mutated, npy, replaced, shapes, wholes
from jupyter_deploy.values import Contract, Golden, Method

LARGEST = 64 * 1024  # bytes of a body that is made out of golden rows

PICKLES: tuple[str, ...] = tuple(
    f"{kind}{more}"
    for kind in (
        "application/vnd.bentoml+pickle", "application/pickle", "application/x-pickle", "application/python-pickle",
        "application/x-python-pickle", "application/octet-stream", "application/x-joblib", "application/vnd.pickle+binary",
        "APPLICATION/VND.BENTOML+PICKLE", "application/vnd.cloudpickle",
    )
    for more in ("", "; charset=utf-8", ";v=1;json", " ")
)  # fmt: skip
"""Forty spellings of a body that would run code where it is loaded."""

TYPES: tuple[str, ...] = (
    "", "text/plain", "text/html", "text/json", "application/json; charset=utf-16", "application/json;", "APPLICATION/JSON",
    "application/jsonx", "application/vnd.api+json", "application/x-www-form-urlencoded", "multipart/form-data",
    "multipart/form-data; boundary=x", "multipart/form-data; boundary=" + "y" * 300, "application/xml", "text/csv",
    "text/csv; header=absent", "application/vnd.apache.arrow.stream", "application/vnd.apache.arrow.file", "application/x-npy",
    "application/x-parquet", "application/vnd.apache.parquet", "application/msgpack", "application/cbor", "application/grpc",
    "application/x-protobuf", "image/png", "*/*", "application", "/", ";", "application/json, text/csv", "a" * 1000,
    "application/json\t", "\xe9/\xe9", "application/x-ndjson", "application/octet-stream",
)  # fmt: skip
FORMATS = ("application/json", "text/csv", "application/vnd.apache.arrow.stream", "application/x-npy")
ENCODINGS = ("gzip", "deflate", "br", "zstd", "identity", "gzip, gzip", "x", "")
ACCEPTS = (
    "*/*", "", "application/json", "text/csv", "application/vnd.apache.arrow.stream", "application/x-npy", "text/event-stream",
    "application/json;q=0", "image/*", "a" * 1000, ",,,", "text/html;q=2", "*/*;q=0", "application/pickle",
)  # fmt: skip


class Sent(NamedTuple):
    """One request.

    Attributes:
        number: Its number, from 0.
        kind: What was done to it, such as `value` or `bytes`.
        path: Where it goes, below the endpoint's URL.
        headers: Its headers but the key's.
        body: Its body.
    """

    number: int
    kind: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def content_type(self) -> str:
        """The content type that it says it has; empty where it says none."""
        return next((value for name, value in self.headers if name == "content-type"), "")


class Bodies:
    """Makes hostile requests for one endpoint.

    Args:
        endpoint: Its name.
        contract: What it accepts.
        golden: Golden rows, out of which most bodies are made; a method without any gets such as fit the contract.
        seed: Any number; the same one gives the same requests.
        methods: The methods to send them to; all if empty.
        more: Further valid bodies by content type, such as Arrow streams, which nothing here writes.
    """

    def __init__(
        self, endpoint: str, contract: Contract, golden: Sequence[Golden], seed: int, methods: Sequence[str] = (),
        more: Mapping[str, Sequence[bytes]] | None = None,
    ) -> None:  # fmt: skip
        self.seed = seed
        self._endpoint = endpoint
        self._methods = [one for one in contract.methods if not methods or one.name in methods]
        self._golden = {
            one.name: [row for known in golden if known.method == one.name for row in known.rows] for one in self._methods
        }
        self._more = more or {}
        self._kinds: dict[str, tuple[int, Callable[[Method, random.Random], _Made]]] = {
            "as it is": (1, self._as_it_is), "value": (8, self._value), "shape": (4, self._shape), "json": (3, self._json),
            "bytes": (6, self._bytes), "type": (3, self._type), "pickle": (1, self._pickle), "head": (1, self._head),
            "format": (3, self._format), "tensors": (2, self._tensors),
        }  # fmt: skip

    @property
    def canary(self) -> str:
        """A text that stands in many of the bodies, and must never come back in a refusal or stand in a log."""
        return f"jdcanary{self.seed:x}z"

    def make(self, number: int) -> Sent:
        """Make one request.

        Args:
            number: Its number.

        Returns:
            The request; always the same for one seed.
        """
        chance = random.Random(f"{self.seed}/{number}")  # noqa: S311 (nothing secret)
        method = chance.choice(self._methods)
        kind = chance.choices(tuple(self._kinds), tuple(weight for weight, _ in self._kinds.values()))[0]
        path, headers, body = self._kinds[kind][1](method, chance)
        return Sent(number, kind, path, tuple(headers.items()), body)

    def plain(self, number: int) -> Sent:
        """Make a request with nothing odd about it, for an answer in one of the formats.

        Args:
            number: Any number.

        Returns:
            The request.
        """
        method = self._methods[number % len(self._methods)]
        accept = FORMATS[number // len(self._methods) % len(FORMATS)]
        body = self._valid(method, random.Random(f"{self.seed}/plain/{number}"))  # noqa: S311 (nothing secret)
        return Sent(number, "plain", method.name, (*_JSON.items(), ("accept", accept)), body)

    def _rows(self, method: Method, chance: random.Random) -> list[Any]:
        count = 1 if method.input.kind == "value" else chance.choice((1, 1, 1, 2, 3, 20))
        known = self._golden[method.name]
        if known and chance.random() < 0.7:
            found = [chance.choice(known) for _ in range(count)]
            return found if len(json.dumps(found)) <= LARGEST else found[:1]
        return values.rows(method.input, chance, count)

    def _valid(self, method: Method, chance: random.Random) -> bytes:
        return json.dumps({"rows": self._rows(method, chance)}).encode()

    def _as_it_is(self, method: Method, chance: random.Random) -> _Made:
        return method.name, _JSON, self._valid(method, chance)

    def _value(self, method: Method, chance: random.Random) -> _Made:
        """One value, somewhere, is another one."""
        rows = self._rows(method, chance)
        text = json.dumps({"rows": replaced(rows, chance)}).replace(json.dumps(json.loads(PLACE)), self._token(chance))
        return method.name, _JSON, text.encode("utf-8", "surrogatepass")

    def _token(self, chance: random.Random) -> str:
        if chance.random() < 0.3:
            return json.dumps(f"{self.canary} {chance.random()}")
        return chance.choice(values.HOSTILE)

    def _shape(self, method: Method, chance: random.Random) -> _Made:
        """The rows are in another form than they should be."""
        rows = self._rows(method, chance)
        return method.name, _JSON, json.dumps(chance.choice(shapes(rows, chance))).encode()

    def _json(self, method: Method, chance: random.Random) -> _Made:
        """The body as a whole is odd JSON, or nearly JSON."""
        return method.name, _JSON, chance.choice(wholes(self._valid(method, chance), chance))

    def _bytes(self, method: Method, chance: random.Random) -> _Made:
        """Bytes of a valid body are changed."""
        kind = chance.choice(("application/json", *self._more))
        body = self._valid(method, chance) if kind == "application/json" else chance.choice(self._more[kind])
        return method.name, {"content-type": kind}, mutated(body, chance)

    def _type(self, method: Method, chance: random.Random) -> _Made:
        """The body is said to be something else than it is."""
        body = chance.choice((self._valid(method, chance), b"", PICKLE, chance.randbytes(40), csv_of(self._rows(method, chance))))
        headers = {"content-type": chance.choice(TYPES)}
        if chance.random() < 0.3:
            headers["content-encoding"] = chance.choice(ENCODINGS)
        return method.name, {name: value for name, value in headers.items() if value}, body

    def _pickle(self, method: Method, chance: random.Random) -> _Made:
        return method.name, {"content-type": chance.choice(PICKLES)}, PICKLE

    def _head(self, method: Method, chance: random.Random) -> _Made:
        """The headers beside the content type are odd."""
        odd = {
            "accept": chance.choice(ACCEPTS), "x-request-id": chance.choice(("a b", "x" * 500, "<i>", "%0d%0a", "\xe9")),
            "inference-header-content-length": chance.choice(("0", "-1", "99999999999", "x", "10")), "expect": "100-continue",
            "x-forwarded-for": "127.0.0.1", "range": "bytes=0-1", "traceparent": "00-" + "0" * 32 + "-0-0",
        }  # fmt: skip
        chosen = {name: odd[name] for name in chance.sample(sorted(odd), 2) if name != "expect"}
        return method.name, {**_JSON, **{name: value for name, value in chosen.items() if value}}, self._valid(method, chance)

    def _format(self, method: Method, chance: random.Random) -> _Made:
        """The body is in another format that endpoints may read, whole or broken."""
        rows = self._rows(method, chance)
        kind, body = chance.choice((("text/csv", csv_of(rows)), ("application/x-npy", npy(chance)), (_ARROW, arrow(chance))))
        if self._more and chance.random() < 0.6:
            kind = chance.choice(sorted(self._more))
            body = chance.choice(self._more[kind])
        headers = {"content-type": kind, "accept": chance.choice(ACCEPTS) or "*/*"}
        return method.name, headers, mutated(body, chance) if chance.random() < 0.7 else body

    def _tensors(self, _method: Method, chance: random.Random) -> _Made:
        """The Open Inference Protocol, with tensors that do not hold what they say."""
        dtype = chance.choice(("FP64", "FP32", "INT64", "BOOL", "BYTES", "UINT8", "FP16", "X", ""))
        shape: Any = chance.choice(([1], [1, 3], [2, 30], [0], [-1], [10**12], [], ["1"], [1.5], [2**63], None))
        data: Any = chance.choice(
            ([1.0, 2.0, 3.0], [[1, 2, 3]], [], [None], ["a"], [self.canary], [1e308], "abc", {}, [[[[1]]]], None)
        )
        tensor = {"name": chance.choice(("input-0", "x", "", "\x00")), "shape": shape, "datatype": dtype, "data": data}
        if chance.random() < 0.2:
            tensor["parameters"] = {"binary_data_size": chance.choice((0, 8, -1, 10**12, "8"))}
        text = json.dumps({"inputs": chance.choice(([tensor], [tensor, tensor], [], tensor, [1])), "id": "1"}).encode()
        headers = dict(_JSON)
        if chance.random() < 0.4:
            headers = {"content-type": "application/octet-stream", "inference-header-content-length": str(len(text))}
            text += chance.randbytes(chance.choice((0, 8, 24)))
        return f"v2/models/{self._endpoint}/infer", headers, mutated(text, chance) if chance.random() < 0.3 else text


_Made = tuple[str, dict[str, str], bytes]
_JSON = {"content-type": "application/json"}
_ARROW = "application/vnd.apache.arrow.stream"
