"""What can be done on a screen, by the id of its action: for keys, the palette and typed commands alike."""

from collections.abc import Awaitable, Callable, Mapping

from pluma_tui.core.errors import UsageError

Command = Callable[[str], Awaitable[None] | None]
"""Takes what was written after the command's name, mostly nothing. What takes time is a coroutine."""


class Commands:
    """The commands of one screen, gathered from those who carry them out."""

    def __init__(self, *tables: Mapping[str, Command]) -> None:
        self._known = {name: command for table in tables for name, command in table.items()}

    def __contains__(self, action_id: object) -> bool:
        return action_id in self._known

    def begin(self, action_id: str, argument: str = "") -> Awaitable[None] | None:
        """Do it at once, or return what is to be awaited. Raises UsageError for what is not known here."""
        if action_id not in self._known:
            raise UsageError(f'"{action_id}" cannot be done here')
        return self._known[action_id](argument)
