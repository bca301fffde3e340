"""One message of a conversation, as the transcript is given it."""

from dataclasses import dataclass
from typing import Literal

Role = Literal["user", "assistant", "system", "notice", "error"]


@dataclass(frozen=True)
class Entry:
    """What is shown of a message. Texts are raw: the transcript makes them safe.

    An assistant's text is Markdown; all others are shown as they were written. `running` says that
    more is coming by `Transcript.feed`. `time` is shown at the right of the label, as it is given.
    """

    id: str
    role: Role
    text: str = ""
    reasoning: str = ""
    label: str = ""
    footer: str = ""
    running: bool = False
    time: str = ""
