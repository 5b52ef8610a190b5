"""Secrets that are made up by chance in the formats of known services, and the ways in which a notebook comes to hold one."""

from __future__ import annotations

import base64
import json
import random
import string
from collections.abc import Callable

LETTERS = string.ascii_letters
ALNUM = LETTERS + string.digits
LOWER = string.ascii_lowercase + string.digits
UPPER = string.ascii_uppercase + string.digits
HEX = "0123456789abcdef"

chance = random.Random(20)


def some(alphabet: str, length: int) -> str:
    """Draw characters."""
    return "".join(chance.choices(alphabet, k=length))


def jwt() -> str:
    """Make a token of three parts with a header and a body in JSON."""
    parts = [{"alg": "HS256", "typ": "JWT"}, {"sub": some(string.digits, 10), "name": some(LOWER, 8)}]
    return ".".join([*(base64.urlsafe_b64encode(json.dumps(one).encode()).decode().rstrip("=") for one in parts), some(ALNUM, 43)])


def pem(kind: str) -> str:
    """Make what looks like a file with a private key."""
    lines = "\n".join(some(ALNUM + "+/", 64) for _ in range(6))
    return f"-----BEGIN {kind}PRIVATE KEY-----\n{lines}\n-----END {kind}PRIVATE KEY-----\n"


FORMATS: dict[str, Callable[[], str]] = {
    "aws": lambda: "AKIA" + some(string.ascii_uppercase + "234567", 16),
    "aws session": lambda: "ASIA" + some(string.ascii_uppercase + "234567", 16),
    "azure storage": lambda: f"DefaultEndpointsProtocol=https;AccountName={some(LOWER, 8)};AccountKey={some(ALNUM + '+/', 86)}==",
    "azure bus": lambda: (
        f"Endpoint=sb://{some(LOWER, 8)}.windows.net/;SharedAccessKeyName=Root;SharedAccessKey={some(ALNUM + '+/', 43)}="
    ),
    "azure client": lambda: some(ALNUM, 3) + some(string.digits, 1) + "Q~" + some(ALNUM + "_~.-", 34),
    "github": lambda: "ghp_" + some(ALNUM, 36),
    "github app": lambda: "ghs_" + some(ALNUM, 36),
    "github fine": lambda: f"github_pat_{some(ALNUM, 22)}_{some(ALNUM, 59)}",
    "gitlab": lambda: "glpat-" + some(ALNUM + "-_", 20),
    "slack": lambda: f"xoxb-{some(string.digits, 12)}-{some(string.digits, 12)}-{some(ALNUM, 24)}",
    "slack user": lambda: f"xoxp-{some(string.digits, 12)}-{some(string.digits, 12)}-{some(string.digits, 12)}-{some(HEX, 32)}",
    "slack hook": lambda: f"https://hooks.slack.com/services/T{some(UPPER, 8)}/B{some(UPPER, 8)}/{some(ALNUM, 24)}",
    "stripe": lambda: "sk_live_" + some(ALNUM, 24),
    "stripe test": lambda: "rk_test_" + some(ALNUM, 40),
    "google": lambda: "AIza" + some(ALNUM + "_-", 35),
    "google client": lambda: "GOCSPX-" + some(ALNUM + "_-", 28),
    "google token": lambda: "ya29." + some(ALNUM + "_-", 60),
    "openai": lambda: f"sk-{some(ALNUM, 20)}T3BlbkFJ{some(ALNUM, 20)}",
    "openai project": lambda: f"sk-proj-{some(ALNUM + '_-', 120)}",
    "anthropic": lambda: f"sk-ant-api03-{some(ALNUM + '_-', 93)}AA",
    "hugging face": lambda: "hf_" + some(LETTERS, 34),
    "npm": lambda: "npm_" + some(ALNUM, 36),
    "npmrc": lambda: f"//registry.example.org/:_authToken=npm_{some(ALNUM, 36)}",
    "pypi": lambda: "pypi-AgEIcHlwaS5vcmc" + some(ALNUM + "_-", 90),
    "twilio": lambda: "SK" + some(HEX, 32),
    "sendgrid": lambda: f"SG.{some(ALNUM + '_-', 22)}.{some(ALNUM + '_-', 43)}",
    "mailchimp": lambda: f"{some(HEX, 32)}-us{chance.randint(1, 20)}",
    "mailgun": lambda: "key-" + some(HEX, 32),
    "telegram": lambda: f"{some('123456789', 9)}:{some(ALNUM + '_-', 35)}",
    "discord": lambda: f"M{some(ALNUM, 23)}.{some(ALNUM, 6)}.{some(ALNUM + '_-', 27)}",
    "databricks": lambda: "dapi" + some(HEX, 32),
    "digitalocean": lambda: "dop_v1_" + some(HEX, 64),
    "shopify": lambda: "shpat_" + some(HEX, 32),
    "square": lambda: "sq0csp-" + some(ALNUM + "_-", 43),
    "vault": lambda: "hvs." + some(ALNUM, 60) + "0",
    "grafana": lambda: f"glsa_{some(ALNUM, 32)}_{some(HEX, 8)}",
    "groq": lambda: "gsk_" + some(ALNUM, 52),
    "replicate": lambda: "r8_" + some(ALNUM, 37),
    "docker": lambda: "dckr_pat_" + some(ALNUM + "_-", 27),
    "jwt": jwt,
    "rsa": lambda: pem("RSA "),
    "pkcs8": lambda: pem(""),
    "encrypted": lambda: pem("ENCRYPTED "),
    "openssh": lambda: pem("OPENSSH "),
    "postgres": lambda: f"postgresql://{some(LOWER, 6)}:{some(ALNUM, 12)}@db.example.org:5432/sales",
    "mongodb": lambda: f"mongodb+srv://app:{some(ALNUM, 16)}@cluster0.example.net/test?retryWrites=true",
    "redis": lambda: f"redis://:{some(ALNUM, 20)}@cache:6379/0",
    "https": lambda: f"https://me:{some(ALNUM, 20)}@git.example.org/repo.git",
    "odbc": lambda: f"Driver={{ODBC Driver 18}};Server=tcp:db,1433;Uid=app;Pwd={some(ALNUM, 14)};Encrypt=yes;",
    "bearer": lambda: f"Bearer {some(ALNUM, 40)}",
    "basic": lambda: "Basic " + base64.b64encode(f"{some(LOWER, 6)}:{some(ALNUM, 12)}".encode()).decode(),
}

NAMES = (
    "password", "db_password", "PASSWORD", "passwd", "pwd", "api_key", "API_KEY", "apikey", "openaiApiKey", "token", "auth_token",
    "access_token", "accessToken", "refresh_token", "secret", "client_secret", "SECRET_KEY", "aws_secret_access_key", "_password",
    "AWS_SESSION_TOKEN", "private_key", "x_api_key", "connection_string", "credentials", "passphrase", "admin_password_2",
    "SMTP_PASS",
)  # fmt: skip


def named_value() -> str:
    """Make a value that nothing but its name tells to be a secret."""
    words = ("winter", "Hunter", "blue-horse", "tr0ub4dor", "s3cr3t")
    return chance.choice([some(ALNUM, 12) + "7a", some(HEX, 31) + "a7", chance.choice(words) + some(string.digits, 4) + "x"])


ROUTES: dict[str, str] = {
    "global": "{name} = {secret!r}\ndef model(x):\n    return x, {name}",
    "dict value": "OPTIONS = {{'db': {{'{name}': {secret!r}}}}}\ndef model(x):\n    return x, OPTIONS",
    "closure": "def make({name}):\n    def model(x):\n        return x, {name}\n    return model\nmodel = make({secret!r})",
    "default": "def model(x, {name}={secret!r}):\n    return x",
    "keyword default": "def model(x, *, {name}={secret!r}):\n    return x",
    "attribute": "class Model:\n    def __init__(self, s):\n        self.{name} = s\n    def predict(self, x):\n        return x\n"
    "model = Model({secret!r})",
    "class attribute": "class Model:\n    {name} = {secret!r}\n    def predict(self, x):\n        return x\nmodel = Model()",
    "partial": "import functools\ndef answer(x, **more):\n    return x\nmodel = functools.partial(answer, {name}={secret!r})",
    "bound method": "class Client:\n    def __init__(self, **more):\n        self.__dict__.update(more)\n"
    "    def ask(self, x):\n        return x\n"
    "model = Client({name}={secret!r}).ask",
    "named tuple": "import collections\nSettings = collections.namedtuple('Settings', 'host {field}')\n"
    "SETTINGS = Settings('db', {secret!r})\ndef model(x):\n    return x, SETTINGS",
    "dataclass": "import dataclasses\n@dataclasses.dataclass\nclass Model:\n    {name}: str\n"
    "    def predict(self, x):\n        return x\n"
    "model = Model({secret!r})",
    "enum": "import enum\nclass Keys(enum.Enum):\n    {field} = {secret!r}\ndef model(x):\n    return x, Keys",
    "bytes": "SETTINGS = {{'{name}': {secret!r}.encode()}}\ndef model(x):\n    return x, SETTINGS",
    "code": "def model(x):\n    {name} = {secret!r}\n    return x, {name}",
    "argument": "def connect(**more):\n    return more\ndef model(x):\n    return x, connect(host='db', {name}={secret!r})",
    "list": "HEADERS = [('accept', 'json'), ('x-{name}', {secret!r})]\ndef model(x):\n    return x, HEADERS",
    "object array": "import numpy as np\nTABLE = np.array(['a', {secret!r}, None], dtype=object)\n"
    "def model(x):\n    return x, TABLE",
    "text array": "import numpy as np\nTABLE = np.array(['a', {secret!r}])\ndef model(x):\n    return x, TABLE",
    "table": "import pandas as pd\nTABLE = pd.DataFrame({{'a': [1, 2], 'b': ['x', {secret!r}]}})\n"
    "def model(x):\n    return x, TABLE",
    "set": "KNOWN = {{'a', 'b', {secret!r}}}\ndef model(x):\n    return x, KNOWN",
    "key": "KNOWN = {{{secret!r}: 1, 'b': 2}}\ndef model(x):\n    return x, KNOWN",
    "docstring": "def model(x):\n    {secret!r}\n    return x",
    "longer text": "HELP = 'call it with ' + {secret!r} + ' and wait'\ndef model(x):\n    return x, HELP",
}
"""Cells that make a `model`, by the way in which a secret comes into it."""

WITHOUT_NAME = ("object array", "text array", "table", "set", "key", "docstring", "longer text")
"""Ways on which a secret has no name, so that only its format can tell it."""
