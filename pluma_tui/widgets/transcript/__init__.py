"""The transcript of a conversation: `Transcript` shows `Entry` values. See docs/transcript.md."""

from pluma_tui.widgets.transcript.entry import Entry
from pluma_tui.widgets.transcript.searched import Found
from pluma_tui.widgets.transcript.transcript import Transcript

__all__ = ["Entry", "Found", "Transcript"]
