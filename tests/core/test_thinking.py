from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pluma_tui.core.events import ReasoningDelta, TextDelta
from pluma_tui.core.thinking import ThinkSplitter


def split(*pieces: str) -> tuple[str, str]:
    """(reasoning, text) of an answer that comes in these pieces."""
    splitter = ThinkSplitter()
    events = [event for piece in pieces for event in splitter.feed(piece)] + list(splitter.end())
    assert all(event.text for event in events)
    return (
        "".join(event.text for event in events if isinstance(event, ReasoningDelta)),
        "".join(event.text for event in events if isinstance(event, TextDelta)),
    )


@pytest.mark.parametrize(
    ("answer", "reasoning", "text"),
    [
        ("<think>\nLet me see.\n</think>\n\nIt is 4.", "Let me see.\n", "It is 4."),
        ("<think>a</think>b", "a", "b"),
        ("  \n <think>a</think>b", "a", "  \n b"),
        ("First.\n<think>then</think>\nlast", "then", "First.\nlast"),
        ("<think>a</think><think>b</think>c", "ab", "c"),
        ("<think></think>\n\nHello", "", "Hello"),
        ("<think>not closed, <b", "not closed, <b", ""),
        ("<think>1 < 2 </thin </think>x", "1 < 2 </thin ", "x"),
    ],
)
def test_thinking_is_taken_out_of_the_text(answer: str, reasoning: str, text: str) -> None:
    assert split(answer) == (reasoning, text)


@pytest.mark.parametrize(
    "answer",
    [
        "A model writes `<think>` before it answers, and `</think>` after it.",
        "The tag <think> stands within a line.",
        "```xml\n<think>\nno\n</think>\n```\n",
        "~~~~\n```\n<think>\n~~~~\n",
        "```\n<think>\n``` not closed yet\n<think>\n```\n",
        "Code `over\n<think>\ntwo lines` ends",
        "<thinking>another tag</thinking>",
        "<thi",
        "    \n\t<",
        "</think> alone",
        " " * 300 + "x<think>",
        "",
    ],
)
def test_an_answer_that_only_talks_about_the_tag_stays_whole(answer: str) -> None:
    assert split(answer) == ("", answer)


def test_after_a_fence_the_tag_counts_again() -> None:
    assert split("```\ncode\n```\n<think>hm</think>so") == ("hm", "```\ncode\n```\nso")


def test_inline_code_ends_with_its_paragraph() -> None:
    assert split("a lone ` tick\n\n<think>hm</think>so") == ("hm", "a lone ` tick\n\nso")


PARTS = st.sampled_from(
    ["<think>", "</think>", "\n", "\n\n", " ", "`", "```", "```\n", "~~~\n", "word", "<", "</", "think>", "é"]
)


@given(st.lists(PARTS, max_size=30).map("".join), st.data())
def test_it_does_not_matter_where_the_pieces_are_cut(answer: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(answer)), max_size=20)))
    edges = [0, *cuts, len(answer)]
    pieces = [answer[start:end] for start, end in pairwise(edges)]
    assert split(*pieces) == split(answer) == split(*answer)


@given(st.lists(PARTS, max_size=30).map("".join))
def test_nothing_is_lost_but_tags_and_white_space(answer: str) -> None:
    reasoning, text = split(answer)
    left = "".join((reasoning + text).split())
    whole = "".join(answer.split())
    for tag in ("<think>", "</think>"):
        left, whole = left.replace(tag, ""), whole.replace(tag, "")
    assert sorted(left) == sorted(whole)


def test_a_long_line_costs_no_more_than_a_short_one() -> None:
    """Only the start of a line is kept: a megabyte without a newline is no burden."""
    splitter = ThinkSplitter()
    for _ in range(50_000):
        list(splitter.feed("word `x` and more "))
    assert all(len(value) < 1000 for value in vars(splitter).values() if isinstance(value, str))
