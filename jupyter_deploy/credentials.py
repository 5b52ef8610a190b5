"""Names that say that their value is a secret, such as `password`, `api_key`, `AWS_SECRET_ACCESS_KEY` or `authToken`."""

from __future__ import annotations

import functools
import re
from itertools import pairwise
from typing import Literal

Telling = Literal["", "weakly", "plainly"]

_HINT = re.compile(r"pass|pw|secret|token|key|cred|auth|conn|cookie|sas", re.IGNORECASE)
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")

_PLAIN = frozenset({
    "apikey", "accesskey", "authkey", "authtoken", "accesstoken", "credential", "credentials", "passcode", "passphrase",
    "passwd", "password", "passwort", "passwords", "privatekey", "pwd", "pw", "secret", "secretkey", "secrets", "sharedkey",
})  # fmt: skip
_ENDS = ("password", "passwd", "passphrase", "apikey", "secretkey", "authtoken", "accesstoken")
_KEYS = frozenset({
    "access", "account", "admin", "api", "app", "auth", "client", "encryption", "fernet", "hmac", "jwt", "license", "master",
    "private", "secret", "service", "session", "shared", "signing", "ssh", "storage", "subscription", "webhook",
})  # fmt: skip
_TOKENS = frozenset({"access", "api", "auth", "bearer", "bot", "id", "oauth", "personal", "refresh", "session", "security"})
_LOGINS = frozenset({
    "account", "admin", "auth", "basic", "database", "db", "email", "ftp", "http", "imap", "ldap", "login", "mail", "mongo", "my",
    "mysql", "pg", "postgres", "proxy", "redis", "root", "smtp", "sql", "ssh", "user",
})  # fmt: skip
_WEAK = frozenset({"token", "tokens", "authorization", "auth", "bearer", "cookie", "sas"})

# `token_pattern` and `password_field` hold no secret, nor does a tokenizer's `pad_token`.
_TAILS = frozenset({
    "algo", "algorithm", "at", "backend", "class", "col", "column", "columns", "count", "description", "dir", "dtype",
    "embedding", "endpoint", "env", "error", "expires", "expiry", "feature", "features", "field", "fields", "file", "filename",
    "folder", "format", "header", "hint", "id", "ids", "index", "label", "labels", "len", "length", "limit", "mask", "max",
    "message", "method", "min", "mode", "name", "names", "path", "pattern", "placeholder", "policy", "prompt", "ref", "regex",
    "required", "score", "size", "strength", "title", "ttl", "type", "types", "uri", "url", "var", "variable",
})  # fmt: skip
_HEADS = frozenset({
    "additional", "audio", "begin", "blank", "bos", "boi", "cls", "control", "decoder", "end", "eoi", "eos", "eot", "extra",
    "first", "image", "last", "mask", "max", "min", "next", "num", "oov", "pad", "padding", "prefix", "prev", "sep", "sos",
    "special", "start", "stop", "sub", "suffix", "unk", "unknown", "word",
})  # fmt: skip

_OF_AGENTS = ("DBUS_SESSION_BUS_ADDRESS", "GPG_AGENT_INFO", "KRB5CCNAME", "KUBECONFIG", "NETRC", "PGPASSFILE", "SSH_AUTH_SOCK")
_OF_CLOUDS = ("AWS_", "AZURE_", "GOOGLE_APPLICATION_", "JPY_API_", "JUPYTERHUB_", "JUPYTER_TOKEN", "KUBERNETES_")

_PLACEHOLDER = re.compile(
    r"none|null|true|false|str(?:ing)?|object|categor(?:y|ical)|text|bytes|u?int\d*|float\d*|bool|datetime.*|changeme|change_me|required|optional"
    r"|redacted|hidden|unknown|missing|(?:your|my|the|a)[-_ ].*|[<{$%\[(].*|.*[>\]})]|(.)\1+|[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|https?://[^@]*"
    r"|(?:~|\.{1,2})?(?:/[\w.-]+){2,}|[./\\-]+|(?:os\.)?(?:environ|getenv).*",
    re.DOTALL,
)
_WITH_SCHEME = re.compile(r"(?:bearer|basic|token|apikey)\s+(\S+)", re.IGNORECASE)
_TRIVIAL = 4  # characters
_WORD_LENGTH = 6  # letters; a shorter word protects nothing, and may be a mark such as `NOUN`


@functools.lru_cache(maxsize=65536)
def telling(name: str) -> Telling:
    """Say how plainly a name says that its value is a secret.

    Args:
        name: A variable's, attribute's, parameter's or key's name.

    Returns:
        `plainly` for such as `password`, `weakly` for such as `token`, empty for all others.
    """
    if len(name) > 100 or not _HINT.search(name) or " " in name.strip():
        return ""
    words = [word.lower() for word in _WORD.findall(name) if not word.isdigit()]
    if not words or words[-1] in _TAILS or (len(words) > 1 and words[-1] in ("token", "tokens") and words[-2] in _HEADS):
        return ""
    pairs = list(pairwise(words))
    plain = any(word in _PLAIN or word.endswith(_ENDS) for word in words)
    plain = plain or any(
        (second == "key" and first in _KEYS) or (second == "token" and first in _TOKENS) for first, second in pairs
    )
    plain = plain or any(second == "string" and first in ("connection", "conn") for first, second in pairs)
    plain = plain or (words[-1] == "pass" and len(words) > 1 and words[-2] in _LOGINS)
    return "plainly" if plain else "weakly" if any(word in _WEAK for word in words) else ""


def holds_secret(name: str, value: str, *, among_many: bool = False) -> bool:
    """Say whether a value is a secret by its name.

    Args:
        name: Its name.
        value: Its value.
        among_many: Whether it stands in a table of words or rows, where a word such as `password` may be an entry like any other.

    Returns:
        Whether it is; not for placeholders, names of types, paths and prose.
    """
    told = telling(name)
    if not told or len(value) < _TRIVIAL or len(value) > 10_000:
        return False
    scheme = _WITH_SCHEME.fullmatch(value)
    value = scheme[1] if scheme else value.strip()
    if _PLACEHOLDER.fullmatch(value.lower()) or _PLACEHOLDER.fullmatch(value) or _same(name, value):
        return False
    if value.isalpha() and len(value) < _WORD_LENGTH:
        return False
    if re.search(r"\s", value):
        return told == "plainly" and "phrase" in name.lower()
    return by_chance(value) if among_many or told == "weakly" else True


def in_environment(name: str, value: str) -> bool:
    """Say whether an environment variable gives access to something.

    Args:
        name: Its name.
        value: Its value.

    Returns:
        Whether its name says so, or it is an address with a password, or one of an agent's that holds keys.
    """
    if name in _OF_AGENTS or name.startswith(_OF_CLOUDS):
        return True
    return bool(telling(name)) or bool(re.search(r"://[^\s/@]*:[^\s/@]+@", value))


def describe(name: str) -> str:
    """Say what something is that is a secret by its name.

    Args:
        name: Its name.

    Returns:
        For the end of a sentence.
    """
    return f"a value called `{name}`"


def by_chance(value: str) -> bool:
    """Say whether a text looks as if it was drawn at random.

    Args:
        value: A text without gaps.

    Returns:
        Whether it has at least eight characters of more than one kind.
    """
    letters, digits = re.search(r"[A-Za-z]", value), re.search(r"\d", value)
    if len(value) >= 8 and letters and digits:
        return True
    return len(value) >= 20 and bool(re.search(r"[a-z][A-Z]|[A-Z]{2}[a-z]", value))


def _same(name: str, value: str) -> bool:
    """Whether a value only says its name again, as `password="password"` does."""
    plain = re.sub(r"[^a-z0-9]", "", value.lower())
    return plain in re.sub(r"[^a-z0-9]", "", name.lower()) or plain in ("password", "secret", "token", "apikey", "passwd")
