"""How Markdown looks."""

from dataclasses import replace

import pytest

from pluma_tui.widgets.transcript.blocks import Label
from pluma_tui.widgets.transcript.lines import Line
from pluma_tui.widgets.transcript.look import plain_look
from pluma_tui.widgets.transcript.render import Renderer
from tests.widgets.transcript.drawing import MARKDOWN, build, drawn, lines_of


def test_paragraphs_headings_and_rules():
    source = "# One\n\nText that\ngoes on  \nand breaks\n\nTwo\n---\n\n***\n"
    assert drawn(source, 20) == ["One", "", "Text that goes on", "and breaks", "", "Two", "", "─" * 20]


def test_lists_hang_and_an_empty_line_stands_where_the_source_has_one():
    source = "- a point that is too long\n- b\n  - c\n    - d\n\n  more\n\n- e\n"
    assert drawn(source, 16) == [
        "• a point that",
        "  is too long",
        "• b",
        "  ◦ c",
        "    ▪ d",
        "",
        "  more",
        "",
        "• e",
    ]


def test_numbers_count_on_from_the_first():
    assert drawn("8) a\n8) b\n8) c\n") == ["8) a", "9) b", "10) c"]
    assert drawn("0. a\n0. b\n") == ["0. a", "1. b"]


def test_tasks_are_boxes():
    assert drawn("- [ ] to do\n- [x] done\n- [link]\n") == ["☐ to do", "☑ done", "• [link]"]


def test_quotes_have_a_bar_and_may_be_nested():
    assert drawn("> a\n> > b\n\nc\n") == ["▎ a", "▎ ▎ b", "", "c"]


def test_html_is_text():
    assert drawn("<b>bold</b> &lt; &copy;\n\n<div>\nx\n</div>\n") == ["<b>bold</b> < ©", "", "<div> x </div>"]


def test_maths_is_shown_as_written():
    assert drawn("so $a_1 + b_2$ and \\$5\n") == ["so $a_1 + b_2$ and $5"]


@pytest.mark.parametrize(
    "maths",
    [
        "$\\alpha_{i} * x * y$",
        "$$a*b*c$$",
        "\\(a_1 * b * c\\)",
        "\\[x\\]",
        "$$\nx = a\n+ b \\\\ c\n- d\n= e\n$$",
        "\\[\n1. x_{*}\n# y\n\\]",
    ],
)
def test_maths_is_no_other_markdown(maths):
    assert drawn(maths) == maths.split("\n")
    assert drawn(f"so\n{maths}\n- then\n")[-1] == "• then"


def test_what_only_looks_like_maths_is_not():
    assert drawn("It is $5 or *$6*, and \\[1\\] \\(see\\) \\*a\\*") == ["It is $5 or $6, and [1] (see) *a*"]


def test_a_formula_ends_at_an_empty_line_and_with_its_list():
    assert drawn("$$\nx\n\n- y\n") == ["$$", "x", "", "• y"]
    assert drawn("- $$\n  - x\n  $$\n- y\n") == ["• $$", "  - x", "  $$", "• y"]


def test_footnotes_stand_where_they_are_written():
    assert drawn("Text[^n].\n\n[^n]: A note\n    goes on.\n") == ["Text[n].", "", "[n] A note goes on."]


@pytest.mark.parametrize(
    ("source", "text", "target"),
    [
        ("[a](https://e.org/x)", "a", "https://e.org/x"),
        ("<https://e.org>", "https://e.org", "https://e.org"),
        ("[mail](mailto:me@e.org)", "mail (mailto:me@e.org)", "mailto:me@e.org"),
        ("<me@e.org>", "me@e.org", "mailto:me@e.org"),
        ("[here](docs/a.md)", "here (docs/a.md)", None),
        ("[phone](tel:123)", "phone (tel:123)", None),
        ("[bad](javascript:alert(1))", "[bad](javascript:alert(1))", None),
        ("![cat](https://e.org/c.png)", "[picture: cat] (https://e.org/c.png)", "https://e.org/c.png"),
        ("![](c.png)", "[picture] (c.png)", None),
    ],
)
def test_links_show_where_they_lead_unless_the_terminal_can_say_it(source, text, target):
    (line,) = lines_of(build([source]))
    assert line.text == text
    assert {segment.style.link for segment in line.segments} - {None} == ({target} if target else set())


def test_a_table_fits_the_width_and_keeps_its_alignment():
    source = "| Name | Count | Note |\n|:--|--:|:-:|\n| a | 5 | mid |\n| b | 1234 | a longer note to wrap |\n"
    assert drawn(source, 30) == [
        "Name │ Count │      Note",
        "─────┼───────┼────────────────",
        "a    │     5 │       mid",
        "b    │  1234 │  a longer note",
        "     │       │     to wrap",
    ]


def test_a_long_table_keeps_the_widths_of_its_first_rows():
    rows = [f"| {n} | note {n} |" for n in range(100)]
    shown = drawn("\n".join(["| n | note |", "|---|---|", *rows]) + "\n")
    assert shown[0] == "n  │ note"
    assert shown[2:] == [f"{n:<2} │ note {n}" for n in range(100)]


@pytest.mark.parametrize("width", [12, 30, 61])
def test_wide_characters_are_never_cut_and_no_line_is_too_long(width):
    source = "日本語の文章を、表示する際には幅の計算が必要です。🚀👩\u200d💻🇯🇵 mixed with words\n\n"
    source += "- 终端客户端流式渲染\n\n```\n" + "한국어" * 30 + "\n```\n\n"
    source += "| 名 | 数 |\n|--|--|\n| 缓存滚动窗口性能测量令牌模型 | 回答问题 |\n"
    lines = lines_of(build([source]), width)
    assert all(line.width <= width for line in lines)
    shown = "".join(line.text for line in lines)
    assert all(char in shown for char in source if ord(char) > 0x2FF)


def test_chinese_is_broken_anywhere_but_before_punctuation():
    assert drawn("你好世界你好，世界", 12) == ["你好世界你", "好，世界"]


def test_code_has_its_language_and_keeps_every_blank():
    lines = lines_of(build(["```python\ndef f():\n\treturn  1\n\n```\n"]), 20)
    assert [line.text for line in lines] == [
        " python             ",
        " def f():           ",
        "     return  1      ",
        " " * 20,
    ]


def test_code_lines_that_do_not_fit_go_on_in_the_next():
    lines = lines_of(build(["```\n" + "x" * 25 + "\n```\n"]), 12)
    found = [(line.text.strip(), line.soft) for line in lines]
    assert found == [("x" * 10, None), ("x" * 10, ""), ("x" * 5, "")]


def test_a_line_knows_its_margin():
    (line,) = lines_of(build(["> - text"]))
    assert isinstance(line, Line)
    assert line.text[line.margin :] == "• text"


def test_brackets_that_never_close_are_but_escaped():
    assert drawn("\\(" * 4_000, 8_000) == ["(" * 4_000]


def test_without_links_in_the_terminal_it_is_written_where_they_lead():
    look = replace(plain_look(), links=False)
    (block,) = build(["[a](https://e.org/x) <https://e.org>"]).done
    (line,) = Renderer(MARKDOWN, look).lines(block, "assistant", 60, {})
    assert line.text == "a (https://e.org/x) https://e.org"
    assert not any(segment.style.link for segment in line.segments)


@pytest.mark.parametrize(
    ("width", "shown"), [(20, "somebody       14:32"), (14, "somebody"), (8, "somebody")]
)
def test_the_time_is_at_the_right_if_there_is_room_for_it(width, shown):
    lines = Renderer(MARKDOWN, plain_look()).lines(Label("somebody", "14:32"), "assistant", width, {})
    assert [line.text for line in lines] == ["", shown]
