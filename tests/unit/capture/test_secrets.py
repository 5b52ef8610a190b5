"""No secret leaves the kernel: what is one by its format or its name stops the capture, and what is none does not."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import sys
import warnings
from typing import Any

import hypothesis
import numpy as np
import pandas as pd
import pytest
from hypothesis import strategies

from jupyter_deploy import errors
from jupyter_deploy.adapters import python
from jupyter_deploy.capture.leaks import secrets, tokens
from jupyter_deploy.capture.pickling import objects
from jupyter_deploy.home import Home
from tests import estimators
from tests.unit.capture import planted
from tests.unit.capture.conftest import Session

KNOWN_FORMATS, BY_NAME = 200, 130


def looked(model: object, *allowed: str) -> secrets.Search:
    """Look at a model, as a capture does before it writes anything."""
    search = secrets.Search(allowed)
    search.model(model, "model", reached=objects.Reached(), place=lambda code: "x.py")
    return search


def alarm(model: object, *allowed: str) -> str:
    """Give the message with which a model is refused; empty where it is not."""
    try:
        looked(model, *allowed).stop()
    except errors.SecretFound as error:
        return str(error)
    return ""


def model_of(source: str, **words: str) -> Any:
    """Run a cell and give its model."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(source.format(**{"field": words["name"].strip("_"), **words}), "<cell>", "exec"), namespace)
    return namespace["model"]


def test_known_formats_are_found() -> None:
    """At least 99 of 100 secrets in known formats are found on whatever way they come, and no message shows one."""
    ways = itertools.cycle(planted.ROUTES.items())
    missed = []
    for (name, make), (way, source), _ in zip(itertools.cycle(planted.FORMATS.items()), ways, range(KNOWN_FORMATS), strict=False):
        secret = make()
        message = alarm(model_of(source, name="setting", secret=secret))
        if not message or secret in message:
            missed.append((name, way))

    assert len(missed) <= KNOWN_FORMATS // 100, missed


def test_values_are_found_by_name() -> None:
    """At least 95 of 100 values are found that only their name tells to be secrets."""
    ways = itertools.cycle((way, source) for way, source in planted.ROUTES.items() if way not in planted.WITHOUT_NAME)
    missed = []
    for (way, source), name, _ in zip(ways, itertools.cycle(planted.NAMES), range(BY_NAME), strict=False):
        secret = planted.named_value()
        message = alarm(model_of(source, name=name, secret=secret))
        if not message or secret in message:
            missed.append((name, way, len(secret)))

    assert len(missed) <= BY_NAME * 5 // 100, missed


def test_no_estimator_is_taken_for_a_secret() -> None:
    """No estimator of scikit-learn stops a capture."""
    messages = {}
    for name in estimators.names():
        with warnings.catch_warnings(), contextlib.suppress(TypeError, ValueError):  # of data that does not suit it
            warnings.simplefilter("ignore")
            messages[name] = alarm(estimators.fit(name, estimators.data_of(name)))

    assert {} == {name: message for name, message in messages.items() if message}
    assert len(messages) > 150


def test_no_usual_model_is_taken_for_a_secret(session: Any) -> None:
    """Words, ids, digests, addresses, sequences and tokenizers in models stop nothing."""
    session.run(
        "import base64, collections, hashlib, uuid\nimport numpy as np\nimport pandas as pd\n"
        "from sklearn.feature_extraction.text import TfidfVectorizer, CountVectorizer\n"
        "from sklearn.pipeline import make_pipeline\nfrom sklearn.linear_model import LogisticRegression\n"
        "chance = np.random.default_rng(0)\n"
        "texts = ['forgot my password again', 'the secret token is a key', 'api key or access token', 'no credentials here'] * 3\n"
        "words = make_pipeline(TfidfVectorizer(ngram_range=(1, 2)), LogisticRegression()).fit(texts, [0, 1] * 6)\n"
        "letters = CountVectorizer(analyzer='char', ngram_range=(2, 5)).fit(texts)\n"
        "digest = [hashlib.sha256(bytes([i])).hexdigest() for i in range(200)]\n"
        "ids = pd.DataFrame({'id': [str(uuid.UUID(int=i * 2**90 + 77)) for i in range(200)], 'hash': digest,\n"
        "    'token': ['word%d' % i for i in range(200)],\n"
        "    'short': [base64.b64encode(bytes([i] * 15)).decode() for i in range(200)],\n"
        "    'url': ['https://example.org/a:b/c@d?q=%d' % i for i in range(200)],\n"
        "    'at': pd.date_range('2024', periods=200).astype(str)})\n"
        "peptides = [''.join(chance.choice(list('ACDEFGHIKLMNPQRSTVWY'), 20)) for _ in range(500)]\n"
        "peptides += ['AKIA' + 'MLKV' * 4, 'ASIA' * 5]\n"
        "genes = [''.join(chance.choice(list('ACGT'), 24)) for _ in range(500)] + ['ACCA' + 'TGCA' * 5]\n"
        "labels = {'password': 'NOUN', 'token': 'NOUN', 'secret': 'ADJ', 'the': 'DET'}\n"
        "translated = {word: word[::-1] for word in ['password', 'secret', 'token', *('w%dord' % i for i in range(200))]}\n"
        "special = {'pad_token': '[PAD]', 'eos_token': '</s>', 'unk_token': '<unk>', 'bos_token': '<|begin_of_text|>',\n"
        "    'oov_token': '<OOV>', 'token_pattern': r'(?u)\\b\\w\\w+\\b', 'max_tokens': '1024characters',\n"
        "    'tokenizer': 'bert-base-uncased-v2'}\n"
        "settings = {'password_field': 'pw_field_1', 'secret_name': 'prod/db1', 'token_url': 'https://example.org/oauth2/token',\n"
        "    'api_key': None, 'password': '', 'secret_key': '${SECRET_KEY}', 'api_key_env': 'OPENAI_API_KEY',\n"
        "    'token_type': 'bearer9', 'PASSWORD_HASH_ALGO': 'bcrypt', 'auth_method': 'oauth2-pkce', 'secret_backend': 'vault-v2'}\n"
        "state = collections.OrderedDict((f'layer{i}.weight', chance.normal(size=(20, 20)).astype('float32')) for i in range(5))\n"
        "dtypes = {'password': 'object', 'token': 'string', 'secret': 'category'}\n"
        "def documented(x, password=None):\n"
        "    'Connects with ``postgresql://{user}:{password}@{host}`` and a token.'\n    return x\n"
        "blob = chance.bytes(200_000) + base64.b64encode(chance.bytes(200_000)) + b'x' * 1000\n"
        "image = chance.integers(0, 255, (100, 100, 3), dtype='uint8')\n"
        "classes = np.array(['password reset', 'api key lost', 'token expired', 'Basic information', 'Bearer of bad news'])",
    )
    made = {name: value for name, value in session.namespace.items() if not name.startswith("__")}

    assert {} == {name: message for name, value in made.items() if (message := alarm(value))}
    assert {"words", "ids", "peptides", "special", "classes"} <= made.keys()


def test_boosters_are_not_taken_for_secrets() -> None:
    """Boosters of XGBoost and LightGBM, which pickle as bytes and long texts, stop nothing."""
    xgboost, lightgbm = pytest.importorskip("xgboost"), pytest.importorskip("lightgbm")
    table = pd.DataFrame(np.random.default_rng(0).normal(size=(200, 4)), columns=["password", "token", "secret_key", "age"])
    target = (table["age"] > 0).astype(int)
    models = [kind(n_estimators=20).fit(table, target) for kind in (xgboost.XGBClassifier, lightgbm.LGBMClassifier)]

    assert ["", ""] == [alarm(model) for model in models]


ODD = re.compile(r"[\x00-\x1f\x7f\\]|  |^AC\d+$")
LOOSE = re.compile("AWS|Cloudant|IBM|SoftLayer|Artifactory")  # these allow any characters between a word and the secret


def passed_over(detector: Any, pattern: re.Pattern[str]) -> list[str]:
    """List what a detector finds and the cheap look does not stop at, but for gaps that nobody writes."""
    missed = []

    @hypothesis.settings(max_examples=5, deadline=None, derandomize=True, database=None)
    @hypothesis.given(strategies.from_regex(pattern, fullmatch=True, alphabet=strategies.characters(codec="ascii")))
    def check(text: str) -> None:
        found = len(text) > 10 and not ODD.search(text) and any(True for _ in detector.analyze_string(text))
        if found and not any(True for _ in tokens.suspicious(text)):
            missed.append(text)

    check()
    return missed


def test_every_pattern_of_detect_secrets_is_let_through_to_it() -> None:
    """The cheap look stops at whatever one of the detectors that are used finds."""
    patterns = [(detector, kind, pattern) for detector, kind in tokens._detectors() for pattern in detector.denylist]

    assert [] == [text for detector, kind, pattern in patterns if not LOOSE.search(kind) for text in passed_over(detector, pattern)]
    assert len(patterns) > 25


@pytest.mark.parametrize(
    ("source", "path"),
    [
        ("class C: pass\nmodel = C()\nmodel.client = C()\nmodel.client.api_key = {secret!r}", "model.client.api_key"),
        (
            "import functools\nHEADERS = {{'Authorization': {secret!r}}}\ndef go(x):\n    return HEADERS\nclass C: pass\n"  # noqa: ISC004
            "model = C()\nmodel.steps = [('a', functools.partial(go))]",
            "model.steps[0][1].func → HEADERS['Authorization']",
        ),
        ("def model(x, password={secret!r}):\n    return x", "model → password"),
        ("def model(x):\n    connect(api_key={secret!r})", "model → api_key"),
    ],
)  # fmt: skip
def test_path_and_advice(source: str, path: str) -> None:
    """The message names the way to the secret, what to write instead, and what allows it; allowing just that path does."""
    secret = planted.FORMATS["github"]()
    model = model_of(source, name="x", secret=secret)
    variable = path.rpartition("'")[0].rpartition("'")[2] or path.rpartition(" → ")[2].rpartition(".")[2]
    quoted = f'"{path}"' if " " in path else path

    assert (
        f"`{path}` holds a GitHub token. It would leave the kernel; nothing was written.\n"
        f'Read it from the environment instead, `os.environ["{variable.upper()}"]`, and deploy with `--env {variable.upper()}`. '
        f"If it is no secret: `--allow-secret {quoted}`."
    ) == alarm(model)
    assert "" == alarm(model, path)
    assert [path] == [one.subject for one in looked(model, path).findings()]


def test_all_are_told_at_once() -> None:
    """One message names ten secrets and says how many more there are; the same secret in two places counts once."""
    many = {f"password_{number}": f"{planted.named_value()}{number}" for number in range(13)}
    message = alarm({**many, "again": {"api_key": many["password_3"]}})

    assert message.startswith("13 secrets would leave the kernel; nothing was written:\n")
    assert 10 == message.count("holds a value called")
    assert "\n  and 3 more\n" in message
    assert "`model['password_3']` holds a value called `password_3` (and `model['again']['api_key']`)." in message


def test_secret_within_a_path() -> None:
    """A path that leads through a dict's key shows nothing of the key where that is itself a secret."""
    first, second = planted.FORMATS["github"](), planted.FORMATS["aws"]()
    message = alarm({first: {"id": second}})

    assert "`model['…']['id']`" in message
    assert first not in message


def test_what_is_allowed_in_vain() -> None:
    """A path that was allowed although nothing there looks like a secret is a finding."""
    search = looked({"a": 1}, "model['a']")
    search.stop()

    assert ["`--allow-secret` names `model['a']`, where nothing looks like a secret."] == [one.message for one in search.findings()]


def test_secret_of_pydantic() -> None:
    """A value that its author wrapped as a secret is one."""
    pydantic = pytest.importorskip("pydantic")

    assert "`model['x']` holds a SecretStr." in alarm({"x": pydantic.SecretStr("blue horse")})


@pytest.mark.parametrize(
    ("file", "text", "path"),
    [
        ("local_secret.py", "TOKEN = {secret!r}\ndef f(x):\n    return x\n", "local_secret.py → TOKEN"),
        ("local_secret.py", "def f(x):\n    # ask with {secret}\n    return x\n", "local_secret.py:2"),
        ("local_secret.py", "def f(x, password='Tr0ub4dor'):\n    return x\n", "local_secret.py → password"),
    ],
)
def test_module_beside_the_notebook(session: Session, monkeypatch: pytest.MonkeyPatch, file: str, text: str, path: str) -> None:
    """A secret in a module beside the notebook stops the capture before the module is copied."""
    monkeypatch.syspath_prepend(str(session.folder))
    (session.folder / file).write_text(text.format(secret=planted.FORMATS["github"]()))
    monkeypatch.delitem(__import__("sys").modules, "local_secret", raising=False)
    session.run("import local_secret\ndef model(x):\n    return [local_secret.f(one) for one in x]", "model([1, 2])")

    with pytest.raises(errors.SecretFound, match=re.escape(f"`{path}` holds")):
        session.capture("model")

    assert [] == [one for one in session.folder.rglob("*") if one.is_file() and one.name != file and "__pycache__" not in one.parts]


def test_cell_that_goes_along(session: Session) -> None:
    """A secret in a cell that is kept as a record stops the capture, though the model itself does not hold it."""
    secret = planted.named_value()
    session.run(f"client_secret = {secret!r}\ndef model(x):\n    return [1 for _ in x]", "model([1, 2])")

    with pytest.raises(errors.SecretFound, match=r"`cell \w+ → client_secret` holds a value called `client_secret`"):
        session.capture("model")


def test_rows_and_arguments(session: Session) -> None:
    """A secret in the rows that the model was called on, or given as an argument, is no golden row."""
    github = planted.FORMATS["github"]()
    session.run(
        "def model(text):\n    return len(text)", f"import base64\ngiven = base64.b64decode({github.encode().hex()!r}) and ''"
    )
    session.namespace["given"] = github
    session.run("model(given)")
    with pytest.raises(errors.SecretFound, match=r"`golden\.predict\.rows\[0\]\['text'\]` holds a GitHub token(.|\n)*--example"):
        session.capture("model")

    session.run("def other(text, api_key):\n    return len(text)")
    session.namespace["key"] = planted.named_value()
    session.run("other('hello', key)")
    with pytest.raises(errors.SecretFound, match=r"\['api_key'\]` holds a value called `api_key`"):
        session.capture("other")


def test_column_called_password(session: Session) -> None:
    """A table with a column called `password` is data: a model that judges passwords can be deployed."""
    session.run(
        "import pandas as pd\nrows = pd.DataFrame({'password': ['kzde5577', 'Tr0ub4dor&3', 'x']})\n"
        "class Strength:\n    def predict(self, rows):\n        return [len(one) for one in rows['password']]\nmodel = Strength()",
        "model.predict(rows)",
    )

    assert "m" == session.capture("model").endpoint


def test_nothing_of_it_is_on_disk(session: Session, home: Home) -> None:
    """After a capture that was stopped, no file below the home holds a byte of any of the secrets."""
    from jupyter_deploy.adapters.session import Session as Caller

    planted_ones = []
    for number, (way, source) in enumerate(planted.ROUTES.items()):
        secret = list(planted.FORMATS.values())[number]()
        planted_ones.append(secret.encode())
        namespace: dict[str, Any] = {"__name__": "__main__"}
        cell = source.format(name="token", field="token", secret=secret)
        exec(compile(cell, "<cell>", "exec"), namespace)
        with pytest.raises(errors.SecretFound):
            python.prepare("model", Caller(namespace, ((1, cell),), session.folder), None, [1, 2], {})
        assert way

    files = [path for path in home.root.rglob("*") if path.is_file()]
    assert [] == [path for path in files if any(secret in path.read_bytes() for secret in planted_ones)]
    assert [] == list(home.staging.iterdir())


def test_environment_that_was_copied() -> None:
    """A copy of the environment holds whatever secrets are in it, also as the bytes that Python keeps."""
    secret = planted.named_value()
    copied = {**os.environ, "MY_API_KEY": secret}

    assert "MY_API_KEY" in alarm(copied)
    assert "MY_API_KEY" in alarm({name.encode(): value.encode() for name, value in copied.items()})


def test_secret_within_binary_data() -> None:
    """A secret within bytes that are no text is found, whatever byte stands before it."""
    secret = planted.FORMATS["github"]().encode()

    assert all(alarm({"blob": b"\xff\x00" + bytes([before]) + secret + b"\x00\xfe"}) for before in range(256))


def test_long_texts() -> None:
    """A secret is found at whatever place of a text that is looked at in parts."""
    secret = planted.FORMATS["slack"]()
    filler = "some words and more words, 12345 of them. " * 60_000

    places = (0, 2**20 - 30, 2**20 - 1, 2**20 + 1, len(filler) - 10)
    assert [True] * len(places) == [
        any(one.value == secret for one in tokens.find(f"{filler[:at]} {secret} {filler[at:]}")) for at in places
    ]


def test_user_and_password_of_a_session() -> None:
    """The pair that an HTTP client logs in with is found, and a pair of ordinary words under such a name is not."""
    password = planted.named_value()

    assert "`model['http']['auth'][1]` holds a value called `auth`." in alarm({"http": {"auth": ("bob", password)}})
    assert "" == alarm({"auth": ("basic", "digest"), "key": ("customer", "order9key")})


class Interruption:
    """Interrupts the import of one module, once, as a person does who stops a cell."""

    def __init__(self, name: str) -> None:
        self.name = name

    def find_spec(self, name: str, *_: Any) -> None:
        """Interrupt, or leave the module to others."""
        if name == self.name:
            self.name = ""
            raise KeyboardInterrupt


def test_an_interrupted_import_is_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a person stops a capture that imports the detectors, the next one finds secrets again."""
    for name in [one for one in sys.modules if one.partition(".")[0] == "detect_secrets"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [Interruption("detect_secrets.util.path"), *sys.meta_path])
    tokens._detectors.cache_clear()

    with pytest.raises(KeyboardInterrupt):
        tokens._detectors()
    assert tokens._detectors()
