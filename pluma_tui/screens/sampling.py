"""The sampling of one conversation: what it says over its profile, and what then holds."""

from collections.abc import Awaitable, Callable
from typing import ClassVar

import msgspec
from textual.binding import Binding, BindingType

from pluma_tui.config.fields import Field, fields_of, text_of, value_of
from pluma_tui.core.chat import Sampling
from pluma_tui.screens.sheet import Line, Sheet

Take = Callable[[Sampling], Awaitable[None]]


class SamplingSheet(Sheet):
    """Changes are taken at once; they count from the next question on."""

    heading = "Sampling of this conversation"
    HINTS = "a digit changes · del: the profile's · ^r: all · esc closes"
    SEARCHES = False
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+r", "reset_all", show=False, priority=True)]

    def __init__(self, profile: Sampling, own: Sampling, take: Take) -> None:
        """`own` is laid over what the profile says; `take` is given what it is to be."""
        super().__init__()
        self._profile = profile
        self._own = own
        self._take = take
        self._fields = {field.name: field for field in fields_of(Sampling)}

    def lines(self) -> list[Line]:
        return [self._line(field) for field in self._fields.values()]

    def _line(self, field: Field) -> Line:
        own, profile = getattr(self._own, field.name), getattr(self._profile, field.name)
        holds = own if own is not None else profile
        state = "this conversation" if own is not None else "the profile" if profile is not None else ""
        return Line(
            field.name,
            field.name,
            text_of(holds) if holds is not None else "server's own",
            state,
            help=f"{field.help} ({field.takes})",
            text=text_of(holds),
            own=own is not None,
        )

    async def put(self, line: Line, text: str) -> None:
        """Another value; an empty one is the profile's. Raises ConfigError, StoreError."""
        field = self._fields[line.id]
        value = value_of(field, text) if text.strip() else None
        if value is None or text != line.text:
            await self._lay(field, msgspec.convert(value, field.kind))

    async def reset(self, line: Line) -> None:
        """As in the profile. Raises StoreError."""
        await self._lay(self._fields[line.id], None)

    def action_reset_all(self) -> None:
        """All as in the profile."""
        self.run_worker(self.change(self._become(Sampling())))

    async def _lay(self, field: Field, value: object) -> None:
        await self._become(msgspec.structs.replace(self._own, **{field.name: value}))

    async def _become(self, own: Sampling) -> None:
        await self._take(own)
        self._own = own


def told(before: Sampling, after: Sampling) -> str:
    """What is another value now, in words: "temperature 0.2, seed as in the profile"; empty for nothing."""
    changed = [name for name in after.__struct_fields__ if getattr(before, name) != getattr(after, name)]
    values = {name: getattr(after, name) for name in changed}
    return ", ".join(
        f"{name} {'as in the profile' if value is None else text_of(value)}" for name, value in values.items()
    )
