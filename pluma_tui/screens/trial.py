"""Trying a profile: each step on the screen as it is done."""

from contextlib import aclosing
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from pluma_tui.core.errors import PlumaError
from pluma_tui.core.text import clean_line
from pluma_tui.runtime.checkup import STEPS, Section, Step, checkup, works
from pluma_tui.runtime.wiring import Runtime

_MARKS = {"ok": ("✓", "$success"), "failed": ("✗", "$error"), "skipped": ("-", "$text-muted")}
_MOST = 500  # characters of what a server says
_NAME = max(len(name) for names in STEPS.values() for name in names)


class Trial(ModalScreen[None]):
    """Tries a profile, from its server's address to the first word of an answer; leaving ends that."""

    CSS_PATH = "trial.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter,q", "dismiss(None)", "Close", show=False, priority=True)
    ]

    def __init__(self, runtime: Runtime, section: Section, name: str) -> None:
        super().__init__()
        self._runtime = runtime
        self._section: Section = section
        self._profile = name

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="trial"):
            yield Static(Content(f"Trying {clean_line(self._profile)}"), id="trial-title")
            yield Static("…", id="trial-end")

    def on_mount(self) -> None:
        self._try()

    @work
    async def _try(self) -> None:
        steps: list[Step] = []
        try:
            async with aclosing(checkup(self._runtime, self._section, self._profile)) as trying:
                async for step in trying:
                    steps.append(step)
                    await self._show(_words(step))
        except PlumaError as error:
            await self._show(Content(clean_line(error.sentence, _MOST)).stylize("$error"))
        self._end(works(steps))

    async def _show(self, words: Content) -> None:
        line = Static(words, classes="trial-step")
        await self.query_one("#trial").mount(line, before="#trial-end")
        line.scroll_visible(animate=False)

    def _end(self, good: bool) -> None:
        words = Content("It works." if good else "It cannot be used like this.")
        end = self.query_one("#trial-end", Static)
        end.update(words.stylize("$success" if good else "$error") + Content("  Esc closes."))
        self.call_after_refresh(self.query_one("#trial").scroll_end, animate=False)


def _words(step: Step) -> Content:
    mark, tone = _MARKS[step.state]
    took = f"  {step.seconds:.2f} s" if step.state != "skipped" else ""
    line = Content.assemble(
        (mark, tone), f" {step.name:<{_NAME}} ", clean_line(step.words, _MOST), (took, "$text-muted")
    )
    if not step.hint:
        return line
    return line + Content(f"\n{' ' * (_NAME + 3)}{clean_line(step.hint, _MOST)}").stylize("$text-muted")
