"""The page at an endpoint's URL: static, the same for every endpoint, and without a word of the contract before a key is given."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

SHELL = Path(__file__).with_name("page.html").read_bytes()


def _hash(tag: bytes) -> str:
    found = re.search(rb"<%s>(.*?)</%s>" % (tag, tag), SHELL, re.DOTALL)
    if found is None:
        raise ValueError(f"page.html has no <{tag.decode()}>")
    return "'sha256-" + base64.b64encode(hashlib.sha256(found.group(1)).digest()).decode() + "'"


POLICY = (
    f"default-src 'none'; script-src {_hash(b'script')}; style-src {_hash(b'style')}; connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = [
    (b"content-type", b"text/html; charset=utf-8"),
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
]
