"""Texts that are secrets by their format: keys and tokens of known services, private keys, addresses with a password.

A cheap look comes first, which nearly every text passes; only what it stops at is given to the exact rules: those below, and the
detectors of detect-secrets, which are imported then and not before.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import re
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

LIMIT = 64 * 1024 * 1024
"""How many characters of one text or bytes are looked at."""

SHORTEST = 11
"""Characters of the shortest text that may hold one: an address with a password."""

_CHUNK, _OVERLAP = 1 << 20, 4096

# Kind, as it stands in a message, and pattern; where a pattern has a group, that is the secret.
_RULES: tuple[tuple[str, str], ...] = (
    ("a GitHub token", r"github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}"),
    ("a Slack token", r"xox[a-z]-[A-Za-z0-9-]{20,}|xapp-\d-[A-Z0-9]+-\d+-[a-z0-9]{32,}|xoxe\.xox[bp]-\d-[A-Za-z0-9]{80,}"),
    ("a Stripe key", r"(?:sk|rk)_(?:live|test)_[0-9A-Za-z]{16,}|whsec_[A-Za-z0-9+/]{24,}"),
    ("a Google key", r"AIza[0-9A-Za-z_-]{35}"),
    ("a Google client secret", r"GOCSPX-[A-Za-z0-9_-]{24,}"),
    ("a Google token", r"ya29\.[0-9A-Za-z_-]{20,}|1//0[0-9A-Za-z_-]{30,}"),
    ("an Azure key", r"SharedAccessKey=([A-Za-z0-9+/]{40,}={0,2})"),
    ("an Anthropic key", r"sk-ant-[A-Za-z0-9]+-[A-Za-z0-9_-]{20,}"),
    ("an OpenAI key", r"sk-(?:proj|svcacct|admin|None|or-v1)-(?=[A-Za-z_-]*\d)[A-Za-z0-9_-]{20,}"),
    ("a key that begins with sk-", r"sk-(?=[A-Za-z]*\d)[A-Za-z0-9]{20,}"),
    ("a Hugging Face token", r"hf_[A-Za-z0-9]{30,}|api_org_[A-Za-z]{34}"),
    ("an npm token", r"npm_[A-Za-z0-9]{36}"),
    ("a Mailgun key", r"key-[0-9a-f]{32}"),
    ("a Discord webhook", r"discord(?:app)?\.com/api/webhooks/\d+/[\w-]{40,}"),
    ("a Databricks token", r"dapi[0-9a-f]{32}(?:-\d+)?"),
    ("a Shopify token", r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}"),
    ("a DigitalOcean token", r"do[opr]_v1_[0-9a-f]{64}"),
    ("a Linear key", r"lin_api_[A-Za-z0-9]{40}"),
    ("a Notion token", r"secret_[A-Za-z0-9]{43}|ntn_[A-Za-z0-9]{40,}"),
    ("a Doppler token", r"dp\.(?:pt|st|ct|sa|scim|audit)\.(?:[a-z0-9_-]+\.)?[A-Za-z0-9]{40,44}"),
    ("a Vault token", r"hv[sbr]\.(?=[A-Za-z_-]*\d)[A-Za-z0-9_-]{24,}"),
    ("a New Relic key", r"NRAK-[A-Z0-9]{27}|NRII-[A-Za-z0-9_-]{32}"),
    ("a Grafana token", r"glsa_[A-Za-z0-9]{32}_[A-Fa-f0-9]{8}|glc_(?=[A-Za-z+/]*\d)[A-Za-z0-9+/]{40,}"),
    ("a Dynatrace token", r"dt0[a-z]\d\d\.[A-Z0-9]{24}\.[A-Z0-9]{64}"),
    ("a Sentry token", r"sntry[su]_[A-Za-z0-9+/=_-]{40,}"),
    ("an Atlassian token", r"ATATT3[A-Za-z0-9_=-]{100,}"),
    ("a Postman key", r"PMAK-[0-9a-f]{24}-[0-9a-f]{34}"),
    ("a Replicate token", r"r8_(?=[A-Za-z]*\d)[A-Za-z0-9]{37,}"),
    ("a Groq key", r"gsk_(?=[A-Za-z]*\d)[A-Za-z0-9]{40,}"),
    ("a Perplexity key", r"pplx-(?=[A-Za-z]*\d)[A-Za-z0-9]{40,}"),
    ("an xAI key", r"xai-(?=[A-Za-z]*\d)[A-Za-z0-9]{60,}"),
    ("a Pinecone key", r"pcsk_(?=[A-Za-z_]*\d)[A-Za-z0-9_]{40,}"),
    ("a LangSmith key", r"lsv2_(?:pt|sk)_[0-9a-f]{32}_[0-9a-f]{10}"),
    ("a Supabase token", r"sbp_[0-9a-f]{40}|sb_secret_[A-Za-z0-9_-]{20,}"),
    ("a Docker token", r"dckr_(?:pat|oat)_[\w-]{27,}"),
    ("a Terraform token", r"[A-Za-z0-9]{14}\.atlasv1\.[\w-]{60,}"),
    ("an age key", r"AGE-SECRET-KEY-1[0-9A-Z]{58}"),
    ("a Square token", r"sq0[a-z]{3}-[0-9A-Za-z_-]{22,}|EAAA(?=[A-Za-z_-]*\d)[A-Za-z0-9_-]{56,}"),
    ("a RubyGems key", r"rubygems_[0-9a-f]{48}"),
    ("a Planetscale token", r"pscale_(?:tkn|pw|oauth)_[\w.-]{32,}"),
    ("an Alibaba key", r"LTAI(?=[A-Za-z]*\d)[A-Za-z0-9]{16,26}"),
    ("a Heroku key", r"HRKU-[\w-]{36,}"),
    ("a Telegram bot token", r"\d{8,10}:[0-9A-Za-z_-]{35}"),
    ("a PuTTY key", r"PuTTY-User-Key-File-\d"),
    ("a key of an endpoint", r"jd_[0-9A-Za-z]{49}"),
)

# What the detectors of detect-secrets look for, more loosely; a test holds each of their patterns against it.
_THEIRS = (
    r"(?:A3T|AKIA|ASIA|ABIA|ACCA)[0-9A-Z]{16}", r"AccountKey=[A-Za-z0-9+/=]{40,}", r"AKC[A-Za-z0-9]{10,}",
    r"AP[\dA-F][A-Za-z0-9]{8,}", r"gh[pousr]_\w{36}", r"gl(?:pat|dt|ft|soat|rt|cbt|imt|ptt|agent|oas)-[\w-]{20,}",
    r"GR1348941[\w-]{20,}", r"eyJ[\w=-]+\.[\w=-]+", r"[0-9a-z]{32}-us\d", r"sk-[\w-]*T3BlbkFJ", r"pypi-Ag",
    r"SG\.[\w-]{22}\.[\w-]{43}", r"(?i:hooks\.slack\.com/services/)", r"sq0csp-", r"[rs]k_live_", r"AC[a-z0-9]{32}",
    r"SK[a-z0-9]{32}", r"[MNO][\w-]{23,25}\.[\w-]{6}\.[\w-]{27}", r"(?i:api\.softlayer\.com)",
    r"(?i:xox[aboprs]-\d+-)",
)  # fmt: skip
_DETECTORS = (
    "artifactory", "aws", "azure_storage_key", "cloudant", "discord", "github_token", "gitlab_token", "ibm_cloud_iam",
    "ibm_cos_hmac", "jwt", "mailchimp", "npm", "openai", "pypi_token", "sendgrid", "slack", "softlayer", "square_oauth", "stripe",
    "twilio",
)  # fmt: skip  # telegram, basic_auth and private_key are among the rules here, with tighter edges

# Rules whose secret begins anywhere in a run of characters, or after a gap.
_PRIVATE_KEY = re.compile(r"-{4,5} ?BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)? ?-{4,5}.{0,80}", re.DOTALL)
_ADDRESS = re.compile(r"[A-Za-z][\w+.-]*://[^\s:/@?#\"'<>{}]*:([^\s:/@\"'<>]{2,})@[^\s@]")
_AZURE = re.compile(r"[A-Za-z0-9_~.-]{3}\dQ~[A-Za-z0-9_~.-]{31,34}|[?&]sig=([A-Za-z0-9%+/]{40,}(?:%3D|=))")
_BEARER = re.compile(r"(?i)\bbearer\s+([\w.~+/-]{20,}=*)")
_BASIC = re.compile(r"\b[Bb]asic\s+([A-Za-z0-9+/]{8,}={0,2})(?![\w+/])")
_PASSWORD = re.compile(r"(?i)\b(?:password|passwd|pwd)\s*=\s*[\"'{]?([^\s;\"'{}$<]{3,})")
_CONNECTION = re.compile(
    r"(?i)\b(?:server|host|hostname|data source|driver|uid|user id|user|username|dbname|database|initial catalog)\s*="
)

_RUN = re.compile(rf"[\w+/=.:;~@%&?!$*^#-]{{{SHORTEST},}}", re.ASCII)
_KEYED = re.compile(r"(?i)(?:key|pwd|pw|password|passwd|pass|token)\W{1,12}|bearer\s|[?&]sig=", re.ASCII)
_DULL = re.compile(r"[0-9a-f-]+|[0-9A-F-]+|[a-z_-]+|[\d.eE+-]+")  # digests, ids, words and numbers
_LONG = 20  # characters of what is a secret only by the word before it
_BEFORE = 24  # characters before a run in which that word may stand
_AROUND = 256  # characters around a run that the exact rules may need
_EDGE = r"(?<![A-Za-z0-9])"


class Found(NamedTuple):
    """A secret in a text.

    Attributes:
        kind: What it is, with its article, such as `a GitHub token`.
        value: The secret itself, which must not be shown.
    """

    kind: str
    value: str


def is_dull(text: str) -> bool:
    """Say whether a whole text is a digest, an id, a word or a number, none of which is a secret.

    Args:
        text: Any text.

    Returns:
        Whether it is.
    """
    return _DULL.fullmatch(text) is not None


def find(text: str) -> list[Found]:
    """Find what has the format of a secret.

    Args:
        text: Any text.

    Returns:
        What was found, each value once.
    """
    return _find(text, edged=True)


def find_in_bytes(data: bytes | bytearray | memoryview) -> list[Found]:
    """Find what has the format of a secret in bytes, where any byte may stand beside a text.

    Args:
        data: Any bytes; those beyond `LIMIT` are not looked at.

    Returns:
        What was found, each value once.
    """
    part = bytes(data[:LIMIT])
    try:
        return _find(part.decode(), edged=True)
    except UnicodeDecodeError:
        return _find(part.decode("latin-1"), edged=False)


def _find(text: str, *, edged: bool) -> list[Found]:
    found: dict[str, Found] = {}
    for begin in range(0, max(1, min(len(text), LIMIT)), _CHUNK):
        chunk = text[begin : begin + _CHUNK + _OVERLAP] if len(text) > _CHUNK else text
        for window in suspicious(chunk, edged=edged):
            for one in _exactly(window, edged=edged):
                if not any(one.value in known for known in found):
                    found[one.value] = one
    return list(found.values())


def suspicious(text: str, *, edged: bool = True) -> Iterator[str]:
    """List what has to be looked at more closely.

    Args:
        text: Any text.
        edged: Whether a secret follows no letter or digit.

    Yields:
        Parts of the text; outside of them none of the exact rules can find anything.
    """
    for match in _RUN.finditer(text):
        begin, end = match.span()
        if _may_be_secret(match[0], text[max(0, begin - _BEFORE) : begin], edged=edged):
            yield text[max(0, begin - _AROUND) : end + _AROUND]
    at = text.find("PRIVATE KEY")
    while at >= 0:
        yield text[max(0, at - _AROUND) : at + _AROUND]
        at = text.find("PRIVATE KEY", at + _AROUND)


def _may_be_secret(run: str, before: str, *, edged: bool) -> bool:
    if not _DULL.fullmatch(run) and (_loosely(edged=edged).search(run) or ("@" in run and "://" in run) or "Q~" in run):
        return True
    if "=" in run and _PASSWORD.search(run):
        return True
    long = len(run) >= _LONG and (before or "=" in run or ":" in run)
    return bool(long and _KEYED.search(before + run)) or before[-6:].lower() == "basic "


@functools.cache
def _loosely(*, edged: bool) -> re.Pattern[str]:
    every = "|".join([*(pattern for _, pattern in _RULES), *_THEIRS])
    return re.compile(f"{_EDGE}(?:{every})" if edged else every, re.ASCII)


@functools.cache
def _rules(*, edged: bool) -> list[tuple[str, re.Pattern[str]]]:
    return [(kind, re.compile(f"{_EDGE if edged else ''}(?:{pattern})", re.ASCII)) for kind, pattern in _RULES]


def _exactly(text: str, *, edged: bool) -> Iterator[Found]:
    for kind, pattern in [*_rules(edged=edged), ("an address with a password", _ADDRESS), ("an Azure key", _AZURE)]:
        for match in pattern.finditer(text):
            value = next((group for group in match.groups() if group), match[0])
            if not _is_placeholder(value):
                yield Found(kind, value)
    yield from _after_words(text)
    for detector, kind in _detectors():
        for pattern in detector.denylist:
            for match in pattern.finditer(text):
                if _plausible(kind, match[0]) and any(True for _ in detector.analyze_string(match[0])):
                    yield Found(kind, match[0])


def _after_words(text: str) -> Iterator[Found]:
    for match in _PRIVATE_KEY.finditer(text):
        yield Found("a private key", match[0])
    for match in _BEARER.finditer(text):
        if re.search(r"\d", match[1]):
            yield Found("a bearer token", match[1])
    for match in _BASIC.finditer(text):
        if _is_user_and_password(match[1]):
            yield Found("a user name with a password", match[1])
    if _CONNECTION.search(text):
        for match in _PASSWORD.finditer(text):
            if not _is_placeholder(match[1]) and not _is_code(text, match):
                yield Found("a connection string with a password", match[1])


def _is_code(text: str, match: re.Match[str]) -> bool:
    """Whether a password is given by an expression, as in `connect(host=host, password=password)`."""
    quoted = text[match.start(1) - 1] in "\"'{"
    return not quoted and bool(re.search(r"[,()]", text[match.start() : match.end() + 1]))


def _is_user_and_password(text: str) -> bool:
    import base64
    import binascii

    try:
        plain = base64.b64decode(text + "=" * (-len(text) % 4), validate=True).decode("ascii")
    except (binascii.Error, UnicodeDecodeError):
        return False
    return ":" in plain and plain.isprintable()


def _is_placeholder(value: str) -> bool:
    return re.fullmatch(r"[{<$%\[(].*|(.)\1+|\.+", value) is not None


@functools.cache
def _detectors() -> list[tuple[Any, str]]:
    """Import the detectors of detect-secrets."""
    base: Any = _import("detect_secrets.plugins.base")
    found = []
    for name in _DETECTORS:
        module = _import(f"detect_secrets.plugins.{name}")
        for one in vars(module).values():
            if inspect.isclass(one) and issubclass(one, base.RegexBasedDetector) and one.__module__ == module.__name__:
                detector: Any = one()
                found.append((detector, _kind(str(detector.secret_type))))
    return found


def _import(name: str) -> Any:
    """Import a module; one that was interrupted leaves others behind that are half made, with which it would fail ever after."""
    try:
        return importlib.import_module(name)
    except KeyboardInterrupt:
        for one in [one for one in list(sys.modules) if one.partition(".")[0] == "detect_secrets"]:
            del sys.modules[one]
        raise


def _kind(title: str) -> str:
    plain = re.sub(r"\b(?:Access|Account|Credentials|Key|Private|Secret|Storage|Token)\b", lambda word: word[0].lower(), title)
    plain = plain.replace("credentials", "key").removesuffix("s")
    return f"{'an' if re.match('[AEIO]|NPM', plain) else 'a'} {plain}"


def _plausible(kind: str, value: str) -> bool:
    """Say no to words and sequences that only look like the loosest of the formats."""
    if "Artifactory" in kind:
        return len(value.strip()) >= 20 and bool(
            re.search(r"\d", value) and re.search(r"[a-z]", value) and re.search(r"[A-Z]", value)
        )
    if "AWS" in kind:  # sixteen letters may be a sequence of amino acids or bases
        return bool(re.search(r"[\dBJOUXZ]", value[4:]))
    if re.search("IBM|Cloudant|SoftLayer", kind):
        return bool(re.search(r"\d", value))
    return True
