"""The links in a text: those of Markdown with their words, and addresses that stand by themselves."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from markdown_it.token import Token

from pluma_tui.core.text import clean_line, clean_url
from pluma_tui.widgets.transcript.markdown import Env, Markdown

_BARE = re.compile(r"https?://[^\s<>\"'`|\\^{}\[\]]+", re.IGNORECASE)
_SIGNS = ("://", "mailto:", "@")
_PARAGRAPH = 8_192  # characters; in a longer one no links are looked for but bare addresses


class Link(NamedTuple):
    """Where a link leads (http, https or mailto) and its words, both safe for a terminal."""

    url: str
    words: str


def links_in(text: str, markdown: Markdown | None) -> list[Link]:
    """The links of a safe text, each once, in their order; without `markdown` bare addresses only."""
    if not any(sign in text for sign in _SIGNS):
        return []
    found: dict[str, str] = {}
    for link in (*_of_markdown(text, markdown), *_bare(text)) if markdown else _bare(text):
        if link.url and not found.get(link.url):
            found[link.url] = link.words
    return [Link(url, words) for url, words in found.items()]


def _of_markdown(text: str, markdown: Markdown) -> Iterator[Link]:
    env: Env = {}
    for token in markdown.blocks(text, env):
        if token.type == "inline" and len(token.content) <= _PARAGRAPH:
            yield from _of_inline(markdown.inline(token.content, env))


def _of_inline(tokens: list[Token]) -> Iterator[Link]:
    href, words = "", ""
    for token in tokens:
        match token.type:
            case "link_open":
                href, words = str(token.attrGet("href") or ""), ""
            case "link_close":
                yield Link(clean_url(href), clean_line(words))
            case "image":
                yield Link(clean_url(str(token.attrGet("src") or "")), clean_line(token.content))
            case _:
                words += token.content


def _bare(text: str) -> Iterator[Link]:
    for match in _BARE.finditer(text):
        url = match[0].rstrip(".,;:!?*_~")
        while url.endswith(")") and url.count(")") > url.count("("):
            url = url[:-1].rstrip(".,;:!?*_~")
        yield Link(clean_url(url), "")
