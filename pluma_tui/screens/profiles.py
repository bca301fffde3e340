"""All profiles: adding, editing, copying, renaming, removing and trying them."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from textual.binding import Binding, BindingType

from pluma_tui.config import edit, keys, profiles
from pluma_tui.config.read import Loaded, load
from pluma_tui.config.schema import PROFILES
from pluma_tui.config.tree import at
from pluma_tui.runtime.checkup import Section
from pluma_tui.runtime.wiring import Runtime
from pluma_tui.screens.kinds import offered
from pluma_tui.screens.picker import Item, Picker
from pluma_tui.screens.profile_form import ProfileForm
from pluma_tui.screens.sheet import Line, Sheet
from pluma_tui.screens.trial import Trial

_HEADINGS = {"chat": "Chat", "images": "Pictures"}
_ADD, _COPY, _RENAME = "add", "copy", "rename"


class ProfilesSheet(Sheet):
    """The profiles of the file. `renamed` is what became of names, for who has one of them in use."""

    heading = "Profiles"
    HINTS = "enter edits · ^n new · ^o copy · ^r rename · del removes · ^t tests · ^u default · esc closes"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+n", "add", show=False, priority=True),
        Binding("ctrl+o", "name('copy')", show=False, priority=True),
        Binding("ctrl+r", "name('rename')", show=False, priority=True),
        Binding("ctrl+t", "test", show=False, priority=True),
        Binding("ctrl+u", "use", show=False, priority=True),
    ]

    def __init__(self, runtime: Runtime, changed: Callable[[], None]) -> None:
        """`changed` is told when the file was written."""
        super().__init__()
        self._runtime = runtime
        self._changed = changed
        self.renamed: dict[str, str] = {}  # of chat profiles, old name to new

    @property
    def _path(self) -> Any:
        return self._runtime.loaded.path

    def lines(self) -> list[Line]:
        loaded = load(self._path)
        document = keys.document(loaded)
        lines: list[Line] = []
        for section in PROFILES:
            tables = at(document, (section, "profiles"))
            tables = tables if isinstance(tables, Mapping) else {}
            active = getattr(loaded.config, section).active or next(iter(tables), "")
            lines.append(Line(section, _HEADINGS[section] + ("" if tables else ": none yet"), heading=True))
            lines += [_line(loaded, section, name, table, active) for name, table in tables.items()]
        return lines

    # -- what enter and a name do

    async def ask(self, line: Line) -> None:
        """Edit it."""
        section, name = _parts(line)
        await self.app.push_screen_wait(ProfileForm(self._runtime, section, name, self._changed))
        self.renew()

    async def put(self, line: Line, text: str) -> None:
        """A name was written, for what the line was about. Raises ConfigError."""
        what, _, rest = line.id.partition(":")
        section, name = _parts(Line(rest, ""))
        text = text.strip()
        if what == _ADD:
            chooser = PROFILES[section][1]
            first = not getattr(self._runtime.config, section).profiles
            profiles.add(self._path, section, text, {chooser: name}, active=first)
        elif what == _COPY:
            profiles.duplicate(self._path, section, name, text)
        elif text != name:
            profiles.rename(self._path, section, name, text)
            if section == "chat":
                self.renamed[name] = text
        self._changed()
        self.renew(f"{section}/{text}")
        if what == _ADD:
            self.app.push_screen(ProfileForm(self._runtime, section, text, self._changed), self._edited)

    def _edited(self, _: None) -> None:
        self.renew()

    async def reset(self, line: Line) -> None:
        """Remove it, if that is meant. Raises ConfigError."""
        section, name = _parts(line)
        items = [Item("", "Keep it"), Item("remove", f"Remove {name} from the config file")]
        if await self.app.push_screen_wait(Picker(f"Remove the profile {name}?", items)):
            profiles.remove(self._path, section, name)
            self._changed()

    # -- what other keys do

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """While a name is written, its keys are the line's own."""
        if action in ("add", "name", "test", "use"):
            return not self.writing
        return super().check_action(action, parameters)

    def action_add(self) -> None:
        """Another profile: its provider first, then its name."""
        self.run_worker(self._add())

    async def _add(self) -> None:
        chosen = await self.app.push_screen_wait(Picker("Who shall answer?", load=offered))
        if chosen:
            _, _, kind = chosen.partition("/")
            self.write(Line(f"{_ADD}:{chosen}", "Name", text=self._free(chosen, kind)))

    def _free(self, chosen: str, name: str) -> str:
        """A name near that one which no profile of the section has."""
        taken = {line.label for line in self.lines() if line.id.startswith(chosen.partition("/")[0] + "/")}
        names = [name, *(f"{name}-{number}" for number in range(2, len(taken) + 3))]
        return next(one for one in names if one not in taken)

    def action_name(self, what: str) -> None:
        """Copy or rename the profile that is lit: its new name is asked for."""
        line = self.lit
        if line is not None:
            text = line.label if what == _RENAME else self._free(line.id, f"{line.label}-copy")
            self.write(Line(f"{what}:{line.id}", f"New name of {line.label}", text=text))

    def action_test(self) -> None:
        """Try the profile that is lit."""
        if self.lit is not None:
            self.app.push_screen(Trial(self._runtime, *_parts(self.lit)))

    def action_use(self) -> None:
        """Begin new conversations, or pictures, with the profile that is lit."""
        if self.lit is not None:
            self.run_worker(self.change(self._use(*_parts(self.lit))))

    async def _use(self, section: Section, name: str) -> None:
        edit.set_value(self._path, (section, "active"), name)
        self._changed()


def _line(loaded: Loaded, section: str, name: str, table: Any, active: str) -> Line:
    values = table if isinstance(table, Mapping) else {}
    about = [values.get(key) for key in ("model", "base_url", PROFILES[section][1])]
    problem = loaded.problem_with(section, "profiles", name)
    state = "broken" if problem else "default" if name == active else ""
    return Line(
        f"{section}/{name}",
        name,
        " · ".join(str(keys.shown(one)) for one in about if one),
        state,
        "$error" if problem else "$text-muted",
        help=problem.error(loaded.path).message if problem else "",
        how="asked",
        own=True,
        marked=False,
    )


def _parts(line: Line) -> tuple[Section, str]:
    section, _, name = line.id.partition("/")
    return "chat" if section == "chat" else "images", name
