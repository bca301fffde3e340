"""Markdown that streams in becomes the same blocks as the whole of it, and no block is done twice."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.widgets.transcript.drawing import build, lines_of

BLOCKS = (
    "A paragraph with *emphasis*, `code` and a [link](https://example.org).\n\n",
    "One line\nand another\n\n",
    "Setext\n------\n\n",
    "# Heading\n",
    "- one\n- two\n- three\n",
    "- loose\n\n- list\n\n  with a paragraph\n\n",
    "3. three\n4. four\n   - nested\n     * deeper\n5. five\n\n",
    "* other bullet\n+ and another\n",
    "- [ ] to do\n- [x] done\n\n",
    "```python\ndef f(x):\n    return '''a\n\nb'''\n```\n",
    "~~~\n```\nnot the end\n```\n~~~\n\n",
    "1. item\n\n   ```sh\n   ls\n   ```\n\n2. next\n",
    "    indented code\n\n    goes on\n\n",
    "| a | b |\n|---|--:|\n| 1 | 2 |\n| 3 | 4 |\n\n",
    "text\n| a | b |\n|:-:|---|\n| 1 |\n",
    "> quoted\nlazy\n> > deeper\n\n",
    "---\n\n",
    "<b>html</b> &amp; entities &#x202e;\n\n",
    "[name]: https://example.org/target\n\n",
    "See [name] and[^1].\n\n",
    "[^1]: A footnote\n\n    of two paragraphs.\n\n",
    "日本語の文章を表示する際には幅の計算が必要です。🚀\n\n",
    "```\nnever closed\n",
    "$$\nx = a\n+ b\n$$\n",
    "so\n\\[\na_1 \\\\ b\n- c\n\\] and\n\n",
    "in line $$ x $$ and $a*b*c$\n",
    "$$ x = 1 $$\n",
    "- $$\n  1. x\n  $$\n",
    "> \\[ y\n# z\n",
    "$$",
    "\\[",
    "\n",
    "-",
    "2",
    "`",
    " ",
)


def cut(text: str, at: list[int]) -> list[str]:
    places = sorted({place % (len(text) + 1) for place in at})
    return [text[a:b] for a, b in zip([0, *places], [*places, len(text)], strict=True)]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(BLOCKS), max_size=7), st.lists(st.integers(0, 10_000), max_size=40))
def test_any_cutting_of_a_text_ends_in_the_lines_of_the_whole(blocks, places):
    text = "".join(blocks)
    assert lines_of(build(cut(text, places))) == lines_of(build([text]))


@settings(max_examples=200, deadline=None)
@given(
    st.text(alphabet="ab-*_`~|#>1.) \n\t[](x):!<&\\$", max_size=80),
    st.lists(st.integers(0, 100), max_size=20),
)
def test_any_cutting_of_any_marks_ends_in_the_lines_of_the_whole(text, places):
    assert lines_of(build(cut(text, places))) == lines_of(build([text]))
