"""Texts that would run as script if any view took them for markup."""

from __future__ import annotations

HIT = "window.injected=1,alert(1)"
ELSEWHERE = "http://injected.invalid"
BREAKOUTS = (
    "", '"', "'", '">', "'>", "</script>", "</style></textarea>", "</pre></code>",
    "-->", "]]>", "`", '\\"', "\u2028", "\u202e", "&lt;",
)  # fmt: skip
PAYLOADS = (
    f"<img src=x onerror={HIT}>",
    f"<svg onload={HIT}>",
    f"<svg><animate onbegin={HIT} attributeName=x dur=1s>",
    f"<script>{HIT}</script>",
    f"<iframe srcdoc='<script>parent.{HIT}</script>'>",
    f"<body onload={HIT}>",
    f"<input autofocus onfocus={HIT}>",
    f"<details open ontoggle={HIT}>",
    f"<video><source onerror={HIT}></video>",
    f"<math><mtext><table><mglyph><style><img src=x onerror={HIT}>",
    f"<style>@import '{ELSEWHERE}/x.css';</style>",
    f"<link rel=stylesheet href={ELSEWHERE}/x.css>",
    f"<meta http-equiv=refresh content='0;url={ELSEWHERE}'>",
    f"<div style='background:url({ELSEWHERE}/x.png)'>",
    f"<object data='javascript:{HIT}'>",
    f"<a id=injected href='javascript:{HIT}'>here</a>",
    f"[here](javascript:{HIT}) ![x](x'onerror='{HIT})",
    f"$\\href{{javascript:{HIT}}}{{here}}$",
    f"javascript:{HIT}",
    f"{{{{constructor.constructor('{HIT}')()}}}}${{{HIT}}}",
)
TEXTS = tuple(f"{breakout}{payload}" for breakout in BREAKOUTS for payload in PAYLOADS)

TRACES = f"""() => [
  ...(window.injected ? ['a script ran'] : []),
  ...[...document.querySelectorAll(
    '[onerror],[onload],[onbegin],[onfocus],[ontoggle],#injected,iframe[srcdoc],[href^="javascript:"],[data^="javascript:"],'
    + '[href*="{ELSEWHERE}"],[src*="{ELSEWHERE}"],[content*="{ELSEWHERE}"],[style*="{ELSEWHERE}"]'
  )].map(found => found.outerHTML)
]"""  # what stands in the page where one of the texts became more than a text
