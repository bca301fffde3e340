"""One profile, field by field: what its type has, and what only its provider knows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from textual.binding import Binding, BindingType

from pluma_tui.config import edit, keys
from pluma_tui.config.fields import Field, field, fields_of, text_of, value_of
from pluma_tui.config.keys import HIDDEN
from pluma_tui.config.profile_keys import ProfileKey
from pluma_tui.config.read import load
from pluma_tui.config.schema import PROFILES
from pluma_tui.config.secretref import secret_ref
from pluma_tui.config.tree import Key, at, is_there
from pluma_tui.core.chat import Sampling
from pluma_tui.core.errors import UnknownPlugin
from pluma_tui.core.profile import SecretRef
from pluma_tui.imaging.base import ListsSamplers
from pluma_tui.runtime import keeping
from pluma_tui.runtime.checkup import Section
from pluma_tui.runtime.wiring import Runtime
from pluma_tui.screens import telling
from pluma_tui.screens.kinds import Plugin, offered, plugin
from pluma_tui.screens.picker import Item, Load, Picker
from pluma_tui.screens.sheet import How, Line, Sheet
from pluma_tui.screens.system import Editor
from pluma_tui.screens.trial import Trial
from pluma_tui.secrets.base import checked

_FIRST = ("compat", "kind", "base_url", "model", "api_key", "auth", "system", "images")
_TEXTS = ("system", "negative_prompt")  # of several lines
_TABLES = ("sampling", "options")
_FROM_SERVER = ("model", "checkpoint", "sampler", "scheduler")


@dataclass(frozen=True)
class _Place:
    """A field, where it stands below the profile, and what the file says there; `usual` if nothing."""

    field: Field
    path: Key
    raw: Any
    usual: str = ""

    @property
    def there(self) -> bool:
        return is_there(self.raw)


class ProfileForm(Sheet):
    """Each change is written at once. A key that is written here is kept elsewhere, and never shown."""

    HINTS = "enter changes · del takes it out · ^t tests · esc closes"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+t", "test", show=False, priority=True)]

    def __init__(self, runtime: Runtime, section: Section, name: str, changed: Callable[[], None]) -> None:
        """`changed` is told when the file was written."""
        super().__init__()
        self._runtime = runtime
        self._section: Section = section
        self._profile = name
        self._changed = changed
        self._type, self._chooser = PROFILES[section]
        self._where: Key = (section, "profiles", name)
        self._places: dict[str, _Place] = {}
        self.heading = f"The {'chat' if section == 'chat' else 'image'} profile {name}"

    def lines(self) -> list[Line]:
        loaded = load(self._runtime.loaded.path)  # what the file says, also of a profile that is broken
        table = at(keys.document(loaded), self._where)
        table = table if isinstance(table, Mapping) else {}
        made = self._plugin(str(table.get(self._chooser, "")))
        groups = {"profile": self._own(table, made)}
        if self._section == "chat":
            groups["sampling"] = [_place(table, ("sampling", f.name), f) for f in fields_of(Sampling)]
        groups[f"options of {made.name if made else 'its provider'}"] = _options(table, made)
        self._places = {".".join(one.path): one for places in groups.values() for one in places}
        lines: list[Line] = []
        for heading, places in groups.items():
            lines += [Line(heading, heading, heading=True), *map(self._line, places)] if places else []
        return lines

    def notice(self) -> str:
        loaded = load(self._runtime.loaded.path)
        problem = loaded.problem_with(*self._where)
        return problem.text(loaded.path) if problem else ""

    def _plugin(self, kind: str) -> Plugin | None:
        try:
            return plugin(self._section, kind)
        except UnknownPlugin:
            return None

    def _own(self, table: Mapping[str, Any], made: Plugin | None) -> list[_Place]:
        """The profile's own fields, those that matter most first."""
        fields = {one.name: one for one in fields_of(self._type, without=("name", *_TABLES))}
        names = [*(name for name in _FIRST if name in fields), *(n for n in fields if n not in _FIRST)]
        usual = {"base_url": made.default_base_url if made else ""}
        return [_place(table, (name,), fields[name], usual.get(name, "")) for name in names]

    def _line(self, place: _Place) -> Line:
        one, name = place.field, ".".join(place.path)
        shown, text = self._secret(place) if one.bare is SecretRef else self._plain(place)
        how = self._how(place)
        takes = "" if how == "asked" else f"Takes {one.takes}."
        return Line(
            name,
            place.path[-1],
            shown or place.usual or "–",
            "usual" if place.usual and not place.there and place.path[0] != "sampling" else "",
            help=f"{one.help} {takes}".strip(),
            text=text,
            how=how,
            choices=one.choices,
            own=place.there,
        )

    def _how(self, place: _Place) -> How:
        name = place.path[-1]
        if len(place.path) == 1 and name in (self._chooser, "images", *_TEXTS, *_FROM_SERVER):
            return "asked"
        if place.field.bare is SecretRef:
            return "secret"
        return "switch" if place.field.bare is bool else "line"

    def _plain(self, place: _Place) -> tuple[str, str]:
        """The value for people, and what changing it begins with: nothing of what is hidden."""
        if not place.there:
            return "", text_of(place.field.default) if place.field.bare is bool else ""
        shown = text_of(keys.shown(place.raw, (*self._where, *place.path)))
        return shown, "" if HIDDEN in shown else text_of(place.raw)

    def _secret(self, place: _Place) -> tuple[str, str]:
        ref = _ref(place.raw)
        if ref is None:
            return "", ""
        if ref.kind == "literal":
            return "the key itself; enter twice moves it out of the file", ""
        shown = f"command:{ref.value[0]} …" if isinstance(ref.value, tuple) else str(ref)
        return shown, text_of(place.raw)

    # -- changing

    async def ask(self, line: Line) -> str | None:
        name = line.id
        if name == self._chooser:
            kinds = Picker("Provider", load=lambda: offered(self._section), at=f"{self._section}/{line.text}")
            chosen = await self.app.push_screen_wait(kinds)
            return chosen.partition("/")[2] if chosen else None
        if name == "images":
            known = [Item(one, one) for one in self._runtime.config.images.profiles]
            return await self.app.push_screen_wait(Picker("Image profile", known, at=line.text, free=True))
        if name in _TEXTS:
            written = await self.app.push_screen_wait(Editor(line.help, line.text))
            return written.text if written else None
        picker = Picker(line.label, load=self._offers(name), at=line.text, free=True)
        return await self.app.push_screen_wait(picker)

    def _offers(self, name: str) -> Load:
        """What the server names of that; raises ProviderError, ConfigError when it is awaited."""

        async def load() -> Sequence[Item]:
            if self._section == "chat":
                models = await self._runtime.connections.provider(self._profile).models()
                return [Item(one.id, one.label or one.id, telling.model(one)) for one in models]
            server = self._runtime.images.provider(self._profile)
            names: Sequence[str] = ()
            if name in ("model", "checkpoint"):
                names = await server.checkpoints()
            elif isinstance(server, ListsSamplers):
                names = await (server.samplers() if name == "sampler" else server.schedulers())
            return [Item(one, one) for one in names]

        return load

    async def put(self, line: Line, text: str) -> None:
        """Write it; nothing written takes it out. Raises ConfigError, SecretError."""
        place = self._places[line.id]
        ref = _ref(place.raw) if place.field.bare is SecretRef else None
        if not text.strip() and ref is not None and ref.kind == "literal":
            await self._keep(place, str(ref.value))
        elif not text.strip():
            await self.reset(line)
        elif text != line.text:
            await self._set(place, value_of(place.field, text))
        self._changed()

    async def _set(self, place: _Place, value: Any) -> None:
        if place.field.bare is SecretRef and secret_ref(value).kind == "literal":
            await self._keep(place, value)
        else:
            edit.set_value(self._runtime.loaded.path, (*self._where, *place.path), value)

    async def _keep(self, place: _Place, value: str) -> None:
        key = checked(value, "what was given as a key")
        await keeping.keep(self._key(place), key, load(self._runtime.loaded.path), self._runtime.data)

    def _key(self, place: _Place) -> ProfileKey:
        return ProfileKey(self._section, self._profile, place.path[-1], _ref(place.raw))

    async def reset(self, line: Line) -> None:
        """Take it out of the file; a key that pluma keeps is deleted. Raises ConfigError, SecretError."""
        place = self._places[line.id]
        if place.field.bare is SecretRef and place.there:
            await keeping.forget(self._key(place), load(self._runtime.loaded.path), self._runtime.data)
        else:
            edit.unset_value(self._runtime.loaded.path, (*self._where, *place.path))
        self._changed()

    def action_test(self) -> None:
        """Try the profile as it is now."""
        self.app.push_screen(Trial(self._runtime, self._section, self._profile))


def _place(table: Mapping[str, Any], path: Key, one: Field, usual: str = "") -> _Place:
    default = "server's own" if path[0] == "sampling" else text_of(one.default)
    return _Place(one, path, at(table, path), usual or default)


def _options(table: Mapping[str, Any], made: Plugin | None) -> list[_Place]:
    """What only the provider knows, and what the file says besides."""
    known = dict(made.options) if made else {}
    there = table.get("options")
    others = dict.fromkeys(there, "not an option of this provider") if isinstance(there, Mapping) else {}
    return [
        _place(table, ("options", name), field(name, Any, help=_sentence(help)))
        for name, help in (others | known).items()
    ]


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:] + ("" if words.endswith(".") else ".")


def _ref(raw: Any) -> SecretRef | None:
    """The reference that the file says; None where it says none, or none that can be read."""
    if not is_there(raw) or raw == "":
        return None
    try:
        return secret_ref(raw)
    except ValueError:
        return None
