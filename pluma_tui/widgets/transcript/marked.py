"""The reader's mark: a bar beside a message or a code block, moved from one to the next by keys."""

from collections.abc import Iterator

from textual import events

from pluma_tui.widgets.transcript.layout import message_of, within_message
from pluma_tui.widgets.transcript.links import Link, links_in
from pluma_tui.widgets.transcript.message import Message
from pluma_tui.widgets.transcript.pages import Pages
from pluma_tui.widgets.transcript.rows import Row
from pluma_tui.widgets.transcript.spots import CodeAt, Spot


class Marked(Pages):
    """Pages with a mark. It is seen while the transcript has the focus, and stays where it is otherwise.

    `hint` stands at the right of a code block that is marked: which key copies it.
    """

    spot: Spot | None = None
    hint: str = ""

    def to_message(self, step: int) -> bool:
        """Mark the next message (step 1) or the one before (-1); False if there is none.

        What is on the page is gone from: a mark that was left behind does not take the reader back.
        """
        begin, spot = self._begin(step)
        if spot and not (spot.code is not None and step < 0):
            begin += step
        for message in self._messages(begin, step):
            if message.entry.role != "notice":
                self._mark(Spot(message.entry.id))
                return True
        return False

    def to_code(self, step: int) -> bool:
        """Mark the next code block (step 1) or the one before (-1); False if there is none."""
        begin, spot = self._begin(step)
        for message in self._messages(begin, step):
            codes = list(range(len(message.codes())))
            if spot and spot.message == message.entry.id:
                at = -1 if spot.code is None else spot.code
                codes = codes[at + 1 :] if step > 0 else codes[: max(0, at)]
            elif spot is None:
                codes = [code for code in codes if self._ahead(Spot(message.entry.id, code), step)]
            if codes:
                self._mark(Spot(message.entry.id, codes[0] if step > 0 else codes[-1]))
                return True
        return False

    def source(self) -> str:
        """What the mark is on, as it was written: a message's Markdown, or what is in a code block."""
        if self.spot is None or self.spot.message not in self._entries:
            return ""
        message = self._entries[self.spot.message]
        return message.text if self.spot.code is None else message.code_source(self.spot.code)

    def last_answer(self) -> str:
        """The Markdown of the last answer; empty for none."""
        messages = reversed(self._entries.messages)
        return next((one.text for one in messages if one.entry.role == "assistant" and one.text), "")

    def last_code(self) -> str:
        """What is in the last code block; empty for none."""
        for message in reversed(self._entries.messages):
            if codes := message.codes():
                return message.code_source(len(codes) - 1)
        return ""

    def links(self) -> list[Link]:
        """The links of the message that is seen to be marked, if it has any; else all, the latest first."""
        spot = self.spot if self.has_focus else None
        marked = [self._entries[spot.message]] if spot and spot.message in self._entries else []
        found: dict[str, Link] = {link.url: link for one in marked for link in self._links_of(one)}
        if not found:
            for message in reversed(self._entries.messages):
                for link in reversed(self._links_of(message)):
                    found.setdefault(link.url, link)
        return list(found.values())

    def fold(self) -> bool:
        """Show or fold the reasoning of the marked message; False if it has none."""
        if self.spot is None or self.spot.message not in self._entries:
            return False
        message = self._entries[self.spot.message]
        message.fold()
        self._entries.changed(self.spot.message)
        self._update()
        return message.has_reasoning

    def watch_has_focus(self, has_focus: bool) -> None:
        """The mark is seen only with the focus."""
        super().watch_has_focus(has_focus)
        self._paint()

    def on_click(self, event: events.Click) -> None:
        """A click puts the mark there."""
        row = self._shown[event.y] if event.y < len(self._shown) else Row()
        if row.line is None:
            return
        message = self._entries.messages[message_of(row.key)]
        codes = enumerate(message.codes())
        within = within_message(row.key)
        code = next((number for number, at in codes if message.is_in(at, within, row.line)), None)
        self.spot = Spot(message.entry.id, code)
        self._paint()

    def _links_of(self, message: Message) -> list[Link]:
        markdown = self._markdown if message.entry.role == "assistant" else None
        return links_in(message.text, markdown)

    # Where it is

    def _begin(self, step: int) -> tuple[int, Spot | None]:
        """The number of the message to begin at, and the mark if it is on the page."""
        top, height = self.scroll_offset.y, self.size.height
        if self.spot and self.spot.message in self._entries:
            first, end = self._rows_of(self.spot)
            if first < top + height and end > top:
                return self._entries.number(self.spot.message), self.spot
        return self._entries.at(top if step > 0 else min(top + height, self._entries.rows) - 1), None

    def _messages(self, begin: int, step: int) -> Iterator[Message]:
        """The messages from a number on, downwards or upwards."""
        messages = self._entries.messages
        numbers = range(max(0, begin), len(messages)) if step > 0 else range(begin, -1, -1)
        return (messages[number] for number in numbers)

    def _ahead(self, spot: Spot, step: int) -> bool:
        """Whether a spot begins on the page, or beyond it in the direction of the step."""
        first, _ = self._rows_of(spot)
        top = self.scroll_offset.y
        return first >= top if step > 0 else first < top + self.size.height

    def _rows_of(self, spot: Spot) -> tuple[int, int]:
        """The rows of a spot: [first, end). The empty line before a message is not counted."""
        message = self._entries[spot.message]
        code = self._code_at(message, spot)
        rows = message.rows_of(code) if code else (1, message.rows)
        self._entries.changed(spot.message)
        start = self._entries.start(self._entries.number(spot.message))
        return start + rows[0], start + rows[1]

    def _code_at(self, message: Message, spot: Spot) -> CodeAt | None:
        """Where the code block of a spot is; None for one that is a message, or has gone."""
        if spot.code is None:
            return None
        codes = message.codes()
        return codes[spot.code] if spot.code < len(codes) else None

    def _mark(self, spot: Spot) -> None:
        """Mark a spot, and go there unless all of it is on the page."""
        self.spot = spot
        top, height = self.scroll_offset.y, self.size.height
        first, end = self._rows_of(spot)
        if top <= first and end <= top + height:
            self._paint()
        else:
            self._settle(lambda: min(self._rows_of(spot)[0], self._entries.rows - height))

    def _noted(self, rows: list[Row]) -> list[Row]:
        rows = super()._noted(rows)
        spot = self.spot
        if spot is None or not self.has_focus or spot.message not in self._entries:
            return rows
        number = self._entries.number(spot.message)
        message = self._entries[spot.message]
        code = self._code_at(message, spot)
        hint = self.hint if code else ""
        for y, row in enumerate(rows):
            if message_of(row.key) != number or row.line is None or not row.line.margin:
                continue
            if code is None or message.is_in(code, within_message(row.key), row.line):
                rows[y] = row._replace(mark=hint)
                hint = ""
        return rows
