"""Reads config.toml with tomllib. What is good loads; what is not is told, and its default stands."""

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args, get_origin

import msgspec

from pluma_tui.config.problems import Problem, did_you_mean, dotted
from pluma_tui.config.schema import (
    CHECKS,
    PROFILES,
    SECRET_KEYS,
    SECTIONS,
    VERSION,
    Config,
    decode_hook,
)
from pluma_tui.core.actions import ACTIONS
from pluma_tui.core.chat import Sampling
from pluma_tui.core.errors import ConfigError

_NAME = re.compile(r"[A-Za-z0-9._-]+\Z")
_AT_LINE = re.compile(r" \(at line (\d+), column \d+\)| \(at end of document\)")
Table = dict[str, Any]


class Loaded(msgspec.Struct, frozen=True):
    """A config file as read. `writable` is False where the file could not be understood at all."""

    path: Path
    config: Config = Config()
    problems: tuple[Problem, ...] = ()
    writable: bool = True

    def problem_with(self, *path: str) -> Problem | None:
        """The first error at or below the key at `path`, or of the whole file."""
        key = dotted(path)
        for problem in self.problems:
            below = problem.key == key or problem.key.startswith(f"{key}.")
            if problem.severity == "error" and (not problem.key or below):
                return problem
        return None


def load(path: Path, environ: Mapping[str, str] | None = None) -> Loaded:
    """Read the file, then lay `PLUMA_<SECTION>_<KEY>` over it. Never raises for what is in the file."""
    environ = os.environ if environ is None else environ
    try:
        text = text_of(path)
        mode = path.stat().st_mode
    except FileNotFoundError:
        return parse(path, "", environ)
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        return _unreadable(path, f"byte 0x{error.object[error.start]:02x} is not UTF-8", line)
    except OSError as error:
        return _unreadable(path, f"cannot be read: {error.strerror}", 0)
    return parse(path, text, environ, shared=bool(mode & 0o077))


def parse(path: Path, text: str, environ: Mapping[str, str], *, shared: bool = False) -> Loaded:
    """The text of a config file as values and problems; `shared`: others may read the file."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        return _unreadable(path, *_toml_words(error, text))
    except RecursionError:
        return _unreadable(path, "not valid TOML: nested too deeply", 0)
    reader = _Reader()
    reader.sections(document)
    reader.environment(environ)
    reader.active_profiles()
    problems = reader.located(text)
    if shared and reader.plain_secret:
        hint = f"chmod 600 {path}"
        problems += (Problem("holds a key and can be read by others", hint=hint, severity="warning"),)
    return Loaded(path, reader.config(), problems)


def text_of(path: Path) -> str:
    """What is in the file, without a byte order mark and with plain line ends. Raises OSError, ValueError."""
    return path.read_bytes().decode("utf-8").removeprefix("\ufeff").replace("\r\n", "\n")


def _unreadable(path: Path, message: str, line: int) -> Loaded:
    problem = Problem(message, line=line, hint="Until it is mended, the defaults stand.")
    return Loaded(path, problems=(problem,), writable=False)


def _toml_words(error: tomllib.TOMLDecodeError, text: str) -> tuple[str, int]:
    """The parser's words, and the line they are about: the last one if it missed something at the end."""
    at = _AT_LINE.search(str(error))
    message = f"not valid TOML: {_AT_LINE.sub('', str(error))}"
    return message, int(at[1]) if at and at[1] else text.rstrip("\n").count("\n") + 1


class _Reader:
    """Turns one TOML document into values and problems."""

    def __init__(self) -> None:
        self._values: dict[str, Table] = {name: {} for name in SECTIONS}
        self._defined: dict[str, list[str]] = {name: [] for name in PROFILES}
        self._keys: dict[str, str | list[str]] = {}
        self._problems: list[tuple[tuple[str, ...], Problem]] = []
        self.plain_secret = False

    def sections(self, document: Table) -> None:
        known = [*SECTIONS, "schema", "keys"]
        for name, value in document.items():
            if name == "schema":
                self._version(value)
            elif name not in known:
                self._problem((name,), "is not a setting", did_you_mean(name, known), "warning")
            elif not isinstance(value, dict):
                self._problem((name,), "must be a table")
            elif name == "keys":
                self._key_table(value)
            else:
                self._section(name, value)

    def environment(self, environ: Mapping[str, str]) -> None:
        for section, kind in SECTIONS.items():
            for item in msgspec.structs.fields(kind):
                variable = f"PLUMA_{section}_{item.name}".upper()
                if item.name != "profiles" and variable in environ:
                    self._variable(section, item, variable, environ[variable])

    def active_profiles(self) -> None:
        for section in PROFILES:
            self._check_active(section)

    def config(self) -> Config:
        made = {name: kind(**self._values[name]) for name, kind in SECTIONS.items()}
        return Config(keys=self._keys, **made)  # type: ignore[arg-type]

    def located(self, text: str) -> tuple[Problem, ...]:
        """All problems with their lines; the file is parsed a second time only if there are any."""
        if not self._problems:
            return ()
        from pluma_tui.config.locate import Lines

        lines = Lines(text)
        change = msgspec.structs.replace
        return tuple(change(problem, line=lines.of(path)) for path, problem in self._problems)

    def _version(self, value: object) -> None:
        if value != VERSION:
            self._problem(("schema",), f"this pluma reads schema {VERSION}, the file says {value!r}")

    def _section(self, name: str, table: Table) -> None:
        fields = {item.name: item for item in msgspec.structs.fields(SECTIONS[name])}
        for key, value in table.items():
            if key == "profiles" and key in fields:
                self._profiles(name, value)
            elif key not in fields:
                self._problem((name, key), "is not a setting", did_you_mean(key, fields), "warning")
            else:
                self._put(name, key, fields[key].type, value)

    def _put(self, section: str, key: str, kind: Any, value: Any) -> None:
        try:
            self._values[section][key] = _converted(section, key, kind, value)
        except ConfigError as error:
            self._problem((section, key), error.message, error.hint)

    def _variable(self, section: str, item: Any, variable: str, value: str) -> None:
        try:
            self._values[section][item.name] = _converted(section, item.name, item.type, value, strict=False)
        except ConfigError as error:
            hint = f"It is set in the environment. {error.hint}".rstrip()
            self._problems.append(((), Problem(error.message, variable, hint=hint)))

    def _profiles(self, section: str, table: object) -> None:
        if not isinstance(table, dict):
            return self._problem((section, "profiles"), "must be a table of profiles")
        profiles = self._values[section].setdefault("profiles", {})
        self._defined[section] = list(table)
        for name, value in table.items():
            if not _NAME.match(name):
                hint = "Letters, digits, '-', '_' and '.' make a name."
                self._problem((section, "profiles", name), "is not a name for a profile", hint)
            elif (profile := self._profile(section, name, value)) is not None:
                profiles[name] = profile
        return None

    def _profile(self, section: str, name: str, table: object) -> Any:
        kind, chooser = PROFILES[section]
        path = (section, "profiles", name)
        if not isinstance(table, dict):
            return self._problem(path, "must be a table")
        fields = {item.name: item for item in msgspec.structs.fields(kind) if item.name != "name"}
        values: Table = {"name": name}
        good = True
        for key, value in table.items():
            if key not in fields:
                self._problem((*path, key), "is not a setting", did_you_mean(key, fields), "warning")
                continue
            if key in SECRET_KEYS and value == "":
                continue
            if key == "sampling" and isinstance(value, dict):
                value = self._known_sampling(path, value)
            try:
                values[key] = msgspec.convert(value, fields[key].type, dec_hook=decode_hook)
            except msgspec.ValidationError as error:
                good = False
                self._bad_value((*path, key), error, fields[key].type, value)
            if key in SECRET_KEYS and values.get(key) is not None and values[key].kind == "literal":
                self._plain_secret((*path, key))
        if chooser not in values:
            good = False
            if chooser not in table:
                self._problem(
                    path,
                    f"says no {chooser}: which provider talks to this server?",
                    f'For example {chooser} = "{"openai" if section == "chat" else "a1111"}".',
                )
        return kind(**values) if good else None

    def _bad_value(
        self, path: tuple[str, ...], error: msgspec.ValidationError, kind: Any, value: Any
    ) -> None:
        if path[-1] in SECRET_KEYS:
            return self._problem(path, str(error).split(" - at ")[0])
        inner = re.search(r"`\$\.?([^`]*)`\Z", str(error))
        if inner and isinstance(value, dict) and inner[1] in value:
            path, kind, value = (*path, inner[1]), None, value[inner[1]]
        return self._problem(path, plain_words(error, kind, value))

    def _known_sampling(self, path: tuple[str, ...], table: Table) -> Table:
        known = [item.name for item in msgspec.structs.fields(Sampling)]
        for key in table:
            if key not in known:
                self._problem(
                    (*path, "sampling", key), "is not a setting", did_you_mean(key, known), "warning"
                )
        return {key: value for key, value in table.items() if key in known}

    def _plain_secret(self, path: tuple[str, ...]) -> None:
        self.plain_secret = True
        auth = " --auth" if path[-1] == "auth" else ""
        hint = f"Move it out of the file: pluma secret set {path[-2]} --{path[0]}{auth} --from-config"
        if path[-1] == "client_key_password":
            hint = 'Say where it is, as { env = "NAME" } does; or leave it out, to be asked for it.'
        self._problem(path, "is the key itself", hint, "warning")

    def _key_table(self, table: Table) -> None:
        known = [action.id for action in ACTIONS]
        for path, value in _flat(table):
            action = ".".join(path)
            if action not in known:
                self._problem(("keys", *path), "is not an action", did_you_mean(action, known), "warning")
            elif isinstance(value, str) or (
                isinstance(value, list) and all(isinstance(k, str) for k in value)
            ):
                self._keys[action] = value
            else:
                self._problem(("keys", *path), "must be a key or a list of keys")

    def _check_active(self, section: str) -> None:
        active = self._values[section].get("active", "")
        profiles = self._values[section].get("profiles", {})
        if not active or active in profiles:
            return
        if any(path[:3] == (section, "profiles", active) for path, _ in self._problems):
            return  # it is defined and broken, which has been told
        hint = did_you_mean(active, self._defined[section]) or f"Defined: {', '.join(profiles) or 'none'}."
        self._problem((section, "active"), f'names the profile "{active}", which is not there', hint)

    def _problem(self, path: tuple[str, ...], message: str, hint: str = "", severity: Any = "error") -> None:
        self._problems.append((path, Problem(message, dotted(path), 0, hint, severity)))


def _converted(section: str, key: str, kind: Any, value: Any, *, strict: bool = True) -> Any:
    """The value as the setting has it. Raises ConfigError, with what is wrong in words."""
    try:
        good = msgspec.convert(value, kind, strict=strict)
    except msgspec.ValidationError as error:
        raise ConfigError(plain_words(error, kind, value)) from None
    if (section, key) in CHECKS:
        CHECKS[section, key](good)
    return good


def _flat(table: Table, above: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any]]:
    """`"chat.send" = "enter"` and `chat.send = "enter"` mean the same action."""
    rows: list[tuple[tuple[str, ...], Any]] = []
    for key, value in table.items():
        path = (*above, key)
        rows += _flat(value, path) if isinstance(value, dict) else [(path, value)]
    return rows


def plain_words(error: msgspec.ValidationError, kind: Any, value: Any) -> str:
    """A validation error as a sentence: what was expected, and what stands there."""
    allowed = _choices(kind)
    if allowed:
        near = did_you_mean(str(value), allowed)
        return f"must be one of {', '.join(allowed)}" + (f". {near}" if near else "")
    words = str(error).split(" - at ")[0].replace("`", "").replace(" | null", "")
    for machine, human in _WORDS.items():
        words = re.sub(rf"\b{machine}\b", human, words)
    return words[:1].lower() + words[1:]


_WORDS = {
    "int": "a whole number",
    "str": "a string",
    "bool": "true or false",
    "float": "a number",
    "object": "a table",
    "array": "a list",
}


def _choices(kind: Any) -> list[str]:
    if kind is None:
        return []
    if get_origin(kind) is not None and hasattr(kind, "__metadata__"):
        kind = get_args(kind)[0]
    args = get_args(kind)
    return list(args) if args and all(isinstance(arg, str) for arg in args) else []
