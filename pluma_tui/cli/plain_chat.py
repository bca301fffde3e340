"""`pluma --plain`: a chat line by line, for screen readers, TERM=dumb and pipes; no escape sequence is sent.

The main thread waits for a line while the event loop rests; it runs for as long as an answer comes.
"""

import argparse
import asyncio
import contextlib
import inspect
import signal

from pluma_tui.cli import output, session
from pluma_tui.cli.answer import Plain, follow
from pluma_tui.cli.lines import Lines
from pluma_tui.cli.plain_commands import PlainCommands
from pluma_tui.core import slash
from pluma_tui.core.chat import Conversation
from pluma_tui.core.errors import PlumaError
from pluma_tui.core.events import ChatEvent, ReasoningDelta
from pluma_tui.core.text import clean_line
from pluma_tui.runtime.chat import OpenChat
from pluma_tui.runtime.turn import Turn
from pluma_tui.runtime.wiring import Runtime

PROMPT = "You: "
_STOPPED = 128 + signal.SIGINT
_FATAL = (128 + signal.SIGTERM, 128 + signal.SIGHUP)


def run(args: argparse.Namespace) -> int:
    """Talk until the input ends; returns the exit code: in a pipe that of the last question."""
    with asyncio.Runner() as runner:
        stack = contextlib.AsyncExitStack()
        try:
            runtime = runner.run(stack.enter_async_context(session.runtime(args)))
            chat = PlainChat(runtime, Lines())
            runner.run(chat.open(args.continue_id, args.model or ""))
            return chat.talk(runner)
        finally:
            runner.run(stack.aclose())


class PlainChat:
    """One conversation after the other; what is not the answer goes to stderr."""

    def __init__(self, runtime: Runtime, lines: Lines) -> None:
        self._runtime = runtime
        self._lines = lines
        self._chat = OpenChat(runtime)
        self._commands = PlainCommands(runtime, lambda: self._chat, self.begin)
        self._code = 0

    async def open(self, continue_id: str | None, model: str) -> None:
        """Say who answers, and where a stored conversation stands. Raises ConfigError, StoreError."""
        stored = await self._runtime.find(continue_id) if continue_id else None
        self.begin(stored)
        if model:
            self._chat.pick(model)
        self._runtime.connections.profile(self._chat.profile or None)  # nobody to talk to is told at once
        self._greet()
        path = await self._chat.path()
        if stored is not None and path and self._lines.people:
            output.say(f"Going on with: {stored.title} ({len(path)} messages). The last one was:")
            output.line(path[-1].text)

    def begin(self, conversation: Conversation | None = None) -> None:
        """Go on with this conversation, or with a new one."""
        self._chat = OpenChat(self._runtime, conversation)

    def talk(self, runner: asyncio.Runner) -> int:
        """Line after line until the input ends or a person leaves; returns the exit code."""
        while not self._commands.left:
            try:
                line = self._lines.read(PROMPT)
                self._code = runner.run(self._take(line)) if line.strip() else self._code
            except EOFError:
                if self._lines.people:
                    output.line()
                break
            except KeyboardInterrupt:  # at the prompt: the line is given up
                if not self._lines.people:
                    raise
                output.line()
                output.say("ctrl+d leaves, /help tells the commands.")
            if self._code in _FATAL:
                return self._code
        return 0 if self._lines.people else self._code

    def _greet(self) -> None:
        if self._lines.people:
            who = " · ".join(part for part in (self._chat.profile, self._chat.model) if part)
            output.say(f"pluma, line by line; {clean_line(who)} answers.")
            output.say(
                'Enter sends, """ begins and ends several lines, ctrl+c stops an answer, ctrl+d leaves; '
                "/help tells the commands."
            )

    async def _take(self, line: str) -> int:
        """A command or a question; returns the exit code it would end a program with."""
        for problem in self._runtime.refresh() or ():
            output.say(f"pluma: {problem.text(self._runtime.loaded.path)}")
        try:
            if (written := slash.command(line)) is not None:
                doing = self._commands.begin(*written)
                if inspect.isawaitable(doing):
                    await doing
                return 0
            return await self._ask(slash.said(line))
        except PlumaError as error:
            output.failure(error)
            return error.exit_code

    async def _ask(self, text: str) -> int:
        turn = await self._chat.ask(text)
        code = await follow(turn, _Told(turn) if self._lines.people else Plain(streaming=True))
        self._chat.learned(turn.model)
        if code == _STOPPED and self._lines.people:
            output.say("Stopped; what came is kept.")
        return code


class _Told(Plain):
    """The answer after the name of who gives it; that it is being thought about is told once."""

    def __init__(self, turn: Turn) -> None:
        super().__init__(streaming=True)
        self._thinking = False
        output.write(f"{clean_line(turn.model or turn.profile.name, 60)}: ")

    def show(self, event: ChatEvent, turn: Turn) -> None:
        """Print one event."""
        if isinstance(event, ReasoningDelta) and not self._thinking:
            self._thinking = True
            output.say("(thinking)")
        super().show(event, turn)
