"""What the tests of the transcript share: Markdown in, lines of text out."""

from collections.abc import Iterable

from pluma_tui.widgets.transcript.builder import Builder
from pluma_tui.widgets.transcript.lines import Line
from pluma_tui.widgets.transcript.look import plain_look
from pluma_tui.widgets.transcript.markdown import Markdown
from pluma_tui.widgets.transcript.render import Renderer
from pluma_tui.widgets.transcript.sections import Page

MARKDOWN = Markdown()


def build(pieces: Iterable[str]) -> Builder:
    """A finished builder that was fed these pieces."""
    builder = Builder(MARKDOWN)
    for piece in pieces:
        builder.feed(piece)
    builder.finish()
    return builder


def lines_of(builder: Builder, width: int = 60) -> list[Line]:
    """All that it has done and that is open, as lines."""
    renderer = Renderer(MARKDOWN, plain_look())
    blocks = [*builder.done, *builder.open]
    return [line for block in blocks for line in renderer.lines(block, "assistant", width, builder.env)]


def drawn(source: str, width: int = 60) -> list[str]:
    """Markdown as the lines of text that are seen, without blanks at their ends."""
    return [line.text.rstrip() for line in lines_of(build([source]), width)]


def page(width: int = 60) -> Page:
    """What messages are rendered by, without any styles."""
    return Page(Renderer(MARKDOWN, plain_look()), MARKDOWN, width)
