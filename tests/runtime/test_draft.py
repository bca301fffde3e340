import pytest

from pluma_tui.core.chat import Citation, Usage
from pluma_tui.core.events import TextDelta, UsageUpdate
from pluma_tui.core.models import ModelInfo, Price
from pluma_tui.runtime.draft import Draft


def counted(usage: Usage, model: ModelInfo | None = None) -> Usage:
    draft = Draft()
    draft.take(TextDelta("a"))
    draft.take(UsageUpdate(usage))
    measured = draft.measured(model)
    assert measured is not None
    return measured


def test_what_the_server_says_of_itself_wins() -> None:
    said = Usage(input=10, output=20, rate=7.5, first=0.25, context=512, cost=0.01)
    assert counted(said, ModelInfo("m", context=4096, price=Price(1, 1))) == said


def test_times_that_it_does_not_say_are_measured() -> None:
    usage = counted(Usage(input=10, output=20))
    assert usage.rate > 0
    assert usage.first >= 0
    assert usage.context == 0


def test_a_price_that_is_known_gives_the_cost() -> None:
    usage = Usage(input=1_000_000, output=100_000, cached=400_000)
    assert counted(usage, ModelInfo("m", price=Price(3, 15, 0.3))).cost == pytest.approx(1.8 + 0.12 + 1.5)
    assert counted(usage, ModelInfo("m", price=Price(3, 15))).cost == pytest.approx(3 + 1.5)


@pytest.mark.parametrize(
    ("usage", "fill"), [(Usage(50, 50, context=400), 0.25), (Usage(5, 5), 0), (Usage(9, 9, context=3), 1)]
)
def test_how_full_the_context_is(usage: Usage, fill: float) -> None:
    assert usage.fill == fill


def test_a_source_is_kept_once() -> None:
    draft = Draft()
    for _ in range(2):
        draft.take(Citation(url="https://example.org", title="A page"))
    assert draft.parts() == (Citation(url="https://example.org", title="A page"),)
    assert draft.measured() is None
