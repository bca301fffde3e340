"""What can be done by a line that begins with a slash in `pluma --plain`."""

from collections.abc import Awaitable, Callable

from pluma_tui.cli import output
from pluma_tui.config import edit
from pluma_tui.config.problems import did_you_mean
from pluma_tui.core.actions import ACTIONS, by_id
from pluma_tui.core.errors import UsageError
from pluma_tui.core.text import clean_line
from pluma_tui.runtime.chat import OpenChat
from pluma_tui.runtime.wiring import Runtime
from pluma_tui.screens.commands import Command, Commands

_DEFAULT = "/default"  # an action that has a key in the app, and no command to type


class PlainCommands:
    """The commands; `left` is true once a person has asked to leave."""

    def __init__(self, runtime: Runtime, chat: Callable[[], OpenChat], new: Callable[[], None]) -> None:
        """`chat` is asked for the conversation each time; `new` begins another one."""
        self.left = False
        self._runtime = runtime
        self._chat = chat
        self._new = new
        table: dict[str, Command] = {
            "help": self._help,
            "chat.new": self._begin,
            "profile.switch": self._profile,
            "model.pick": self._model,
            "profile.default": self._default,
            "app.quit": self._quit,
        }
        self._commands = Commands(table)
        typed = {action.slash: action.id for action in ACTIONS if action.slash and action.id in table}
        self._names = typed | {_DEFAULT: "profile.default"}

    def begin(self, name: str, argument: str) -> Awaitable[None] | None:
        """Do what "/name argument" says, or return what is to be awaited. Raises UsageError."""
        if name not in self._names:
            hint = did_you_mean(name, self._names) or "/help tells what there is."
            raise UsageError(f"there is no command {clean_line(name, 40)} here", hint=hint)
        return self._commands.begin(self._names[name], argument.strip())

    def _help(self, _: str) -> None:
        rows = [(name, by_id(action)) for name, action in self._names.items()]
        output.table([(f"{name} {action.argument}".strip(), action.help) for name, action in rows])

    def _begin(self, _: str) -> None:
        self._new()
        output.say("A new conversation.")

    def _profile(self, name: str) -> None:
        connections = self._runtime.connections
        if not name:
            at = self._chat().profile
            output.table(
                [
                    ("*" if one == at else "", one, connections.profile(one).model)
                    for one in connections.names()
                ]
            )
            return
        self._chat().switch(name)
        self._answers()

    async def _model(self, name: str) -> None:
        if not name:
            models = await self._chat().models()
            output.table([(_mark(model.id == self._chat().model), model.id) for model in models])
            return
        self._chat().pick(name)
        self._answers()

    def _default(self, _: str) -> None:
        profile = self._chat().profile
        edit.set_value(self._runtime.loaded.path, ("chat", "active"), profile)
        self._runtime.refresh()
        output.say(f"New conversations begin with {profile}.")

    def _quit(self, _: str) -> None:
        self.left = True

    def _answers(self) -> None:
        chat = self._chat()
        output.say(" · ".join(part for part in (chat.profile, chat.model) if part) + " answers from here on.")


def _mark(in_use: bool) -> str:
    return "*" if in_use else ""
