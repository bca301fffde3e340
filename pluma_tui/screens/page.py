"""What stands on the chat's screen, for those who put something there."""

from pluma_tui.core.errors import PlumaError
from pluma_tui.core.ids import new_id
from pluma_tui.screens import telling
from pluma_tui.widgets.statusline import StatusLine
from pluma_tui.widgets.transcript import Entry, Transcript


class Page:
    """The transcript and the line of state below it."""

    def __init__(self, transcript: Transcript, status: StatusLine) -> None:
        self.transcript = transcript
        self.status = status

    def note(self, text: str) -> None:
        """Something worth knowing, as an entry of the transcript."""
        self.transcript.add(Entry(id=new_id(), role="notice", text=text))

    def failed(self, error: PlumaError) -> str:
        """What went wrong, as an entry; returns the entry's id."""
        entry = telling.error(error)
        self.transcript.add(entry)
        self.status.state = "failed"
        return entry.id

    def name(self, profile: str, model: str) -> None:
        """Who answers."""
        self.status.profile, self.status.model = profile, model
