"""THE table of actions. It feeds bindings, palette, footer, help, key remapping and `pluma keys`."""

from typing import Literal

import msgspec

Scope = Literal["app", "chat", "composer", "transcript"]


class Action(msgspec.Struct, frozen=True):
    """Something a person can do by key. `keys` are Textual's names of the default keys.

    `slash` is the command to type for it, `argument` what follows that: FILE, or [FILE] where it may.
    """

    id: str
    title: str
    help: str
    keys: tuple[str, ...]
    scope: Scope
    footer: bool = False
    slash: str = ""
    argument: str = ""


ACTIONS: tuple[Action, ...] = (
    Action("chat.send", "Send", "Send what is written", ("enter",), "composer", footer=True),
    Action(
        "chat.newline", "New line", "Begin a new line in the message",
        ("ctrl+j", "shift+enter"), "composer", footer=True,
    ),
    Action(
        "composer.older", "Earlier", "A line up; from the first line, what waits or was sent before", ("up",),
        "composer",
    ),
    Action(
        "composer.newer", "Later", "A line down; from the last line, what was sent after this", ("down",),
        "composer",
    ),
    Action("composer.complete", "Complete", "Complete a command or the name of a file", ("tab",), "composer"),
    Action("composer.search", "Search", "Find what was sent before by typing", ("ctrl+r",), "composer"),
    Action("composer.editor", "Editor", "Write in $VISUAL or $EDITOR", ("ctrl+o",), "composer"),
    Action("chat.stop", "Stop", "Stop the answer and keep what came", ("escape",), "chat", footer=True),
    Action("chat.new", "New chat", "Begin a new conversation", ("ctrl+n",), "chat", slash="/new"),
    Action(
        "profile.switch", "Profile", "Switch this conversation to another profile", ("f2",), "chat",
        footer=True, slash="/profile", argument="[NAME]",
    ),
    Action(
        "model.pick", "Model", "Pick another model from the server", ("f3",), "chat",
        footer=True, slash="/model", argument="[NAME]",
    ),
    Action(
        "system.set", "System prompt", "Show the system prompt, or set another one from the next question on",
        (), "chat", slash="/system", argument="[TEXT]",
    ),
    Action(
        "chat.regenerate", "Regenerate", "Ask the last question again", (), "chat", slash="/regenerate",
    ),
    Action(
        "chat.export", "Export", "Write the conversation to a new Markdown or JSON file", (), "chat",
        slash="/export", argument="[FILE]",
    ),
    Action(
        "chat.count", "Count tokens", "Have the server count the conversation with what is written", (), "chat",
        slash="/tokens", argument="[TEXT]",
    ),
    Action("chat.copy", "Copy", "Copy the last answer", (), "chat", slash="/copy"),
    Action(
        "profile.default", "Default profile", "Begin new conversations with this profile", ("f6",), "chat"
    ),
    Action(
        "chat.sampling", "Sampling", "Set temperature and such for this conversation", ("ctrl+t",), "chat",
        slash="/sampling",
    ),
    Action(
        "system.edit", "Edit system prompt", "Write the system prompt of this conversation or its profile",
        ("ctrl+s",), "chat",
    ),
    Action("settings", "Settings", "Change the settings and the keys", ("f12",), "chat", slash="/settings"),
    Action("setup", "Set up", "Look again who could answer on this machine", ("f7",), "chat", slash="/setup"),
    Action(
        "reasoning.toggle", "Reasoning", "Show or fold the model's reasoning", ("f4",), "chat",
        slash="/reasoning",
    ),
    Action("transcript.up", "Page up", "Scroll the conversation up by a page", ("pageup",), "chat"),
    Action("transcript.down", "Page down", "Scroll the conversation down by a page", ("pagedown",), "chat"),
    Action("transcript.end", "To the end", "Go to the end and follow the answer", ("ctrl+end",), "chat"),
    Action("transcript.home", "To the beginning", "Go to the first message", ("ctrl+home",), "chat"),
    Action("palette", "Commands", "All commands, found by typing", ("ctrl+p",), "app", footer=True),
    Action("help", "Help", "All keys and commands", ("f1",), "app", footer=True, slash="/help"),
    Action("app.suspend", "Suspend", "Back to the shell; fg comes back here", ("ctrl+z",), "app"),
    Action(
        "app.quit", "Quit", "Leave pluma; everything is stored", ("ctrl+q",), "app", footer=True,
        slash="/quit",
    ),
)  # fmt: skip


def by_id(action_id: str) -> Action:
    """The action of that id. Raises KeyError."""
    return _BY_ID[action_id]


_BY_ID = {action.id: action for action in ACTIONS}
