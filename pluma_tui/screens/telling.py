"""Values of the runtime as words on a screen. No widget is touched here."""

import time
from datetime import datetime

from pluma_tui.config import keys
from pluma_tui.core.chat import Citation, File, Image, Message, Usage
from pluma_tui.core.errors import PlumaError
from pluma_tui.core.ids import new_id
from pluma_tui.core.models import ModelInfo
from pluma_tui.core.profile import ConnectionProfile
from pluma_tui.runtime.turn import Turn
from pluma_tui.runtime.wiring import Runtime
from pluma_tui.widgets.transcript import Entry

_ENDINGS = {
    "length": "cut off at the limit of tokens",
    "stopped": "stopped",
    "refused": "refused",
    "tool_calls": "asks for tools",
    "failed": "broke off",
}


def entry(message: Message) -> Entry:
    """A stored message as the transcript shows it."""
    role = message.role if message.role in ("user", "assistant", "system") else "notice"
    label = {"user": "you", "assistant": message.model or "assistant"}.get(message.role, message.role)
    text = message.text or (message.error if message.role == "assistant" else "")
    return Entry(
        id=message.id,
        role=role,
        text="\n".join(part for part in (text, *_attached(message)) if part) + sources(message),
        reasoning=message.reasoning,
        label=label,
        footer=footer(message),
        time=clock(message.created),
    )


def clock(moment: str) -> str:
    """A moment (RFC 3339) as people here say it: "14:32", with the day if it is not today's.

    Empty for what is no moment, as in a conversation from elsewhere.
    """
    try:
        when = datetime.fromisoformat(moment).astimezone()
    except (ValueError, OverflowError, OSError):
        return ""
    today = datetime.now(when.tzinfo)
    if when.date() == today.date():
        return f"{when:%H:%M}"
    return f"{when.day} {when:%b %H:%M}" if when.year == today.year else f"{when:%Y-%m-%d %H:%M}"


def _attached(message: Message) -> list[str]:
    """A line for each file that went with a message."""
    return [f"[{part.name or 'picture'}]" for part in message.parts if isinstance(part, Image | File)]


def footer(message: Message) -> str:
    """How an answer ended and what it took: "34 tokens · 50/s"."""
    if message.role != "assistant":
        return ""
    parts = [_ENDINGS[message.ending]] if message.ending in _ENDINGS else []
    if message.ending == "complete" and not (message.text or message.parts):
        parts.append("empty")
    if message.ending is None and message.created:
        parts.append("unfinished: pluma ended before the answer did")
    return " · ".join(parts + figures(message.usage))


def figures(usage: Usage | None) -> list[str]:
    """What an answer took, as far as it is known."""
    if usage is None:
        return []
    said = [
        (usage.output, f"{usage.output:,} tokens"),
        (usage.rate, f"{usage.rate:.0f}/s"),
        (usage.first >= 0.05, f"first after {usage.first:.1f} s"),
        (usage.cached, f"{usage.cached:,} cached"),
        (usage.cost, _dollars(usage.cost)),
    ]
    return [words for value, words in said if value]


def _dollars(amount: float) -> str:
    """With cents at least; of less than that, its first two digits."""
    small = f"{float(f'{amount:.2g}'):f}".rstrip("0")
    return f"${amount:.2f}" if amount >= 0.1 else f"${small}"


def fill(usage: Usage | None) -> str:
    """How much of the context is taken: "12% of 8,192"; empty where that is unknown."""
    return f"{usage.fill:.0%} of {usage.context:,}" if usage and usage.fill else ""


def sources(message: Message) -> str:
    """What an answer refers to, as Markdown to stand below it; empty for none."""
    cited = list(
        dict.fromkeys((part.title, part.url) for part in message.parts if isinstance(part, Citation))
    )
    lines = [
        f"{number}. {' '.join(f'{title} <{url}>'.split()) if url else title}"
        for number, (title, url) in enumerate(dict.fromkeys(cited), 1)
    ]
    return "\n\nSources:\n\n" + "\n".join(lines) if lines else ""


def progress(turn: Turn) -> str:
    """What a running turn is doing, for the status line; empty to leave what stands there."""
    began, pieces = turn.draft.began, turn.draft.pieces
    if began is None:
        seconds = time.monotonic() - turn.started
        return f"waiting {seconds:.0f} s" if seconds >= 1 and not turn.draft.noticed else ""
    seconds = max(time.monotonic() - began, 0.1)
    return f"~{pieces} tokens · {pieces / seconds:.0f}/s"


def ended(message: Message, seconds: float) -> str:
    """The last state of a turn, with the seconds it took."""
    words = _ENDINGS.get(message.ending or "", "done")
    usage = message.usage
    tokens = [f"{usage.output:,} tokens", f"{usage.rate:.0f}/s"] if usage else []
    return " · ".join(part for part in (words, *tokens, f"{seconds:.1f} s", fill(usage)) if part)


def error(problem: PlumaError) -> Entry:
    """What went wrong and what to do, as an entry of the transcript."""
    text = f"{problem.message}\n\n{problem.hint}" if problem.hint else problem.message
    return Entry(id=new_id(), role="error", text=text, label="error")


def profile(chosen: ConnectionProfile) -> str:
    """A profile in a list: where it is and what it asks for."""
    address = str(keys.shown(chosen.base_url))
    return " · ".join(part for part in (chosen.model, address, chosen.compat) if part)


def model(info: ModelInfo) -> str:
    """A model in a list: how much it can hold, what it can do, what it costs and how large it is."""
    parts = [
        f"{info.context:,} tokens" if info.context else "",
        *info.traits,
        f"${info.price.input:g}/${info.price.output:g}" if info.price else "",
        f"{info.size / 1e9:.1f} GB" if info.size else "",
    ]
    return " · ".join(part for part in parts if part)


GREETING = "greeting"


def greeting(runtime: Runtime) -> list[Entry]:
    """What an empty conversation says: how to begin, and config problems if there are any."""
    words = "\n".join(
        (
            "Write below; enter sends, esc stops an answer.",
            "/ offers commands, @ a file to send along, f1 shows all keys.",
            "All is stored as it comes: pluma --continue last goes on with it.",
        )
    )
    lines = [problem.text(runtime.loaded.path) for problem in runtime.loaded.problems]
    return [
        Entry(id=GREETING, role="system", text=words),
        *(Entry(id=new_id(), role="notice", text=text) for text in lines),
    ]
