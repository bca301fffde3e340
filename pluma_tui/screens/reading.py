"""Moving through what was said."""

from pluma_tui.screens.commands import Command
from pluma_tui.widgets.transcript import Transcript


class Reading:
    """The reader's commands."""

    def __init__(self, transcript: Transcript) -> None:
        self.commands: dict[str, Command] = {
            "reasoning.toggle": lambda _: transcript.toggle_reasoning(),
            "transcript.up": lambda _: transcript.scroll_page_up(animate=False),
            "transcript.down": lambda _: transcript.scroll_page_down(animate=False),
            "transcript.home": lambda _: transcript.scroll_home(animate=False),
            "transcript.end": lambda _: transcript.to_end(),
        }
