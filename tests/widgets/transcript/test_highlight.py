"""Colours of code, which go on over the stretches a code block is cut into."""

from rich.style import Style

from pluma_tui.widgets.transcript.blocks import Code
from pluma_tui.widgets.transcript.code import code_lines
from pluma_tui.widgets.transcript.highlight import highlight
from pluma_tui.widgets.transcript.look import NAMES, Look, plain_look
from tests.widgets.transcript.drawing import build

LOOK = Look(Style.null(), {name: Style(meta={"name": name}) for name in NAMES})


def named(code: Code) -> list[set[str]]:
    """The names of the styles in each line of a stretch, its language's line left out."""
    return [
        {segment.style.meta["name"] for segment in line.segments} - {"code", "code-label"}
        for line in code_lines(code, 80, LOOK)
    ][1 if code.number == 0 else 0 :]


def test_words_have_the_colours_of_what_they_are():
    lines, _ = highlight("def f(x):  # why\n    return 'a' * 2", "python")
    assert [(text.strip(), style) for line in lines for text, style in line if style != "code"] == [
        ("def", "keyword"),
        ("f", "name"),
        ("# why", "comment"),
        ("return", "keyword"),
        ("'a'", "string"),
        ("2", "number"),
    ]


def test_every_character_is_kept_in_its_line():
    source = "#include <x>\n\n/* a\n b */ int main() { return 0; }\n\t"
    for language in ("c", "ruby", "html", "yaml", "nonsense", ""):
        lines, _ = highlight(source, language)
        assert ["".join(text for text, _ in line) for line in lines] == source.split("\n")


def test_a_string_goes_on_in_the_next_stretch_whichever_is_rendered_first():
    source = "```python\ntext = '''\n" + "words in it\n" * 100 + "'''\nx = 1\n```\n"
    *_, last = build([source]).done
    assert isinstance(last, Code)
    assert last.number > 1
    *strings, end = named(last)
    assert strings[0] == {"string"}
    assert end == {"number"}


def test_a_block_of_one_language_does_not_go_on_in_another():
    _, second = build(["```python\n'''\n```\n\n```python\nx = 1\n```\n"]).done
    assert named(second) == [{"number"}]


def test_a_line_beyond_measure_is_not_coloured():
    (code,) = build(["```python\nx = '" + "y" * 2_000 + "'\n```\n"]).done
    assert code_lines(code, 80, plain_look())
    assert all(not names for names in named(code))
