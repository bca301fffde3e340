"""Where a message is written: several lines, Enter sends."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from textual import events, on
from textual.actions import SkipAction
from textual.message import Message
from textual.widgets import TextArea

from pluma_tui.core.slash import COMMANDS, command, said
from pluma_tui.core.written import Written
from pluma_tui.widgets.composer.completing import Completing, Fragment, Offer, commands_for, fragment
from pluma_tui.widgets.composer.recall import Recall
from pluma_tui.widgets.composer.sheet import Sheet
from pluma_tui.widgets.keys import actions_by_key

PLACEHOLDER = "Message"


class Composer(Sheet):
    """A sheet that grows with its text and says what is to become of it. It does not blink: that costs bytes.

    What it cannot know by itself it asks of those that its owner puts here: `files` finds files by a part
    of their name, `sent` tells what was sent before, the newest first. `waiting` says whether words wait
    in the queue.
    """

    @dataclass
    class Submitted(Message):
        """The person wants this sent. It has left the composer."""

        written: Written

    @dataclass
    class Commanded(Message):
        """The person has typed a command. It has left the composer."""

        action: str
        argument: str
        written: Written

    @dataclass
    class Unknown(Message):
        """The person has typed a command that there is none of: the text stays."""

        name: str

    @dataclass
    class Wanted(Message):
        """The person wants an action of the table that somebody else carries out."""

        action: str

    class GoOn(Message):
        """Enter where nothing is written: what waits may be sent."""

    class TakeBack(Message):
        """The person wants the last of those that wait back, to change it."""

    @dataclass
    class Offered(Message):
        """The list of completions has changed; it is empty to be closed."""

        offers: Sequence[Offer]
        at: int

    def __init__(self, keymap: Mapping[str, str], *, id: str | None = None) -> None:
        """`keymap` are the remapped keys, action id to key."""
        super().__init__(PLACEHOLDER, id=id)
        self.cursor_blink = False
        self.commands = [_offer(name) for name in sorted(COMMANDS)]
        self.files: Callable[[str], Awaitable[Sequence[Offer]]] = _none
        self.sent: Callable[[], Awaitable[Sequence[str]]] = _none
        self.waiting = False
        self._completing = Completing()
        self._shown: tuple[Sequence[Offer], int] = ((), 0)
        self._recall: Recall | None = None
        self._sent: list[str] = []  # in this window, commands too; the newest first
        self.rekey(keymap)

    def rekey(self, keymap: Mapping[str, str]) -> None:
        """Other keys from now on."""
        self._actions = actions_by_key("composer", keymap)

    async def _on_key(self, event: events.Key) -> None:
        """Our own keys and those of the text area, taken in turn with the letters.

        A priority binding would overtake letters that came in the same burst, as they do on a slow
        line, and send a message before its end was in it; any other would be overtaken by them.
        """
        key = event.key.replace("\r", "enter")  # so xterm's modifyOtherKeys says shift+enter
        bound = self._bindings.key_to_bindings.get(key, ())
        actions = [self._actions[key]] if key in self._actions else [binding.action for binding in bound]
        for action in actions:
            if await self.app.run_action(action, self):
                event.stop()
                event.prevent_default()
                return

    def _sent_off(self) -> Written:
        """What is written leaves here and now: the next letters may be on their way already."""
        written = self.written
        self._sent.insert(0, written.whole)
        self._recall = None
        self.text = ""
        self._chips.forget()
        return written

    # -- sending

    def action_chat_send(self) -> None:
        """Take the offer that is marked, run the command, or send what is written."""
        self._look()
        if self._completing.offers and not self._completing.complete():
            self._take_offer()
        elif not self.text.strip():
            self.post_message(self.GoOn())
        elif (typed := command(self.text)) is None:
            written = self._sent_off()
            self.post_message(self.Submitted(Written(said(written.text), written.chips)))
        elif typed[0] not in COMMANDS:
            self.post_message(self.Unknown(typed[0]))
        else:
            written = self._sent_off()
            name, argument = command(written.whole) or typed
            self.post_message(self.Commanded(COMMANDS[name].id, argument, written))

    def action_chat_newline(self) -> None:
        """Begin a new line."""
        start, end = self.selection
        self._replace_via_keyboard("\n", start, end)

    def action_composer_editor(self) -> None:
        """Write in an outside editor."""
        self.post_message(self.Wanted("composer.editor"))

    def action_composer_search(self) -> None:
        """Find what was sent before."""
        self.post_message(self.Wanted("composer.search"))

    # -- what was sent before

    async def action_composer_older(self) -> None:
        """Up: in the list, in the text, to what waits, to what was sent."""
        self._look()
        if self._completing.offers:
            self._mark(-1)
        elif not self.navigator.is_first_wrapped_line(self.cursor_location):
            self.action_cursor_up()
        elif self.waiting and not self.text.strip():
            self.post_message(self.TakeBack())
        else:
            if self._recall is None:
                self._recall = Recall(self.written, [*self._sent, *await self.sent()])
            self._turn(1, self.action_cursor_up)

    def action_composer_newer(self) -> None:
        """Down: in the list, in the text, back to the unfinished text."""
        self._look()
        if self._completing.offers:
            self._mark(1)
        elif not self.navigator.is_last_wrapped_line(self.cursor_location):
            self.action_cursor_down()
        else:
            self._turn(-1, self.action_cursor_down)

    async def recall(self, text: str) -> None:
        """Something that was sent before in the place of what is written, which is one page down."""
        self._recall = Recall(self.written, [text, *self._sent, *await self.sent()])
        self._turn(1, self.action_cursor_up)

    def _turn(self, by: int, else_move: Callable[[], None]) -> None:
        page = self._recall.turn(by, self.written) if self._recall else None
        if page is None:
            else_move()
            return
        self._write(self._chips.taken(page))
        self._completing.moved_to(self._fragment())
        self._completing.close()
        if by > 0:
            self.move_cursor((0, len(self.document[0])))

    # -- completing

    async def action_composer_complete(self) -> None:
        """Take the offer that is marked; where nothing can be completed, the key is not ours."""
        self._look()
        wanted = self._completing.fragment
        if wanted is None:
            raise SkipAction
        if not self._completing.offers and wanted.mark == "@":
            await self._find(wanted)
        self._take_offer()

    def close_offers(self) -> bool:
        """Close the list; whether one was open."""
        closed = self._completing.close()
        self._tell()
        return closed

    def choose(self, at: int) -> None:
        """Take the offer of that number."""
        self._completing.at = at
        self._take_offer()

    def _fragment(self) -> Fragment | None:
        row, column = self.cursor_location
        return fragment(self.document[row][:column], row)

    @on(TextArea.Changed)
    @on(TextArea.SelectionChanged)
    def _look(self) -> None:
        """See what can be completed where the cursor is now."""
        wanted = self._fragment()
        if self._completing.moved_to(wanted) and wanted is not None:
            if wanted.mark == "/":
                self._completing.offer(wanted, commands_for(wanted.query, self.commands))
            else:
                self.run_worker(self._find(wanted), group="offers", exclusive=True)
        self._tell()

    async def _find(self, wanted: Fragment) -> None:
        self._completing.offer(wanted, await self.files(wanted.query))
        self._tell()

    def _mark(self, by: int) -> None:
        self._completing.move(by)
        self._tell()

    def _take_offer(self) -> None:
        wanted, offers = self._completing.fragment, self._completing.offers
        if wanted is None or not offers:
            return
        insert = offers[self._completing.at].insert
        self._replace_via_keyboard(insert, (wanted.row, wanted.column), self.cursor_location)
        self._look()

    def _tell(self) -> None:
        """Say what the list is, if it has changed."""
        shown = (self._completing.offers, self._completing.at)
        if shown != self._shown:
            self._shown = shown
            self.post_message(self.Offered(*shown))


def _offer(name: str) -> Offer:
    action = COMMANDS[name]
    insert = f"{name} " if action.argument else name
    return Offer(insert, f"{name} {action.argument}".rstrip(), action.help)


async def _none(_: str = "") -> Sequence[Any]:
    return ()
