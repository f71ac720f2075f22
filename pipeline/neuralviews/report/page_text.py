"""Texts that stand in Markdown, as those of dataset cards, as parts of a page."""

import re
from collections.abc import Iterable, Iterator

from .page_html import Html, element, joined

__all__ = ["inline", "paragraphs", "quoted_text"]

_FENCE = "```"
_SPAN = re.compile(r"`([^`]*)`|\\(.)|<(https?://[^\s<>]+)>|\[([^]]*)\]\((https?://[^\s()]+)\)")
_LONGEST = 20_000


def paragraphs(texts: Iterable[str]) -> Html:
    """Code between fences, quotes, lists and paragraphs. Addresses are told, not linked."""
    return joined(part for text in texts for part in _parts(text))


def inline(text: str) -> Html:
    """One line of Markdown: code, escaped characters, and addresses as text."""
    return joined(_spans(text))


def quoted_text(text: str, of: str) -> Html:
    """A text as it stands, of which a very long one is cut; ``of`` says where all of it is."""
    if len(text) > _LONGEST:
        text = f"{text[:_LONGEST]}…\n({len(text) - _LONGEST:,} characters more: {of} has all)"
    return element("pre", text)


def _parts(text: str) -> Iterator[Html]:
    if text.startswith(_FENCE):
        _, _, code = text.removesuffix(_FENCE).partition("\n")
        yield element("pre", code.rstrip("\n"))
        return
    for part in text.split("\n\n"):
        lines = part.splitlines()
        for mark, outer, inner in (("> ", "blockquote", "p"), ("- ", "ul", "li")):
            if lines and all(line.startswith(mark) for line in lines):
                told = [line.removeprefix(mark) for line in lines]
                items = told if outer == "ul" else [" ".join(told)]
                yield element(outer, *(element(inner, inline(item)) for item in items))
                break
        else:
            yield element("p", inline(" ".join(lines)))


def _spans(text: str) -> Iterator[str]:
    start = 0
    for found in _SPAN.finditer(text):
        yield text[start : found.start()]
        code, escaped, address, name, target = found.groups()
        if code is not None:
            yield element("code", code)
        elif escaped is not None:
            yield escaped
        else:
            yield address or f"{name} ({target})"
        start = found.end()
    yield text[start:]
