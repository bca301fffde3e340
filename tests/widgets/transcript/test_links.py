"""The links in what was said."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pluma_tui.core.text import clean
from pluma_tui.widgets.transcript.links import Link, links_in
from tests.nasty import FORBIDDEN
from tests.widgets.transcript.drawing import MARKDOWN
from tests.widgets.transcript.pilot import answer, reading, user


@pytest.mark.parametrize(
    ("text", "links"),
    [
        ("[the page](https://e.org/x)", [Link("https://e.org/x", "the page")]),
        ("[a **bold** one][r]\n\n[r]: <https://e.org/y>", [Link("https://e.org/y", "a bold one")]),
        ("see https://e.org/a_(b)). Then (http://e.org).", ["https://e.org/a_(b)", "http://e.org"]),
        ("<me@e.org>", [Link("mailto:me@e.org", "me@e.org")]),
        ("![cat](https://e.org/c.png)", [Link("https://e.org/c.png", "cat")]),
        ("[x](javascript:alert) [y](file:///etc/passwd) [z](docs/a.md)", []),
        ("- [a](https://e.org)\n- [b](https://e.org)", [Link("https://e.org", "a")]),
        ("```\ncurl https://e.org/in/code\n```", ["https://e.org/in/code"]),
    ],
)
def test_links(text, links):
    assert links_in(text, MARKDOWN) == [one if isinstance(one, Link) else Link(one, "") for one in links]


def test_what_is_no_markdown_has_bare_addresses_only():
    links = links_in("[a](https://e.org/x) https://e.org/y", None)
    assert links == [Link("https://e.org/x", ""), Link("https://e.org/y", "")]


@given(st.text(alphabet="[]()<>!ab \n\x1b\u202e&#x1b;https://@", max_size=60))
def test_no_link_can_act_on_a_terminal(text):
    for link in links_in(clean(text), MARKDOWN):
        assert not FORBIDDEN.search(link.url + link.words)
        assert link.url.lower().startswith(("http://", "https://", "mailto:"))


async def test_those_of_the_marked_message_or_else_of_all_with_the_latest_first():
    entries = [user(0, "http://e.org/0"), answer(0, "<http://e.org/1>"), user(1, "none")]
    async with reading(entries) as (_, transcript):
        assert [link.url for link in transcript.links()] == ["http://e.org/1", "http://e.org/0"]
        transcript.to_message(-1)
        assert len(transcript.links()) == 2
        transcript.to_message(-1)
        assert [link.url for link in transcript.links()] == ["http://e.org/1"]
