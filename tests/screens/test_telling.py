import time
from datetime import datetime

import pytest

from pluma_tui.core.chat import Citation, Message, Usage
from pluma_tui.core.models import ModelInfo, Price
from pluma_tui.screens import telling


def answer(usage: Usage | None = None, *sources: Citation) -> Message:
    return Message(role="assistant", text="An answer.", ending="complete", usage=usage, parts=sources)


def test_a_footer_tells_what_is_known_and_nothing_else() -> None:
    assert telling.footer(answer()) == ""
    assert telling.footer(answer(Usage(output=1234, rate=49.6))) == "1,234 tokens · 50/s"
    known = Usage(output=5, rate=2, first=0.44, cached=1200, cost=0.00123)
    assert telling.footer(answer(known)) == "5 tokens · 2/s · first after 0.4 s · 1,200 cached · $0.0012"


@pytest.mark.parametrize(
    ("cost", "words"), [(12.5, "$12.50"), (0.1, "$0.10"), (0.0346, "$0.035"), (1.2e-6, "$0.000001")]
)
def test_money_is_told_with_the_digits_that_count(cost: float, words: str) -> None:
    assert telling.figures(Usage(cost=cost)) == [words]


def test_the_state_ends_with_how_full_the_context_is() -> None:
    message = answer(Usage(input=900, output=100, rate=50, context=8000))
    assert telling.ended(message, 2.0) == "done · 100 tokens · 50/s · 2.0 s · 12% of 8,000"


def test_sources_stand_below_an_answer_each_once() -> None:
    page = Citation(url="https://example.org/a", title="A\npage", text="x")
    other = Citation(url="https://example.org/a", title="A\npage", text="y")
    entry = telling.entry(answer(None, page, other, Citation(title="A book")))
    assert entry.text == "An answer.\n\nSources:\n\n1. A page <https://example.org/a>\n2. A book"


def test_a_model_in_a_list_says_what_it_can_and_costs() -> None:
    info = ModelInfo("m", context=8192, traits=("vision",), size=4_100_000_000, price=Price(3, 15))
    assert telling.model(info) == "8,192 tokens · vision · $3/$15 · 4.1 GB"


def test_a_moment_is_told_by_the_clock_and_by_the_day_if_it_is_another(monkeypatch):
    monkeypatch.setenv("TZ", "Etc/GMT-2")
    time.tzset()
    today = datetime.now().astimezone()
    assert telling.clock(today.isoformat()) == f"{today:%H:%M}"
    assert telling.clock("2001-11-02T22:30:00.000Z") == "2001-11-03 00:30"
    assert telling.clock(f"{today.year - 1}-06-01T10:00:00Z").endswith("06-01 12:00")
    assert [telling.clock(text) for text in ("", "soon", "9999-12-31T23:59:59Z", "\x1b[31m")] == [""] * 4
    monkeypatch.undo()
    time.tzset()
