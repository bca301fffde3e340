"""The settings, from the schema: each written to the config file as soon as it is changed."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from pluma_tui.config import edit, keys
from pluma_tui.config.fields import Field, fields_of, text_of, value_of
from pluma_tui.config.keys import HIDDEN, Setting
from pluma_tui.config.read import Loaded, load
from pluma_tui.config.schema import PROFILES, SECTIONS
from pluma_tui.core.actions import ACTIONS, Action, by_id
from pluma_tui.core.keymap import Conflict, conflicts, keys_in_force
from pluma_tui.runtime.wiring import Runtime
from pluma_tui.screens.keypress import KeyPress
from pluma_tui.screens.sheet import How, Line, Sheet
from pluma_tui.screens.system import Editor
from pluma_tui.widgets.keys import shown

_TEXTS = ("chat.system",)  # of several lines
_KEYS = "keys"


class SettingsSheet(Sheet):
    """All sections, and the keys of all actions. Profiles have a screen of their own."""

    heading = "Settings"
    HINTS = "enter changes · del: the default · esc closes"

    def __init__(self, runtime: Runtime, changed: Callable[[], None], themes: Sequence[str]) -> None:
        """`changed` is told when the file was written; `themes` are those that could be chosen."""
        super().__init__()
        self._runtime = runtime
        self._changed = changed
        self._themes = themes
        self._restart: set[str] = set()  # what was changed here and waits for the next start
        self._fields = {
            f"{section}.{field.name}": field
            for section, kind in SECTIONS.items()
            for field in fields_of(kind, without=("profiles",))
        }

    def lines(self) -> list[Line]:
        loaded = load(self._runtime.loaded.path)  # what the file says, also while it is not taken in
        found = {".".join(one.path): one for one in keys.settings(loaded)}
        lines: list[Line] = []
        for section, kind in SECTIONS.items():
            lines.append(Line(section, f"{section}: {_first_sentence(kind)}", heading=True))
            names = [name for name in self._fields if name.startswith(f"{section}.")]
            lines += [self._setting(loaded, name, found[name]) for name in names]
        return [*lines, Line(_KEYS, "keys: What is done by which key.", heading=True), *_keys(loaded)]

    def notice(self) -> str:
        loaded = load(self._runtime.loaded.path)
        errors = [one for one in loaded.problems if one.severity == "error"]
        return f"Nothing is taken in until this is mended: {errors[0].text(loaded.path)}" if errors else ""

    def _setting(self, loaded: Loaded, name: str, setting: Setting) -> Line:
        field = self._fields[name]
        value = text_of(keys.shown(setting.value, setting.path))
        choices = field.choices or self._choices(loaded, name)
        return Line(
            name,
            field.name,
            value or "–",
            _origin(setting) if name not in self._restart else "from the next start on",
            help=_help(field, setting),
            text="" if HIDDEN in value else text_of(setting.value),
            how=_how(name, field, choices),
            choices=tuple(choices),
            own=setting.origin == "file",
        )

    def _choices(self, loaded: Loaded, name: str) -> Sequence[str]:
        """What there is to choose from of what the schema does not list."""
        section, _, key = name.partition(".")
        if key == "active" and section in PROFILES:
            return list(getattr(loaded.config, section).profiles)
        return sorted({self._fields[name].default, *self._themes}) if name == "ui.theme" else ()

    async def ask(self, line: Line) -> str | None:
        if line.id.startswith(f"{_KEYS}."):
            return await self.app.push_screen_wait(KeyPress(by_id(line.id.removeprefix(f"{_KEYS}."))))
        if line.id in _TEXTS:
            written = await self.app.push_screen_wait(Editor(line.help, line.text))
            return written.text if written else None
        return await super().ask(line)

    async def put(self, line: Line, text: str) -> None:
        """Write it. Raises ConfigError."""
        value = text if line.id not in self._fields else value_of(self._fields[line.id], text)
        if text != line.text:
            edit.set_value(self._runtime.loaded.path, _path(line.id), value)
            self._wrote(line)

    async def reset(self, line: Line) -> None:
        """Take it out of the file: the default holds again. Raises ConfigError."""
        edit.unset_value(self._runtime.loaded.path, _path(line.id))
        self._wrote(line)

    def _wrote(self, line: Line) -> None:
        if line.id in self._fields and self._fields[line.id].restart:
            self._restart.add(line.id)
        self._changed()


def _how(name: str, field: Field, choices: Sequence[str]) -> How:
    if name in _TEXTS:
        return "asked"
    return "switch" if field.bare is bool else "choice" if choices else "line"


def _keys(loaded: Loaded) -> Iterator[Line]:
    in_force = keys_in_force(loaded.config.keys)
    found = conflicts(in_force)
    for action in ACTIONS:
        clash = next((one for one in found if action.id in (one.first, one.second)), None)
        yield _key(action, in_force, clash, own=action.id in loaded.config.keys)


def _key(
    action: Action, in_force: Mapping[str, tuple[str, ...]], clash: Conflict | None, *, own: bool
) -> Line:
    default = ", ".join(map(shown, action.keys)) or "none"
    words = f"{action.help}. Enter, then press the key. Default: {default}."
    if clash is not None:
        other = by_id(clash.second if clash.first == action.id else clash.first)
        words = f"{shown(clash.key)} is the key of “{other.title}” ({other.id}) too. {words}"
    return Line(
        f"{_KEYS}.{action.id}",
        action.id,
        ", ".join(map(shown, in_force[action.id])) or "–",
        "two actions" if clash else "file" if own else "",
        tone="$warning" if clash else "$text-muted",
        help=words,
        how="asked",
        own=own,
    )


def _path(id: str) -> tuple[str, ...]:
    section, _, key = id.partition(".")
    return section, key


def _origin(setting: Setting) -> str:
    return "" if setting.origin == "default" else setting.origin


def _help(field: Field, setting: Setting) -> str:
    words = f"{field.help} Takes {field.takes}. Default: {text_of(field.default) or 'none'}."
    if field.restart:
        words += " A change counts from the next start on."
    if setting.origin.startswith("env "):
        words += f" {setting.origin.removeprefix('env ')} is set and goes before the file."
    return words


def _first_sentence(kind: type) -> str:
    return (kind.__doc__ or "").split("\n", 1)[0]
