"""Inline Markdown (emphasis, code, links, pictures) as runs of styled text, safe for a terminal."""

from functools import lru_cache

from markdown_it.token import Token
from rich.style import Style

from pluma_tui.core.text import clean, clean_line, clean_url
from pluma_tui.widgets.transcript.lines import Run
from pluma_tui.widgets.transcript.look import Look

_EMPHASIS = {"em_open": Style(italic=True), "strong_open": Style(bold=True), "s_open": Style(strike=True)}
_SPACES = str.maketrans("\n\t", "  ")


def inline_runs(tokens: list[Token], look: Look, base: Style) -> list[Run]:
    """The runs of an inline token's children, on top of `base`. A hard break is a newline."""
    return _Inline(look, base).runs(tokens)


class _Inline:
    def __init__(self, look: Look, base: Style) -> None:
        self._look = look
        self._styles = [base]
        self._links: list[tuple[str, str, int]] = []  # what a link shows beside its text; where it began
        self._runs: list[Run] = []

    def runs(self, tokens: list[Token]) -> list[Run]:
        for token in tokens:
            self._add(token)
        return self._runs

    def _add(self, token: Token) -> None:
        kind = token.type
        if kind in ("text", "text_special"):  # special: an entity or an escaped character
            self._text(safe(token.content))
        elif kind == "softbreak":
            self._text(" ")
        elif kind == "hardbreak":
            self._text("\n")
        elif kind == "code_inline":
            self._text(safe(token.content), self._look["literal"])
        elif kind == "math_inline":
            self._text("\n".join(map(safe, token.content.split("\n"))))
        elif kind == "link_open":
            self._open_link(str(token.attrGet("href") or ""))
        elif kind == "link_close":
            self._close_link()
        elif kind == "image":
            self._image(token)
        elif kind == "footnote_ref":
            self._text(f"[{clean_line(str(token.meta.get('label', '')), 40)}]", self._look["link"])
        elif token.nesting > 0:
            self._styles.append(_over(self._styles[-1], _EMPHASIS.get(kind, Style.null())))
        elif token.nesting < 0 and len(self._styles) > 1:
            self._styles.pop()

    def _text(self, text: str, style: Style | None = None) -> None:
        top = _over(self._styles[-1], style) if style else self._styles[-1]
        if self._runs and self._runs[-1][1] is top and not self._links:
            text = self._runs.pop()[0] + text
        self._runs.append((text, top))

    def _open_link(self, href: str) -> None:
        url = clean_url(href)
        style = self._look["link"]
        if url and self._look.links:
            style = _over(style, Style(link=url))
        self._links.append((url, clean_line(href), len(self._runs)))
        self._styles.append(_over(self._styles[-1], style))

    def _close_link(self) -> None:
        if not self._links:
            return
        url, target, begin = self._links.pop()
        self._styles.pop()
        shown = "".join(text for text, _ in self._runs[begin:])
        told = self._look.links and url.lower().startswith("http")
        if not told and shown not in (target, target.removeprefix("mailto:")):
            self._text(f" ({target})", self._look["faint"])

    def _image(self, token: Token) -> None:
        url = clean_url(str(token.attrGet("src") or ""))
        style = self._look["link"]
        if url and self._look.links:
            style = _over(style, Style(link=url))
        alt = clean_line("".join(child.content for child in token.children or []))
        self._text(f"[picture: {alt}]" if alt else "[picture]", style)
        self._text(f" ({clean_line(str(token.attrGet('src') or ''))})", self._look["faint"])


def safe(text: str) -> str:
    """Parsed text made safe again: an entity may have become any character."""
    return clean(text).translate(_SPACES)


@lru_cache(4096)
def _over(below: Style, above: Style) -> Style:
    return below + above
