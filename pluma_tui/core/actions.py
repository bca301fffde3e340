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
        "chat.count", "Count tokens", "Have the server count what the next question sends", (), "chat",
        slash="/tokens", argument="[TEXT]",
    ),
    Action("chat.copy", "Copy", "Copy the last answer", ("f8",), "chat", slash="/copy"),
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
    Action("profile.edit", "Profiles", "Add, edit, test and remove profiles", (), "chat", slash="/profiles"),
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
    Action(
        "message.previous", "Message before", "Go up a message and mark it; letters go on to the composer",
        ("alt+up", "ctrl+up"), "chat",
    ),
    Action(
        "message.next", "Next message", "Go down a message and mark it", ("alt+down", "ctrl+down"), "chat"
    ),
    Action("code.previous", "Code before", "Go up to the code block before", ("alt+pageup",), "chat"),
    Action("code.next", "Next code", "Go down to the next code block", ("alt+pagedown",), "chat"),
    Action("code.copy", "Copy code", "Copy the last code block, as it was written", ("ctrl+g",), "chat"),
    Action("find", "Find", "Find words in this conversation", ("ctrl+f",), "chat"),
    Action("links", "Links", "Open or copy a link of the marked message, or of any", ("f5",), "chat"),
    Action("read.down", "Down", "A line down", ("j",), "transcript"),
    Action("read.up", "Up", "A line up", ("k",), "transcript"),
    Action("read.half_down", "Half down", "Half a page down", ("ctrl+d",), "transcript"),
    Action("read.half_up", "Half up", "Half a page up", ("ctrl+u",), "transcript"),
    Action("read.home", "Beginning", "To the first message", ("g",), "transcript"),
    Action("read.end", "End", "To the end", ("G",), "transcript"),
    Action("read.message_up", "Message up", "Mark the message before", ("{",), "transcript"),
    Action("read.message_down", "Message down", "Mark the next message", ("}",), "transcript"),
    Action("read.code_up", "Code up", "Mark the code block before", ("[",), "transcript"),
    Action("read.code_down", "Code down", "Mark the next code block", ("]",), "transcript"),
    Action(
        "read.copy", "Copy", "Copy the marked message's Markdown, the marked code, or the selected lines",
        ("y",), "transcript",
    ),
    Action("read.select", "Select", "Select lines: j and k to go on, y to copy them", ("v",), "transcript"),
    Action("read.fold", "Fold", "Fold or show the marked message's reasoning", ("t",), "transcript"),
    Action("read.links", "Links", "Open or copy a link of the marked message", ("o",), "transcript"),
    Action("read.find", "Find", "Find words", ("/",), "transcript"),
    Action("read.find_next", "Next hit", "The next hit of the search", ("n",), "transcript"),
    Action("read.find_previous", "Hit before", "The hit before", ("N",), "transcript"),
    Action("read.leave", "Write", "Back to the composer, as esc and other letters do", ("i",), "transcript"),
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
